"""Real disks that are full or read-only, at each moment of a run: a clear error, and the old version intact."""

# ruff: noqa: PT012 - a recorded run is one block

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import ftlineage
from ftlineage.core.card import CARD_NAME, PARTIAL_NAME
from ftlineage.errors import OutputNotWritableError, StorageError
from ftlineage.testing.hub import LocalHub
from ftlineage.verify.runner import verify
from tests.integration.recording import TRAINS, check_sound, record_untrained, sft_trainer
from tests.unit.store.disks import fill, read_only, small_disk

pytestmark = TRAINS


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for one version and a bit."""
    with small_disk(tmp_path / "disk", kilobytes=400) as folder:
        yield folder


def contents(out: Path) -> dict[str, bytes]:
    """Every file of a version but the partial card."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != PARTIAL_NAME
    }


def leave(folder: Path, kilobytes: int) -> None:
    """Fill the disk but for some kilobytes."""
    reserve = folder / "reserve"
    with reserve.open("wb") as handle:
        os.posix_fallocate(handle.fileno(), 0, kilobytes * 1024)
    fill(folder)
    reserve.unlink()


def free(folder: Path) -> None:
    """Give the space back."""
    for path in folder.glob("filler-*"):
        path.unlink()


def test_a_read_only_folder_is_said_before_training(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    card = record_untrained(out)
    with read_only(out):
        with pytest.raises(OutputNotWritableError) as caught, ftlineage.run("bot", out=out, overwrite=True):
            pytest.fail("the block must not be entered")
        assert caught.value.cause == "Read-only file system"
        assert verify(out).card == card.id


def test_a_folder_that_turns_read_only_is_said_when_sealing(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    record_untrained(out)
    before = contents(out)
    with ftlineage.run("bot", out=out, overwrite=True) as run:
        trainer = sft_trainer(run)
        trainer.train()
        with read_only(out):
            with pytest.raises(OutputNotWritableError, match="Read-only file system"):
                run.seal(trainer)
            assert contents(out) == before
            # What a callback leaves behind is no reason to throw a trained model away.
            run.training_ends()
        card = run.seal(trainer)

    check_sound(card, out)


def test_a_full_disk_is_said_before_training(disk: Path, acme: LocalHub) -> None:
    out = disk / "out"
    record_untrained(out)
    before = contents(out)
    fill(disk)
    with pytest.raises(StorageError) as caught, ftlineage.run("bot", out=out, overwrite=True):
        pytest.fail("the block must not be entered")

    assert caught.value.cause == "No space left on device"
    assert contents(out) == before


def test_a_disk_that_fills_while_training_is_said_when_saving(disk: Path, acme: LocalHub) -> None:
    out = disk / "out"
    old = record_untrained(out)
    before = contents(out)
    with ftlineage.run("bot", out=out, overwrite=True) as run:
        trainer = sft_trainer(run)
        trainer.train()
        leave(disk, 4)
        with pytest.raises(StorageError) as caught:
            run.seal(trainer)
        assert caught.value.sentence == f"{out}: No space left on device"
        assert caught.value.hint == "Free some space and run again; nothing that stood there before was changed"
        assert contents(out) == before
        assert verify(out).card == old.id
        free(disk)
        card = run.seal(trainer)

    check_sound(card, out)


# Enough for the weights: then it is full for the tokenizer, or for the card.
@pytest.mark.parametrize("kilobytes", [28, 60])
def test_a_disk_that_fills_after_the_weights_keeps_them(kilobytes: int, disk: Path, acme: LocalHub) -> None:
    out = disk / "out"
    old = record_untrained(out)
    before = contents(out)
    with pytest.raises(StorageError) as caught, ftlineage.run("bot", out=out, overwrite=True) as run:
        trainer = sft_trainer(run)
        trainer.train()
        leave(disk, kilobytes)
        run.seal(trainer)

    (kept,) = out.glob(".ftlineage-unsealed-*")
    assert caught.value.hint.endswith(f"The trained model was saved, without a card, in {kept}")
    assert (kept / "adapter_model.safetensors").stat().st_size > 8000
    assert not (kept / CARD_NAME).exists()
    assert {name: data for name, data in contents(out).items() if not name.startswith(".")} == before
    assert verify(out).card == old.id


def test_the_first_error_is_the_one_people_see(disk: Path, acme: LocalHub) -> None:
    out = disk / "out"
    with pytest.raises(ZeroDivisionError), ftlineage.run("bot", out=out):
        fill(disk)
        (out / PARTIAL_NAME).unlink()
        1 / 0  # noqa: B018

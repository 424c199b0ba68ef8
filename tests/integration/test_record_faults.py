"""What goes wrong in a run: never a card that is not whole, a clear sentence, and the trained model kept."""

# ruff: noqa: PT012, PT031 - a recorded run is one block

from pathlib import Path
from typing import Any

import pytest

import ftlineage
from ftlineage.core import codec
from ftlineage.core.card import CARD_NAME, PARTIAL_NAME
from ftlineage.errors import (
    BadInputError,
    HubRefusedError,
    HubUnreachableError,
    OutputExistsError,
    OutputNotWritableError,
    RunStateError,
    UndecidedError,
    UnsafeFormatError,
)
from ftlineage.store.publish import JOURNAL
from ftlineage.testing.hub import LocalHub
from ftlineage.verify.runner import verify
from tests.integration.recording import ROWS, TRAINS, check_sound, lora, record_untrained, sft_trainer

pytestmark = TRAINS


def partial(out: Path) -> dict[str, Any]:
    """The partial document an unsealed run leaves."""
    document: dict[str, Any] = codec.parse((out / PARTIAL_NAME).read_bytes())
    return document


# --- runs that do not end in a seal ---------------------------------------------------------------


def test_an_exception_leaves_what_is_known_and_no_card(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyError), ftlineage.run("bot", out=out) as run:
        run.base("acme/tiny")
        run.dataset("tickets", ROWS)
        raise KeyError(str(tmp_path))

    document = partial(out)
    assert (document["run"]["complete"], document["run"]["error"]) == (False, "KeyError")
    assert document["base"] == {"model": "acme/tiny", "revision": acme.head("acme/tiny")}
    assert [one["name"] for one in document["data"]] == ["tickets"]
    assert [path.name for path in out.iterdir()] == [PARTIAL_NAME]
    assert str(tmp_path) not in (out / PARTIAL_NAME).read_text()
    report = verify(out)
    assert [finding.code for finding in report.findings] == ["card.missing"]


def test_a_block_left_without_seal_warns(acme: LocalHub, tmp_path: Path) -> None:
    with (
        pytest.warns(RuntimeWarning, match=r"run 'bot' ended without seal\(\): .* holds lineage.partial.json"),
        ftlineage.run("bot", out=tmp_path / "out") as run,
    ):
        run.base("acme/tiny")

    assert partial(tmp_path / "out")["run"]["error"] is None


def test_a_crash_in_training_keeps_an_older_card(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    card = record_untrained(out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ZeroDivisionError), ftlineage.run("bot", out=out, overwrite=True) as run:
        sft_trainer(run)
        1 / 0  # noqa: B018

    assert {path.name: path.read_bytes() for path in out.iterdir() if path.name != PARTIAL_NAME} == before
    assert partial(out)["run"]["error"] == "ZeroDivisionError"
    assert verify(out).card == card.id


# --- calls in an order that would make a wrong card -----------------------------------------------


def test_sealing_twice(acme: LocalHub, tmp_path: Path) -> None:
    with ftlineage.run("bot", out=tmp_path / "out") as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        adapted = run.get_peft_model(model, lora())
        card = run.seal(adapted, processor=tokenizer)
        assert run.card is card
        for late in (
            lambda: run.seal(adapted),
            lambda: run.dataset("more", ROWS),
            lambda: run.prompt("system", "Hello"),
            lambda: run.base("acme/tiny"),
            lambda: run.processor(tokenizer),
            lambda: run.preprocessing(max_length=3),
        ):
            with pytest.raises(RunStateError, match="the card is written and stays as it is"):
                late()

    check_sound(card, tmp_path / "out")


def test_names_stand_once(acme: LocalHub, workplace: Path, tmp_path: Path) -> None:
    (workplace / "kb").mkdir()
    (workplace / "kb" / "a.txt").write_text("a", encoding="utf-8")
    with pytest.warns(RuntimeWarning, match="without seal"), ftlineage.run("bot", out=tmp_path / "out") as run:
        run.dataset("tickets", ROWS)
        run.prompt("system", "Hello")
        run.retrieval("kb", workplace / "kb")
        with pytest.raises(RunStateError, match="there is a dataset named 'tickets' already"):
            run.dataset("tickets", ROWS)
        with pytest.raises(RunStateError, match="there is a prompt named 'system' already"):
            run.prompt("system", "Bye")
        with pytest.raises(RunStateError, match="there is a retrieval index named 'kb' already"):
            run.retrieval("kb", workplace / "kb")
        run.base("acme/tiny")
        with pytest.raises(RunStateError, match="a run has one base"):
            run.base("acme/tiny")


def test_a_base_is_needed_first(acme: LocalHub, tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="without seal"), ftlineage.run("bot", out=tmp_path / "out") as run:
        for early in (
            lambda: run.peft(lora()),
            lambda: run.seal(object()),
            lambda: run.continue_from(None, tmp_path),
            lambda: run.merged_from(tmp_path),
        ):
            with pytest.raises(RunStateError, match="needs the base model") as caught:
                early()
            assert caught.value.hint == 'First: base = run.base("org/name")'


def test_training_without_a_base_stops_at_the_first_step(acme: LocalHub, tmp_path: Path) -> None:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTTrainer

    from tests.integration.recording import sft_arguments

    with pytest.raises(RunStateError, match="training begins without a base model"):  # noqa: SIM117
        with ftlineage.run("bot", out=tmp_path / "out") as run:
            trainer = SFTTrainer(
                model=AutoModelForCausalLM.from_pretrained("acme/tiny"),
                processing_class=AutoTokenizer.from_pretrained("acme/tiny"),
                train_dataset=Dataset.from_list(ROWS),
                args=sft_arguments(tmp_path / "trainer"),
                callbacks=[run.callback()],
            )
            trainer.train()


@pytest.mark.parametrize("name", ["revision", "code_revision"])
def test_a_load_cannot_name_another_revision(name: str, acme: LocalHub, tmp_path: Path) -> None:
    with pytest.raises(RunStateError, match=f"{name} is given by run"), ftlineage.run("bot", out=tmp_path / "o") as run:
        run.base("acme/tiny").load(**{name: "main"})


# --- the output folder ----------------------------------------------------------------------------


def test_a_sealed_version_is_not_overwritten_unasked(workplace: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / CARD_NAME).write_text("{}", encoding="utf-8")
    with pytest.raises(OutputExistsError) as caught:
        ftlineage.run("bot", out=out)

    assert caught.value.card == "an unreadable card"
    assert (
        caught.value.hint == "Choose another out folder, or pass overwrite=True to replace it when this run is sealed"
    )
    assert [path.name for path in out.iterdir()] == [CARD_NAME]


def test_overwrite_replaces_the_version_and_retires_its_files(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with ftlineage.run("pair", out=out) as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        adapted = run.get_peft_model(model, lora())
        adapted.add_adapter("formal", run.peft(lora(r=2)))
        old = run.seal(adapted, processor=tokenizer)
    with pytest.raises(OutputExistsError) as caught:
        ftlineage.run("bot", out=out)
    assert caught.value.card == old.id

    new = record_untrained(out, overwrite=True)

    assert not (out / "formal" / "adapter_model.safetensors").exists()
    assert new.section("adapter")["members"] == []
    check_sound(new, out)


@pytest.mark.parametrize("name", ["leftover.bin", "old.safetensors", "modeling.py", "weights.gguf", "nested/x.pkl"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_strays_that_a_server_could_load_are_refused_before_training(
    name: str, overwrite: bool, workplace: Path, tmp_path: Path
) -> None:
    stray = tmp_path / "out" / name
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"x")
    with pytest.raises(BadInputError) as caught:
        ftlineage.run("bot", out=tmp_path / "out", overwrite=overwrite)

    assert caught.value.sentence == (
        f"{stray}: weights or code beside the version, which a server could load instead of it"
    )
    assert caught.value.hint == "Move it elsewhere, or choose another out folder"
    assert stray.read_bytes() == b"x"


def test_pickled_arrays_are_refused_before_training(workplace: Path, tmp_path: Path) -> None:
    import numpy as np

    (tmp_path / "out").mkdir()
    np.save(tmp_path / "out" / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UnsafeFormatError):
        ftlineage.run("bot", out=tmp_path / "out")


def test_weights_without_a_card_are_nobodys_to_replace(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    record_untrained(out)
    (out / CARD_NAME).unlink()

    with pytest.raises(BadInputError, match=r"adapter_model\.safetensors"):
        ftlineage.run("bot", out=out, overwrite=True)


def test_weights_that_a_killed_seal_left_are_replaced(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    record_untrained(out)
    (out / CARD_NAME).unlink()
    (out / "older").mkdir()
    (out / "older" / "adapter_model.safetensors").write_bytes(b"x")
    (out / JOURNAL).write_text('["adapter_model.safetensors", "older/adapter_model.safetensors"]', encoding="utf-8")

    check_sound(record_untrained(out), out)
    assert not (out / "older").exists()


def test_a_stray_that_comes_while_training_keeps_the_trained_model(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(BadInputError, match=r"late\.bin") as caught, ftlineage.run("bot", out=out) as run:
        trainer = sft_trainer(run)
        trainer.train()
        (out / "late.bin").write_bytes(b"x")
        run.seal(trainer)

    (kept,) = out.glob(".ftlineage-unsealed-*")
    assert (kept / "adapter_model.safetensors").exists()
    assert caught.value.hint.endswith(f"The trained model was saved, without a card, in {kept}")
    assert not (out / CARD_NAME).exists()
    # Once it is gone the same trainer can be sealed.
    (out / "late.bin").unlink()
    check = verify(out)
    assert [finding.code for finding in check.findings] == ["card.missing"]


def test_a_seal_that_failed_can_be_repeated(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with ftlineage.run("bot", out=out) as run:
        trainer = sft_trainer(run)
        trainer.train()
        (out / "late.bin").write_bytes(b"x")
        with pytest.raises(BadInputError):
            run.seal(trainer)
        (out / "late.bin").unlink()
        card = run.seal(trainer)

    assert verify(out).card == card.id


def test_any_other_failure_of_sealing_keeps_the_trained_model_too(acme: LocalHub, tmp_path: Path) -> None:
    class Metric:
        def __str__(self) -> str:
            message = "no text"
            raise ValueError(message)

    out = tmp_path / "out"
    with pytest.raises(ValueError, match="no text") as caught, ftlineage.run("bot", out=out) as run:
        trainer = sft_trainer(run)
        trainer.train()
        run.seal(trainer, metrics={"score": Metric()})

    (kept,) = out.glob(".ftlineage-unsealed-*")
    assert caught.value.__notes__ == [f"The trained model was saved, without a card, in {kept}"]


def test_harmless_strays_are_listed(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "reports").mkdir(parents=True)
    (out / "reports" / "eval.json").write_text("{}", encoding="utf-8")
    card = record_untrained(out)

    assert "reports/eval.json" in [file["path"] for file in card.section("adapter")["files"]]
    check_sound(card, out)
    (out / "reports" / "eval.json").write_text("{ }", encoding="utf-8")
    assert [finding.path for finding in verify(out).findings if finding.severity == "error"] == ["reports/eval.json"]


def test_an_output_that_is_a_file(workplace: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x", encoding="utf-8")
    with pytest.raises(OutputNotWritableError) as caught:
        ftlineage.run("bot", out=tmp_path / "out")

    assert caught.value.sentence == f"{tmp_path / 'out'} cannot be written: File exists"


# --- the Hub --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["down", "status", "hang"])
def test_a_hub_that_gives_no_answer(
    fault: str, acme: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftlineage.sources import base as bases

    # The default of 10 s is right for people and long for a test.
    defaults = bases.resolve_base.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "timeout", 0.5)
    expected: dict[str, type[UndecidedError]] = {
        "down": HubUnreachableError,
        "status": HubRefusedError,
        "hang": HubUnreachableError,
    }
    if fault == "status":
        acme.faults.status("/api/models/acme/tiny", 500)
    elif fault == "hang":
        acme.faults.hang("/api/models/acme/tiny")
    else:
        acme.stop()
    out = tmp_path / "out"
    with pytest.raises(expected[fault], match="acme/tiny"), ftlineage.run("bot", out=out) as run:
        run.base("acme/tiny")

    assert [path.name for path in out.iterdir()] == [PARTIAL_NAME]
    assert partial(out)["run"]["error"] == expected[fault].__name__

"""Between check and load: files swapped, rewritten, planted. What is loaded is what was judged, or nothing is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ftlineage
from ftlineage.errors import (
    ChangedMeanwhileError,
    FtlineageError,
    UnsafePathError,
    VerificationFailedError,
)
from ftlineage.testing.tiny import build_tiny_causal
from ftlineage.verify.folder import FolderVersion
from ftlineage.verify.loading import model as load_model
from ftlineage.verify.loading.held import HeldVersion
from tests import sealed
from tests.loading import LOADS, base_section, causal, equal, logits, lora, move, save, trained

pytestmark = LOADS
WEIGHTS = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_causal(tmp_path_factory.mktemp("bases") / "tiny")


@pytest.fixture
def base(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "tiny"))


@pytest.fixture
def version(base: Path, tmp_path: Path) -> Path:
    return save(trained(base, lora()), tmp_path / "out", base)


@pytest.fixture
def evil(base: Path, tmp_path: Path) -> Path:
    """Another adapter of the same shape."""
    return save(trained(base, lora(), seed=8), tmp_path / "evil", base)


def after_holding(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something, once, when every listed file was read and hashed."""
    real = HeldVersion.observe
    done: list[object] = []

    def observe(self: HeldVersion, *args: Any) -> Any:
        seen = real(self, *args)
        if not done:
            done.append(act())
        return seen

    monkeypatch.setattr(HeldVersion, "observe", observe)


# --- the adapter ---------------------------------------------------------------------------------


def rewrite(path: Path, source: Path) -> None:
    path.write_bytes(source.read_bytes())


def swap(path: Path, source: Path) -> None:
    shutil.copy(source, path.with_name("new"))
    path.with_name("new").replace(path)


def link(path: Path, source: Path) -> None:
    path.unlink()
    path.symlink_to(source)


def remove(path: Path, source: Path) -> None:
    del source
    path.unlink()


def truncate(path: Path, source: Path) -> None:
    del source
    os.truncate(path, 100)


@pytest.mark.parametrize("harm", [rewrite, swap, link, remove, truncate], ids=lambda harm: harm.__name__)
def test_what_happens_to_files_after_they_were_read_changes_nothing(
    version: Path, evil: Path, base: Path, monkeypatch: pytest.MonkeyPatch, harm: Any
) -> None:
    expected = ftlineage.load(version, base=base)
    names = (WEIGHTS, "adapter_config.json", "lineage.json")
    after_holding(monkeypatch, lambda: [harm(version / name, evil / name) for name in names])

    loaded = ftlineage.load(version, base=base)

    assert equal(loaded, expected)
    assert not equal(loaded, ftlineage.load(evil, base=base))


def test_a_file_is_opened_once(version: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = os.open

    def count(path: Any, *args: Any, **options: Any) -> int:
        if str(version) in os.fsdecode(path):
            opened.append(Path(os.fsdecode(path)).name)
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", count)
    ftlineage.load(version, base=base)
    assert sorted(opened) == ["adapter_config.json", WEIGHTS, "lineage.json"]


def test_a_card_swapped_after_it_was_read_changes_nothing(
    version: Path, evil: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FolderVersion.read

    def read(self: FolderVersion, name: str, limit: int) -> bytes:
        data = real(self, name, limit)
        if name == "lineage.json":
            swap(version / name, evil / name)
            swap(version / WEIGHTS, evil / WEIGHTS)
        return data

    monkeypatch.setattr(FolderVersion, "read", read)
    with pytest.raises(VerificationFailedError, match=r"adapter_model\.safetensors is not what the card says"):
        ftlineage.load(version, base=base)


def test_a_file_that_grew_is_not_read_into_memory(version: Path, base: Path) -> None:
    with (version / WEIGHTS).open("r+b") as out:
        out.truncate(1 << 40)  # a hole: no disk is used, reading it would be
    with pytest.raises(VerificationFailedError, match=f"{1 << 40} bytes, the card says"):
        ftlineage.load(version, base=base)


def test_a_whole_model_is_built_from_what_was_read(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = causal(base)
    move(model)
    folder = tmp_path / "full"
    model.save_pretrained(folder)
    sealed.seal(folder, base=base_section(base))

    def cut() -> None:
        for path in folder.iterdir():
            os.truncate(path, 10)

    after_holding(monkeypatch, cut)

    assert equal(ftlineage.load(folder), model)


# --- the base ------------------------------------------------------------------------------------


def while_loading(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something after the base was compared, right before it is loaded."""
    real = load_model._recorded_class

    def chosen(*args: Any) -> Any:
        act()
        return real(*args)

    monkeypatch.setattr(load_model, "_recorded_class", chosen)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def flip_and_restore_times(path: Path) -> None:
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def same_bytes_elsewhere(path: Path) -> None:
    swap(path, path)


def grow_another(path: Path) -> None:
    path.with_name("adapter_config.json").write_text("{}")


def lose(path: Path) -> None:
    path.with_name("generation_config.json").unlink()


@pytest.mark.parametrize(
    ("act", "name"),
    [
        (flip, "model.safetensors"),
        (flip_and_restore_times, "model.safetensors"),
        (same_bytes_elsewhere, "model.safetensors"),
        (grow_another, "adapter_config.json"),
        (lose, "generation_config.json"),
    ],
)
def test_a_base_that_is_touched_while_it_is_loaded_is_refused(
    version: Path, base: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], None], name: str
) -> None:
    while_loading(monkeypatch, lambda: act(base / "model.safetensors"))
    with pytest.raises(ChangedMeanwhileError) as caught:
        ftlineage.load(version, base=base)
    assert caught.value.sentence == f"{name} of the base changed while it was loaded"


def test_a_folder_of_the_base_that_is_swapped_by_a_link_is_refused(
    version: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = build_tiny_causal(tmp_path / "other", seed=3)

    def act() -> None:
        base.rename(tmp_path / "away")
        base.symlink_to(other)

    while_loading(monkeypatch, act)
    with pytest.raises(ChangedMeanwhileError):
        ftlineage.load(version, base=base)


def test_a_model_keeps_its_numbers_when_the_base_is_overwritten_later(version: Path, base: Path) -> None:
    import torch

    loaded = ftlineage.load(version, base=base)
    expected = logits(loaded)
    path = base / "model.safetensors"
    size = path.stat().st_size
    with path.open("r+b") as out:
        out.seek(4096)
        out.write(bytes(size - 4096))
    assert torch.equal(logits(loaded), expected)


@pytest.mark.parametrize("name", ["adapter_config.json", "chat_template.jinja.json", "model.py", "added_tokens.json"])
def test_a_file_planted_in_the_base_is_refused(version: Path, base: Path, name: str) -> None:
    (base / name).write_text("{}")
    with pytest.raises(UnsafePathError) as caught:
        ftlineage.load(version, base=base)
    assert caught.value.sentence == (
        f"{name!r} is refused: it lies beside the base's files, a load would read it, and the card does not list it"
    )


def test_weights_that_a_load_would_prefer_to_the_recorded_ones_are_refused(base: Path, tmp_path: Path) -> None:
    import torch

    model = causal(base)
    (base / "model.safetensors").unlink()
    torch.save(model.state_dict(), base / "pytorch_model.bin")
    folder = save(trained(base, lora()), tmp_path / "out", base)
    assert ftlineage.load(folder, base=base)
    model.save_pretrained(base)
    with pytest.raises(UnsafePathError, match=r"model\.safetensors"):
        ftlineage.load(folder, base=base)


def test_a_base_file_that_is_a_link_to_elsewhere_is_refused(version: Path, base: Path, tmp_path: Path) -> None:
    shutil.move(base / "config.json", tmp_path / "config.json")
    (base / "config.json").symlink_to(tmp_path / "config.json")
    with pytest.raises(FtlineageError, match="the symbolic link leaves the folder"):
        ftlineage.load(version, base=base)


def test_code_in_the_base_is_not_run_unasked(version: Path, base: Path) -> None:
    from ftlineage.core import codec

    marker = base.parent / "ran"
    config = codec.parse((base / "config.json").read_bytes()) | {
        "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Model"}
    }
    (base / "config.json").write_bytes(codec.pretty_bytes(config))
    (base / "own.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    sealed.seal(version, base=base_section(base))
    ftlineage.load(version, base=base)
    assert not marker.exists()

"""Folders with more than one fault, and faults that no harm to a file can make: see test_table.py for single ones."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from ftlineage.verify.runner import verify
from tests import safetensors_bytes, sealed
from tests.faults.harms import CHANGED, RECORDED, TEMPLATE, TOKENIZER, another_adapter, common_folder, without_rights

WEIGHTS = "adapter_model.safetensors"
MISSING, UNSAFE, PICKLE = "adapter.missing", "path.unsafe", "adapter.unsafe-format"


def swap_inside(folder: Path) -> None:
    one, two = folder / TOKENIZER, folder / TEMPLATE
    data = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(data)


def loop(folder: Path) -> None:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")


def codes(folder: Path) -> list[tuple[str, str | None]]:
    return sorted((one.code, one.path) for one in verify(folder).findings if one.severity == "error")


def test_two_faults_are_two_findings(folder: Path) -> None:
    swap_inside(folder)
    assert codes(folder) == [(CHANGED[TEMPLATE], TEMPLATE), (CHANGED[TOKENIZER], TOKENIZER)]


def test_a_loop_of_two_links(folder: Path) -> None:
    loop(folder)
    assert codes(folder) == [(UNSAFE, "a"), (UNSAFE, "b")]


def test_everything_gone_but_the_card(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != "lineage.json":
            path.unlink()
    assert codes(folder) == [(MISSING, name) for name in sorted(RECORDED)]


def test_a_card_moved_to_another_adapter(folder: Path) -> None:
    other = another_adapter(folder)
    shutil.copy(other / "lineage.json", folder / "lineage.json")
    assert codes(folder) == [("adapter.changed", "adapter_config.json"), ("adapter.changed", WEIGHTS)]


def test_an_empty_folder(tmp_path: Path) -> None:
    assert codes(tmp_path) == [("card.missing", "lineage.json")]


@pytest.mark.parametrize("name", [*RECORDED, "lineage.json"])
def test_a_file_that_cannot_be_read(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fails, or the file is not ours to read (which a superuser's test cannot have otherwise)."""
    real = os.open

    def broken(path: object, *rest: object, **more: object) -> int:
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", broken)
    report = verify(folder)
    found = [finding for finding in report.findings if finding.severity == "error"]
    code = "card.malformed" if name == "lineage.json" else "adapter.changed"
    assert [(finding.code, finding.path) for finding in found] == [(code, name)]
    assert "permission denied" in found[0].message


def test_a_file_that_changes_while_it_is_verified(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ftlineage.hashing import files

    real = files.OpenFile.read_at

    def touching(self: files.OpenFile, view: memoryview, offset: int) -> None:
        real(self, view, offset)
        if self.shown == "tokenizer.json":
            (folder / "tokenizer.json").write_bytes(b"{}")

    monkeypatch.setattr(files.OpenFile, "read_at", touching)
    report = verify(folder)
    found = [finding for finding in report.findings if finding.severity == "error"]
    assert [(finding.code, finding.path) for finding in found] == [("adapter.changed", "tokenizer.json")]
    assert "the file changed while it was read" in found[0].message


def test_a_folder_full_of_strangers_is_judged_in_time(folder: Path) -> None:
    for number in range(2000):
        (folder / f"{number}.json").write_bytes(b"")
    begun = time.monotonic()
    assert len(codes(folder)) == 2000
    assert time.monotonic() - begun < 10


def test_weights_that_only_lie_deeper(folder: Path) -> None:
    deep = folder / "/".join("d" * 100 for _ in range(9))
    deep.mkdir(parents=True)
    (deep / "x.bin").write_bytes(safetensors_bytes.write({}))
    assert [code for code, _ in codes(folder)] == [PICKLE]


def test_a_hub_cache_that_may_not_be_entered_is_an_absent_base() -> None:
    """Another user's cache, which the environment still names."""
    with common_folder() as root:
        folder = sealed.sealed(root / "out")
        assert verify(folder)
        with without_rights():
            report = verify(folder)
    assert (report.verdict, [finding.code for finding in report.findings if finding.severity == "error"]) == ("ok", [])

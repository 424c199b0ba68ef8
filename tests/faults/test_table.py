"""Every class of fault a version can have, with its cases: one fault, one finding, one exact sentence, exit 1."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from ftlineage.cli.main import main
from ftlineage.verify.runner import verify
from tests import sealed
from tests.faults.harms import CARD, RECORDED, Fault, another_adapter, common_folder, errors, without_rights
from tests.faults.table_cards import CARDS
from tests.faults.table_files import FILES
from tests.integration.cli import run

TABLE: dict[str, Fault] = {**FILES, **CARDS}

CLASSES = {
    "bit flip", "added", "removed", "renamed", "swapped with another adapter", "truncated", "longer", "replaced",
    "re-serialised", "folder as file", "path leaves the folder", "NUL name", "newline name", "control name",
    "look-alike", "link loop", "link out", "FIFO", "socket or device", "1 GB JSON", "deep JSON", "duplicate key",
    "not a number", "not Unicode", "wrong major", "edited card", "another base",
}  # fmt: skip


def test_every_class_has_its_cases_and_no_other() -> None:
    assert {fault.kind for fault in TABLE.values()} == CLASSES
    assert len(TABLE) == len(FILES) + len(CARDS) >= 100


@pytest.mark.parametrize("case", TABLE)
def test_one_fault_one_sentence_exit_1(folder: Path, case: str, capsys: pytest.CaptureFixture[str]) -> None:
    fault = TABLE[case]
    assert verify(folder), "the folder is fine before it is harmed"
    fault.harm(folder)
    begun = time.monotonic()
    report = verify(folder)
    assert time.monotonic() - begun < 5
    found = errors(report)
    assert [(finding.code, finding.path, finding.message) for finding in found] == [
        (fault.code, fault.path, fault.message)
    ]
    assert found[0].message.isprintable()
    assert found[0].hint
    assert (report.ok, report.verdict) == (False, "failed")
    assert main(["verify", str(folder), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["verdict"], document["counts"]["errors"]) == (False, "failed", 1)
    assert [finding["code"] for finding in document["findings"] if finding["severity"] == "error"] == [fault.code]


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_each_class_from_the_shell(folder: Path, kind: str) -> None:
    case = next(fault for fault in TABLE.values() if fault.kind == kind)
    case.harm(folder)
    done = run(["verify", str(folder)])
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith(f"error[{case.code}] ")
    assert done.out.count("error[") == 1
    assert "Traceback" not in done.out


@pytest.fixture
def _readable_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session's own Hub cache is closed to others, and what is tested is the folder."""
    monkeypatch.setattr("ftlineage.sources.hub_cache.cache_root", lambda: Path("/nowhere"))


@pytest.mark.usefixtures("_readable_cache")
@pytest.mark.parametrize("name", [*RECORDED, CARD])
def test_mode_0(name: str) -> None:
    with common_folder() as root:
        folder = sealed.sealed(root / "out")
        assert verify(folder)
        (folder / name).chmod(0)
        with without_rights():
            report = verify(folder)
    (found,) = errors(report)
    if name == CARD:
        message, code = "lineage.json: permission denied", "card.malformed"
    else:
        message, code = f"{name} is not what the card says: it cannot be read: permission denied", "adapter.changed"
    assert (found.code, found.path, found.message) == (code, name, message)


@pytest.mark.usefixtures("_readable_cache")
def test_mode_0_of_a_folder_inside() -> None:
    """What cannot be listed may hold anything."""
    with common_folder() as root:
        folder = sealed.sealed(root / "out")
        (folder / "locked").mkdir(0o000)
        with without_rights():
            report = verify(folder)
    assert [(one.code, one.path, one.message) for one in errors(report)] == [
        ("path.unsafe", "locked", "locked is refused: it cannot be read: permission denied (it lies in the folder)")
    ]


def test_mode_0_of_the_folder_itself() -> None:
    with common_folder() as root:
        folder = sealed.sealed(root / "out")
        folder.chmod(0)
        with without_rights():
            report = verify(folder)
        folder.chmod(0o755)
    assert [(one.code, one.path, one.message) for one in errors(report)] == [
        ("card.malformed", CARD, "lineage.json: permission denied")
    ]


def test_two_adapters_that_swap_their_cards(folder: Path) -> None:
    other = another_adapter(folder)
    shutil.move(folder / CARD, folder.parent / "kept")
    shutil.move(other / CARD, folder / CARD)
    shutil.move(folder.parent / "kept", other / CARD)
    for place in (folder, other):
        assert sorted((one.code, one.path) for one in errors(verify(place))) == [
            ("adapter.changed", "adapter_config.json"),
            ("adapter.changed", "adapter_model.safetensors"),
        ]

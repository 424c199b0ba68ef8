"""While verify reads: writers, renames, other verifiers, a kill, a full disk. Never a wrong yes, nothing left over."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlineage.core.card import CARD_NAME
from ftlineage.core.sections import Base
from ftlineage.hashing import files
from ftlineage.hashing.receipts import FileReceipts
from ftlineage.verify.folder import FolderVersion
from ftlineage.verify.runner import verify
from tests import sealed
from tests.faults.harms import CONFIG, RECORDED, TEMPLATE, TOKENIZER, WEIGHTS, another_adapter, errors
from tests.integration.cli import COMMAND, environment
from tests.unit.store.disks import fill, small_disk

MEGABYTE = 1 << 20


def while_reading(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], object]) -> None:
    """Do something once, right after the first bytes of one file were read."""
    real = files.OpenFile.read_at
    done: list[bool] = []

    def reading(self: files.OpenFile, view: memoryview, offset: int) -> None:
        real(self, view, offset)
        if self.shown == name and not done:
            done.append(True)
            act()

    monkeypatch.setattr(files.OpenFile, "read_at", reading)


def before_listing(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something once the card was read, before anything else is looked at."""
    real = FolderVersion.list

    def listing(self: FolderVersion) -> files.Listing:
        act()
        return real(self)

    monkeypatch.setattr(FolderVersion, "list", listing)


# --- somebody writes -----------------------------------------------------------------------------


def append(path: Path) -> None:
    with path.open("ab") as out:
        out.write(b"x")


def replace(path: Path) -> None:
    """The same bytes, another file."""
    Path(shutil.copy(path, f"{path}.new")).replace(path)


WRITES: dict[str, Callable[[Path], object]] = {
    "other bytes": lambda path: path.write_bytes(b"\0" * path.stat().st_size),
    "the same bytes again": lambda path: path.write_bytes(path.read_bytes()),
    "a byte more": append,
    "nothing left": lambda path: os.truncate(path, 0),
    "removed": lambda path: path.unlink(),
    "another file in its place": replace,
}


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("write", WRITES)
def test_a_file_written_while_it_is_read(folder: Path, name: str, write: str, monkeypatch: pytest.MonkeyPatch) -> None:
    while_reading(monkeypatch, name, lambda: WRITES[write](folder / name))
    (found,) = errors(verify(folder))
    assert found.path == name
    if name in (TEMPLATE, TOKENIZER) and write in ("other bytes", "a byte more", "nothing left"):
        # A second look says what became of it. Where that one is sound, the first still counts.
        assert found.code == "preprocessing.changed"
        return
    assert found.code == "adapter.changed"
    why = "it cannot be read: the file changed while it was read"
    if (name, write) == (WEIGHTS, "other bytes"):  # the header was read in part before and in part after
        why = "it is no longer a sound safetensors file: the header is not one JSON object"
    assert found.message == f"{name} is not what the card says: {why}"
    assert found.hint is not None


def test_the_card_written_while_it_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    while_reading(monkeypatch, CARD_NAME, lambda: (folder / CARD_NAME).write_bytes(b"{}"))
    (found,) = errors(verify(folder))
    assert (found.code, found.path) == ("card.malformed", CARD_NAME)
    assert found.message == "lineage.json: the file changed while it was read"


def test_a_card_replaced_after_it_was_read_judges_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict is about the card whose id the report names, whatever lies there by then."""
    first = verify(folder).card
    other = another_adapter(folder) / CARD_NAME
    before_listing(monkeypatch, lambda: shutil.copy(other, folder / CARD_NAME))
    report = verify(folder)
    assert (report.ok, report.card) == (True, first)
    monkeypatch.undo()
    assert [(one.code, one.path) for one in errors(verify(folder))] == [
        ("adapter.changed", CONFIG),
        ("adapter.changed", WEIGHTS),
    ]


def test_a_file_added_while_others_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies there when the folder is listed counts; a pickle added later is for the guarded load to refuse."""
    before_listing(monkeypatch, lambda: (folder / "adapter_model.bin").write_bytes(b"x"))
    assert [(one.code, one.path) for one in errors(verify(folder))] == [("adapter.unsafe-format", "adapter_model.bin")]


def test_a_folder_renamed_away_after_the_card_was_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before_listing(monkeypatch, lambda: folder.rename(folder.parent / "elsewhere"))
    report = verify(folder)
    assert (report.ok, report.verdict) == (False, "failed")
    found = {(one.code, one.path) for one in errors(report)}
    assert found >= {("adapter.missing", name) for name in RECORDED}


def test_a_folder_renamed_away_while_a_file_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    while_reading(monkeypatch, WEIGHTS, lambda: folder.rename(folder.parent / "elsewhere"))
    report = verify(folder)
    assert not report
    assert WEIGHTS in {one.path for one in errors(report)}


def test_a_folder_swapped_for_another_version_midway(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The card of one and the weights of the other never pass together."""
    other = another_adapter(folder)

    def swap() -> None:
        folder.rename(folder.parent / "kept")
        other.rename(folder)

    before_listing(monkeypatch, swap)
    report = verify(folder)
    assert [(one.code, one.path) for one in errors(report)] == [
        ("adapter.changed", CONFIG),
        ("adapter.changed", WEIGHTS),
    ]


def test_a_writer_that_never_stops_never_gets_a_wrong_yes(folder: Path) -> None:
    """A real process swaps good and bad bytes; whenever verify says yes, the bytes it read were the good ones."""
    script = (
        "import os, pathlib, sys\n"
        "path = pathlib.Path(sys.argv[1]); good = path.read_bytes(); bad = good[:-1] + b'!'\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    for data in (bad, good):\n"
        "        pathlib.Path(sys.argv[2]).write_bytes(data); os.replace(sys.argv[2], path)\n"
    )
    path = folder / TEMPLATE
    words = [sys.executable, "-c", script, str(path), str(folder.parent / "next")]
    allowed = {
        f"{TEMPLATE} is not what the card says: it cannot be read: the file changed while it was read",
        f"{TEMPLATE} is not what the card says: the same size, other bytes",
        f"{TEMPLATE}: another chat template than the card's",
    }
    verdicts = set()
    with subprocess.Popen(words, stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            writer.stdout.readline()
            for _ in range(300):
                report = verify(folder)
                verdicts.add(report.ok)
                assert {one.message for one in errors(report)} <= allowed
        finally:
            writer.kill()
    assert False in verdicts


# --- others verify too, or are killed ------------------------------------------------------------


@pytest.fixture
def with_base(tmp_path: Path) -> tuple[Path, Path]:
    """A version and its base, old enough for receipts."""
    base = sealed.write_base(tmp_path / "base")
    (base / "model.safetensors").write_bytes(os.urandom(4 * MEGABYTE))
    described = Base(model="acme/base", revision=sealed.REVISION, origin="hub", files=sealed.base_records(base))
    folder = sealed.sealed(tmp_path / "version", base=described)
    time.sleep(2.1)
    return folder, base


def start(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, "verify", str(folder), *more],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )


def test_verifiers_at_once_share_their_receipts(with_base: tuple[Path, Path], tmp_path: Path) -> None:
    folder, base = with_base
    started = [start(folder, "--base", str(base)) for _ in range(6)]
    for process in started:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, b""), out
    weights = (base / "model.safetensors").resolve()
    with FileReceipts(tmp_path / "receipts") as receipts:
        assert receipts.get(weights, weights.stat()) == sealed.base_records(base)[-1].sha256
    # A receipt is about a state; other bytes are another state.
    weights.write_bytes(os.urandom(4 * MEGABYTE))
    assert [(one.code, one.path) for one in errors(verify(folder, base=base))] == [
        ("base.changed", "model.safetensors")
    ]


def test_a_killed_verify_leaves_nothing_behind(
    with_base: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, base = with_base
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (folder / TOKENIZER).write_bytes(bytes(30 * MEGABYTE))
    sealed.seal(folder, base=sealed.make_body(folder).base)

    def state() -> dict[str, tuple[int, int]]:
        seen = [*folder.rglob("*"), *base.rglob("*"), *(tmp_path / "tmp").iterdir()]
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in seen}

    before = state()
    for number in range(10):
        process = start(folder, "--base", str(base))
        time.sleep(0.04 * number)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    assert state() == before
    assert verify(folder, base=base)


@pytest.mark.parametrize("fillers", ["full from the start", "full after the schema"])
def test_a_full_disk_for_receipts_costs_time_and_no_verdict(
    with_base: tuple[Path, Path], tmp_path: Path, fillers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, base = with_base
    with small_disk(tmp_path / "disk", kilobytes=64) as disk:
        monkeypatch.setenv("FTLINEAGE_CACHE", str(disk))
        if fillers == "full after the schema":
            with FileReceipts(disk) as receipts:
                assert receipts.get(base, base.stat()) is None
        fill(disk)
        for _ in range(2):
            report = verify(folder, base=base)
            assert report, report.findings
            assert report.findings == ()
            assert report.counts["base_files"] == 2
        (base / "model.safetensors").write_bytes(b"other")
        assert [one.code for one in errors(verify(folder, base=base))] == ["base.changed"]

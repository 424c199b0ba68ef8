"""Receipts: they save time and never vouch for bytes that were not hashed in exactly this state."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftlineage.hashing.files import record_file
from ftlineage.hashing.receipts import FileReceipts, NoReceipts, cache_folder, is_racy, state_key


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def aged(path: Path, data: bytes, *, seconds: float = 100) -> Path:
    """A file whose modification time lies in the past. Its change time cannot be set."""
    path.write_bytes(data)
    then = path.stat().st_mtime_ns - int(seconds * 1e9)
    os.utime(path, ns=(then, then))
    return path


@pytest.fixture
def not_racy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds later: the tests do not wait."""
    import time

    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 10_000_000_000)


def reads(path: Path, receipts: FileReceipts) -> tuple[str, int]:
    """The digest and whether bytes were read for it (the update function hears whole files at once when not)."""
    pieces: list[int] = []
    record = record_file(path, path.parent, receipts=receipts, update=pieces.append)
    return record.sha256, len(pieces)


@pytest.mark.usefixtures("not_racy")
def test_the_second_look_reads_nothing(tmp_path: Path, cache: Path) -> None:
    path = aged(tmp_path / "x", b"a" * 3_000_000)
    right = hashlib.sha256(b"a" * 3_000_000).hexdigest()
    with FileReceipts(cache) as receipts:
        assert reads(path, receipts) == (right, 3)
        assert reads(path, receipts) == (right, 1)
    with FileReceipts(cache) as again:
        assert reads(path, again) == (right, 1)


@pytest.mark.usefixtures("not_racy")
def test_any_change_of_state_reads_again(tmp_path: Path, cache: Path) -> None:
    path = aged(tmp_path / "x", b"a" * 10)
    with FileReceipts(cache) as receipts:
        reads(path, receipts)
        before = path.stat()
        path.write_bytes(b"b" * 10)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # same size, same inode, forged time
        assert path.stat().st_mtime_ns == before.st_mtime_ns
        assert reads(path, receipts)[0] == hashlib.sha256(b"b" * 10).hexdigest()


def test_a_file_touched_just_now_is_not_remembered(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"new")
    with FileReceipts(cache) as receipts:
        receipts.put(path, path.stat(), "0" * 64)
        assert receipts.get(path, path.stat()) is None


@pytest.mark.parametrize(("later_ns", "racy"), [(0, True), (1_999_999_999, True), (2_000_000_000, False)])
def test_racy_means_within_two_seconds(tmp_path: Path, later_ns: int, racy: bool) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    state = path.stat()
    assert is_racy(state, now_ns=max(state.st_mtime_ns, state.st_ctime_ns) + later_ns) is racy


@pytest.mark.usefixtures("not_racy")
@pytest.mark.parametrize("damage", [b"", b"not a database at all, but long enough to be looked at" * 50])
def test_a_damaged_cache_is_rebuilt(tmp_path: Path, cache: Path, damage: bytes) -> None:
    path = aged(tmp_path / "x", b"a")
    with FileReceipts(cache) as receipts:
        receipts.put(path, path.stat(), "1" * 64)
    file = next(cache.iterdir())
    file.write_bytes(damage)
    with FileReceipts(cache) as receipts:
        assert receipts.get(path, path.stat()) is None
    with FileReceipts(cache) as receipts:
        receipts.put(path, path.stat(), "2" * 64)
    with FileReceipts(cache) as receipts:
        assert receipts.get(path, path.stat()) == "2" * 64


@pytest.mark.usefixtures("not_racy")
@pytest.mark.parametrize("found", ["", "x" * 64, "A" * 64])
def test_a_value_that_is_no_digest_is_ignored(tmp_path: Path, cache: Path, found: str) -> None:
    path = aged(tmp_path / "x", b"a")
    with FileReceipts(cache) as receipts:
        receipts.put(path, path.stat(), found)
        assert receipts.get(path, path.stat()) is None


@pytest.mark.usefixtures("not_racy")
def test_a_cache_others_can_write_is_not_trusted(tmp_path: Path, cache: Path) -> None:
    path = aged(tmp_path / "x", b"a")
    with FileReceipts(cache) as receipts:
        receipts.put(path, path.stat(), "1" * 64)
    next(cache.iterdir()).chmod(0o666)
    with FileReceipts(cache) as receipts:
        assert receipts.get(path, path.stat()) is None


@pytest.mark.usefixtures("not_racy")
def test_a_cache_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    path = aged(tmp_path / "x", b"a")
    with FileReceipts(tmp_path / "file" / "below") as receipts:
        receipts.put(path, path.stat(), "1" * 64)
        assert receipts.get(path, path.stat()) is None


def test_several_processes_share_one_cache(tmp_path: Path, cache: Path) -> None:
    program = """
import os, sys, time
from pathlib import Path
from ftlineage.hashing.receipts import FileReceipts
real = time.time_ns
time.time_ns = lambda: real() + 10_000_000_000
with FileReceipts(Path(sys.argv[1])) as receipts:
    for number in range(100):
        path = Path(sys.argv[2]) / f"{number}"
        receipts.put(path, path.stat(), f"{number:064x}")
"""
    for number in range(100):
        aged(tmp_path / str(number), b"")
    runs = [subprocess.Popen([sys.executable, "-c", program, str(cache), str(tmp_path)]) for _ in range(4)]
    assert [run.wait() for run in runs] == [0, 0, 0, 0]
    with FileReceipts(cache) as receipts:
        found = [receipts.get(tmp_path / str(n), (tmp_path / str(n)).stat()) for n in range(100)]
    assert found == [f"{number:064x}" for number in range(100)]


def test_no_receipts_remembers_nothing(tmp_path: Path) -> None:
    twin = NoReceipts()
    twin.put(tmp_path, tmp_path.stat(), "1" * 64)
    assert twin.get(tmp_path, tmp_path.stat()) is None


def test_where_the_cache_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTLINEAGE_CACHE", "chosen")
    assert cache_folder() == Path("chosen")
    monkeypatch.delenv("FTLINEAGE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "xdg")
    assert cache_folder() == Path("xdg/ftlineage")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "ftlineage"


def test_the_key_holds_every_part_of_the_state(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    state = path.stat()
    parts = [state.st_dev, state.st_ino, 3, state.st_mtime_ns, state.st_ctime_ns]
    assert state_key(state) == ":".join(map(str, parts))

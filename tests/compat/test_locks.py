"""A lock file that an earlier release wrote is read for ever; what later ones may write is met with a sentence."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ftlineage.drift.classify import DriftClass
from ftlineage.drift.errors import LockTooNewError
from ftlineage.drift.lockfile import Key, from_text, require_writable, to_text

HERE = Path(__file__).parent
RELEASED = sorted((HERE / "lock-v1").glob("*.lock"))


def test_released_locks_are_as_they_were_released():
    folder = HERE / "lock-v1"
    listed = dict(line.split("  ")[::-1] for line in (folder / "MANIFEST.sha256").read_text("utf-8").splitlines())
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in RELEASED}
    assert there == listed, "tests/compat/lock-v1 is append-only: see tests/compat/README.md"


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.name)
def test_a_released_lock_is_read_and_means_the_same_when_it_is_written_again(path):
    lock = from_text(path.read_bytes())
    assert from_text(to_text(lock).encode()) == lock


def test_every_part_of_a_full_lock_is_understood():
    lock = from_text((HERE / "lock-v1" / "full.lock").read_bytes())
    entries = lock.by_key()
    assert {entry.kind for entry in lock.entries} == {
        "model", "tokenizer", "dataset", "adapter", "space", "code",
    }  # fmt: skip
    base = entries[Key("model", "org/base-model-1b", "main")]
    assert (base.gated, base.private, base.committed_at) == (True, False, "2026-10-02T08:30:00Z")
    assert base.used == ("configs/sft.yaml:3", "src/train.py:12")
    assert [fact.size for fact in base.facts() if fact.path == "model-00001-of-00002.safetensors"] == [4976698672]
    rows = entries[Key("dataset", "org/rows", "v2.0")]
    assert rows.private
    assert rows.folded[DriftClass.DATA].endswith(" 600 files")
    assert [pin.path for pin in lock.pins] == ["adapter_config.json"]


def test_a_later_minor_is_read_and_not_written(tmp_path):
    lock = from_text((HERE / "future" / "newer-minor.lock").read_bytes())
    assert len(lock.entries) == 1
    with pytest.raises(LockTooNewError, match="writes up to 1"):
        require_writable(tmp_path / "ftlineage.lock", lock)


def test_a_later_major_is_refused():
    with pytest.raises(LockTooNewError, match="has format 2, this ftlineage reads up to 1"):
        from_text((HERE / "future" / "newer-major.lock").read_bytes())

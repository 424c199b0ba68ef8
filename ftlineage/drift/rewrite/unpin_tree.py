"""``unpin`` over a tree: every file with pins of ours as it was before them; the network is not used.

Decides that files are written first and the lock afterwards: what it remembers of pins goes only when
they are gone. Lock entries stay, since what they answer floats again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ftlineage.core import words
from ftlineage.drift.lockfile import Lock, make_lock, require_writable, write_lock
from ftlineage.drift.locking import plan
from ftlineage.drift.reading import Readers, Tables
from ftlineage.drift.relock import lock_or_none
from ftlineage.drift.rewrite.files import CHANGED, Source, read_source, reader_of, seen_in, write_source
from ftlineage.drift.rewrite.pin_tree import Scan
from ftlineage.drift.rewrite.unpin import Left, Unpin, Unpinned, unpin_text
from ftlineage.drift.scan import ScanResult
from ftlineage.errors import OutputNotWritableError, StorageError
from ftlineage.store.lines import locked


class Restored(NamedTuple):
    """What a run did or would do: ``unpins``, what was ``left`` pinned, and each file before and after."""

    unpins: list[Unpin]
    left: list[Left]
    files: list[tuple[Source, str]]

    @property
    def ok(self) -> bool:
        """Whether no pin of ours is left."""
        return not any(one.is_ours for one in self.left)


class _Change(NamedTuple):
    source: Source
    done: Unpinned


def unpin(lock_file: Path, scan: Scan, *, dry_run: bool = False) -> Restored:
    """Take every pin of ours out of files, in place.

    Args:
        lock_file: The lock file; there need not be one.
        scan: Scans the paths, with places relative to the lock file's folder.
        dry_run: Write nothing.

    Raises:
        LockMalformedError, LockTooNewError: The lock that is there cannot be read or written.
        OutputNotWritableError, StorageError: Writing failed; every file is whole, as it was or unpinned.
    """
    if dry_run:
        return _told(*_changes(scan(), lock_or_none(lock_file)))
    with locked(lock_file.parent):
        lock = lock_or_none(lock_file)
        require_writable(lock_file, lock)
        result = scan()
        changes, left = _changes(result, lock)
        written: list[_Change] = []
        try:
            for change in changes:
                left += _write(change, written, len(changes))
        finally:
            if written and lock != Lock():
                write_lock(lock_file, _locked(lock, written, result.readers or Readers(Tables())))
        return _told(written, left)


def _changes(result: ScanResult, lock: Lock) -> tuple[list[_Change], list[Left]]:
    readers = result.readers or Readers(Tables())
    changes, left = [], []
    files = {one.file: one.reference.path for one in result.seen if one.reference.status == "pinned"}
    for file, shown in files.items():
        source = read_source(file, shown)
        if isinstance(source, str):
            pinned = [one.reference for one in result.seen if one.file == file and one.reference.status == "pinned"]
            left += [
                Left(path=shown, line=one.line, ref=one.ref or "", kind=one.kind, sha=one.revision or "", reason=source)
                for one in pinned
            ]
            continue
        kept = [one for one in lock.pins if one.path == shown]
        done = unpin_text(source.text, shown, read=reader_of(readers, source), kept=kept)
        left += done.left
        if done.text != source.text:
            changes.append(_Change(source, done))
    return changes, left


def _write(change: _Change, written: list[_Change], of: int) -> list[Left]:
    try:
        done = write_source(change.source, change.done.text)
        reason = CHANGED
    except OutputNotWritableError as error:
        done, reason = False, f"the file cannot be written: {error.cause.lower()}"
    except StorageError as error:
        error.hint = f"{words.quantity(len(written), 'file')} of {of} had been written. Run it again"
        raise
    if done:
        written.append(change)
        return []
    return [
        Left(path=one.path, line=one.line, ref=one.ref, kind=one.kind, sha=one.sha, reason=reason, is_ours=True)
        for one in change.done.unpins
    ]


def _locked(lock: Lock, written: Sequence[_Change], readers: Readers) -> Lock:
    """The lock with places as they are now, without the pins that are gone."""
    paths = {change.source.shown for change in written}
    seen = [one for change in written for one in seen_in(readers, change.source, change.done.text)]
    found = plan(seen, lock, looked_at=lambda path: path in paths)
    entries = {**lock.by_key(), **make_lock(found.kept).by_key()}
    pins = [one for one in lock.pins if one.path not in paths]
    return make_lock(entries.values(), [*pins, *(one for change in written for one in change.done.kept)])


def _told(changes: Sequence[_Change], left: Sequence[Left]) -> Restored:
    unpins = [one for change in changes for one in change.done.unpins]
    files = [(change.source, change.done.text) for change in changes]
    return Restored(
        sorted(unpins, key=lambda one: (one.path, one.line, one.ref, one.kind)),
        sorted(left, key=lambda one: (one.path, one.line, one.ref, one.kind)),
        files,
    )

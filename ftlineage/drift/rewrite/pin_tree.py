"""``pin`` over a tree: scan, ask the Hub once for each repository and ref, write the lock, then the files.

Decides that nothing is written before every question has its answer, and that all files and the
lock are judged anew if one of them changed while the Hub was asked. The lock is written first: a run
that is interrupted leaves whole files, each of which can be unpinned. Refused: a guess where the Hub
left a question open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ftlineage.core import words
from ftlineage.drift.journal import Journal
from ftlineage.drift.lockfile import Lock, make_lock, require_writable, write_lock
from ftlineage.drift.locking import Answer, Ref, build, plan, repo_type_of
from ftlineage.drift.reading import Readers, Seen, Tables
from ftlineage.drift.relock import lock_or_none
from ftlineage.drift.resolve import resolve_all
from ftlineage.drift.rewrite.change import Change, pin_source
from ftlineage.drift.rewrite.files import CHANGED, Source, is_as_read, read_source, reader_of, seen_in, write_source
from ftlineage.drift.rewrite.places import ONLY_TRAINING, Commit, Key, Pin, Refusal, is_guess, is_second, refusal
from ftlineage.drift.rewrite.undo import Kept
from ftlineage.drift.scan import ScanResult
from ftlineage.errors import FtlineageError, OutputNotWritableError, StorageError
from ftlineage.sources.hub import TIMEOUT
from ftlineage.sources.hub_errors import endpoint
from ftlineage.store.lines import locked

Scan = Callable[[], ScanResult]


class Rewritten(NamedTuple):
    """What a run did or would do: ``pins``, what was ``refused``, and each file before and after."""

    pins: list[Pin]
    refused: list[Refusal]
    files: list[tuple[Source, str]]


class _Asked(NamedTuple):
    result: ScanResult
    adapters: bool
    timeout: float


class _Attempt(NamedTuple):
    before: Lock
    lock: Lock
    changes: list[Change]
    refused: list[Refusal]
    answers: Mapping[Ref, Answer]


def pin(
    lock_file: Path, scan: Scan, *, adapters: bool = False, dry_run: bool = False, timeout: float = TIMEOUT
) -> Rewritten:
    """Pin every floating reference that can be, in place.

    Args:
        lock_file: The lock file; made if it is not there.
        scan: Scans the paths, with places relative to the lock file's folder.
        adapters: Pin the bases of trained adapters too, to what is loaded now.
        dry_run: Write nothing.
        timeout: Seconds to wait for the Hub at each step.

    Raises:
        UndecidedError: The Hub left a question open; nothing was written.
        LockMalformedError, LockTooNewError: The lock that is there cannot be read or written.
        OutputNotWritableError, StorageError: Writing failed; every file is whole, as it was or pinned.
    """
    attempt = _attempt(lock_file, _Asked(scan(), adapters, timeout), {})
    if dry_run:
        return _told(attempt)
    with locked(lock_file.parent):
        if _is_stale(attempt, lock_file):
            attempt = _attempt(lock_file, _Asked(scan(), adapters, timeout), attempt.answers)
        return _write(lock_file, attempt)


# --- in memory ---------------------------------------------------------------------------------


def _attempt(lock_file: Path, asked: _Asked, answers: Mapping[Ref, Answer]) -> _Attempt:
    result = asked.result
    before = lock_or_none(lock_file)
    require_writable(lock_file, before)
    floating = [one for one in result.seen if one.reference.status == "floating" and not is_second(one.reference)]
    guesses = [] if asked.adapters else [one for one in floating if is_guess(one.reference)]
    floating = [one for one in floating if asked.adapters or not is_guess(one.reference)]
    placed = [one for one in floating if one.reference.slot is not None]
    lock, answers, missing = _resolved(lock_file, before, placed, asked.timeout, answers)
    commits = {**missing, **commits_of(lock)}
    changes, refused = _changes(result, floating, commits, before.pins)
    changed = [change for change in changes if change.done.pins]
    refused += [one for change in changes for one in change.done.refused]
    refused += [refusal(one.reference, ONLY_TRAINING) for one in guesses]
    return _Attempt(
        before, _locked(lock, before, changed, result.readers or Readers(Tables())), changed, refused, answers
    )


def _resolved(
    lock_file: Path, before: Lock, placed: Sequence[Seen], timeout: float, answers: Mapping[Ref, Answer]
) -> tuple[Lock, Mapping[Ref, Answer], dict[Key, Commit | str]]:
    """The lock with an entry for each reference, what the Hub said, and why some have none."""
    wanted = plan(placed, before, looked_at=lambda _: False)
    open_ = [ref for ref in wanted.missing() if ref not in answers]
    journal = Journal(lock_file, endpoint()) if open_ else None
    asked = resolve_all(open_, timeout=timeout, journal=journal, label="Locking")
    if asked.failed:
        raise next(iter(asked.failed.values()))
    answers = {**answers, **asked.answers}
    built, left = build(wanted, answers)
    by_key = {**before.by_key(), **built.by_key()}
    missing: dict[Key, Commit | str] = {
        Key(want.ref.repo_type, want.key.id, want.key.wished): _absent(asked.missing.get(want.ref)) for want in left
    }
    return make_lock(by_key.values(), before.pins), answers, missing


def _absent(error: FtlineageError | None) -> str:
    return error.sentence if error is not None else "the Hub was not asked for its commit"


def commits_of(lock: Lock) -> dict[Key, Commit | str]:
    """The commit of each repository and ref that a lock holds; one answers a model and its tokenizer."""
    return {
        Key(repo_type_of(entry.kind), entry.id, entry.wished): Commit(
            entry.sha, (entry.committed_at or entry.resolved_at)[:10]
        )
        for entry in reversed(lock.entries)
    }


def _changes(
    result: ScanResult, floating: Sequence[Seen], commits: Mapping[Key, Commit | str], pins: Sequence[Kept]
) -> tuple[list[Change], list[Refusal]]:
    readers = result.readers or Readers(Tables())
    changes, refused = [], []
    for file, seen in _by_file(result.seen).items():
        wanted = [one for one in floating if one.file == file]
        if not wanted and not any(one.reference.status == "pinned" for one in seen):
            continue
        source = read_source(file, seen[0].reference.path)
        if isinstance(source, str):
            refused += [refusal(one.reference, source) for one in wanted]
            continue
        read = reader_of(readers, source)
        kept = [one for one in pins if one.path == source.shown]
        changes.append(pin_source(source, wanted, read, commits, kept))
    return changes, refused


def _by_file(seen: Iterable[Seen]) -> dict[str, list[Seen]]:
    files: dict[str, list[Seen]] = {}
    for one in seen:
        files.setdefault(one.file, []).append(one)
    return files


def _locked(lock: Lock, before: Lock, changes: Sequence[Change], readers: Readers) -> Lock:
    """The lock once the files are written: places as they are then, and what unpinning needs."""
    paths = {change.source.shown for change in changes}
    seen = [one for change in changes for one in seen_in(readers, change.source, change.done.text)]
    found = plan(seen, lock, looked_at=lambda path: path in paths)
    entries = {**lock.by_key(), **make_lock(found.kept).by_key()}
    pins = [one for one in before.pins if one.path not in paths]
    return make_lock(entries.values(), [*pins, *(one for change in changes for one in change.done.kept)])


# --- on disk -----------------------------------------------------------------------------------


def _is_stale(attempt: _Attempt, lock_file: Path) -> bool:
    """Whether anything that an attempt rests on was changed meanwhile."""
    if any(one.reason == CHANGED for one in attempt.refused):
        return True
    return lock_or_none(lock_file) != attempt.before or any(not is_as_read(one.source) for one in attempt.changes)


def _write(lock_file: Path, attempt: _Attempt) -> Rewritten:
    refused = list(attempt.refused)
    written: list[Change] = []
    if attempt.changes:
        write_lock(lock_file, attempt.lock)
        if attempt.answers:
            Journal(lock_file, endpoint()).drop()
    for change in attempt.changes:
        try:
            fault = _write_one(change)
        except StorageError as error:
            error.hint = (
                f"{words.quantity(len(written), 'file')} of {len(attempt.changes)} had been written. Run it again"
            )
            raise
        if fault is None:
            written.append(change)
        else:
            refused += [_unwritten(one, fault) for one in change.done.pins]
    return _told(attempt._replace(changes=written, refused=refused))


def _unwritten(one: Pin, reason: str) -> Refusal:
    return Refusal(path=one.path, line=one.line, ref=one.ref, kind=one.kind, reason=reason)


def _write_one(change: Change) -> str | None:
    """Write one file; why it was not written where that is the file's own fault."""
    try:
        return None if write_source(change.source, change.done.text) else CHANGED
    except OutputNotWritableError as error:
        return f"the file cannot be written: {error.cause.lower()}"


def _told(attempt: _Attempt) -> Rewritten:
    pins = [one for change in attempt.changes for one in change.done.pins]
    files = [(change.source, change.done.text) for change in attempt.changes]
    refused = sorted(attempt.refused, key=lambda one: (one.path, one.line, one.ref, one.kind))
    return Rewritten(sorted(pins, key=lambda one: (one.path, one.line, one.ref, one.kind)), refused, files)

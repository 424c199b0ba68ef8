"""One run of ``lock``: from a scan and the old lock to the new one, or to nothing at all.

Decides that the lock file is written once, at the end, and only if every question had an answer; what
was learned before a Hub went away waits in a journal. Two runs at once both succeed: before it is
written the lock is read again, and what the other wrote stays. Refused: a lock in which some entries
are guessed or left from before while their code changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from ftlineage.core import words
from ftlineage.core.finding import Finding
from ftlineage.drift.errors import LockMissingError
from ftlineage.drift.journal import Journal
from ftlineage.drift.lockfile import Lock, read_lock, require_writable, write_lock
from ftlineage.drift.locking import Answer, Ref, Want, build, plan
from ftlineage.drift.reading import Seen
from ftlineage.drift.resolve import Asked, resolve_all
from ftlineage.errors import FtlineageError, StorageError
from ftlineage.sources.hub import TIMEOUT
from ftlineage.sources.hub_errors import endpoint
from ftlineage.store.lines import locked


class Relocked(NamedTuple):
    """What a run did: the new lock, whether the file changed, findings, and how many entries each way."""

    lock: Lock
    written: bool
    findings: list[Finding]
    counts: dict[str, int]


def relock(path: Path, seen: Iterable[Seen], *, looked_at: Callable[[str], bool], timeout: float = TIMEOUT) -> Relocked:
    """Bring a lock file up to what the code says.

    Args:
        path: The lock file; made if it is not there.
        seen: References of a scan.
        looked_at: Whether the scan looked at a path.
        timeout: Seconds to wait at each step of a request.

    Raises:
        UndecidedError: The Hub left a question open; the file is as it was.
        LockMalformedError, LockTooNewError: The lock that is there cannot be read.
        OutputNotWritableError, StorageError: Nothing was changed.
    """
    references = list(seen)
    old = lock_or_none(path)
    require_writable(path, old)
    wanted = plan(references, old, looked_at=looked_at)
    journal = Journal(path, endpoint()) if wanted.missing() else None
    asked = resolve_all(wanted.missing(), timeout=timeout, journal=journal, label="Locking")
    if asked.failed:
        raise _open_question(asked)
    with locked(path.parent):
        before = lock_or_none(path)
        found = plan(references, before, looked_at=looked_at)
        lock, left = build(found, asked.answers)
        if any(want.ref not in asked.missing for want in left):
            raise StorageError(path=str(path), cause="it was changed while it was locked", hint="Run it again")
        written = write_lock(path, lock) if lock.entries or path.exists() else False
    if journal is not None:
        journal.drop()
    absent = {want.ref: want for want in reversed(left)}
    findings = [_missing(absent[ref], asked.missing[ref]) for ref in sorted(absent)]
    return Relocked(lock, written, findings, _counts(before, lock))


def lock_or_none(path: Path) -> Lock:
    """The lock in a file, an empty one where there is no file."""
    try:
        return read_lock(path)
    except LockMissingError:
        return Lock()


def _counts(before: Lock, after: Lock) -> dict[str, int]:
    old, new = before.by_key(), after.by_key()
    same = {key for key in old.keys() & new.keys() if old[key].sha == new[key].sha}
    return {
        "locked": len(new),
        "added": len(new.keys() - old.keys()),
        "changed": len((old.keys() & new.keys()) - same),
        "removed": len(old.keys() - new.keys()),
        "unchanged": len(same),
    }


def _open_question(asked: Asked[Ref, Answer]) -> FtlineageError:
    """The first error, with what became of the rest."""
    error = next(iter(asked.failed.values()))
    if asked.answers:
        kept = words.quantity(len(asked.answers), "answer")
        error.hint = (
            f"{error.hint + '. ' if error.hint else ''}Run it again within an hour: {kept} need not be asked for again"
        )
    return error


def _missing(want: Want, error: FtlineageError) -> Finding:
    place = f"{words.clean(want.used[0])}: " if want.used else ""
    message = f"{place}{words.clean(want.key.id)} cannot be locked: {words.clean(error.sentence)}"
    hint = error.hint or "Correct the name or revision; for a private repository log in: hf auth login"
    return Finding(
        code="reference.missing",
        section=want.key.kind,
        path=want.used[0] if want.used else None,
        message=message,
        hint=hint,
    )

"""Does the lock answer what the code says: every reference locked, every pinned one as locked.

Decided without the network and without writing: this is the gate for pull requests. A floating
reference that is locked passes, because its commit is on record. Noted, not failed: entries that
nothing uses any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ftlineage.core import words
from ftlineage.core.finding import Finding
from ftlineage.drift.lockfile import Entry, Key, Lock, place_order
from ftlineage.drift.locking import Keys, lockable, place_of
from ftlineage.drift.reading import Seen

_CONTRADICTED = frozenset({"FLOAT009", "FLOAT010"})


class Checked(NamedTuple):
    """Findings, the references that have one, and how many there are."""

    findings: list[Finding]
    faulty: list[Seen]
    counts: dict[str, int]


def check(
    seen: Iterable[Seen], lock: Lock | None, *, looked_at: Callable[[str], bool], pinned: bool = False
) -> Checked:
    """Compare references with a lock.

    Args:
        seen: References of a scan that was given the lock, so that FLOAT009 and FLOAT010 are on them.
        lock: The lock; None where there is no file.
        looked_at: Whether the scan looked at a path; entries used elsewhere are not called stale.
        pinned: A reference that is locked must also be pinned in the code.
    """
    locked = lock.by_key() if lock is not None else {}
    references = [one for one in seen if lockable(one)]
    findings: list[Finding] = []
    faulty: list[Seen] = []
    if lock is None and references:
        findings.append(_missing(references))
    used: set[Key] = set()
    keys = Keys(locked)
    for one in references:
        key = keys.of(one)
        used.add(key)
        finding = _contradiction(one) or (_answered(one, locked.get(key), pinned=pinned) if lock is not None else None)
        if finding is not None:
            findings.append(finding)
            faulty.append(one)
    stale = [entry for key, entry in locked.items() if key not in used and _is_stale(entry, looked_at)]
    counts = {"references": len(references), "locked": len(locked), "stale": len(stale)}
    return Checked([*findings, *map(_stale, stale)], faulty, counts)


def _missing(references: list[Seen]) -> Finding:
    message = f"there is no lock file, and {words.quantity(len(references), 'reference')} to lock"
    return Finding(code="lock.missing", section="lock", message=message, hint="Make it and commit it: ftlineage lock")


def _contradiction(one: Seen) -> Finding | None:
    reference = one.reference
    if reference.rule not in _CONTRADICTED:
        return None
    hint = "Take over what the code says: ftlineage lock; or write what is locked: ftlineage pin"
    return Finding(
        code=str(reference.rule),
        section=reference.kind,
        path=place_of(one),
        actual=reference.revision,
        message=f"{_shown(one)}: {reference.message}",
        hint=hint,
    )


def _answered(one: Seen, entry: Entry | None, *, pinned: bool) -> Finding | None:
    reference, name = one.reference, words.clean(str(one.reference.ref))
    if entry is None:
        at = f" at {words.clean(reference.revision)}" if reference.revision else ""
        message = f"{_shown(one)}: {name}{at} ({reference.kind}) is not in the lock file"
        hint = "Add it, and commit the lock file: ftlineage lock"
        return Finding(code="lock.incomplete", section=reference.kind, path=place_of(one), message=message, hint=hint)
    if pinned and reference.status == "floating":
        message = f"{_shown(one)}: {name} is locked to {words.short(entry.sha)} and not pinned in the code"
        hint = "Write the locked commits into the code: ftlineage pin"
        return Finding(
            code="lock.unpinned",
            section=reference.kind,
            path=place_of(one),
            expected=entry.sha,
            actual=reference.revision,
            message=message,
            hint=hint,
        )
    return None


def _shown(one: Seen) -> str:
    return words.clean(place_of(one))


def _is_stale(entry: Entry, looked_at: Callable[[str], bool]) -> bool:
    return all(looked_at(place_order(place)[0]) for place in entry.used)


def _stale(entry: Entry) -> Finding:
    wish = f" at {words.clean(entry.wished)}" if entry.wished else ""
    message = f"nothing uses {words.clean(entry.id)}{wish} ({entry.kind}) any more"
    return Finding(
        code="lock.stale", severity="note", section=entry.kind, message=message, hint="Take it out: ftlineage lock"
    )

"""Commit ids taken out of one file's text, in memory.

Decides that a remark and what it answers go together. Refuses, with the reason, whatever would not
be read as floating again, or would change another reference or value. A commit id without a remark
that the lock file does not know either was written by a person and is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ftlineage.drift.reference import Kind, Reference
from ftlineage.drift.rewrite.edits import apply, largest
from ftlineage.drift.rewrite.pin import Read
from ftlineage.drift.rewrite.places import key_of, without_seconds
from ftlineage.drift.rewrite.same import same_but
from ftlineage.drift.rewrite.undo import Kept, Undo, edits_of, plan_undo, units_of

_CHANGED = "what stands around the commit is no longer as it was pinned, so it was left as it is"


class Unpin(msgspec.Struct, frozen=True, kw_only=True):
    """One reference that floats again: ``line`` is where it stands now, ``wished`` the ref it follows."""

    path: str
    line: int
    ref: str
    kind: Kind
    wished: str | None
    sha: str


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """One pinned reference that stays so, and why; ``is_ours`` tells a pin of ours from one by a person."""

    path: str
    line: int
    ref: str
    kind: Kind
    sha: str
    reason: str
    is_ours: bool = False


class Unpinned(NamedTuple):
    """A text without its pins; ``kept`` is what the lock file still has to remember."""

    text: str
    unpins: list[Unpin]
    left: list[Left]
    kept: list[Kept]


def unpin_text(text: str, path: str, *, read: Read, kept: Sequence[Kept] = ()) -> Unpinned:
    """Take every pin of ours out of a text.

    Args:
        text: The file's text, with its byte order mark and line breaks as they are.
        path: The file's name as it is shown, and as ``read`` takes it.
        read: The readers: every reference of a text.
        kept: What the lock file holds of the pins in this file.
    """
    undone = plan_undo(text, path, kept)
    before = without_seconds(read(text, path))
    units = units_of(undone)
    accepted, refused = largest(units, lambda some: _floats(text, path, _flat(some), before, read) is not None)
    changes = _floats(text, path, _flat(accepted), before, read) or []
    new = apply(text, edits_of(_flat(accepted)))
    unpins = [_unpin(was, now) for was, now in changes if now.status == "floating" and was.status == "pinned"]
    stuck = {(undo.line, undo.sha) for undo in _flat(refused)}
    shas = {undo.sha for undo in _flat(refused)}
    left = [_left(was, stuck, shas) for was, now in changes if was.status == now.status == "pinned"]
    return Unpinned(new, unpins, left, [undo.kept for undo in _flat(refused) if undo.kept is not None])


def _flat(units: Sequence[Sequence[Undo]]) -> list[Undo]:
    return [undo for unit in units for undo in unit]


def _floats(
    text: str, path: str, undone: list[Undo], before: list[Reference], read: Read
) -> list[tuple[Reference, Reference]] | None:
    """Every reference as it was and is, if none but pinned ones changed, and the file says the same otherwise."""
    try:
        new = apply(text, edits_of(undone))
    except ValueError:
        return None
    shas = frozenset(undo.sha for undo in undone)
    now = without_seconds(read(new, path))
    if len(now) != len(before) or not same_but(new, text, path, shas):
        return None
    pairs = list(zip(before, now, strict=True))
    return pairs if all(_is_sound(was, seen, shas) for was, seen in pairs) else None


def _is_sound(was: Reference, now: Reference, shas: frozenset[str]) -> bool:
    if (was.ref, was.kind, was.cell) != (now.ref, now.kind, now.cell):
        return False
    is_ours = was.revision in shas
    if (was.status, now.status) == ("pinned", "floating"):
        return is_ours
    return was.status == now.status and (was.revision == now.revision or (is_ours and was.status != "pinned"))


def _unpin(was: Reference, now: Reference) -> Unpin:
    return Unpin(
        path=now.path,
        line=now.line,
        ref=now.ref or "",
        kind=now.kind,
        wished=key_of(now).wished,
        sha=was.revision or "",
    )


def _left(was: Reference, stuck: set[tuple[int, str]], shas: set[str]) -> Left:
    sha = was.revision or ""
    first, last = was.lines or (was.line, was.line)
    is_ours = sha in shas and any(first <= line <= last + 1 for line, one in stuck if one == sha)
    reason = _CHANGED if is_ours else "it was not pinned by ftlineage: there is no remark, and the lock file knows none"
    return Left(path=was.path, line=was.line, ref=was.ref or "", kind=was.kind, sha=sha, reason=reason, is_ours=is_ours)

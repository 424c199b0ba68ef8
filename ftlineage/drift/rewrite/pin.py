"""Commit ids written into one file's text, in memory.

Decides which floating references get one, what is written at each place and the remark beside it.
Refuses, with the reason: a place that two repositories share, one that overlaps another, a reference
without a place, and whatever the readers do not see as pinned to the very commit afterwards. The new
text is read, loaded and unpinned again before anybody may write it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from ftlineage.drift.reference import Reference
from ftlineage.drift.rewrite.edits import Edit, apply, largest, shifted
from ftlineage.drift.rewrite.lines import is_notebook, line_end
from ftlineage.drift.rewrite.places import (
    Commit,
    Key,
    Pin,
    Place,
    Refusal,
    Refused,
    key_of,
    places_of,
    refusal,
    without_seconds,
)
from ftlineage.drift.rewrite.remark import DEFAULT, Wish, write_remark
from ftlineage.drift.rewrite.same import same_but, same_without
from ftlineage.drift.rewrite.undo import Kept, edits_of, keep, plan_undo

#: The readers: every reference of a text, judged, given the text and the file's name.
Read = Callable[[str, str], Sequence[Reference]]

_BROKEN = "the file would not load to the same document with it"
_NO_REMARK = "a remark beside it would be more than a comment"
_UNSEEN = "the rewritten file would not be read as pinned to this commit"
_SHARED = "other ids are loaded with the same revision, and they have no such commit: give each its own"
_NO_WAY_BACK = "it could not be unpinned again byte for byte"


class Pinned(NamedTuple):
    """A text with its pins; ``kept`` is what only the lock file can remember."""

    text: str
    pins: list[Pin]
    refused: list[Refusal]
    kept: list[Kept]


class _Given(NamedTuple):
    """One file's text, what the readers see in it, the pins it has already, and the text without those."""

    text: str
    path: str
    before: Sequence[Reference]
    read: Read
    older: list[tuple[int, Kept]]
    clean: str | None


class _Written(NamedTuple):
    """A text with its edits made, and without remarks; where new pins begin in it, and older ones."""

    text: str
    bare: str
    begins: list[int]
    older: list[int]


class _Done(NamedTuple):
    """A text that holds, what must be kept of it, and each reference that is pinned in it, as it was and as it is."""

    text: str
    kept: list[Kept]
    turned: list[tuple[Reference, Reference]]


def pin_text(
    text: str,
    path: str,
    references: Sequence[Reference],
    commits: Mapping[Key, Commit | str],
    *,
    read: Read,
    kept: Sequence[Kept] = (),
) -> Pinned:
    """Pin every floating reference of a text that can be.

    Args:
        text: The file's text, with its byte order mark and line breaks as they are.
        path: The file's name as it is shown, and as ``read`` takes it.
        references: What ``read`` gave for this text, less what shall be left alone.
        commits: The commit of each repository and ref, or why there is none.
        read: Run on the text as it is and on every candidate for the new one.
        kept: What the lock file holds of pins that the text has already.
    """
    places, refused = places_of(text, references, commits)
    given = _given(text, path, read, kept)
    accepted, failed = largest(places, lambda some: isinstance(_finish(given, some), _Done))
    for place in failed:
        fault = _finish(given, [place])
        reason = fault if isinstance(fault, str) else _UNSEEN
        refused += [(one, f"{reason}, so it was left as it is") for one in place.references]
    done = _finish(given, accepted) if accepted else ""
    if isinstance(done, str):
        return Pinned(text, [], _refusals(refused, ()), list(kept))
    pins = [_pin(was, now, accepted) for was, now in done.turned]
    told = {_identity(was) for was, _ in done.turned}
    return Pinned(done.text, sorted(pins, key=_order), _refusals(refused, told), done.kept)


def _refusals(refused: Sequence[Refused], but: Collection[object]) -> list[Refusal]:
    """What stays as it is, without what another's place has pinned too."""
    return sorted((refusal(one, reason) for one, reason in refused if _identity(one) not in but), key=_order)


def _given(text: str, path: str, read: Read, kept: Sequence[Kept]) -> _Given:
    undone = plan_undo(text, path, kept)
    older = [(undo.edit.start, undo.kept) for undo in undone if undo.kept is not None]
    return _Given(text, path, read(text, path), read, older, _applied(text, edits_of(undone)))


# --- the new text ------------------------------------------------------------------------------


def _finish(given: _Given, places: list[Place]) -> _Done | str:
    """The new text, with as many remarks as hold; why not, if it does not hold even without."""
    every = _attempt(given, places, places)
    if isinstance(every, _Done):
        return every
    none = _attempt(given, places, [])
    if isinstance(none, str):
        return none
    told, _ = largest(places, lambda some: isinstance(_attempt(given, places, some), _Done))
    some = _attempt(given, places, told)
    return some if isinstance(some, _Done) else none


def _attempt(given: _Given, places: list[Place], told: list[Place]) -> _Done | str:
    new = _write(given, places, told)
    if not same_but(given.text, new.text, given.path, frozenset(place.commit.sha for place in places)):
        return _BROKEN
    if not same_without(new.bare, new.text, given.path):
        return _NO_REMARK
    turned = _turned(given, new.text, places)
    if isinstance(turned, str):
        return turned
    kept = _kept(given, new, places)
    return _NO_WAY_BACK if kept is None else _Done(new.text, kept, turned)


def _write(given: _Given, places: list[Place], told: list[Place]) -> _Written:
    """All edits made, with a remark on each line of which every pin is ``told``."""
    edits = [place.edit for place in places]
    bare, begins = apply(given.text, edits), shifted(edits)
    lines: dict[int, list[tuple[int, Place]]] = {}
    for begin, place in zip(begins, places, strict=True):
        at = bare.index(place.commit.sha, begin)
        end = line_end(bare, at + len(place.commit.sha), notebook=is_notebook(given.path))
        lines.setdefault(end, []).append((at, place))
    remarks = []
    for end, here in lines.items():
        remark = _remark(given.text, here) if all(place in told for _, place in here) else None
        if remark is not None and not bare.endswith("\\", 0, end):
            remarks.append(Edit(start=end, end=end, new=remark))
    older = [_moved(_moved(at, edits), remarks) for at, _ in given.older]
    return _Written(apply(bare, remarks), bare, [_moved(begin, remarks) for begin in begins], older)


def _moved(offset: int, edits: Sequence[Edit]) -> int:
    """Where a character outside of all edits is once they are made."""
    return offset + sum(len(one.new) - (one.end - one.start) for one in edits if one.end <= offset)


def _remark(text: str, here: list[tuple[int, Place]]) -> str | None:
    comments = {place.comment for _, place in here}
    comment = comments.pop() if len(comments) == 1 else None
    wishes = [_wish(text, place) for _, place in sorted(here, key=lambda pair: pair[0])]
    return write_remark(wishes, comment) if comment is not None else None


def _wish(text: str, place: Place) -> Wish:
    return Wish(text[place.edit.start : place.edit.end] or DEFAULT, place.commit.date)


def _turned(given: _Given, new: str, places: list[Place]) -> list[tuple[Reference, Reference]] | str:
    """The references that are pinned now; what is wrong if others changed, or one that should have did not."""
    wanted = {_identity(one): place.commit.sha for place in places for one in place.references}
    old = without_seconds(given.before)
    now = without_seconds(given.read(new, given.path))
    if [_named(one) for one in old] != [_named(one) for one in now]:
        return _UNSEEN
    turned = []
    for was, seen in zip(old, now, strict=True):
        sha = wanted.get(_identity(was))
        is_ours = _rides(was, seen, places) if sha is None else sha == seen.revision
        if was.status == "floating" and seen.status == "pinned" and is_ours:
            turned.append((was, seen))
        elif sha is not None:
            return _UNSEEN
        elif (was.status, was.revision) != (seen.status, seen.revision):
            return _SHARED
    return turned


def _rides(was: Reference, now: Reference, places: list[Place]) -> bool:
    """Whether a reference without a place of its own is pinned by that of another to the same repository."""
    return any(
        (place.commit.sha, place.key.ref) == (now.revision, was.repository)
        and (place.key == key_of(was) or _beside(was, place))
        for place in places
    )


def _beside(was: Reference, place: Place) -> bool:
    return any((one.line, one.column) == (was.line, was.column) for one in place.references)


def _named(one: Reference) -> tuple[str | None, str, str, int | None]:
    return one.ref, one.kind, one.via, one.cell


def _identity(one: Reference) -> tuple[int, int, str | None, str, str, int | None]:
    return one.line, one.column, one.ref, one.kind, one.via, one.cell


def _kept(given: _Given, new: _Written, places: list[Place]) -> list[Kept] | None:
    """What unpinning needs beside the remarks; None if it would not give the old text back even so."""
    by_remark = {undo.edit for undo in plan_undo(new.text, given.path)}
    older = [
        keep(given.path, new.text, at, one.now, one.was) for at, (_, one) in zip(new.older, given.older, strict=True)
    ]
    everything = [
        Edit(start=begin, end=begin + len(place.edit.new), new=given.text[place.edit.start : place.edit.end])
        for place, begin in zip(places, new.begins, strict=True)
    ]
    needed = [undoing for undoing in everything if undoing not in by_remark]
    for some in (needed, everything):
        kept = [keep(given.path, new.text, one.start, new.text[one.start : one.end], one.new) for one in some]
        undone = plan_undo(new.text, given.path, [*older, *kept])
        if given.clean is not None and _applied(new.text, edits_of(undone)) == given.clean:
            return [*older, *kept]
    return None


def _applied(text: str, edits: Sequence[Edit]) -> str | None:
    try:
        return apply(text, edits)
    except ValueError:
        return None


# --- results -----------------------------------------------------------------------------------


def _pin(was: Reference, now: Reference, places: list[Place]) -> Pin:
    place = next(place for place in places if place.commit.sha == now.revision and place.key.ref == was.repository)
    return Pin(
        path=now.path,
        line=now.line,
        ref=now.ref or "",
        kind=now.kind,
        key=now.slot.key if now.slot is not None else place.name,
        wished=key_of(was).wished,
        sha=place.commit.sha,
        date=place.commit.date,
    )


def _order(one: Pin | Refusal) -> tuple[int, str, str]:
    return one.line, one.ref, one.kind

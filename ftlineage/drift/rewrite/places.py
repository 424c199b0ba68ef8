"""Which floating references of one text get a commit id, and what is written at each place.

Decides one edit for all references that share a place. Refuses, with the reason: references without a
place or a commit, a place that several repositories or refs share, one that overlaps another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from ftlineage.core.layout import ADAPTER_CONFIG
from ftlineage.drift.locking import repo_type_of
from ftlineage.drift.reference import Kind, Reference, Slot
from ftlineage.drift.revision import Rule
from ftlineage.drift.rewrite.edits import Edit, overlap
from ftlineage.sources.hub_cache import RepoType

# Further findings about a reference that has one of its own; what pins that one answers them too.
_SECOND: frozenset[Rule] = frozenset({"FLOAT006", "FLOAT008"})
_QUOTES = ('\\"', "\\'", '"', "'")


class Key(NamedTuple):
    """What one commit is asked for: the kind of repository, its id and the wished ref (None for the default)."""

    repo_type: RepoType
    ref: str
    wished: str | None


ONLY_TRAINING = (
    "only its training knows the commit of its base: ftlineage record DIR --base org/name@<40-hex commit>; "
    "to take what is loaded now, add --adapters"
)


class Commit(NamedTuple):
    """The answer: a 40-hex commit and its date, ``YYYY-MM-DD``."""

    sha: str
    date: str


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """One reference that is pinned: ``line`` is where it stands now, ``key`` what its revision is written under."""

    path: str
    line: int
    ref: str
    kind: Kind
    key: str
    wished: str | None
    sha: str
    date: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One floating reference that stays so, and why."""

    path: str
    line: int
    ref: str
    kind: Kind
    reason: str


Refused = tuple[Reference, str]


class Place(NamedTuple):
    """One edit and the references that it pins."""

    edit: Edit
    name: str
    key: Key
    commit: Commit
    comment: str | None
    references: tuple[Reference, ...]


def key_of(reference: Reference) -> Key:
    """The repository and ref of a reference: a model, its tokenizer and its adapter files are one kind."""
    wished = (reference.revision or "").strip() or None
    return Key(repo_type_of(reference.kind), reference.repository, wished)


def is_second(reference: Reference) -> bool:
    """Whether it is a further finding about a reference that has one of its own."""
    return reference.rule in _SECOND


def without_seconds(references: Iterable[Reference]) -> list[Reference]:
    """The references without second findings about one."""
    return [one for one in references if not is_second(one)]


def is_guess(one: Reference) -> bool:
    """Whether a commit would be a guess: what a trained adapter's base was is known to its training alone."""
    return one.via == ADAPTER_CONFIG


def places_of(
    text: str, references: Sequence[Reference], commits: Mapping[Key, Commit | str]
) -> tuple[list[Place], list[Refused]]:
    """One place for each edit, in the order of the text, and the floating references that have none."""
    refused: list[Refused] = []
    groups: dict[tuple[int, int, str], list[tuple[Reference, Slot, Commit]]] = {}
    for one in references:
        if one.status != "floating" or is_second(one):
            continue
        commit = commits.get(key_of(one), "its commit was not looked up")
        if one.slot is None:
            refused.append((one, one.unpinnable or "no place for a revision is known here"))
        elif isinstance(commit, str):
            refused.append((one, commit))
        else:
            name = one.slot.key if one.slot.start == one.slot.end else ""
            groups.setdefault((one.slot.start, one.slot.end, name), []).append((one, one.slot, commit))
    found = []
    for group in groups.values():
        if len({(commit.sha, key_of(one)) for one, _, commit in group}) > 1:
            refused += [(one, "one revision would stand for several repositories or refs") for one, *_ in group]
        else:
            found.append(_place(text, group))
    return _apart(found, refused)


def _place(text: str, group: Sequence[tuple[Reference, Slot, Commit]]) -> Place:
    first, slot, commit = group[0]
    edit = _edit(text, slot, commit.sha)
    return Place(edit, slot.key, key_of(first), commit, slot.comment, tuple(one for one, *_ in group))


def _edit(text: str, slot: Slot, sha: str) -> Edit:
    """The edit at a slot, its quotes left as a person wrote them."""
    old = text[slot.start : slot.end]
    for quote in _QUOTES:
        inner = len(old) - 2 * len(quote)
        if inner > 0 and old.startswith(quote) and old.endswith(quote):
            return Edit(start=slot.start + len(quote), end=slot.end - len(quote), new=sha)
    return Edit(start=slot.start, end=slot.end, new=f"{slot.before}{sha}{slot.after}")


def _apart(places: list[Place], refused: list[Refused]) -> tuple[list[Place], list[Refused]]:
    kept: list[Place] = []
    for place in sorted(places, key=lambda one: (one.edit.start, one.edit.end)):
        if any(overlap(place.edit, other.edit) for other in kept[-2:]):
            refused += [(one, "its place overlaps that of another reference") for one in place.references]
        else:
            kept.append(place)
    return kept, refused


def refusal(one: Reference, reason: str) -> Refusal:
    """A reference with why it stays as it is."""
    return Refusal(path=one.path, line=one.line, ref=one.ref or "", kind=one.kind, reason=reason)

"""Small comparisons that every section's diff is made of: fields, files, keyed lists, and words for them.

Decides how a difference is written down: ``before`` and ``after`` in details, ``old -> new`` in
sentences, long values left to the details. Nothing here knows a section.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import msgspec

from ftlineage.core import codec, words

Change = Literal["added", "removed", "changed"]
Part = dict[str, Any]

_OWN_WORDS = re.compile(r"(the|all|files|fixed|what) ")
_SHOWN = 48
_CLAUSES = 3


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """One element of the tuple that differs; ``detail`` is empty for one that is on one side only."""

    section: str
    name: str
    change: Change
    summary: str
    detail: dict[str, Any] = {}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How one element differs: clauses of a sentence, details, and whether it can matter.

    ``labels_only`` says that what the element is made of is equal by digest and only words about it
    differ (a branch name, a license).
    """

    clauses: list[str]
    detail: dict[str, Any]
    labels_only: bool = False

    @property
    def sentence(self) -> str:
        """The clauses as one plain sentence."""
        text = "; ".join(self.clauses) or "the same values, written differently"
        # Our own words start a sentence; the name of a field or package stays as it is written.
        return (text[:1].upper() + text[1:] if _OWN_WORDS.match(text) else text) + "."


def field_changes(before: Any, after: Any) -> list[dict[str, Any]]:
    """Leaves that differ between two JSON values, as ``{field, before, after}`` sorted by field.

    Objects are followed with dots; lists are compared whole; an absent key reads as null.
    """
    changes: list[dict[str, Any]] = []
    _collect("", before, after, changes)
    return sorted(changes, key=lambda change: str(change["field"]))


def _collect(name: str, before: Any, after: Any, changes: list[dict[str, Any]]) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            _collect(f"{name}.{key}" if name else key, before.get(key), after.get(key), changes)
    elif not same_value(before, after):
        changes.append({"field": name, "before": before, "after": after})


def same_value(before: Any, after: Any) -> bool:
    """Equality of JSON values as a card's id sees it: ``1`` is ``1.0`` but not ``true``."""
    return codec.canonical_bytes(before) == codec.canonical_bytes(after)


def without(part: Part, *names: str) -> Part:
    """A part of a document less some of its keys."""
    return {key: item for key, item in part.items() if key not in names}


def field_clauses(changes: Sequence[dict[str, Any]]) -> list[str]:
    """Clauses such as ``learning_rate 0.0002 -> 0.0001``, and how many more there are."""
    clauses = [_field_clause(change) for change in changes[:_CLAUSES]]
    more = len(changes) - _CLAUSES
    if more > 0:
        clauses.append(f"{words.quantity(more, 'more field')} {'differs' if more == 1 else 'differ'}")
    return clauses


def _field_clause(change: dict[str, Any]) -> str:
    name = words.clean(change["field"])
    before, after = _short(change["before"]), _short(change["after"])
    if before == after or len(before) > _SHOWN or len(after) > _SHOWN:
        return f"{name} differs"
    return f"{name} {before} -> {after}"


def moved(what: str, before: Any, after: Any) -> str:
    """A clause for one value: ``the revision 1111 -> 2222``, or that it is there on one side only."""
    if before is None:
        return f"{what} is {_short(after)} now"
    if after is None:
        return f"{what} was {_short(before)}"
    return f"{what} {_short(before)} -> {_short(after)}"


def _short(value: Any) -> str:
    """A value as it may stand in a sentence: digests shortened, nothing that acts on a terminal."""
    return words.clean(words.short(value) if isinstance(value, str) else words.value(value))


def keyed(
    before: Iterable[Part] | None, after: Iterable[Part] | None, key: Callable[[Part], str]
) -> list[tuple[str, Part | None, Part | None]]:
    """Pair two lists by key, sorted by key; keys that repeat pair in order and are numbered."""
    left, right = _by_key(before or (), key), _by_key(after or (), key)
    return [(name, left.get(name), right.get(name)) for name in sorted(left.keys() | right.keys())]


def _by_key(items: Iterable[Part], key: Callable[[Part], str]) -> dict[str, Part]:
    seen: Counter[str] = Counter()
    paired: dict[str, Part] = {}
    for item in items:
        name = key(item)
        seen[name] += 1
        paired[name if seen[name] == 1 else f"{name} ({seen[name]})"] = item
    return paired


def list_changes(
    before: Iterable[Part] | None,
    after: Iterable[Part] | None,
    key: Callable[[Part], str],
    content: Callable[[Part], Any],
) -> dict[str, list[str]]:
    """Names that were added, removed or changed between two lists."""
    changes: dict[str, list[str]] = {"added": [], "removed": [], "changed": []}
    for name, left, right in keyed(before, after, key):
        if left is None or right is None:
            changes["added" if left is None else "removed"].append(name)
        elif content(left) != content(right):
            changes["changed"].append(name)
    return changes


def file_changes(before: Part, after: Part) -> dict[str, list[str]]:
    """Paths among the ``files`` of two parts that were added, removed or changed."""
    return list_changes(
        before.get("files"),
        after.get("files"),
        lambda file: str(file["path"]),
        lambda file: (file["size"], file["sha256"]),
    )


def list_clauses(changes: dict[str, list[str]], noun: str) -> list[str]:
    """Clauses such as ``2 files differ`` and ``1 file added``; a single item is named."""
    clauses = []
    for kind, verb in (("changed", "differ"), ("added", "added"), ("removed", "removed")):
        names = changes[kind]
        if len(names) == 1:
            ending = "s" if kind == "changed" else ""
            clauses.append(f"1 {noun} {verb}{ending} ({words.clean(names[0])})")
        elif names:
            clauses.append(f"{words.quantity(len(names), noun)} {verb}")
    return clauses


def any_change(changes: dict[str, list[str]]) -> bool:
    """Whether a listing of changes holds any."""
    return any(changes.values())

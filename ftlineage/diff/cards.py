"""Which elements differ between two cards, in the order of how much they can matter to behaviour.

Decides sameness by identity: the ids computed from both documents, not the ids they claim. Two
cards of different identity always have at least one element here, because every identity section
is compared as read: keys of a later release and another way of writing the same values included.
Names, runs, governance and the list of what is unrecorded are outside identity and not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from ftlineage.core.card import IDENTITY, OUTSIDE, Card, card_id
from ftlineage.diff import elements
from ftlineage.diff.fields import Change, Difference, Element, Part, keyed, same_value, without
from ftlineage.diff.packages import environment

# Weights first, then what shapes the input, then how it was made. Parents only tell the history.
ORDER = (
    "base",
    "adapter",
    "data",
    "preprocessing",
    "prompts",
    "retrieval",
    "recipe",
    "code",
    "environment",
    "parents",
)

_Compare = Callable[[Any, Any], Difference]
_SINGLE: dict[str, _Compare] = {
    "base": elements.base,
    "adapter": elements.adapter,
    "recipe": elements.recipe,
    "code": elements.code,
    "environment": environment,
}
_LISTED: dict[str, tuple[Callable[[Part], str], _Compare]] = {
    "data": (lambda item: str(item["name"]), elements.dataset),
    "prompts": (lambda item: str(item["name"]), elements.text),
    "retrieval": (lambda item: str(item["name"]), elements.retrieval),
    "parents": (lambda item: str(item.get("name") or item["relation"]), elements.plain),
}
# What the model is fed with comes before how it was probed.
_PREPROCESSING: dict[str, tuple[Callable[[Part], str], _Compare]] = {
    "processors": (lambda item: str(item["kind"]), elements.processor),
    "chat_templates": (lambda item: f"chat template {item['name']}", elements.text),
    "code": (lambda item: f"{item['role']} {item['name']}", elements.function),
}


class CardDiff(msgspec.Struct, frozen=True, kw_only=True):
    """Whether two cards are of one identity, and the elements that differ."""

    same: bool
    elements: list[Element]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pair:
    """One element as it stands in both documents; null where a card does not have it."""

    section: str
    name: str
    before: Any
    after: Any
    compare: _Compare


def diff_cards(a: Card, b: Card) -> CardDiff:
    """Compare two cards; ``a`` is before, ``b`` after.

    Returns:
        ``same`` with no elements for equal identity. Otherwise the elements that differ: what can
        change behaviour first, in the order of ``ORDER``; then elements that are equal by digest
        with other labels.
    """
    before, after = a.document(), b.document()
    if card_id(before) == card_id(after):
        return CardDiff(same=True, elements=[])
    found = [_element(pair) for pair in _pairs(before, after) if not same_value(pair.before, pair.after)]
    found += _unexplained(before, after, {element.section for _, element in found})
    found.sort(key=lambda item: item[0])  # stable: within a section the order of pairing stays
    return CardDiff(same=False, elements=[element for _, element in found])


def _element(pair: _Pair) -> tuple[tuple[bool, int], Element]:
    if pair.before is None or pair.after is None:
        change: Change = "added" if pair.before is None else "removed"
        which = "second" if pair.before is None else "first"
        summary = f"Only the {which} version has it."
        return (False, _rank(pair.section)), Element(
            section=pair.section, name=pair.name, change=change, summary=summary
        )
    difference = pair.compare(pair.before, pair.after)
    element = Element(
        section=pair.section,
        name=pair.name,
        change="changed",
        summary=difference.sentence,
        detail=difference.detail,
    )
    return (difference.labels_only, _rank(pair.section)), element


def _rank(section: str) -> int:
    return ORDER.index(section) if section in ORDER else len(ORDER)


def _unexplained(before: Part, after: Part, explained: set[str]) -> Iterator[tuple[tuple[bool, int], Element]]:
    """Sections that differ to the id though their elements are equal: another order, or null for absent."""
    for section in sorted((before.keys() | after.keys()) - explained - {*OUTSIDE}):
        present = section in before, section in after
        if present != (True, True) or not same_value(before[section], after[section]):
            summary = Difference(clauses=[], detail={}).sentence
            yield (True, _rank(section)), Element(section=section, name=section, change="changed", summary=summary)


def _pairs(before: Part, after: Part) -> Iterator[_Pair]:
    for section, compare in _SINGLE.items():
        yield _Pair(section=section, name=section, before=before[section], after=after[section], compare=compare)
    for section, (key, compare) in _LISTED.items():
        yield from _items(section, before[section], after[section], key, compare)
    yield from _preprocessing(before["preprocessing"], after["preprocessing"])
    for section in sorted((before.keys() | after.keys()) - {*IDENTITY, *OUTSIDE}):
        yield _Pair(
            section=section,
            name=section,
            before=before.get(section),
            after=after.get(section),
            compare=elements.plain,
        )


def _preprocessing(before: Part, after: Part) -> Iterator[_Pair]:
    section = "preprocessing"
    for field, (key, compare) in _PREPROCESSING.items():
        yield from _items(section, before.get(field), after.get(field), key, compare)
    old, new = _by_template(before), _by_template(after)
    for template in sorted(old.keys() | new.keys()):
        yield _Pair(
            section=section,
            name=f"renderings by {template}",
            before=old.get(template),
            after=new.get(template),
            compare=elements.renderings,
        )
    told = (*_PREPROCESSING, "renderings")
    left, right = without(before, *told), without(after, *told)
    yield _Pair(section=section, name="settings", before=left, after=right, compare=elements.plain)


def _by_template(preprocessing: Part) -> dict[str, list[Part]]:
    grouped: dict[str, list[Part]] = {}
    for item in preprocessing.get("renderings") or ():
        grouped.setdefault(str(item["template"]), []).append(item)
    return grouped


def _items(
    section: str,
    before: Iterable[Part] | None,
    after: Iterable[Part] | None,
    key: Callable[[Part], str],
    compare: _Compare,
) -> Iterator[_Pair]:
    for name, left, right in keyed(before, after, key):
        yield _Pair(section=section, name=name, before=left, after=right, compare=compare)

"""Properties: a card equals itself, every change of identity is found, and the way back is the mirror."""

from __future__ import annotations

import contextlib
import string
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ftlineage.core import codec
from ftlineage.core.card import IDENTITY, Card, card_id, read_document
from ftlineage.diff.cards import diff_cards
from ftlineage.errors import CardMalformedError
from tests.unit.cli.sample import full_card

_SWAP = {"before": "after", "after": "before", "added": "removed", "removed": "added"}


def mirror(value: Any) -> Any:
    """The same difference seen from the other side."""
    if isinstance(value, dict):
        return {_SWAP.get(key, key): _mirrored(key, item) for key, item in value.items() if key != "summary"}
    return [mirror(item) for item in value] if isinstance(value, list) else value


def _mirrored(key: str, item: Any) -> Any:
    # Only here does the diff say these words; elsewhere they may be data.
    return _SWAP.get(item, item) if key in {"change", "step"} and isinstance(item, str) else mirror(item)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place below a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in ((*path, key), *places(item, (*path, key)))]


@st.composite
def variants(draw: Any) -> Card:
    """The full card with some parts replaced, dropped, repeated or reordered."""
    card = full_card()
    for _ in range(draw(st.integers(0, 4))):
        document = card.document()
        section = draw(st.sampled_from(IDENTITY))
        path = draw(st.sampled_from(places(document[section]) or [()]))
        if path:
            _change(draw, document[section], path)
        with contextlib.suppress(CardMalformedError):  # what is no card any more is not kept
            card = read_document(document)
    return card


def _change(draw: Any, root: Any, path: tuple[Any, ...]) -> None:
    for key in path[:-1]:
        root = root[key]
    value = root[path[-1]]
    match draw(st.sampled_from(["null", "other", "drop", "more"])):
        case "null":
            root[path[-1]] = None
        case "drop":
            del root[path[-1]]
        case "more" if isinstance(value, list):
            root[path[-1]] = [*reversed(value), *value[:1]]
        case "more" if isinstance(value, dict):
            value["extra"] = draw(st.integers(0, 2))
        case _:
            root[path[-1]] = _other(draw, value)


def _other(draw: Any, value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + draw(st.integers(0, 2))
    if isinstance(value, str) and len(value) in {40, 64} and set(value) <= set(string.hexdigits):
        return draw(st.sampled_from("01")) * len(value)
    return draw(st.sampled_from(["x", "y", "observed", "declared"]))


@given(variants())
@settings(max_examples=20, deadline=None)
def test_a_card_equals_itself(card: Card):
    diff = diff_cards(card, card)
    assert diff.same
    assert diff.elements == []


@given(variants(), variants())
@settings(max_examples=100, deadline=None)
def test_differences_are_found_and_mirrored(a: Card, b: Card):
    forth, back = diff_cards(a, b), diff_cards(b, a)
    same = card_id(a.document()) == card_id(b.document())
    assert forth.same == back.same == same
    assert bool(forth.elements) != same
    assert mirror(codec.builtins(forth)) == {**codec.builtins(back), "elements": _without_summary(back)}
    assert all(element.summary.endswith(".") for element in forth.elements)


def _without_summary(diff: Any) -> list[dict[str, Any]]:
    return [
        {key: item for key, item in element.items() if key != "summary"} for element in codec.builtins(diff)["elements"]
    ]

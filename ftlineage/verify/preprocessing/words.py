"""How a changed setting is said: its name, what it is, what the card says.

Decides the one form of sentence for every kind of preprocessing, and how long a value may get in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ftlineage.core import codec, words

_SHOWN = 160
_NAMED = 3


class Change(msgspec.Struct, frozen=True):
    """One setting that is not what the card says; ``python`` is the found value as Python writes it."""

    name: str
    card: Any
    found: Any
    python: str | None = None
    gone: bool = False
    added: bool = False


def changes_sentence(changes: Sequence[Change]) -> str:
    """``image_mean is [0.485], the card says [0.5]``; the first few, and how many more."""
    said = [_clause(change) for change in changes[:_NAMED]]
    more = len(changes) - _NAMED
    return "; ".join([*said, *([words.quantity(more, "more setting")] if more > 0 else [])])


def expected_and_actual(changes: Sequence[Change]) -> tuple[Any, Any]:
    """A finding's two values: those of the one setting, or of several by name."""
    if len(changes) == 1:
        return changes[0].card, changes[0].found
    named = [(words.clean(change.name), change) for change in changes]
    return {name: change.card for name, change in named}, {name: change.found for name, change in named}


def _clause(change: Change) -> str:
    name = words.clean(change.name)
    if change.added:
        return f"{name} is {_written(change.found, change)}, the card has none"
    if change.gone:
        return f"{name} is gone, the card says {_written(change.card, change)}"
    return f"{name} is {_written(change.found, change)}, the card says {_written(change.card, change)}"


def _written(value: Any, change: Change) -> str:
    # A card knows lists only; beside a tuple its value is written as one too.
    as_tuple = change.python is not None and change.python.startswith("(")
    text = python_text(_tuples(value) if as_tuple else value) if change.python is not None else json_text(value)
    return words.clean(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def json_text(value: Any) -> str:
    """A value on one line as its file writes it."""
    if isinstance(value, list):
        return f"[{', '.join(map(json_text, value))}]"
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{codec.compact_text(str(key))}: {json_text(item)}" for key, item in value.items()) + "}"
        )
    return codec.compact_text(codec.jsonable(value))


def python_text(value: Any) -> str:
    """A value on one line as Python writes it."""
    return repr(value)

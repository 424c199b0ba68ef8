"""Replacements in a text: which may stand together, and what the text is afterwards.

Decides the order of edits that meet at one offset (as given). Refuses edits that overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """``text[start:end]`` becomes ``new``; offsets in characters of the text before any edit."""

    start: int
    end: int
    new: str


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made.

    Raises:
        ValueError: Two edits overlap, or one lies outside the text.
    """
    parts: list[str] = []
    at = 0
    for edit in sorted(edits, key=_place):
        if not at <= edit.start <= edit.end <= len(text):
            message = f"edit {edit.start}:{edit.end} overlaps another or leaves the text"
            raise ValueError(message)
        parts += (text[at : edit.start], edit.new)
        at = edit.end
    return "".join([*parts, text[at:]])


def shifted(edits: Sequence[Edit]) -> list[int]:
    """Where the new text of each edit begins once all are made, in the order given."""
    begins: dict[int, int] = {}
    moved = 0
    for number, edit in sorted(enumerate(edits), key=lambda pair: _place(pair[1])):
        begins[number] = edit.start + moved
        moved += len(edit.new) - (edit.end - edit.start)
    return [begins[number] for number in range(len(edits))]


def overlap(one: Edit, other: Edit) -> bool:
    """Whether two edits cannot both be made."""
    if one.start == one.end and other.start == other.end:
        return False
    if one.start == one.end:
        return other.start < one.start < other.end
    if other.start == other.end:
        return one.start < other.start < one.end
    return one.start < other.end and other.start < one.end


def largest(items: Sequence[T], holds: Callable[[list[T]], bool]) -> tuple[list[T], list[T]]:
    """Items that hold together, and those that do not; one call where all do, halving where not."""
    refused: list[T] = []

    def grow(base: list[T], more: Sequence[T]) -> list[T]:
        if not more or holds([*base, *more]):
            return [*base, *more]
        if len(more) == 1:
            refused.append(more[0])
            return base
        half = len(more) // 2
        return grow(grow(base, more[:half]), more[half:])

    return grow([], items), refused


def _place(edit: Edit) -> tuple[int, int]:
    # An insertion comes before what is replaced at the same offset.
    return edit.start, edit.end

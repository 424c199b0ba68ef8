"""The first line in which a text is not the recorded one, in words for a finding."""

from __future__ import annotations

from ftlineage.core import words

_LONGEST = 72


def first_difference(found: str | bytes, card: str) -> str:
    """The first line of a text that is not the card's.

    Args:
        found: The text, or the bytes of its file, which may be no UTF-8.
        card: The text that the card holds.
    """
    text = found.decode("utf-8", "backslashreplace") if isinstance(found, bytes) else found
    ours, theirs = text.split("\n"), card.split("\n")
    for number, (line, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if line != other:
            return f"line {number} is {_quoted(line, other)}, the card says {_quoted(other, line)}"
    number = min(len(ours), len(theirs)) + 1
    if len(ours) == len(theirs):
        return "its bytes are no UTF-8"
    if len(ours) > len(theirs):
        return f"line {number} is {_quoted(ours[number - 1], '')}, and the card's text ends before"
    return f"it ends before line {number}, where the card says {_quoted(theirs[number - 1], '')}"


def _quoted(line: str, other: str) -> str:
    """A line in quotes; of a long one the part where it begins to differ."""
    same = next((place for place, pair in enumerate(zip(line, other, strict=False)) if pair[0] != pair[1]), None)
    start = max(0, (len(other) if same is None else same) - _LONGEST // 3) if len(line) > _LONGEST else 0
    cut = start + _LONGEST < len(line)
    return f"'{'…' if start else ''}{words.clean(line[start : start + _LONGEST])}{'…' if cut else ''}'"

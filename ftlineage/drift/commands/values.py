"""What a word of a command line is once variables are filled in, and where in the file each letter of it stands.

A value keeps how it came to its use: a constant is reported where it is used; a default, one of
several alternatives and an argument of a shell function where it is written.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import IntEnum
from itertools import product
from typing import NamedTuple

# Stands in a value's text for what only a run knows; the name between two of them is the variable's.
UNKNOWN = "\x00"
MOST = 32  # alternatives of one word
LONGEST = 20_000  # characters of one word; a longer one is unknown
PIECES = 200  # places in the file that one word is put together from


class How(IntEnum):
    """How a value came to its use; the farther way wins when parts are joined."""

    HERE = 0
    SHARED = 1  # one of several: a loop, a branch, a list
    ARGUMENT = 2  # given to a shell function
    DEFAULT = 3  # holds unless the caller says otherwise


# Why a value that is not written where it is used has no place for a revision there.
REASONS = {
    How.SHARED: "one word of this command serves several ids",
    How.ARGUMENT: "the revision has to go through the shell function that loads it",
    How.DEFAULT: "only a default is written here: a revision for it would hold for every other id as well",
}


class Span(NamedTuple):
    """``start`` in the value's text; ``offset`` and ``length`` of what stands for it in the file."""

    start: int
    offset: int
    length: int
    literal: bool


class Value(NamedTuple):
    """One possible text of a word."""

    text: str
    spans: tuple[Span, ...]
    how: How = How.HERE

    @property
    def is_known(self) -> bool:
        """Whether no part of it waits for a run."""
        return UNKNOWN not in self.text

    def at(self, position: int) -> int:
        """The offset in the file of a character of the text."""
        span = self._span(position)
        return span.offset + (position - span.start if span.literal else 0)

    def after(self, position: int) -> int:
        """The offset in the file behind the character before ``position``."""
        if position == 0:
            return self.at(0)
        span = self._span(position - 1)
        return span.offset + (position - span.start if span.literal else span.length)

    def part(self, start: int, end: int) -> Value:
        """A piece of it, with its own places."""
        first = max(bisect_right(self.spans, start, key=_start) - 1, 0)
        last = max(bisect_right(self.spans, max(end - 1, start), key=_start), first + 1)
        kept = []
        for span in self.spans[first:last]:
            shift = max(start - span.start, 0)
            move = shift if span.literal else 0
            kept.append(Span(max(span.start - start, 0), span.offset + move, span.length - move, span.literal))
        return Value(self.text[start:end], tuple(kept), self.how)

    def _span(self, position: int) -> Span:
        index = bisect_right(self.spans, position, key=_start)
        return self.spans[max(index - 1, 0)]


def _start(span: Span) -> int:
    return span.start


class Argument(NamedTuple):
    """One word of a command: its alternatives, the stretch of the file that it fills, the variable that it is."""

    values: tuple[Value, ...]
    start: int
    end: int
    variable: str = ""

    @property
    def text(self) -> str:
        """Its first alternative."""
        return self.values[0].text


def literal(text: str, offset: int) -> Value:
    """A value that stands in the file as it is."""
    return Value(text, (Span(0, offset, len(text), literal=True),))


def unknown(name: str, offset: int, length: int) -> Value:
    """A value that only a run knows."""
    return Value(f"{UNKNOWN}{name}{UNKNOWN}", (Span(0, offset, length, literal=False),))


def used_at(value: Value, offset: int, length: int) -> Value:
    """A variable's value at its use: a constant of one line moves here, everything else stays where it is written."""
    if value.how is not How.HERE or "\n" in value.text:
        return value
    return Value(value.text, (Span(0, offset, length, literal=False),))


def marked(value: Value, how: How) -> Value:
    """The value with a farther way."""
    return value._replace(how=max(value.how, how))


def joined(parts: list[tuple[Value, ...]], offset: int) -> tuple[Value, ...]:
    """The alternatives of a word from those of its parts, at most :data:`MOST`."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return (literal("", offset),)
    count = 1
    for part in parts:
        count *= len(part)
    if count > MOST:
        parts = [part[:1] for part in parts]
    if _is_long(parts):
        first, last = parts[0][0], parts[-1][0]
        return (unknown("", first.at(0), max(last.after(len(last.text)) - first.at(0), 0)),)
    return tuple(_join(chosen) for chosen in product(*parts))


def _is_long(parts: list[tuple[Value, ...]]) -> bool:
    letters = sum(max(len(value.text) for value in part) for part in parts)
    return letters > LONGEST or sum(len(part[0].spans) for part in parts) > PIECES


def _join(parts: tuple[Value, ...]) -> Value:
    spans: list[Span] = []
    length = 0
    for part in parts:
        spans += [Span(start + length, offset, size, exact) for start, offset, size, exact in part.spans]
        length += len(part.text)
    return Value("".join(part.text for part in parts), tuple(spans), max(part.how for part in parts))

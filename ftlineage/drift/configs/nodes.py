"""A parsed file with positions: the same three shapes for YAML, TOML and JSON.

Decides nothing about meaning. Offsets are in characters of the file's text. What a key says twice,
its last value says: that is what the loaders of all three formats do, or refuse.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Literal

import msgspec

MAX_DEPTH = 64
MAX_CHARACTERS = 2_000_000
_MERGE_DEPTH = 3
_MERGE_WIDTH = 4

Format = Literal["yaml", "toml", "json"]
Style = Literal["plain", "quoted", "block", "tagged"]
# How a mapping is written: as one, as a list of `{name: , value: }`, as a list of `NAME=value`.
Form = Literal["mapping", "pairs", "assignments"]


class Scalar(msgspec.Struct, frozen=True):
    """One value; ``start`` to ``end`` covers its quotes, ``use`` is where an alias stands for it."""

    text: str
    start: int
    end: int
    style: Style = "plain"
    use: tuple[int, int] | None = None

    @property
    def ends(self) -> int:
        """Where it ends at the place of its use."""
        return self.use[1] if self.use else self.end

    @property
    def is_null(self) -> bool:
        """Whether it says that there is no value."""
        return self.style == "plain" and self.text in {"", "~", "null", "Null", "NULL", "None"}

    @property
    def is_true(self) -> bool:
        """Whether it is a true boolean, written in any way that loaders take."""
        return self.text.lower() in {"true", "yes", "on", "1"}


class Entry(msgspec.Struct, frozen=True):
    """One key with its value; ``prefix`` is what a dotted TOML key has before its last part."""

    key: Scalar
    value: Node
    prefix: str = ""


class Mapping(msgspec.Struct):
    """Keys with values; ``merged`` are the mappings that a YAML ``<<`` brings in."""

    start: int
    end: int
    flow: bool
    entries: list[Entry] = msgspec.field(default_factory=list)
    merged: list[Mapping] = msgspec.field(default_factory=list)
    form: Form = "mapping"
    index: dict[str, Entry] = msgspec.field(default_factory=dict)
    indexed: int = 0

    def get(self, key: str, depth: int = 0) -> Entry | None:
        """The entry that counts for a key: the last one here, else the first of what is merged in."""
        for entry in self.entries[self.indexed :]:
            self.index[entry.key.text] = entry
        self.indexed = len(self.entries)
        own = self.index.get(key)
        if own is not None:
            return own
        # Bounded, since a merge may come back to itself.
        if depth < _MERGE_DEPTH:
            for other in self.merged[:_MERGE_WIDTH]:
                found = other.get(key, depth + 1)
                if found is not None:
                    return found
        return None

    def effective(self) -> Iterator[Entry]:
        """Its own entries without those that a later one of the same key replaces."""
        return iter({entry.key.text: entry for entry in self.entries}.values())


class Sequence(msgspec.Struct):
    """Values in a row."""

    start: int
    end: int
    flow: bool
    items: list[Node] = msgspec.field(default_factory=list)


Node = Scalar | Mapping | Sequence


class Document(msgspec.Struct, frozen=True):
    """One document of a file."""

    root: Node
    format: Format


class Page:
    """A file's text, with the way from an offset to its line and column."""

    __slots__ = ("_starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    def line(self, offset: int) -> int:
        """The line of an offset, from 1."""
        return bisect_right(self._starts, offset)

    def column(self, offset: int) -> int:
        """The column of an offset, from 1."""
        return offset - self._starts[self.line(offset) - 1] + 1

    def offset(self, line: int) -> int:
        """Where a line starts, the last one for any beyond it."""
        return self._starts[min(max(line, 1), len(self._starts)) - 1]

    def line_start(self, offset: int) -> int:
        """Where the line of an offset starts."""
        return self._starts[self.line(offset) - 1]

    def line_end(self, offset: int) -> int:
        """Where the line of an offset ends, before its line break."""
        end = self.text.find("\n", offset)
        if end < 0:
            return len(self.text)
        return end - 1 if end > offset and self.text[end - 1] == "\r" else end

    @property
    def newline(self) -> str:
        """The line break that the file is written with."""
        return "\r\n" if "\r\n" in self.text else "\n"

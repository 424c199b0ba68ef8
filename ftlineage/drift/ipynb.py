"""The cells of a notebook with the place in the file of every letter of their sources.

Decides what is a cell (format 4, and the worksheets of format 3). Refuses what is no JSON, and files
beyond 64 million characters, with :class:`~ftlineage.errors.BadInputError`. One pass over the text;
outputs, however large, are stepped over.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from ftlineage.drift.commands.values import Span, Value
from ftlineage.errors import BadInputError

MAX_CHARACTERS = 64_000_000

_TOKEN = re.compile(r'"(?:[^"\\]+|\\.)*+"|[\[\]{}]', re.DOTALL)
_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)
_SOURCES = frozenset({"source", "input"})


class Cell(NamedTuple):
    """One cell: its number, its kind (``code``, ``markdown``) and its source."""

    number: int
    kind: str
    source: Value


def read_cells(text: str, path: str) -> list[Cell]:
    """Every cell of a notebook, in order.

    Raises:
        BadInputError: It is no notebook, or too large.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadInputError(path=path, reason=f"has more than {MAX_CHARACTERS:,} characters")
    try:
        whole = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as fault:
        raise BadInputError(path=path, reason=f"is no notebook: {fault}") from fault
    if not isinstance(whole, dict) or not ("cells" in whole or "worksheets" in whole):
        raise BadInputError(path=path, reason="is no notebook: it has no cells")
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.cells


class _Scanner:
    """Follows the brackets of a text that is known to be JSON, down to the keys of cells."""

    def __init__(self, text: str) -> None:
        self.cells: list[Cell] = []
        self._text = text
        self._path: list[str] = []  # the key under which each open bracket stands
        self._key = ""
        self._kind = ""
        self._strings: list[tuple[int, int]] = []

    def scan(self) -> None:
        """Find the cells."""
        text = self._text
        for token in _TOKEN.finditer(text):
            first = text[token.start()]
            if first in "{[":
                if first == "{" and self._is_list_of_cells():
                    self._kind, self._strings = "", []
                self._path.append(self._key if first == "{" or self._key else "")
                self._key = ""
            elif first in "}]":
                self._close(first)
            elif len(self._path) <= 6:  # noqa: PLR2004 - worksheets, one, cells, one, source: nothing below is a cell's own
                self._string(token.start(), token.end())

    def _is_list_of_cells(self) -> bool:
        return bool(self._path) and self._path[-1] == "cells"

    def _close(self, bracket: str) -> None:
        self._key = ""
        if self._path:
            self._path.pop()
        if bracket == "}" and self._is_list_of_cells():
            source = _source(self._text, self._strings)
            self.cells.append(Cell(len(self.cells), self._kind, source))

    def _string(self, start: int, end: int) -> None:
        if self._text[end : end + 1] == ":" or self._text[end : end + 3].lstrip()[:1] == ":":
            self._key = self._text[start + 1 : end - 1]
            return
        inside = len(self._path) > 1 and self._path[-2] == "cells"
        if inside and self._key == "cell_type":
            self._kind = self._text[start + 1 : end - 1]
        elif inside and self._key in _SOURCES:
            self._strings.append((start + 1, end - 1))
        elif len(self._path) > 2 and self._path[-3] == "cells" and self._path[-1] in _SOURCES:  # noqa: PLR2004 - a list in a cell
            self._strings.append((start + 1, end - 1))
            return
        self._key = ""


def _source(text: str, strings: list[tuple[int, int]]) -> Value:
    pieces: list[str] = []
    spans: list[Span] = []
    length = 0
    for start, end in strings:
        at = start
        for found in _ESCAPE.finditer(text, start, end) if "\\" in text[start:end] else ():
            if found.start() > at:
                spans.append(Span(length, at, found.start() - at, literal=True))
                pieces.append(text[at : found.start()])
                length += found.start() - at
            letter = json.loads(f'"{found[0]}"')
            spans.append(Span(length, found.start(), len(found[0]), literal=False))
            pieces.append(letter)
            length += len(letter)
            at = found.end()
        if end > at:
            spans.append(Span(length, at, end - at, literal=True))
            pieces.append(text[at:end])
            length += end - at
    place = strings[-1][1] if strings else 0
    spans.append(Span(length, place, 0, literal=True))
    return Value("".join(pieces), tuple(spans))

"""Where each character of a value stands in the file, whatever quotes, folds or escapes are around it.

Decides by the visible characters, which every style keeps in order. Refuses, by None, values that a
parser has changed in any other way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ftlineage.drift.configs.nodes import Page, Scalar, Sequence

_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*[^\n]*\n")
_WIDTH = {"u": 6, "x": 4, "U": 10}
_BLANKS = frozenset("ntrvf e_0abNLP\n\r\t")


class Piece(NamedTuple):
    """A text handed to another reader: ``places[i]`` is the offset in the file of its character ``i``.

    ``aligned`` says that the places are exact, ``row`` is the list whose items the words are, ``indent``
    is what every line of a block has before it.
    """

    text: str
    places: list[int]
    aligned: bool = True
    row: Sequence | None = None
    indent: str | None = None
    quote: str = ""


def piece_of(page: Page, scalar: Scalar) -> Piece:
    """A value with the place of each of its characters."""
    start, end = scalar.start, scalar.end
    raw = page.text[start:end]
    quote, indent = "", None
    if scalar.style in {"block", "tagged"} and (header := _BLOCK_HEADER.search(raw)) is not None:
        start += header.end()
        if "|" in header[0]:
            body = page.text[start:end]
            indent = body[: len(body) - len(body.lstrip(" "))] if body[:1] == " " else ""
    elif scalar.style == "quoted":
        quote = raw[:1]
        start, end = start + 1, end - 1
    places = _aligned(scalar.text, page.text, start, end, quote)
    if places is None:
        return Piece(scalar.text, [scalar.start] * len(scalar.text), aligned=False)
    return Piece(scalar.text, places, indent=indent, quote=quote)


def _aligned(value: str, text: str, start: int, end: int, quote: str) -> list[int] | None:
    if text[start:end] == value:
        return list(range(start, end))
    seen = _visible(text, start, end, quote)
    places: list[int] = []
    for sign in value:
        if sign.isspace():
            places.append(places[-1] + 1 if places else start)
            continue
        at, shown = next(seen, (-1, ""))
        if at < 0 or shown not in {sign, None}:
            return None
        places.append(at)
    return places if next(seen, None) is None else None


def _visible(text: str, start: int, end: int, quote: str) -> Iterator[tuple[int, str | None]]:
    """The characters that show, with their places; None for one that stands as a code."""
    at = start
    while at < end:
        sign = text[at]
        if quote == '"' and sign == "\\":
            code = text[at + 1 : at + 2]
            if code in _WIDTH:
                yield at, None
            elif code not in _BLANKS:
                yield at, code
            at += _WIDTH.get(code, 2)
        elif quote == "'" and text.startswith("''", at):
            yield at, sign
            at += 2
        else:
            if not sign.isspace():
                yield at, sign
            at += 1

"""Where a line of source ends: in a file as it is, and in a notebook, whose lines are JSON strings with escapes."""

from __future__ import annotations

import re

_BREAK = re.compile(r"\r\n|\n|\r")
_STRING_END = re.compile(r'(?:[^"\\\r\n]|\\[^nr\r\n])*')


def is_notebook(path: str) -> bool:
    """Whether the lines of a file are strings of a JSON document."""
    return path.endswith(".ipynb")


def line_end(text: str, offset: int, *, notebook: bool = False) -> int:
    r"""Where the line of a character ends, before its line break (in a notebook an escaped ``\n`` or the quote)."""
    if notebook:
        found = _STRING_END.match(text, offset)
        return found.end() if found else offset
    found = _BREAK.search(text, offset)
    return found.start() if found else len(text)


def line_start(text: str, offset: int) -> int:
    """Where the physical line of a character starts."""
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def line_number(text: str, offset: int) -> int:
    """The physical line of a character, from 1, as editors count."""
    return sum(1 for _ in _BREAK.finditer(text, 0, offset)) + 1

"""The differences of rewritten files as a unified diff that ``git apply`` and ``patch`` take."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

_NO_NEWLINE = "\n\\ No newline at end of file\n"


def patch(path: str, before: str, after: str) -> str:
    """The difference of one file; empty where there is none."""
    return "".join(_lines(path, before, after))


def _lines(path: str, before: str, after: str) -> Iterator[str]:
    # By line feeds alone, as patches count lines: a form feed or a lone carriage return ends none.
    old, new = _split(before), _split(after)
    for line in difflib.unified_diff(old, new, f"a/{path}", f"b/{path}"):
        yield line if line.endswith("\n") else line + _NO_NEWLINE


def _split(text: str) -> list[str]:
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])

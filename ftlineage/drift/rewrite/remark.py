"""What stands beside a pinned commit: ``# main @ 2026-08-20``, the wish it answers and the day of the commit.

A remark ends its line and answers the commit ids of that line in their order, split by semicolons.
``default`` says that no revision was named before, so the whole argument or key was written by us;
anything else is, letter by letter, the text that the commit id replaced. Refuses wishes that would
not survive in a comment (spaces, semicolons): those are kept in the lock file alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ftlineage.drift.rewrite.lines import line_end, line_start

DEFAULT = "default"
#: Text that says "no revision" in some format; a commit id that replaced it has quotes where the format has them.
NOTHING = frozenset({"None", "null", "Null", "NULL", "~", "''", '""', "\\'\\'", '\\"\\"'})

_WISH = r"[^\s;#\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}"
_ITEM = rf"{_WISH} @ \d{{4}}-\d\d-\d\d"
_WRITABLE = re.compile(_WISH)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_REMARK = re.compile(rf"  (?:#|//) ({_ITEM}(?:; {_ITEM})*)")
# Escapes are taken in pairs: an escaped quote ends no string, and an escaped backslash escapes no letter.
_QUOTE_OR_ESCAPE = re.compile(r'"|\\.')
SHA = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{40}(?![0-9A-Za-z])")


class Wish(NamedTuple):
    """What a pin answers: the text that stood there (``default`` for nothing) and the commit's date."""

    text: str
    date: str

    @property
    def ref(self) -> str:
        """The branch or tag, ``default`` where the text says that none is named."""
        return wished(self.text) or DEFAULT


def wished(text: str) -> str | None:
    """The branch or tag that a replaced text names; None for the default branch, however that was said."""
    return None if not text or text == DEFAULT or text in NOTHING else text


class Beside(NamedTuple):
    """One commit id with its wish: ``start`` is where the id begins, ``remark`` the span of the whole remark."""

    sha: str
    start: int
    wish: Wish
    remark: tuple[int, int]


def write_remark(wishes: Sequence[Wish], comment: str) -> str | None:
    """The remark with the two spaces before it; None where it could not be read back."""
    if not all(_WRITABLE.fullmatch(wish.text) and _DATE.fullmatch(wish.date) for wish in wishes):
        return None
    return f"  {comment} " + "; ".join(f"{wish.text} @ {wish.date}" for wish in wishes)


def read_remarks(text: str, *, notebook: bool = False) -> Iterator[Beside]:
    """Every commit id that a remark on its line answers, in the order of the text."""
    if " @ " not in text:
        return
    for found in _REMARK.finditer(text):
        if line_end(text, found.end(), notebook=notebook) != found.end():
            continue
        wishes = [Wish(*item.rsplit(" @ ", 1)) for item in found[1].split("; ")]
        ids = list(SHA.finditer(text, _start(text, found.start(), notebook=notebook), found.start()))
        if len(ids) == len(wishes):
            for one, wish in zip(ids, wishes, strict=True):
                yield Beside(one[0], one.start(), wish, found.span())


def _start(text: str, offset: int, *, notebook: bool) -> int:
    start = line_start(text, offset)
    if not notebook:
        return start
    # One string may hold several lines of source, and one line of JSON several strings.
    starts = [
        found.end() for found in _QUOTE_OR_ESCAPE.finditer(text, start, offset) if found[0] in {'"', "\\n", "\\r"}
    ]
    return starts[-1] if starts else start

"""What the Python reader sees in a snippet, one line of text for each judged reference."""

from __future__ import annotations

import ast
import textwrap

from ftlineage.drift.python.reader import read_python
from ftlineage.drift.python.wrappers import Wrappers
from ftlineage.drift.reference import Found, judge

SHA = "7ae557604adf67be50417f59c2c2f167def9a775"


def found_in(source: str, path: str = "pkg/a.py", tree: Wrappers | None = None) -> list[Found]:
    """The findings of a snippet; its first line is line 1."""
    return read_python(textwrap.dedent(source).lstrip("\n"), path, tree)


def seen(source: str, path: str = "pkg/a.py", tree: Wrappers | None = None) -> list[str]:
    """``line:column kind ref revision status`` of each reference; a dash for what is not known."""
    return [
        f"{one.line}:{one.column} {one.kind} {one.ref or '-'} {_short(one.revision)} {one.status}"
        for found in found_in(source, path, tree)
        for one in judge(found, path)
    ]


def pinned(source: str, index: int = 0) -> str:
    """A snippet with ``<SHA>`` written into the slot of one finding; it must parse."""
    text = textwrap.dedent(source).lstrip("\n")
    slot = read_python(text, "a.py")[index].slot
    assert slot is not None
    after = text[: slot.start] + slot.before + "<SHA>" + slot.after + text[slot.end :]
    ast.parse(after)
    return after


def _short(revision: str | None) -> str:
    return "SHA" if revision == SHA else revision or "-"

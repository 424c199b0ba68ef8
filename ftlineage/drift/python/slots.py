"""Where in a file's text a revision is written, or can be.

Decides offsets only, so that the rewritten call parses: after the last argument, outside its
parentheses, before a trailing comma. Refuses a place whose line cannot end in a remark.
"""

from __future__ import annotations

import ast
import re

from ftlineage.drift.python.source import Source
from ftlineage.drift.python.values import Text
from ftlineage.drift.reference import Slot

_PREFIX = re.compile(r"([rRuUbBfF]{0,2})(\"\"\"|'''|\"|')")
_REST = re.compile(r"(?:[\s,]|\\\r?\n|#[^\r\n]*)*")


def literal_slot(source: Source, text: Text, key: str) -> Slot | None:
    """The text between the quotes of a revision; None if it is not one plain literal of this file."""
    inner = literal_span(source, text.node) if not text.foreign else None
    if inner is None or source.text[inner[0] : inner[1]] != text.text:
        return None
    return Slot(key=key, start=inner[0], end=inner[1], comment=_comment(source, inner[1]))


def nothing_slot(source: Source, node: ast.expr, key: str) -> Slot:
    """A written ``None`` in the place of a revision."""
    start, end = source.span(node)
    return Slot(key=key, start=start, end=end, before='"', after='"', comment=_comment(source, end))


def call_slot(source: Source, call: ast.Call, key: str) -> Slot | None:
    """A place for ``revision="..."`` after a call's last argument."""
    given = [*call.args, *(one.value for one in call.keywords)]
    if not given or any(isinstance(one, ast.GeneratorExp) for one in call.args):
        return None
    last = max(source.span(one)[1] for one in given)
    close = source.span(call)[1] - 1
    at = _after_parentheses(source.text, last, close)
    if at is None:
        return None
    return Slot(key=key, start=at, end=at, before=f', {key}="', after='"', comment=_comment(source, at))


def literal_span(source: Source, node: ast.expr) -> tuple[int, int] | None:
    """Where the characters of a string literal stand, quotes left out; None for joined and raw pieces."""
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return None
    start, end = source.span(node)
    opening = _PREFIX.match(source.text, start)
    if opening is None:
        return None
    first, last = opening.end(), end - len(opening.group(2))
    # Pieces that are joined, or escapes, do not read as what they mean.
    return (first, last) if source.text[first:last] == node.value else None


def _after_parentheses(text: str, start: int, close: int) -> int | None:
    """After the parentheses around the last argument: ``f(a=("x"))``; None if something else stands there."""
    at = place = start
    while at < close:
        at = _skip(text, at)
        if at >= close:
            break
        if text[at] != ")":
            return None
        at += 1
        place = at
    return place if at == close else None


def _skip(text: str, at: int) -> int:
    found = _REST.match(text, at)
    return found.end() if found is not None else at


def _comment(source: Source, offset: int) -> str | None:
    """``#``, unless the line goes on in a string or by a backslash."""
    rest = source.text[offset : source.line_end(offset)]
    return None if rest.endswith("\\") or '"""' in rest or "'''" in rest else "#"

"""TOML with positions. ``tomllib`` judges whether it is TOML; a second pass finds where each value stands.

Refuses what ``tomllib`` refuses, and what is nested too deeply.
"""

from __future__ import annotations

import re
import tomllib

from ftlineage.drift.configs.nodes import MAX_DEPTH, Document, Entry, Mapping, Node, Scalar, Sequence
from ftlineage.errors import BadInputError

_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_STRING = re.compile(r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''', re.DOTALL)
_WORD = re.compile(r"[^\s,\]}#]+(?: \d\d:\d\d[^\s,\]}#]*)?")
_TRIPLE = ('"""', "'''")


def read_toml(text: str, path: str) -> list[Document]:
    """The one document of a TOML file.

    Raises:
        BadInputError: It is not TOML, or is nested too deeply.
    """
    body = text.removeprefix("\ufeff")
    try:
        tomllib.loads(body.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as fault:
        raise BadInputError(path=path, reason=f"is not TOML: {fault}") from fault
    return [Document(_Scanner(text, path).document(), "toml")]


class _Scanner:
    """Where things stand in a text that is known to be TOML."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        self._at = 1 if text.startswith("\ufeff") else 0
        self._depth = 0

    def document(self) -> Mapping:
        root = Mapping(self._at, len(self._text), flow=False)
        table = root
        self._skip(_SPACE)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header(root)
            else:
                self._pair(table)
            self._skip(_SPACE)
        return root

    def _header(self, root: Mapping) -> Mapping:
        start = self._at
        many = self._text.startswith("[[", start)
        self._at += 2 if many else 1
        keys = self._keys()
        self._skip(_BLANK)
        self._at += 2 if many else 1
        return self._table(root, keys, start, many=many)

    def _table(self, root: Mapping, keys: list[Scalar], start: int, *, many: bool) -> Mapping:
        table = root
        for key in keys[:-1]:
            table = _inner(table, key, start)
        if not many:
            return _inner(table, keys[-1], start)
        entry = table.get(keys[-1].text)
        if entry is None or not isinstance(entry.value, Sequence):
            entry = Entry(keys[-1], Sequence(start, start, flow=False))
            table.entries.append(entry)
        new = Mapping(start, len(self._text), flow=False)
        entry.value.items.append(new)  # type: ignore[union-attr]
        return new

    def _pair(self, table: Mapping) -> None:
        start = self._at
        keys = self._keys()
        prefix = self._text[start : keys[-1].start]
        self._skip(_BLANK)
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        value = self._value()
        for key in keys[:-1]:
            table = _inner(table, key, start)
        table.entries.append(Entry(keys[-1], value, prefix))

    def _keys(self) -> list[Scalar]:
        keys = []
        while True:
            self._skip(_BLANK)
            found = self._take(_KEY)
            keys.append(_scalar(found[0], found.start()))
            dot = _DOT.match(self._text, self._at)
            if dot is None:
                return keys
            self._at = dot.end()

    def _value(self) -> Node:
        first = self._text[self._at : self._at + 1]
        if first in {"[", "{"}:
            return self._collection(first)
        found = self._take(_STRING if first in {'"', "'"} else _WORD)
        return _scalar(found[0], found.start())

    def _collection(self, opening: str) -> Node:
        if self._depth >= MAX_DEPTH:
            raise BadInputError(path=self._path, reason=f"is nested deeper than {MAX_DEPTH} levels")
        self._depth += 1
        start = self._at
        self._at += 1
        rows = Sequence(start, start, flow=True)
        table = Mapping(start, start, flow=True)
        closing = "]" if opening == "[" else "}"
        self._skip(_SPACE)
        while not self._text.startswith(closing, self._at):
            if opening == "[":
                rows.items.append(self._value())
            else:
                self._pair(table)
            self._skip(_SPACE)
            if self._text.startswith(",", self._at):
                self._at += 1
            self._skip(_SPACE)
        self._at += 1
        self._depth -= 1
        node: Mapping | Sequence = rows if opening == "[" else table
        node.end = self._at
        return node

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self._text, self._at)
        if found is None:  # a form of TOML that this pass does not know
            line = self._text.count("\n", 0, self._at) + 1
            raise BadInputError(path=self._path, reason=f"cannot be placed (line {line})")
        self._at = found.end()
        return found


def _inner(table: Mapping, key: Scalar, start: int) -> Mapping:
    """The table under a key: the newest one of an array of tables."""
    entry = table.get(key.text)
    value = entry.value if entry is not None else None
    if isinstance(value, Sequence) and value.items:
        value = value.items[-1]
    if isinstance(value, Mapping):
        return value
    new = Mapping(start, start, flow=False)
    table.entries.append(Entry(key, new))
    return new


def _scalar(raw: str, at: int) -> Scalar:
    if raw[0] not in "\"'":
        return Scalar(raw, at, at + len(raw))
    triple = raw[:3] in _TRIPLE
    inner = raw[3:-3].removeprefix("\n") if triple else raw[1:-1]
    if raw[0] == '"' and "\\" in inner:
        inner = tomllib.loads(f"v = {raw}")["v"]
    return Scalar(inner, at, at + len(raw), "block" if triple else "quoted")

"""JSON with positions; comments and commas before a closing bracket are taken, as editors' settings have them.

Refuses what is no JSON, and what is nested too deeply. Several documents, one a line, are JSON Lines.
"""

from __future__ import annotations

import re

from ftlineage.drift.configs.nodes import MAX_DEPTH, Document, Entry, Mapping, Node, Scalar, Sequence
from ftlineage.errors import BadInputError

_TOKEN = re.compile(
    r"""(?P<skip>[\s,\ufeff]+|//[^\n]*|/\*.*?\*/)
    |(?P<string>"[^"\\\n]*(?:\\.[^"\\\n]*)*")
    |(?P<mark>[{}\[\]:])
    |(?P<word>[-+.\w]+)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])')
_PLAIN = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def read_json(text: str, path: str) -> list[Document]:
    """Every document of a JSON or JSON Lines file.

    Raises:
        BadInputError: It is not JSON, or is nested too deeply.
    """
    builder = _Builder(path)
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise builder.refuse(at, text)
        at = token.end()
        kind = token.lastgroup
        if kind == "mark":
            builder.mark(token[0], token.start(), text)
        elif kind != "skip":
            builder.scalar(token[0], token.start(), text)
    if builder.is_open or not builder.documents:
        raise builder.refuse(at, text)
    return [Document(root, "json") for root in builder.documents]


class _Builder:
    def __init__(self, path: str) -> None:
        self.documents: list[Node] = []
        self._path = path
        self._open: list[Mapping | Sequence] = []
        self._keys: list[Scalar | None] = []
        self._colon = False

    @property
    def is_open(self) -> bool:
        return bool(self._open) or self._colon

    def refuse(self, at: int, text: str) -> BadInputError:
        line = text.count("\n", 0, at) + 1
        return BadInputError(path=self._path, reason=f"is not JSON (line {line})")

    def mark(self, sign: str, at: int, text: str) -> None:
        if sign == ":":
            if not self._keys or self._keys[-1] is None or self._colon:
                raise self.refuse(at, text)
            self._colon = True
        elif sign in "{[":
            self._begin(sign, at, text)
        else:
            self._finish(sign, at, text)

    def scalar(self, raw: str, at: int, text: str) -> None:
        quoted = raw[0] == '"'
        shown = _unescaped(raw[1:-1]) if quoted else raw
        node = Scalar(shown, at, at + len(raw), "quoted" if quoted else "plain")
        waits_for_key = bool(self._open) and isinstance(self._open[-1], Mapping) and self._keys[-1] is None
        if not waits_for_key:
            self._place(node, at, text)
        elif quoted:
            self._keys[-1] = node
        else:
            raise self.refuse(at, text)

    def _begin(self, sign: str, at: int, text: str) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise BadInputError(path=self._path, reason=f"is nested deeper than {MAX_DEPTH} levels")
        node: Mapping | Sequence = Mapping(at, at, flow=True) if sign == "{" else Sequence(at, at, flow=True)
        self._place(node, at, text)
        self._open.append(node)
        self._keys.append(None)

    def _finish(self, sign: str, at: int, text: str) -> None:
        wanted = Mapping if sign == "}" else Sequence
        if not self._open or not isinstance(self._open[-1], wanted) or self._colon or self._keys[-1] is not None:
            raise self.refuse(at, text)
        self._open.pop().end = at + 1
        self._keys.pop()

    def _place(self, node: Node, at: int, text: str) -> None:
        if not self._open:
            self.documents.append(node)
            return
        top = self._open[-1]
        if isinstance(top, Sequence):
            top.items.append(node)
            return
        key = self._keys[-1]
        if key is None or not self._colon:
            raise self.refuse(at, text)
        top.entries.append(Entry(key, node))
        self._keys[-1], self._colon = None, False


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_escaped, text) if "\\" in text else text


def _escaped(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if code[0] == "u" else _PLAIN[code]

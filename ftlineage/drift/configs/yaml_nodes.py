"""YAML with positions, from the parser's events: any number of documents.

Decides how templating is met: ``{{ name }}`` inside a value becomes an unknown value of the same
length where the file does not parse as it is. Refuses control blocks of a template
(``{% if %}``, ``{{- range }}``), what is nested too deeply, and what is no YAML. Aliases are kept as
one shared node, so a file of aliases of aliases costs no more than its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ftlineage.drift.configs.nodes import MAX_DEPTH, Document, Entry, Mapping, Node, Scalar, Sequence, Style
from ftlineage.errors import BadInputError

# A value that only a run knows, in the words of shells: same length as `{{ name }}`, plain in every context.
_EXPRESSION = re.compile(r"\{\{[^{}\n]*\}\}")
_CONTROL = re.compile(
    r"\{%|\{\{-?[ \t]*/?\*?[ \t]*(if|else|end|range|with|define|include|template|block|toYaml)\b"
    r"|^[ \t]*\{\{.*\}\}[ \t]*$",
    re.MULTILINE,
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_MERGE = "<<"


def read_yaml(text: str, path: str) -> list[Document]:
    """Every document of a YAML file.

    Raises:
        BadInputError: It is not YAML, is a template, or is nested too deeply.
    """
    start = 1 if text.startswith("\ufeff") else 0
    body = _SURROGATES.sub("_", text[start:])
    try:
        return _read(body, path, start)
    except BadInputError as fault:
        if _CONTROL.search(body):
            reason = "a template with control blocks: it is no YAML before it is rendered"
            raise BadInputError(path=path, reason=reason) from fault
        if not _EXPRESSION.search(body):
            raise
    return _read(_EXPRESSION.sub(_unknown, body), path, start)


def _unknown(found: re.Match[str]) -> str:
    return f"$({'_' * (len(found[0]) - 3)})"


def _read(text: str, path: str, start: int) -> list[Document]:
    builder = _Builder(path, start)
    try:
        for event in _events(text):
            builder.take(event)
    except (BadInputError, MemoryError):
        raise
    except Exception as fault:
        # The parser's own errors, and what hostile input gets out of the layers below it.
        raise BadInputError(path=path, reason=f"is not YAML: {_first_line(fault)}") from fault
    return [Document(root, "yaml") for root in builder.documents]


def _events(text: str) -> Iterator[Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    events: Iterator[Any] = yaml.parse(text, Loader=loader)
    return events


def _first_line(fault: Exception) -> str:
    problem = getattr(fault, "problem", None) or type(fault).__name__
    mark = getattr(fault, "problem_mark", None)
    return f"{problem} (line {mark.line + 1})" if mark is not None else str(problem)


class _Open:
    """A collection whose end has not been seen."""

    __slots__ = ("key", "node")

    def __init__(self, node: Mapping | Sequence) -> None:
        self.node = node
        self.key: Node | None = None


class _Builder:
    """Nodes out of events, without recursion."""

    def __init__(self, path: str, shift: int) -> None:
        self.documents: list[Node] = []
        self._path = path
        self._shift = shift
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}

    def take(self, event: Any) -> None:
        """One event of the parser."""
        match type(event).__name__:
            case "ScalarEvent":
                node = self._scalar(event)
                self._anchor(event.anchor, node)
                self._place(node)
            case "MappingStartEvent" | "SequenceStartEvent":
                self._start(event)
            case "MappingEndEvent" | "SequenceEndEvent":
                self._end(event)
            case "AliasEvent":
                self._alias(event)
            case "DocumentStartEvent":
                self._anchors.clear()

    def _scalar(self, event: Any) -> Scalar:
        style: Style = "plain"
        if event.tag is not None and not str(event.tag).startswith("tag:yaml.org,2002:"):
            style = "tagged"
        elif event.style in {"'", '"'}:
            style = "quoted"
        elif event.style in {"|", ">"}:
            style = "block"
        return Scalar(event.value, event.start_mark.index + self._shift, event.end_mark.index + self._shift, style)

    def _start(self, event: Any) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise BadInputError(path=self._path, reason=f"is nested deeper than {MAX_DEPTH} levels")
        start, end = event.start_mark.index + self._shift, event.end_mark.index + self._shift
        node: Mapping | Sequence
        if type(event).__name__ == "MappingStartEvent":
            node = Mapping(start, end, bool(event.flow_style), [], [])
        else:
            node = Sequence(start, end, bool(event.flow_style), [])
        self._anchor(event.anchor, node)
        self._open.append(_Open(node))

    def _end(self, event: Any) -> None:
        node = self._open.pop().node
        node.end = event.end_mark.index + self._shift
        self._place(node)

    def _anchor(self, name: str | None, node: Node) -> None:
        if name is not None:
            self._anchors[name] = node

    def _alias(self, event: Any) -> None:
        node = self._anchors.get(event.anchor)
        start, end = event.start_mark.index + self._shift, event.end_mark.index + self._shift
        if node is None:
            raise BadInputError(path=self._path, reason=f"is not YAML: no anchor {event.anchor!r}")
        if isinstance(node, Scalar):
            node = Scalar(node.text, node.start, node.end, node.style, (start, end))
        self._place(node)

    def _place(self, node: Node) -> None:
        if not self._open:
            self.documents.append(node)
            return
        top = self._open[-1]
        if isinstance(top.node, Sequence):
            top.node.items.append(node)
        elif top.key is None:
            top.key = node
        else:
            _enter(top.node, top.key, node)
            top.key = None


def _enter(mapping: Mapping, key: Node, value: Node) -> None:
    if not isinstance(key, Scalar):
        return
    if key.text == _MERGE and key.style == "plain":
        given = value.items if isinstance(value, Sequence) else [value]
        mapping.merged.extend(node for node in given if isinstance(node, Mapping))
        return
    mapping.entries.append(Entry(key, value))

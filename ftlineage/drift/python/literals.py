"""Strings that are references by themselves: addresses on the Hub.

The reader of addresses finds them; this module moves what it finds to its place in the file.
Refuses strings that only speak: docstrings are never handed to it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from ftlineage.drift.python.emit import Findings, changed
from ftlineage.drift.python.slots import literal_span
from ftlineage.drift.reference import Found, Slot

# Methods of `HfFileSystem` whose first argument is a path.
FILE_CALLS = frozenset({"open", "ls", "glob", "find", "walk", "get", "get_file", "download", "cat", "cat_file",
    "read_text",
                        "read_bytes", "info", "exists", "isfile", "isdir"})  # fmt: skip
_HOSTS = ("huggingface.co/", "hf://", "hf.co/", "hf-mirror.com/")


@dataclass(frozen=True, slots=True)
class Literals:
    """Reads the literals of one file."""

    findings: Findings

    def url(self, node: ast.Constant) -> None:
        """``https://huggingface.co/org/name/resolve/main/file`` and ``hf://...`` in a string."""
        text = str(node.value)
        if any(part in text for part in _HOSTS) and id(node) not in self.findings.consumed:
            self._addresses(node, text, 0)

    def path(self, node: ast.expr) -> None:
        """``datasets/org/name/file`` given to the Hub's file system."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "://" not in node.value:
            self._addresses(node, f"hf://{node.value}", len("hf://"))

    def _addresses(self, node: ast.Constant, text: str, ahead: int) -> None:
        from ftlineage.drift.commands.urls import urls_in

        inner = literal_span(self.findings.source, node)
        for seen in urls_in(text):
            if seen.is_page:
                continue
            slot = None
            if inner is not None:
                first, last = seen.place or (seen.end, seen.end)
                begin, before = inner[0] - ahead, "" if seen.place else "@"
                slot = Slot(key="revision", start=begin + first, end=begin + last, before=before, comment=None)
            reason = None if slot is not None else "the address is put together from pieces"
            found = Found(ref=seen.ref, kind=seen.kind, line=1, via=seen.via, revision=seen.revision, slot=slot,
                          unpinnable=reason)  # fmt: skip
            self.findings.add(self._moved(found, node, seen.at - ahead))

    def _moved(self, found: Found, node: ast.expr, at: int) -> Found:
        """The same at a character of a string literal; at its start where the literal is no plain one."""
        source = self.findings.source
        inner = literal_span(source, node)
        line, column = node.lineno, source.column(node)
        if inner is not None:
            line, column = source.place(inner[0] + at)
        return changed(found, line=line, column=column, lines=(node.lineno, node.end_lineno or node.lineno))

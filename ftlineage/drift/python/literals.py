"""Strings that are references by themselves: addresses on the Hub, and command lines.

Both are read by the readers of commands; this module moves what they find to its place in the file.
Refuses strings that only speak: docstrings are never handed to it.
"""

from __future__ import annotations

import ast
import shlex
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from ftlineage.drift.python.emit import Findings, changed
from ftlineage.drift.python.slots import literal_span
from ftlineage.drift.reference import Found, Slot

RUNNERS = frozenset(
    [
        "run",
        "call",
        "check_call",
        "check_output",
        "Popen",
        "system",
        "popen",
        "create_subprocess_shell",
        "create_subprocess_exec",
        "sh",
        "getoutput",
        "run_command",
        "run_cmd",
        "execute",
        "exec_command",
        "local",
        "remote",
        "exec",
        "execvp",
        "spawn",
    ]
)
# Methods of `HfFileSystem` whose first argument is a path.
FILE_CALLS = frozenset({"open", "ls", "glob", "find", "walk", "get", "get_file", "download", "cat", "cat_file",
    "read_text",
                        "read_bytes", "info", "exists", "isfile", "isdir"})  # fmt: skip
_HOSTS = ("huggingface.co/", "hf://", "hf.co/", "hf-mirror.com/")
_LIST = "the command line is a list: add its option for a revision there"


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

    def command(self, node: ast.Constant) -> None:
        """``os.system("vllm serve org/name")``."""
        text = str(node.value)
        for found in _read_command(text):
            at = sum(len(one) + 1 for one in text.split("\n")[: found.line - 1]) + found.column - 1
            self.findings.add(self._moved(_unpinned(found), node, at))

    def argv(self, elements: Sequence[tuple[ast.expr, str | None]]) -> None:
        """``["vllm", "serve", "org/name"]``: read as one line, reported at the element."""
        words = [shlex.quote(text) if text is not None else "$UNKNOWN" for _, text in elements]
        starts = [0]
        for word in words:
            starts.append(starts[-1] + len(word) + 1)
        for found in _read_command(" ".join(words)):
            node, _ = elements[min(bisect_right(starts, found.column - 1) - 1, len(elements) - 1)]
            self.findings.add(self._moved(_unpinned(found), node, 0))

    def _moved(self, found: Found, node: ast.expr, at: int) -> Found:
        """The same at a character of a string literal; at its start where the literal is no plain one."""
        source = self.findings.source
        inner = literal_span(source, node)
        line, column = node.lineno, source.column(node)
        if inner is not None:
            line, column = source.place(inner[0] + at)
        return changed(found, line=line, column=column, lines=(node.lineno, node.end_lineno or node.lineno))


def is_argv(words: Sequence[str | None]) -> bool:
    """Whether a list of strings begins like a command line and goes on with an id."""
    known = [word for word in words if word]
    return (
        len(known) > 1
        and words[0] is not None
        and " " not in words[0]
        and "/" not in words[0].strip("./")
        and any("/" in word for word in known[1:])
        and any(word.startswith("-") or word in {"serve", "download"} for word in known)
    )


def _read_command(text: str) -> list[Found]:
    from ftlineage.drift.commands.reader import read_command

    return read_command(text)


def _unpinned(found: Found) -> Found:
    return changed(found, slot=None, unpinnable=found.unpinnable or _LIST)

"""Strings that are references by themselves: addresses on the Hub, and command lines as lists.

Both are read by the readers of command lines; this module only moves their places into the file.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from ftlineage.drift.python.emit import Findings
from ftlineage.drift.python.slots import literal_span


@dataclass(frozen=True, slots=True)
class Literals:
    """Reads the literals of one file."""

    findings: Findings

    def url(self, node: ast.Constant) -> None:
        """``https://huggingface.co/org/name/resolve/main/file`` and ``hf://...`` in a string."""
        if id(node) in self.findings.consumed or not any(part in node.value for part in ("huggingface.co/", "hf://")):
            return

    def argv(self, node: ast.List, text: Callable[[ast.expr], str | None]) -> None:
        """``["vllm", "serve", "org/name"]``."""


__all__ = ["Literals", "literal_span", "msgspec"]

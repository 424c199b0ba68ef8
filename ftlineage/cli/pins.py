"""What ``pin`` and ``unpin`` tell: the diff, one line a reference, what was left with its reasons, the verdict."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from ftlineage.cli import output
from ftlineage.cli.errors import FINDINGS, FINE
from ftlineage.cli.output import Output
from ftlineage.core import codec, words
from ftlineage.drift.rewrite.files import Source
from ftlineage.drift.rewrite.patch import patch

#: Places shown under one reason; all are in the JSON.
MOST_SHOWN = 5

Named = Callable[[str], str]


class Stays(Protocol):
    """A reference that stays as it is, and why."""

    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def line(self) -> int: ...  # noqa: D102
    @property
    def ref(self) -> str: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


def namer(lock_file: Path) -> Named:
    """How a path that is relative to the lock file's folder is called here."""
    return lambda path: os.path.relpath(lock_file.parent / path).replace(os.sep, "/")


def renamed(items: Iterable[Any], named: Named) -> list[dict[str, Any]]:
    """Results as JSON, with paths relative to the current folder."""
    return [{**codec.builtins(item), "path": named(item.path)} for item in items]


def write_diff(out: Output, files: Sequence[tuple[Source, str]], named: Named) -> None:
    """Print all changes on stdout, byte for byte unless a terminal shows them."""
    text = diff_of(files, named)
    if output.is_terminal(sys.stdout):
        for line in words.clean(text, lines=True).splitlines():
            out.text(line)
    else:
        out.data(text.encode("utf-8"))


def diff_of(files: Sequence[tuple[Source, str]], named: Named) -> str:
    """All changes as one patch."""
    return "".join(patch(words.clean(named(source.shown)), source.text, text) for source, text in files)


def grouped(items: Iterable[Stays], named: Named) -> Iterator[str]:
    """What stays as it is: each reason once, with the first places it is true of."""
    groups: dict[str, list[Stays]] = {}
    for item in items:
        groups.setdefault(item.reason, []).append(item)
    for reason, group in sorted(groups.items(), key=lambda pair: -len(pair[1])):
        yield output.sentence(f"{words.quantity(len(group), 'reference')}: {reason}", indent="  ", first="")
        for item in group[:MOST_SHOWN]:
            yield f"  {words.clean(named(item.path))}:{item.line} {words.clean(item.ref)}"
        if len(group) > MOST_SHOWN:
            yield f"  and {len(group) - MOST_SHOWN:,} more: see --json"


def conclude(out: Output, said: str, *, ok: bool, aside: bool = False) -> int:
    """The last line for people, on stderr where stdout carries a diff, and the exit code."""
    if not out.json and not (ok and out.quiet):
        label, stream = ("ok:" if ok else "failed:"), sys.stderr if aside else sys.stdout
        line = output.labelled(label, said, "green" if ok else "red", indent=" " * (len(label) + 1), stream=stream)
        (out.complain if aside else out.text)(line)
    return FINE if ok else FINDINGS

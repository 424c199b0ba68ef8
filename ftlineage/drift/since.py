"""The lines that are new since a revision: what ``--since REV`` lets through.

Decides that new means: added since the merge base with that revision, in the work tree as it is,
files that Git does not track yet as a whole; a renamed file is not new. A deletion inside a
statement touches it, since it may have held the revision. Refused: a revision Git does not know,
and a folder outside of Git.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from ftlineage.drift.reading import Seen
from ftlineage.errors import BadArgumentError
from ftlineage.sources import git

_HUNK = re.compile(rb"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--unified=0", "-M", "--src-prefix=a/")
_EVERYTHING = (1, 2**31)

Ranges = list[tuple[int, int]]


class Added:
    """Added lines by absolute path: ranges of lines, both ends included."""

    def __init__(self, lines: dict[str, Ranges], gaps: dict[str, list[int]]) -> None:
        self._lines = lines
        self._gaps = gaps

    def touches(self, seen: Seen) -> bool:
        """Whether a reference stands on added lines, or lost one within its statement."""
        file = os.path.realpath(seen.file)  # Git names the real folder
        lines, gaps = self._lines.get(file, []), self._gaps.get(file, [])
        for first, last in seen.touches:
            if any(start <= last and first <= end for start, end in lines):
                return True
            # A gap behind line n lies within a statement that also holds line n + 1.
            if any(first <= gap < last for gap in gaps):
                return True
        return False


def added_since(revision: str, paths: Iterable[Path], *, here: Path) -> Added:
    """What was added since a revision in the repositories of some paths.

    Raises:
        BadArgumentError: A path lies in no repository, or Git does not know the revision.
    """
    lines: dict[str, Ranges] = {}
    gaps: dict[str, list[int]] = {}
    for root in sorted({_root(here / path, revision) for path in paths}):
        _read_diff(root, _base(root, revision), lines, gaps)
        for name in _answer(root, ["ls-files", "-z", "--others", "--exclude-standard"], revision).split(b"\0"):
            if name:
                lines[str(root / os.fsdecode(name))] = [_EVERYTHING]
    return Added(lines, gaps)


def _root(path: Path, revision: str) -> Path:
    root = git.repository_root(path.absolute())
    if root is None:
        raise BadArgumentError(argument=f"--since {revision}", reason=f"{path} lies in no Git repository")
    return root


def _base(root: Path, revision: str) -> str:
    known = git.ask(root, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"])
    if not known.ok:
        reason = "Git knows no such revision"
        raise BadArgumentError(argument=f"--since {revision}", reason=reason, hint="Fetch it first, with its history")
    base = git.ask(root, ["merge-base", known.line, "HEAD"])
    # A shallow clone has no common ancestor to show: then the revision itself is what is compared with.
    return base.line if base.ok and base.line else known.line


def _answer(root: Path, arguments: list[str], revision: str) -> bytes:
    answer = git.ask(root, arguments)
    if not answer.ok:
        raise BadArgumentError(argument=f"--since {revision}", reason=git.failure("git " + arguments[0], answer))
    return answer.output


def _read_diff(root: Path, base: str, lines: dict[str, Ranges], gaps: dict[str, list[int]]) -> None:
    patch = _answer(root, [*_DIFF, "--dst-prefix=b/", base, "--"], base)
    name: str | None = None
    header = True
    for line in patch.split(b"\n"):
        if line.startswith(b"diff --git "):
            name, header = None, True
        elif header and line.startswith(b"+++ "):
            name = _name(line[4:], root)
        elif name is not None and (hunk := _HUNK.match(line)) is not None:
            header = False
            start, count = int(hunk[1]), int(hunk[2]) if hunk[2] is not None else 1
            if count:
                lines.setdefault(name, []).append((start, start + count - 1))
            else:
                gaps.setdefault(name, []).append(start)


def _name(text: bytes, root: Path) -> str | None:
    """The path in a ``+++`` line, quoted as in C where it has special characters; None for a deleted file."""
    text = text.rstrip(b"\r").removesuffix(b"\t")
    if text.startswith(b'"') and text.endswith(b'"'):
        text = _ESCAPE.sub(_unescaped, text[1:-1])
    return str(root / os.fsdecode(text[2:])) if text.startswith(b"b/") else None


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code, 8)]) if len(code) == 3 else _LETTERS.get(code, code)  # noqa: PLR2004 - octal digits

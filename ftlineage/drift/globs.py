"""Patterns of paths, as people write them in ``.gitignore``: one meaning for every setting that names files.

A pattern with a slash stands below the folder of the settings, one without stands anywhere; what it
matches takes everything below with it. ``*`` and ``?`` stop at a slash, ``**`` does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SIGN = re.compile(r"[\\\[\]^&|~]")
_PART = re.compile(r"\*\*/?|\*|\?|\[!?[^\]/]+\]|.", re.DOTALL)


def compile_globs(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """One expression for all of them, to be matched whole against paths with ``/``; None for no pattern."""
    listed = [_expression(pattern) for pattern in patterns]
    return re.compile("|".join(listed), re.DOTALL) if listed else None


def _expression(pattern: str) -> str:
    text = pattern.removeprefix("./").rstrip("/")
    anchored = "/" in text
    body = "".join(_piece(part) for part in _PART.findall(text.removeprefix("/")))
    return ("" if anchored else "(?:.*/)?") + body + "(?:/.*)?"


def _piece(part: str) -> str:
    if part == "**/":
        return "(?:.*/)?"
    if part == "**":
        return ".*"
    if part == "*":
        return "[^/]*"
    if part == "?":
        return "[^/]"
    if part.startswith("[") and part.endswith("]") and len(part) > 2:  # noqa: PLR2004 - more than the brackets
        negated = part[1] == "!" and len(part) > 3  # noqa: PLR2004 - [!] is a set of one
        # Brackets and doubled signs mean sets of sets to expressions, nothing to patterns of paths.
        inner = _SIGN.sub(r"\\\g<0>", part[2:-1] if negated else part[1:-1]).replace("--", r"\--")
        return f"[{'^' if negated else ''}{inner}]"
    return re.escape(part)

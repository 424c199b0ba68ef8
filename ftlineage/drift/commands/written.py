"""What a text writes to: a name of the form ``org/name`` that it made itself is a folder, not an id."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from ftlineage.drift.reference import Found

_OUTPUT = re.compile(
    r"(?:dir|output[_-]path|save[_-]path|outfile)[\"']?\s{0,4}[:=\s]\s{0,4}[\"']?(\w[\w./-]{0,200})",
    re.IGNORECASE,
)
_MADE = re.compile(r"(?:\bmkdir\s{1,9}(?:-\w{1,9}\s{1,9}){0,3}|makedirs\(\s{0,9})[\"']?([\w][\w.-]{0,100})")


class Written:
    """The folders that one text writes to."""

    def __init__(self, text: str) -> None:
        self._whole = {made[1].rstrip("/") for made in _OUTPUT.finditer(text)}
        # A folder that is made holds everything below it.
        self._folders = {made[1] for made in _MADE.finditer(text)} | {path for path in self._whole if "/" not in path}

    def local(self, found: Iterable[Found]) -> list[Found]:
        """The findings, with those turned local that name such a folder."""
        return [_turned(each) if self._holds(each.ref) else each for each in found]

    def _holds(self, ref: str | None) -> bool:
        return ref is not None and (ref in self._whole or ("/" in ref and ref.split("/")[0] in self._folders))


def _turned(each: Found) -> Found:
    return msgspec.structs.replace(each, is_local=True, slot=None, unpinnable=None)

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


def without_written(found: Iterable[Found], text: str) -> list[Found]:
    """The findings, with those turned local that name a folder which the text writes to."""
    found = list(found)
    if not any(each.ref is not None and not each.is_local for each in found):
        return found
    whole = {made[1].rstrip("/") for made in _OUTPUT.finditer(text)}
    # A folder that is made holds everything below it.
    folders = {made[1] for made in _MADE.finditer(text)} | {path for path in whole if "/" not in path}
    if not whole and not folders:
        return found
    return [_turned(each) if _is_written(each, whole, folders) else each for each in found]


def _is_written(each: Found, whole: set[str], folders: set[str]) -> bool:
    return each.ref is not None and (each.ref in whole or ("/" in each.ref and each.ref.split("/")[0] in folders))


def _turned(each: Found) -> Found:
    return msgspec.structs.replace(each, is_local=True, slot=None, unpinnable=None)

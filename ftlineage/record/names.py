"""Names of versions: one character set that every serving engine and file system accepts."""

from __future__ import annotations

import re

from ftlineage.errors import BadArgumentError

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,94}[a-z0-9])?")
_NOT_ALLOWED = re.compile(r"[^a-z0-9._-]+")


def check_name(name: str) -> str:
    """The name itself when it may be used.

    Raises:
        BadArgumentError: Other characters than ``[a-z0-9._-]`` (``:`` and ``@`` split names in
            serving engines), or longer than 96.
    """
    if _NAME.fullmatch(name):
        return name
    suggestion = default_name(name)
    raise BadArgumentError(
        argument="name",
        reason=f"{name!r} has other characters than a-z 0-9 . _ - or a bad first or last one",
        hint=f"Try {suggestion!r}",
    )


def default_name(text: str) -> str:
    """The nearest allowed name for a folder or any text; ``adapter`` when nothing is left."""
    return _NOT_ALLOWED.sub("-", text.lower()).strip("._-")[:96].rstrip("._-") or "adapter"

"""Digests: how they are written, and how many digests become one.

Digests of single byte strings appear as 64 lower-case hex digits where the key already says
``sha256``, and as ``sha256:<hex>`` where a value must name its own algorithm (card ids).
A root digest binds every name, size and digest, so renaming or reordering changes it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated

import msgspec

# The lookahead, because Python's `$` also matches before a final line break; JSON Schema's does not.
_END = r"$(?!\n)"
Sha256 = Annotated[
    str, msgspec.Meta(pattern=rf"^[0-9a-f]{{64}}{_END}", description="64 lower-case hex digits of a SHA-256")
]
CommitSha = Annotated[
    str, msgspec.Meta(pattern=rf"^[0-9a-f]{{40}}{_END}", description="a full Git commit id, 40 hex digits")
]
CardId = Annotated[
    str, msgspec.Meta(pattern=rf"^sha256:[0-9a-f]{{64}}{_END}", description="`sha256:` and 64 hex digits")
]

_COMMIT = re.compile(r"[0-9a-f]{40}")


def sha256_hex(data: bytes | bytearray | memoryview) -> str:
    """SHA-256 of bytes as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def text_sha256(text: str) -> str:
    """SHA-256 of text as UTF-8; lone surrogates are kept as they are in Python strings."""
    return sha256_hex(text.encode("utf-8", "surrogatepass"))


def is_commit_sha(text: object) -> bool:
    """Whether ``text`` is exactly 40 lower-case hex digits: the only pin we accept."""
    return type(text) is str and _COMMIT.fullmatch(text) is not None


def root_digest(kind: str, entries: Iterable[tuple[str | int, ...]]) -> str:
    """One SHA-256 over many entries, independent of their order.

    Every field is written with its length before it, so no two different lists give the same
    bytes. ``kind`` separates domains (a tree of files never equals a list of tensors).

    Args:
        kind: Name of what is bound, e.g. ``"files"``.
        entries: Tuples such as ``(path, size, sha256)``; all of one length.

    Returns:
        64 hex digits.
    """
    rows = sorted(tuple(str(field) for field in entry) for entry in entries)
    state = hashlib.sha256(f"ftlineage-root-v1\0{kind}\0{len(rows)}\0".encode())
    for row in rows:
        for field in row:
            data = field.encode("utf-8", "surrogatepass")
            state.update(len(data).to_bytes(8, "big"))
            state.update(data)
    return state.hexdigest()

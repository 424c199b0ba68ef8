"""A file held in memory: its bytes are read once, hashed there and used from there.

Whoever changes the file afterwards changes nothing that was judged, because nothing is read again.
Refused: to hold more bytes than the caller expects, so that a file cannot fill the memory.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from ftlineage.errors import BadInputError
from ftlineage.hashing.files import open_regular


class HeldFile(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of one file; see :class:`ftlineage.hashing.files.Readable`."""

    shown: str
    data: bytearray

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.data)

    def read_at(self, view: memoryview, offset: int) -> None:
        """Fill ``view`` with the bytes at ``offset``."""
        view[:] = memoryview(self.data)[offset : offset + len(view)]


def hold(path: Path, *, limit: int, shown: str | None = None) -> HeldFile:
    """Read a whole regular file into memory.

    Args:
        path: The file; see :func:`ftlineage.hashing.files.real_file` for which one a name means.
        limit: The most bytes to read.
        shown: How errors name it; the file's name if not given.

    Raises:
        BadInputError: It has more than ``limit`` bytes; none of them was read.
        PathNotFoundError, UnsafePathError, StorageError: As for ``open_regular``.
    """
    with open_regular(path, shown=shown) as file:
        if file.size > limit:
            raise BadInputError(path=file.shown, reason=f"{file.size} bytes, more than the {limit} that are read")
        data = bytearray(file.size)
        file.read_at(memoryview(data), 0)
    return HeldFile(shown=file.shown, data=data)


def read_whole(path: Path, *, limit: int = sys.maxsize, shown: str | None = None) -> bytes:
    """The bytes of a whole regular file; see :func:`hold`."""
    return bytes(hold(path, limit=limit, shown=shown).data)

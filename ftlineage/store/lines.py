"""Files of one record a line that several writers append to, such as ``claims.jsonl``.

Decides that a reader sees the old lines or the old lines and the new one, never a part; and that of
two writers at once both lines stay. The lock is on the folder, because a lock file beside the
others would be one more file that nobody signed.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ftlineage.errors import BadInputError, PathNotFoundError, StorageError
from ftlineage.hashing.files import open_regular
from ftlineage.store.atomic import write_bytes, writing

_PATIENCE = 30.0
_PAUSE = 0.02


def append_line(path: Path, line: bytes, *, limit: int) -> None:
    """Add one line to a file, which is made if it is not there.

    Args:
        path: The file.
        line: Without or with its line break.
        limit: How many bytes the file may have; more than readers take would be lost.

    Raises:
        BadInputError: The file would be larger than ``limit``.
        UnsafePathError: It is no regular file.
        OutputNotWritableError, StorageError: Nothing was changed.
    """
    with locked(path.parent):
        old = read_lines(path, limit=limit)
        whole = old + b"\n" * bool(old and not old.endswith(b"\n")) + line.rstrip(b"\n") + b"\n"
        if len(whole) > limit:
            raise BadInputError(path=path.name, reason=f"{len(whole)} bytes with the new line, more than the {limit}")
        write_bytes(path, whole)


def read_lines(path: Path, *, limit: int) -> bytes:
    """The bytes of such a file; none if it is not there.

    Raises:
        BadInputError: It is larger than ``limit``.
        UnsafePathError, StorageError: It is no regular file, or cannot be read.
    """
    try:
        with open_regular(path) as file:
            if file.size > limit:
                raise BadInputError(path=path.name, reason=f"{file.size} bytes, more than the {limit} that are read")
            data = bytearray(file.size)
            file.read_at(memoryview(data), 0)
            return bytes(data)
    except PathNotFoundError:
        return b""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Inside the block no other process appends in ``folder``; waits for its turn.

    The lock goes with the process that holds it. Where the system or a network file system has
    none, nothing is locked.

    Raises:
        StorageError: Another process has held it for half a minute.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with writing(folder):
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise StorageError(path=str(folder), cause="another process is writing there") from error
                time.sleep(_PAUSE)
            except OSError:
                break
        yield
    finally:
        os.close(descriptor)

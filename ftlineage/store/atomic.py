"""Writes that are either whole or absent, whatever kills the process, and errors said in our words."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from ftlineage.errors import FtlineageError, OutputNotWritableError, StorageError

_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG}


def write_bytes(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replace ``path`` by ``data``: a reader sees the old bytes or the new ones, never a part.

    Args:
        path: The file.
        data: All of its new content.
        mode: Permissions of the new file; those of any new file when None.

    Raises:
        OutputNotWritableError: The folder refuses writes.
        StorageError: The disk is full or failed; the old file is intact.
    """
    temporary = path.with_name(temporary_name(path.name, secrets.token_hex(6)))
    with writing(path):
        try:
            with temporary.open("xb") as handle:
                if mode is not None:
                    temporary.chmod(mode)
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def temporary_name(name: str, mark: str) -> str:
    """What a file is called until it is whole; hidden, so that a killed write leaves nothing that counts."""
    return f".{name}.{mark}.tmp"


def sync_file(path: Path) -> None:
    """Force a file's bytes to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk, where the system has such a notion."""
    if os.name != "posix":
        return
    sync_file(folder)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn operating-system failures inside the block into errors that name ``path``."""
    try:
        yield
    except FtlineageError:
        raise
    except OSError as error:
        raise storage_fault(path, error) from error


def storage_fault(path: Path, error: OSError) -> FtlineageError:
    """The deliberate error for an ``OSError`` met while writing below ``path``."""
    cause = error.strerror or type(error).__name__
    if error.errno in _REFUSED:
        return OutputNotWritableError(
            path=str(path), cause=cause, hint="Choose another output folder, or change its permissions"
        )
    hint = "Free some space and run again; nothing that stood there before was changed"
    return StorageError(path=str(path), cause=cause, hint=hint if error.errno in {errno.ENOSPC, errno.EDQUOT} else "")

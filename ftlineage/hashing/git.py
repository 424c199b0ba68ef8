"""Git's object ids: the digest the Hub gives for every file that is not stored through LFS.

Only ids are computed; no ``git`` program runs. SHA-1 is Git's choice and proves that bytes are
those of a commit as far as Git itself proves it; cards hold SHA-256 beside it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from ftlineage.hashing.files import CHUNK, open_regular, scratch
from ftlineage.hashing.progress import Update, no_update


def object_id(kind: str, body: bytes) -> str:
    """Id of a Git object as 40 hex digits; ``kind`` is ``blob``, ``tree`` or ``commit``."""
    return hashlib.sha1(f"{kind} {len(body)}\0".encode() + body, usedforsecurity=False).hexdigest()


def file_blob_id(path: Path, *, shown: str | None = None, update: Update | None = None) -> str:
    """Id of the blob Git would store for a file.

    Args:
        path: A regular file.
        shown: How errors name it.
        update: Called with the number of bytes just hashed.

    Raises:
        PathNotFoundError, UnsafePathError, StorageError: As for ``files.open_regular``.
    """
    update = update or no_update
    with open_regular(path, shown=shown) as file:
        state = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
        buffer = scratch()
        for start in range(0, file.size, CHUNK):
            view = buffer[: min(CHUNK, file.size - start)]
            file.read_at(view, start)
            state.update(view)
            update(len(view))
    return state.hexdigest()

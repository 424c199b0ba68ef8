"""Content-addressed bytes that a card names by digest but does not carry.

The text of training scripts and uncommitted patches is kept here for replay; cards are published,
these are not. The root is ``FTLINEAGE_HOME``, else ``~/.local/share/ftlineage``.
"""

from __future__ import annotations

import os
from pathlib import Path

from ftlineage.core.digest import sha256_hex
from ftlineage.errors import DigestMismatchError, PathNotFoundError
from ftlineage.store.atomic import write_bytes, writing


def default_root() -> Path:
    """Where objects are kept for this user."""
    home = os.environ.get("FTLINEAGE_HOME")
    return Path(home) if home else Path.home() / ".local" / "share" / "ftlineage"


class ObjectStore:
    """A folder of objects named by their SHA-256."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = (root or default_root()) / "objects" / "sha256"

    def path(self, digest: str) -> Path:
        """Where the object of this digest is, or would be."""
        return self._root / digest[:2] / digest[2:]

    def put(self, data: bytes) -> str:
        """Keep ``data``; returns its SHA-256. Putting the same bytes again costs a stat."""
        digest = sha256_hex(data)
        path = self.path(digest)
        if not path.exists():
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, data)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of ``digest``, checked.

        Raises:
            PathNotFoundError: Not kept here.
            DigestMismatchError: The object was altered on disk.
        """
        path = self.path(digest)
        if not path.exists():
            raise PathNotFoundError(path=str(path))
        data = path.read_bytes()
        if sha256_hex(data) != digest:
            raise DigestMismatchError(path=str(path), expected=digest, actual=sha256_hex(data))
        return data

"""Receipts: digests of files hashed before, so that a 10 GB base is hashed once and not at every look.

A receipt is keyed by everything the system tells about a file without reading it: real path,
device, inode, size, modification time and change time (which a program cannot set). Refused:
receipts for files touched within the last two seconds (one more change could leave the same times
behind; Git calls this racy), and a cache that another user could have written. A damaged cache is
thrown away, never an error.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    import sqlite3

CACHE_VARIABLE = "FTLINEAGE_CACHE"
_FILE_NAME = "receipts-v1.sqlite"
_RACY_NS = 2_000_000_000
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LOCK_SECONDS = 2.0

_SCHEMA = "CREATE TABLE IF NOT EXISTS receipts (path TEXT PRIMARY KEY, state TEXT NOT NULL, sha256 TEXT NOT NULL)"
_FIND = "SELECT sha256 FROM receipts WHERE path = ? AND state = ?"
_KEEP = "INSERT OR REPLACE INTO receipts (path, state, sha256) VALUES (?, ?, ?)"


class Receipts(Protocol):
    """Digests known by file state."""

    def get(self, path: Path, state: os.stat_result) -> str | None:
        """The digest of the file in exactly this state, or None."""

    def put(self, path: Path, state: os.stat_result, sha256: str) -> None:
        """Remember the digest of a file that was hashed in this state."""

    def close(self) -> None:
        """Give back what is held open."""


class NoReceipts:
    """Remembers nothing: every byte is read again."""

    def get(self, path: Path, state: os.stat_result) -> str | None:  # noqa: ARG002 - the protocol's signature
        """Always None."""
        return None

    def put(self, path: Path, state: os.stat_result, sha256: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class FileReceipts:
    """Receipts in an SQLite file under the user's cache folder, shared by any number of processes.

    Args:
        folder: Where the file is kept; ``$FTLINEAGE_CACHE`` or ``~/.cache/ftlineage`` if not given.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or cache_folder()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._broken = False

    def get(self, path: Path, state: os.stat_result) -> str | None:
        """See :class:`Receipts`."""
        with self._lock:
            rows = self._execute(_FIND, (str(path), state_key(state)))
        found = rows[0][0] if rows else None
        return found if isinstance(found, str) and _DIGEST.fullmatch(found) else None

    def put(self, path: Path, state: os.stat_result, sha256: str) -> None:
        """See :class:`Receipts`; a file touched within the last two seconds is not remembered."""
        if is_racy(state, now_ns=time.time_ns()):
            return
        with self._lock:
            self._execute(_KEEP, (str(path), state_key(state), sha256))

    def close(self) -> None:
        """See :class:`Receipts`."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _execute(self, statement: str, values: tuple[str, ...]) -> list[tuple[object, ...]]:
        import sqlite3

        if self._broken:
            return []
        try:
            connection = self._connection or self._connect()
            return connection.execute(statement, values).fetchall()
        except (sqlite3.Error, OSError, UnicodeError) as error:
            self._give_up(error)
            return []

    def _connect(self) -> sqlite3.Connection:
        import sqlite3

        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._folder / _FILE_NAME
        _require_ours(self._folder)
        if file.exists():
            _require_ours(file)
        # Autocommit and no waiting for the disk: losing a receipt costs a hash, nothing else.
        connection = sqlite3.connect(file, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        file.chmod(0o600)
        self._connection = connection
        return connection

    def _give_up(self, error: Exception) -> None:
        """Go on without receipts; a damaged file is removed so that the next process starts a new one."""
        import sqlite3

        self._broken = True
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        # OperationalError is "locked", "disk full" and the like: the file itself may be sound.
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            with contextlib.suppress(OSError):
                (self._folder / _FILE_NAME).unlink()


def cache_folder() -> Path:
    """Where ftlineage keeps what can be rebuilt: ``$FTLINEAGE_CACHE``, else the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ftlineage"


def state_key(state: os.stat_result) -> str:
    """All that identifies a file's content without reading it."""
    return f"{state.st_dev}:{state.st_ino}:{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}"


def is_racy(state: os.stat_result, *, now_ns: int) -> bool:
    """Whether the file was touched so lately that one more change could leave the same times behind."""
    return now_ns - max(state.st_mtime_ns, state.st_ctime_ns) < _RACY_NS


def _require_ours(path: Path) -> None:
    """A receipt that others can write would let them vouch for changed bytes."""
    found = path.stat()
    if hasattr(os, "geteuid") and (found.st_uid != os.geteuid() or found.st_mode & 0o022):
        raise PermissionError(f"{path.name} can be written by other users")

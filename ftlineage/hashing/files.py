"""Files and folders become digests: SHA-256 of every byte, and one root digest that binds names and sizes.

Decides which bytes a name stands for, so nothing is hashed by following a name blindly. Refused:
symbolic links that leave the folder (but for a Hub cache snapshot, whose files are links into
``blobs/`` of the same cached repository), links to folders, link loops, named pipes, sockets,
devices, folders where a file is expected, and names that mean different files on different
systems. A file that changes while it is read has no digest: that is an error, not a digest.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ftlineage.core.digest import is_commit_sha, root_digest
from ftlineage.core.layout import path_fault
from ftlineage.core.sections import FileRecord
from ftlineage.errors import FtlineageError, PathNotFoundError, StorageError, UnsafePathError
from ftlineage.hashing.parallel import map_by_size
from ftlineage.hashing.progress import Update, no_update
from ftlineage.hashing.receipts import NoReceipts, Receipts

CHUNK = 1024 * 1024
_own = threading.local()
# O_NONBLOCK: opening a named pipe must not wait for a writer. Both flags are absent on Windows.
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


class Readable(Protocol):
    """Bytes that can be hashed: an open file, or a file that is held in memory."""

    @property
    def shown(self) -> str:
        """How errors name it."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    def read_at(self, view: memoryview, offset: int) -> None:
        """Fill ``view`` with the bytes at ``offset``; safe from several threads at once."""


class OpenFile(msgspec.Struct, frozen=True, kw_only=True):
    """A regular file, open for reading; ``stat`` is how it stood when it was opened."""

    descriptor: int
    shown: str
    stat: os.stat_result
    lock: Any = msgspec.field(default_factory=threading.Lock)

    @property
    def size(self) -> int:
        """Bytes in the file when it was opened."""
        return self.stat.st_size

    def read_at(self, view: memoryview, offset: int) -> None:
        """Fill ``view`` with the bytes at ``offset``; safe from several threads at once.

        Raises:
            StorageError: The file ends before, or the system cannot read it.
        """
        done = 0
        while done < len(view):
            try:
                count = self._read_some(view[done:], offset + done)
            except OSError as error:
                raise StorageError(path=self.shown, cause=_cause(error)) from error
            if count == 0:
                raise _changed(self.shown)
            done += count

    def _read_some(self, view: memoryview, offset: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self.descriptor, [view], offset)
        with self.lock:  # systems without positioned reads
            os.lseek(self.descriptor, offset, os.SEEK_SET)
            data = os.read(self.descriptor, len(view))
        view[: len(data)] = data
        return len(data)


@contextlib.contextmanager
def open_regular(path: Path, *, shown: str | None = None) -> Iterator[OpenFile]:
    """Open a regular file for reading and make sure it is still the same when done.

    Args:
        path: The file; a symbolic link in its last part is refused (see :func:`real_file`).
        shown: How errors name it; the file's name if not given.

    Raises:
        PathNotFoundError: No such file.
        UnsafePathError: It is no regular file.
        StorageError: It cannot be read, or it changed while it was open.
    """
    shown = shown or path.name
    descriptor = _open(path, shown)
    try:
        before = os.fstat(descriptor)
        _require_regular(before.st_mode, shown)
        yield OpenFile(descriptor=descriptor, shown=shown, stat=before)
        if _state(os.fstat(descriptor)) != _state(before) or _state_of_path(path) != _state(before):
            raise _changed(shown)
    finally:
        os.close(descriptor)


def file_sha256(path: Path, *, shown: str | None = None, update: Update | None = None) -> str:
    """SHA-256 of a file's bytes, read in pieces of 1 MiB.

    Args:
        path: A regular file.
        shown: How errors name it.
        update: Called with the number of bytes just hashed.

    Returns:
        64 hex digits.

    Raises:
        PathNotFoundError, UnsafePathError, StorageError: As for :func:`open_regular`.
    """
    with open_regular(path, shown=shown) as file:
        return hash_range(file, 0, file.size, update=update)


def hash_range(file: Readable, start: int, stop: int, *, update: Update | None = None) -> str:
    """SHA-256 of the bytes ``start`` to ``stop`` of an open file."""
    state = hashlib.sha256()
    buffer = scratch()
    update = update or no_update
    while start < stop:
        view = buffer[: min(CHUNK, stop - start)]
        file.read_at(view, start)
        state.update(view)
        start += len(view)
        update(len(view))
    return state.hexdigest()


def scratch() -> memoryview:
    """This thread's buffer of ``CHUNK`` bytes; making a new one for every piece costs as much as reading it."""
    view: memoryview | None = getattr(_own, "view", None)
    if view is None:
        view = _own.view = memoryview(bytearray(CHUNK))
    return view


def real_file(path: Path, root: Path) -> Path:
    """The regular file a path inside ``root`` stands for, with every symbolic link resolved.

    Raises:
        PathNotFoundError: No such file, or a link that leads nowhere.
        UnsafePathError: It leaves the folder, loops, or is no regular file.
        StorageError: The system cannot tell.
    """
    shown = relative_name(path, root)
    real_root = Path(os.path.realpath(root))
    try:
        real = Path(os.path.realpath(path, strict=True))
        mode = real.lstat().st_mode
    except OSError as error:
        raise _open_error(error, shown) from error
    if not real.is_relative_to(real_root) and not _in_cache_blobs(real, real_root):
        raise UnsafePathError(path=shown, reason="the symbolic link leaves the folder")
    _require_regular(mode, shown)
    return real


def relative_name(path: Path, root: Path) -> str:
    """A path inside ``root`` as cards write it: relative, with ``/``.

    Raises:
        UnsafePathError: The name cannot stand in a card (control characters, not UTF-8, ...).
    """
    name = path.relative_to(root).as_posix()
    fault = path_fault(name)
    if fault is not None:
        raise UnsafePathError(path=name, reason=fault)
    return name


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder holds: names of regular files, sorted, and what was refused with the reason."""

    files: tuple[str, ...]
    refused: tuple[FtlineageError, ...]


def list_folder(
    root: Path, *, keep: Callable[[str], bool] | None = None, enter: Callable[[str], bool] | None = None
) -> Listing:
    """List a folder and everything below it without following links to folders.

    Args:
        root: The folder.
        keep: Which files to list, by relative name; all if not given.
        enter: Which folders to look into, by relative name; all if not given.

    Raises:
        PathNotFoundError: ``root`` does not exist.
        StorageError: A folder cannot be read.
    """
    files: list[str] = []
    refused: list[FtlineageError] = []
    pending = [""]
    while pending:
        folder = pending.pop()
        for entry in _entries(root / folder, folder):
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if enter is None or enter(name):
                    pending.append(name)
            elif keep is None or keep(name):
                try:
                    real_file(root / name, root)
                    files.append(name)
                except (UnsafePathError, PathNotFoundError, StorageError) as error:
                    refused.append(error)
    return Listing(files=tuple(sorted(files)), refused=tuple(refused))


def list_files(
    root: Path, *, keep: Callable[[str], bool] | None = None, enter: Callable[[str], bool] | None = None
) -> list[Path]:
    """The regular files of a folder, sorted by relative name; see :func:`list_folder`.

    Raises:
        UnsafePathError: Something among them is refused; the first such error.
    """
    listing = list_folder(root, keep=keep, enter=enter)
    if listing.refused:
        raise listing.refused[0]
    return [root / name for name in listing.files]


def record_file(
    path: Path, root: Path, *, receipts: Receipts | None = None, update: Update | None = None
) -> FileRecord:
    """Hash one file of a folder.

    Args:
        path: A file inside ``root``.
        root: The folder that names are relative to.
        receipts: Digests known from earlier, by the file's state; none are used if not given.
        update: Called with the number of bytes just done.

    Raises:
        PathNotFoundError, UnsafePathError, StorageError: As for :func:`real_file`.
    """
    receipts = receipts or NoReceipts()
    name = relative_name(path, root)
    real = real_file(path, root)
    with open_regular(real, shown=name) as file:
        known = receipts.get(real, file.stat)
        if known is None:
            known = hash_range(file, 0, file.size, update=update)
            fresh = True
        else:
            fresh = False
            (update or no_update)(file.size)
        record = FileRecord(path=name, size=file.size, sha256=known)
        state = file.stat
    if fresh:
        receipts.put(real, state, known)
    return record


def record_files(
    paths: Iterable[Path],
    root: Path,
    *,
    receipts: Receipts | None = None,
    update: Update | None = None,
    threads: int | None = None,
) -> list[FileRecord]:
    """Hash several files of a folder on several threads.

    Returns:
        One record a file, sorted by path.

    Raises:
        PathNotFoundError, UnsafePathError, StorageError: As for :func:`record_file`.
    """
    listed: Sequence[Path] = sorted(set(paths), key=lambda path: path.relative_to(root).as_posix())
    sizes = [_size(path) for path in listed]

    def work(path: Path) -> FileRecord:
        return record_file(path, root, receipts=receipts, update=update)

    return map_by_size(work, listed, sizes, threads=threads)


def tree_digest(files: Iterable[FileRecord]) -> str:
    """One digest over a set of files that binds every name, size and content."""
    return root_digest("files", ((file.path, file.size, file.sha256) for file in files))


def _entries(folder: Path, shown: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError as error:
        raise PathNotFoundError(path=shown or str(folder)) from error
    except OSError as error:
        raise StorageError(path=shown or str(folder), cause=_cause(error)) from error


def _in_cache_blobs(real: Path, root: Path) -> bool:
    """Whether a file lies where links of a Hub cache snapshot lead, if ``root`` is in ``<repo>/snapshots/<commit>``."""
    for folder in (root, *root.parents):
        repository = folder.parent.parent
        if folder.parent.name == "snapshots" and is_commit_sha(folder.name) and "--" in repository.name:
            # With Xet, one copy serves all repositories of the cache: <cache>/blobs/<2 hex digits>/<hash>.
            return real.parent == repository / "blobs" or real.parent.parent == repository.parent / "blobs"
    return False


def _open(path: Path, shown: str) -> int:
    try:
        return os.open(path, _OPEN_FLAGS)
    except OSError as error:
        raise _open_error(error, shown) from error


def _open_error(error: OSError, shown: str) -> FtlineageError:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return PathNotFoundError(path=shown)
        case errno.ELOOP:
            return UnsafePathError(path=shown, reason="the symbolic link loops or is followed where none may be")
        case errno.ENXIO:
            return UnsafePathError(path=shown, reason="it is a socket, not a regular file")
        case _:
            return StorageError(path=shown, cause=_cause(error))


def _require_regular(mode: int, shown: str) -> None:
    if not stat.S_ISREG(mode):
        kind = next((words for test, words in _KINDS if test(mode)), "something else")
        raise UnsafePathError(path=shown, reason=f"it is {kind}, not a regular file")


def _state(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _state_of_path(path: Path) -> tuple[int, ...] | None:
    try:
        return _state(path.lstat())
    except OSError:
        return None


def _changed(shown: str) -> StorageError:
    return StorageError(
        path=shown, cause="the file changed while it was read", hint="Wait until nothing writes to it, then run again"
    )


def _cause(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # record_file says what is wrong with it

"""Files that are rewritten: read once, and written only if they are still what was read.

Decides that a symbolic link stays one and what it points to is rewritten, that permissions stay, and
that bytes outside of the edits stay, byte order marks and line breaks included. Refused, with the
reason: text that is not UTF-8, files that are read-only, files that changed meanwhile.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ftlineage.drift.kinds import FileKind
from ftlineage.drift.reading import Readers, Seen, load, see
from ftlineage.drift.rewrite.pin import Read
from ftlineage.drift.walk import Candidate
from ftlineage.store.atomic import write_bytes

CHANGED = "the file was changed meanwhile, so it was left as it is: run it again"


class Source(NamedTuple):
    """One file as it was read; ``path`` is where its bytes are, ``shown`` what reports call it."""

    path: Path
    shown: str
    kind: FileKind
    data: bytes
    text: str
    mode: int


def read_source(file: str, shown: str) -> Source | str:
    """A file to rewrite, or why it cannot be."""
    path = Path(os.path.realpath(file))
    loaded = load(Candidate(str(path), shown, named=True))
    if loaded is None or isinstance(loaded, str):
        return f"the file cannot be read again: {loaded or 'no text'}"
    kind, data = loaded
    try:
        text = data.decode("utf-8")
        status = path.stat()
    except UnicodeDecodeError:
        return "the file is not UTF-8, and is left as it is"
    except OSError as error:
        return f"the file cannot be read again: {(error.strerror or 'unknown error').lower()}"
    # Root may write anywhere; whoever took the permission away did not mean it for others alone.
    if not status.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(path, os.W_OK):
        return "the file is read-only"
    return Source(path, shown, kind, data, text, stat.S_IMODE(status.st_mode))


def is_as_read(source: Source) -> bool:
    """Whether a file still has the bytes that were read."""
    try:
        return source.path.read_bytes() == source.data
    except OSError:
        return False


def write_source(source: Source, text: str) -> bool:
    """Write the new text of a file, whole or not at all; False if the file is no longer what was read.

    Raises:
        OutputNotWritableError, StorageError: It cannot be written; the old file is intact.
    """
    if not is_as_read(source):
        return False
    write_bytes(source.path, text.encode("utf-8"), mode=source.mode)
    return True


def seen_in(readers: Readers, source: Source, text: str) -> Sequence[Seen]:
    """What a scan would see if a file had this text; a text that cannot be read names nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd literals of the files that are parsed
            found = readers.read(source.kind, text, source.shown)
    except Exception:  # noqa: BLE001 - a text that a reader cannot take, or a fault of the reader
        return []
    return see(found, text, source.kind, Candidate(str(source.path), source.shown))


def reader_of(readers: Readers, source: Source) -> Read:
    """How the scan reads texts of one file."""
    return lambda text, _: [one.reference for one in seen_in(readers, source, text)]

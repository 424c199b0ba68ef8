"""Versions kept for engines: one read-only folder a card id, holding exactly the bytes that the card names.

Decides which bytes an engine gets to see. An engine opens its files by path, later, from other
processes and perhaps again after an eviction; vLLM also keys its prefix cache by the path. So a
version is copied once into ``<home>/versions/<64 hex digits of the card id>``, hashed while it is
copied, and that path never means anything else. Refused: a source that is not what the card says,
and a kept folder that is not any more; it is never repaired in place, because an altered read-only
copy is evidence. Not kept: ``README.md``, the signature and later claims, which may change.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from ftlineage.core import codec
from ftlineage.core.card import CARD_NAME, Card, read_card
from ftlineage.core.layout import path_fault
from ftlineage.core.sections import FileRecord
from ftlineage.errors import (
    BadInputError,
    CardMissingError,
    DigestMismatchError,
    PathNotFoundError,
    UnsafePathError,
)
from ftlineage.hashing.files import CHUNK, list_folder, open_regular, real_file, record_files, scratch
from ftlineage.hashing.parallel import map_by_size
from ftlineage.hashing.progress import Update, progress_bar
from ftlineage.store.atomic import sync_folder, writing
from ftlineage.store.objects import default_root

_STAGE = ".stage-"
_READ_ONLY = 0o444
_CLOSED = 0o555


def kept_folder(card_id: str, root: Path | None = None) -> Path:
    """Where the version of this card is kept, or would be.

    Args:
        card_id: ``sha256:`` and 64 hex digits.
        root: The home of this user's objects; ``FTLINEAGE_HOME`` if not given.
    """
    return (root or default_root()).absolute() / "versions" / card_id.removeprefix("sha256:")


def keep_version(folder: Path, card_id: str, root: Path | None = None) -> Path:
    """Copy a version to its place, or check what is already there; either way every byte is hashed.

    Args:
        folder: Holds the files and ``lineage.json``; symbolic links of a Hub cache are followed.
        card_id: The id that was verified; the card in ``folder`` must still have it.
        root: As for :func:`kept_folder`.

    Returns:
        The read-only folder. Two writers at once get the same one, whole.

    Raises:
        DigestMismatchError: The source is not what the verified card says, or the kept copy was altered.
        CardMissingError, CardMalformedError, PathNotFoundError, UnsafePathError: The source is no whole version.
        OutputNotWritableError, StorageError: The copy cannot be written; nothing is left behind.
    """
    data, card = _read_card(folder)
    if card.id != card_id or card.content_id != card_id:
        raise DigestMismatchError(path=CARD_NAME, expected=card_id, actual=card.content_id)
    files = _listed(card)
    place = kept_folder(card_id, root)
    with writing(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(place):
        with _alone(place.parent):
            if not os.path.lexists(place):
                _copy(folder, place, files, data)
                return place
    _check_kept(place, files)
    return place


def _read_card(folder: Path) -> tuple[bytes, Card]:
    try:
        with open_regular(real_file(folder / CARD_NAME, folder), shown=CARD_NAME) as file:
            if file.size > codec.MAX_BYTES:
                raise BadInputError(path=CARD_NAME, reason=f"{file.size} bytes, too large for a card")
            data = bytearray(file.size)
            file.read_at(memoryview(data), 0)
    except PathNotFoundError as error:
        raise CardMissingError(path=str(folder)) from error
    return bytes(data), read_card(bytes(data))


def _listed(card: Card) -> Sequence[FileRecord]:
    files = card.body.adapter.files if card.body.adapter is not None else []
    for file in files:
        fault = path_fault(file.path)
        if fault is not None:
            raise UnsafePathError(path=file.path, reason=fault)
    return files


# --- writing -------------------------------------------------------------------------------------


@contextlib.contextmanager
def _alone(versions: Path) -> Iterator[None]:
    """One writer at a time, across processes; where the system has no locks, the final rename decides."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(versions, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Nobody else is writing, so these were left behind by killed processes.
            for left in versions.glob(f"{_STAGE}*"):
                _remove(left)
        yield
    finally:
        os.close(descriptor)


def _copy(folder: Path, place: Path, files: Sequence[FileRecord], card: bytes) -> None:
    stage = place.parent / f"{_STAGE}{place.name[:12]}-{secrets.token_hex(4)}"
    with writing(place):
        try:
            stage.mkdir()
            with progress_bar(sum(file.size for file in files), "Copying") as update:

                def work(file: FileRecord) -> None:
                    _copy_file(folder, stage, file, update)

                map_by_size(work, files, [file.size for file in files])
            _write(stage / CARD_NAME, card)
            _close(stage)
            _publish(stage, place)
        finally:
            _remove(stage)


def _copy_file(folder: Path, stage: Path, file: FileRecord, update: Update) -> None:
    """Copy and hash the same bytes; what was written is what was hashed, whatever happens to the source."""
    target = stage / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    state = hashlib.sha256()
    with open_regular(real_file(folder / file.path, folder), shown=file.path) as source, target.open("xb") as handle:
        if source.size != file.size:
            raise _changed(file, f"{source.size} bytes")
        buffer, done = scratch(), 0
        while done < source.size:
            view = buffer[: min(CHUNK, source.size - done)]
            source.read_at(view, done)
            state.update(view)
            handle.write(view)
            done += len(view)
            update(len(view))
        handle.flush()
        os.fsync(handle.fileno())
    if state.hexdigest() != file.sha256:
        raise _changed(file, state.hexdigest())
    target.chmod(_READ_ONLY)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    path.chmod(_READ_ONLY)


def _close(stage: Path) -> None:
    """Flush and close every folder, the innermost first."""
    for folder, _, _ in os.walk(stage, topdown=False):
        sync_folder(Path(folder))
        Path(folder).chmod(_CLOSED)


def _publish(stage: Path, place: Path) -> None:
    try:
        stage.rename(place)
    except OSError:
        # Without locks another writer may have been first; its copy is checked like any other.
        if not place.is_dir():
            raise
        _check_kept(place, _listed(read_card((stage / CARD_NAME).read_bytes())))
    else:
        sync_folder(place.parent)


def _remove(stage: Path) -> None:
    for folder, _, _ in os.walk(stage):
        with contextlib.suppress(OSError):
            Path(folder).chmod(0o700)
    shutil.rmtree(stage, ignore_errors=True)


# --- checking ------------------------------------------------------------------------------------


def _check_kept(place: Path, files: Sequence[FileRecord]) -> None:
    """The kept folder holds the files of the card and nothing else."""
    if place.is_symlink() or not place.is_dir():
        raise UnsafePathError(path=str(place), reason="it is no folder of its own", hint=_way_out(place))
    listing = list_folder(place)
    if listing.refused:
        raise listing.refused[0]
    wanted = {file.path: file for file in files}
    found = set(listing.files) - {CARD_NAME}
    odd = sorted(found ^ wanted.keys())
    if odd:
        state = "a file" if odd[0] in found else "no file"
        raise _altered(place, odd[0], "no file" if odd[0] in found else "a file", state)
    with progress_bar(sum(file.size for file in files), "Checking") as update:
        records = record_files([place / name for name in wanted], place, update=update)
    for record in records:
        if record != wanted[record.path]:
            raise _altered(place, record.path, wanted[record.path].sha256, record.sha256)


def _changed(file: FileRecord, actual: str) -> DigestMismatchError:
    hint = "It changed after it was verified; find out who writes there, then verify again"
    return DigestMismatchError(path=file.path, expected=file.sha256, actual=actual, hint=hint)


def _altered(place: Path, name: str, expected: str, actual: str) -> DigestMismatchError:
    return DigestMismatchError(path=str(place / name), expected=expected, actual=actual, hint=_way_out(place))


def _way_out(place: Path) -> str:
    return f"Something altered this read-only copy; find out what, then remove {place} and it is made again"

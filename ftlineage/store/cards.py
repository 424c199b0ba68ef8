"""Cards beside adapters: find, read and atomically write ``lineage.json``.

A folder holds at most one card. An unfinished run leaves ``lineage.partial.json`` instead, which
nothing accepts as a card.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from ftlineage.core import codec
from ftlineage.core.card import CARD_NAME, PARTIAL_NAME, Card, read_card
from ftlineage.errors import BadInputError, CardMissingError, PathNotFoundError
from ftlineage.store.atomic import write_bytes, writing


def load_card(target: str | os.PathLike[str]) -> Card:
    """The card of a folder, or a card file itself.

    Raises:
        PathNotFoundError: Nothing is at ``target``.
        CardMissingError: The folder has no card.
        CardMalformedError, CardTooNewError: The card cannot be read.
    """
    path = Path(target)
    if not path.exists():
        raise PathNotFoundError(path=str(target))
    return read_card_file(path) if path.is_dir() else read_card(_read(path))


def read_card_file(folder: Path) -> Card:
    """The card in ``folder``; see :func:`load_card`."""
    path = folder / CARD_NAME
    if not path.exists():
        raise CardMissingError(path=str(folder), hint=_missing_hint(folder))
    return read_card(_read(path))


def write_card(folder: Path, card: Card) -> Path:
    """Write ``lineage.json`` atomically and drop the mark of an unfinished run.

    Raises:
        OutputNotWritableError, StorageError: Nothing was changed.
    """
    path = folder / CARD_NAME
    write_bytes(path, card.to_bytes())
    drop_partial(folder)
    return path


def write_partial(folder: Path, document: dict[str, Any]) -> None:
    """Leave ``lineage.partial.json``: what is known of a run that is not sealed."""
    write_bytes(folder / PARTIAL_NAME, codec.pretty_bytes(document))


def drop_partial(folder: Path) -> None:
    """Remove ``lineage.partial.json`` if there is one."""
    with writing(folder):
        (folder / PARTIAL_NAME).unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    """Bytes of a card file; anything but a regular file of bearable size is refused unread."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadInputError(path=str(path), reason="not a regular file")
        if status.st_size > codec.MAX_BYTES:
            raise BadInputError(path=str(path), reason=f"{status.st_size} bytes, too large for a card")
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(path=str(path), reason=error.strerror or type(error).__name__) from error


def _missing_hint(folder: Path) -> str:
    if (folder / PARTIAL_NAME).exists():
        return f"{PARTIAL_NAME} is there: the run that wrote it was never sealed"
    return f"Record it: ftlineage record {folder} --base org/name@<40-hex commit>"

"""Files in the output folder that are not this run's: kept and listed, or refused when a loader would open them.

Refused before training, so that nobody learns of it hours later, and again when sealing, because
files may have come meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ftlineage.core.card import CARD_NAME
from ftlineage.core.layout import is_pickle, is_recorded, may_hold_recorded
from ftlineage.errors import BadInputError, FtlineageError, OutputExistsError
from ftlineage.hashing.files import list_files
from ftlineage.sources.adapter import refuse_pickles
from ftlineage.store.atomic import writing
from ftlineage.store.cards import read_card_file
from ftlineage.store.publish import interrupted

_LOADABLE = (".safetensors", ".gguf", ".py")


def strays(out: Path, *, own: Collection[str]) -> list[Path]:
    """Other files that a card of ``out`` must list, because verification allows nothing unlisted.

    Args:
        out: The output folder.
        own: Relative paths of the version's own files, old and new.

    Raises:
        BadInputError, UnsafeFormatError: One of them is weights or code: a server could load it
            instead of the version, so it has no place beside it.
    """
    found = []
    for path in list_files(out, keep=is_recorded, enter=may_hold_recorded):
        name = path.relative_to(out).as_posix()
        if name in own:
            continue
        if is_pickle(name) or name.endswith(_LOADABLE):
            reason = "weights or code beside the version, which a server could load instead of it"
            raise BadInputError(path=str(path), reason=reason, hint="Move it elsewhere, or choose another out folder")
        found.append(path)
    refuse_pickles(out, [path.relative_to(out).as_posix() for path in found])
    return found


def check_output(out: Path, *, overwrite: bool) -> None:
    """Make the output folder and refuse, before any work, what sealing would refuse after it.

    Args:
        out: The output folder.
        overwrite: Whether a sealed version there may be replaced.

    Raises:
        OutputNotWritableError, StorageError: It cannot be made.
        OutputExistsError: It holds a card and ``overwrite`` is false.
        BadInputError, UnsafeFormatError: As for :func:`strays`.
    """
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    refuse_sealed(out, overwrite=overwrite)
    strays(out, own=retired_files(out))


def refuse_sealed(out: Path, *, overwrite: bool) -> None:
    """A sealed version is not replaced unasked; asked before the run and when sealing, for another run may be faster.

    Raises:
        OutputExistsError: ``out`` holds a card and ``overwrite`` is false.
    """
    if (out / CARD_NAME).exists() and not overwrite:
        raise OutputExistsError(
            path=str(out),
            card=_card_id(out),
            hint="Choose another out folder, or pass overwrite=True to replace it when this run is sealed",
        )


def _card_id(out: Path) -> str:
    try:
        return read_card_file(out).id
    except FtlineageError:  # it still must not be lost
        return "an unreadable card"


def retired_files(out: Path) -> list[str]:
    """Files of the version being replaced, and what a seal that was killed left of one."""
    left = interrupted(out)
    try:
        adapter = read_card_file(out).body.adapter
    except FtlineageError:
        return left
    return [*left, *(file.path for file in adapter.files)] if adapter is not None else left

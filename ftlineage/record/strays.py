"""Files in the output folder that are not this run's: kept and listed, or refused when a loader would open them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ftlineage.core.layout import is_pickle, is_recorded, may_hold_recorded
from ftlineage.errors import BadInputError
from ftlineage.hashing.files import list_files

_LOADABLE = (".safetensors", ".gguf", ".py")


def strays(out: Path, *, own: Collection[str]) -> list[Path]:
    """Other files that a card of ``out`` must list, because verification allows nothing unlisted.

    Args:
        out: The output folder.
        own: Relative paths of the version's own files, old and new.

    Raises:
        BadInputError: One of them is weights or code: a server could load it instead of the
            version, so it has no place beside it.
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
    return found

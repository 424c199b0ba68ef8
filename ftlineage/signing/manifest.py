"""Which files of a folder a signature covers: every one, but for a short list that is signed too.

Left out are the signature itself, ``claims.jsonl`` and ``README.md`` (written later by others), what
OMS leaves out everywhere (``.git``, ``.github``, ``.gitignore``, ``.gitattributes``) and the notes of
a download. Files that no card lists (``training_args.bin``, checkpoints, other dot-files) are
covered as well: left out, they would be a place for unsigned bytes under a good signature. Refused:
symbolic links, because OMS tools refuse them; whatever is no regular file; names that mean
different files on different systems.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ftlineage.core.card import CARD_NAME
from ftlineage.core.layout import is_recorded
from ftlineage.core.sections import FileRecord
from ftlineage.errors import UnsafePathError
from ftlineage.hashing.files import list_files, record_files
from ftlineage.hashing.progress import progress_bar
from ftlineage.signing.statement import is_ignored


def record_signed(folder: Path) -> list[FileRecord]:
    """Every file that a signature over ``folder`` covers, hashed, sorted by path.

    Raises:
        UnsafePathError: Something in the folder cannot be signed.
        PathNotFoundError, StorageError: It cannot be read.
    """
    paths = list_files(folder, keep=_is_signed, enter=_is_signed)
    for path in paths:
        if path.is_symlink():
            name = path.relative_to(folder).as_posix()
            hint = "Sign a copy with the files themselves: cp -rL FOLDER COPY"
            raise UnsafePathError(
                path=name, reason="it is a symbolic link, which tools for model signatures do not follow", hint=hint
            )
    with progress_bar(sum(path.stat().st_size for path in paths), "Hashing") as update:
        return record_files(paths, folder, update=update)


def beside_version(files: Iterable[FileRecord]) -> list[str]:
    """Covered files that are no part of the version: without them the signature does not hold any more."""
    return [file.path for file in files if not is_recorded(file.path) and file.path != CARD_NAME]


def _is_signed(name: str) -> bool:
    return not is_ignored(name)

"""A version in a folder on this machine, and a base beside it: read once, each byte as it lies there.

Decides how files are read: safetensors tensor by tensor on all cores, configurations whole, so that
they are parsed from the very bytes that were hashed, the base through receipts. Whatever is wrong
with a file is part of what was observed; nothing here raises for the content of a folder.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from ftlineage.core.digest import sha256_hex
from ftlineage.core.finding import Finding
from ftlineage.core.layout import ADAPTER_CONFIG, is_recorded, may_hold_recorded
from ftlineage.core.sections import FileRecord
from ftlineage.errors import FtlineageError
from ftlineage.hashing.files import Listing, file_sha256, list_folder, real_file, record_file
from ftlineage.hashing.held import read_whole
from ftlineage.hashing.parallel import map_by_size
from ftlineage.hashing.progress import Update, progress_bar
from ftlineage.hashing.receipts import FileReceipts, NoReceipts, Receipts
from ftlineage.hashing.tensors import hash_tensors
from ftlineage.verify import checks
from ftlineage.verify.checks import Expected, Observed
from ftlineage.verify.version import Keep

MAX_CONFIG_BYTES = 16 * 1024 * 1024


class FolderVersion:
    """A version's folder; see :class:`ftlineage.verify.version.VersionFiles`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> None:
        """See the protocol: a folder is called what was typed."""

    def advise(self, finding: Finding) -> Finding:
        """See the protocol: the checks speak of folders already."""
        return finding

    def read(self, name: str, limit: int) -> bytes:
        """See the protocol."""
        return read_file(self.folder, name, limit)

    def list(self, *, keep: Keep | None = None) -> Listing:
        """See the protocol."""
        try:
            return list_folder(self.folder, keep=keep or is_recorded, enter=keep or may_hold_recorded)
        except FtlineageError as error:
            return Listing(files=(), refused=(error,))

    def observe(self, files: Sequence[FileRecord], expected: Mapping[str, Expected]) -> dict[str, Observed]:
        """See the protocol: safetensors one after the other on all cores, the rest side by side."""
        with progress_bar(sum(file.size for file in files), "Verifying") as update:
            plain = [file for file in files if file.path not in expected]

            def work(file: FileRecord) -> Observed:
                return self._observe(file.path, None, update)

            seen = map_by_size(work, plain, [file.size for file in plain])
            weights = [file for file in files if file.path in expected]
            seen += [self._observe(file.path, expected[file.path], update) for file in weights]
        return {one.path: one for one in seen}

    def digests(self, names: Iterable[str], sizes: Collection[int]) -> dict[str, str | None]:
        """See the protocol."""
        result: dict[str, str | None] = {}
        for name in names:
            result[name] = None
            try:
                real = real_file(self.folder / name, self.folder)
                if real.stat().st_size in sizes:
                    result[name] = file_sha256(real, shown=name)
            except (FtlineageError, OSError):
                continue  # it is unlisted all the same
        return result

    def _observe(self, path: str, expected: Expected | None, update: Update) -> Observed:
        try:
            if expected is not None:
                return _observe_tensors(real_file(self.folder / path, self.folder), path, expected, update)
            if is_configuration(path):
                data = self.read(path, MAX_CONFIG_BYTES)
                return Observed(path=path, size=len(data), sha256=sha256_hex(data), data=data)
            record = record_file(self.folder / path, self.folder, update=update)
            return Observed(path=path, size=record.size, sha256=record.sha256)
        except FtlineageError as error:
            return Observed(path=path, fault=error)


def is_configuration(path: str) -> bool:
    """Whether a file is kept whole when it is observed, because checks read what it says."""
    return PurePosixPath(path).name == ADAPTER_CONFIG


def read_file(folder: Path, name: str, limit: int) -> bytes:
    """A whole small file of a folder; raises as the protocol says."""
    return read_whole(real_file(folder / name, folder), limit=limit, shown=name)


def observe_base(folder: Path, files: Sequence[FileRecord], *, full: bool) -> dict[str, Observed]:
    """The base's files as they lie in a folder; unchanged ones are known from receipts."""
    receipts: Receipts = NoReceipts() if full else FileReceipts()

    def work(file: FileRecord) -> Observed:
        try:
            size = real_file(folder / file.path, folder).stat().st_size
            if size != file.size:  # no need to read what cannot be equal
                return Observed(path=file.path, size=size)
            record = record_file(folder / file.path, folder, receipts=receipts, update=update)
            return Observed(path=file.path, size=record.size, sha256=record.sha256)
        except FtlineageError as error:
            return Observed(path=file.path, fault=error)

    with contextlib.closing(receipts), progress_bar(sum(file.size for file in files), "Comparing the base") as update:
        found = map_by_size(work, files, [file.size for file in files])
    return {one.path: one for one in found}


def _observe_tensors(real: Path, path: str, expected: Expected, update: Update) -> Observed:
    header, found = hash_tensors(real, path, update=update)
    size = real.stat().st_size
    seen = Observed(path=path, size=size, header=header, tensors=tuple(found))
    if checks.tensors_match(expected, seen):
        return seen
    return msgspec.structs.replace(seen, sha256=file_sha256(real, shown=path))

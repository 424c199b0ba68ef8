"""A version whose bytes are held: every listed file is read once, hashed in memory and used from there.

Decides that what is loaded is what was judged. A file that somebody replaces, truncates or rewrites
after it was read here changes nothing: there is no second read, by path or otherwise. A file of
another size than the card says is not read at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from ftlineage.core.digest import sha256_hex
from ftlineage.core.finding import Finding
from ftlineage.core.sections import FileRecord
from ftlineage.errors import BadInputError, FtlineageError
from ftlineage.hashing.files import Listing, hash_range, real_file
from ftlineage.hashing.held import HeldFile, hold
from ftlineage.hashing.parallel import map_by_size
from ftlineage.hashing.progress import Update, progress_bar
from ftlineage.hashing.tensors import hash_open_tensors
from ftlineage.verify import checks
from ftlineage.verify.checks import Expected, Observed
from ftlineage.verify.folder import is_configuration
from ftlineage.verify.version import Keep, VersionFiles


class HeldVersion:
    """A version in memory; see :class:`ftlineage.verify.version.VersionFiles`.

    Args:
        source: The place it comes from: it lists the files, and reads the card and what is signed.
        folder: Where the listed files lie on this machine.
    """

    def __init__(self, source: VersionFiles, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self._small: dict[str, bytes] = {}
        self._held: dict[str, HeldFile] = {}
        self._seen: dict[str, Observed] = {}

    @property
    def name(self) -> str | None:
        """See the protocol."""
        return self._source.name

    def advise(self, finding: Finding) -> Finding:
        """See the protocol."""
        return self._source.advise(finding)

    def held(self, name: str) -> HeldFile:
        """The bytes of a listed file that was observed and found sound."""
        return self._held[name]

    def read(self, name: str, limit: int) -> bytes:
        """See the protocol; the first read is kept, so that everybody judges the same bytes."""
        if name in self._held and self._held[name].size <= limit:
            return bytes(self._held[name].data)
        if name not in self._small:
            self._small[name] = self._source.read(name, limit)
        return self._small[name]

    def list(self, *, keep: Keep | None = None) -> Listing:
        """See the protocol."""
        return self._source.list(keep=keep)

    def observe(self, files: Sequence[FileRecord], expected: Mapping[str, Expected]) -> dict[str, Observed]:
        """See the protocol; asked again, it answers from memory."""
        fresh = [file for file in files if file.path not in self._seen]
        with progress_bar(sum(file.size for file in fresh), "Verifying") as update:
            plain = [file for file in fresh if file.path not in expected]
            sizes = [file.size for file in plain]
            found = map_by_size(lambda file: self._observe(file, None, update), plain, sizes)
            weights = [file for file in fresh if file.path in expected]
            # Each of them is hashed on all cores.
            found += [self._observe(file, expected[file.path], update) for file in weights]
        self._seen.update({one.path: one for one in found})
        return {file.path: self._seen[file.path] for file in files}

    def digests(self, names: Iterable[str], sizes: Collection[int]) -> dict[str, str | None]:
        """See the protocol."""
        return self._source.digests(names, sizes)

    def _observe(self, record: FileRecord, expected: Expected | None, update: Update) -> Observed:
        path = record.path
        try:
            real = real_file(self._folder / path, self._folder)
            try:
                file = hold(real, limit=record.size, shown=path)
            except BadInputError:
                return Observed(path=path, size=real.stat().st_size)
            self._held[path] = file
            return _judge(file, expected, update)
        except (FtlineageError, OSError) as error:
            self._held.pop(path, None)
            return Observed(path=path, fault=_typed(error, path))


def _judge(file: HeldFile, expected: Expected | None, update: Update) -> Observed:
    if expected is None:
        data = bytes(file.data) if is_configuration(file.shown) else None
        digest = hash_range(file, 0, file.size, update=update)
        return Observed(path=file.shown, size=file.size, sha256=digest, data=data)
    header, tensors = hash_open_tensors(file, update=update)
    seen = Observed(path=file.shown, size=file.size, header=header, tensors=tuple(tensors))
    if checks.tensors_match(expected, seen):
        return seen
    return msgspec.structs.replace(seen, sha256=sha256_hex(file.data))


def _typed(error: FtlineageError | OSError, path: str) -> FtlineageError:
    if isinstance(error, FtlineageError):
        return error
    return BadInputError(path=path, reason=(error.strerror or type(error).__name__).lower())

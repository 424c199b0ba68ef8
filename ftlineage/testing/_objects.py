"""Bytes on disk by their SHA-256, and which files a repository keeps as LFS objects.

Files are written beside their place and renamed, so a reader never sees half of one.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from ftlineage.errors import BadArgumentError
from ftlineage.hashing.git import object_id
from ftlineage.testing import _git

_LFS_PATTERNS = """
*.7z *.arrow *.bin *.ckpt *.ftz *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model *.msgpack *.npy *.npz *.onnx *.ot *.parquet
*.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors *.tar *.tgz *.wasm *.xz *.zip *.zst
"""

#: First commit of every repository, as on the Hub: which names are stored through LFS.
GITATTRIBUTES = "".join(f"{name} filter=lfs diff=lfs merge=lfs -text\n" for name in _LFS_PATTERNS.split()).encode()

#: A file of this size or more, in bytes, is LFS whatever its name.
LFS_SIZE = 10 * 1024 * 1024

_CHUNK = 1024 * 1024


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a commit; ``blob_id`` is Git's id of the file, or of its pointer when ``lfs``."""

    size: int
    sha256: str
    blob_id: str
    lfs: bool

    @property
    def etag(self) -> str:
        """What the Hub's ``ETag`` says: SHA-256 of an LFS file, Git's blob id of any other."""
        return self.sha256 if self.lfs else self.blob_id

    @property
    def pointer_size(self) -> int:
        """Bytes of the LFS pointer."""
        return len(_git.lfs_pointer(self.sha256, self.size))


class Objects:
    """Content-addressed bytes under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Where the object is, or would be."""
        return self._folder / sha256[:2] / sha256

    def __contains__(self, sha256: str) -> bool:
        return self.path(sha256).is_file()

    def read(self, sha256: str) -> bytes:
        """The bytes of an object."""
        return self.path(sha256).read_bytes()

    def add(self, stream: IO[bytes]) -> str:
        """Keep everything a stream still gives; its SHA-256."""
        self._folder.mkdir(parents=True, exist_ok=True)
        state = hashlib.sha256()
        with _temporary(self._folder) as (file, temporary):
            while chunk := stream.read(_CHUNK):
                state.update(chunk)
                file.write(chunk)
            file.close()
            target = self.path(state.hexdigest())
            target.parent.mkdir(exist_ok=True)
            temporary.replace(target)
        return state.hexdigest()

    def entry(self, sha256: str, *, lfs: bool) -> Entry:
        """What a commit says of an object that is here."""
        path = self.path(sha256)
        size = path.stat().st_size
        body = _git.lfs_pointer(sha256, size) if lfs else path.read_bytes()
        return Entry(size=size, sha256=sha256, blob_id=object_id("blob", body), lfs=lfs)


def is_lfs(path: str, size: int, attributes: bytes) -> bool:
    """Whether a file goes through LFS by the repository's ``.gitattributes`` or by its size.

    An empty file never does: clients cannot upload one that way.
    """
    if size == 0:
        return False
    name = path.rpartition("/")[2]
    for line in attributes.decode("utf-8", "replace").splitlines():
        pattern, *flags = line.split() or [""]
        if "filter=lfs" in flags and fnmatch.fnmatchcase(path if "/" in pattern else name, pattern):
            return True
    return size >= LFS_SIZE


def checked_path(path: str) -> str:
    """A path inside a repository, refused if it could leave one.

    Raises:
        BadArgumentError: Absolute, empty or with ``..``, ``.git``, backslashes or control characters.
    """
    parts = path.split("/")
    if (
        any(part in {"", ".", "..", ".git"} for part in parts)
        or "\\" in path
        or any(ord(sign) < ord(" ") for sign in path)
    ):
        raise BadArgumentError(argument="path", reason=f"{path!r} cannot be a file of a repository")
    return path


def write_atomic(path: Path, data: bytes) -> None:
    """Write a small file so that readers see the old bytes or the new ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(path.parent) as (file, temporary):
        file.write(data)
        file.close()
        temporary.replace(path)


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[tuple[IO[bytes], Path]]:
    number, name = tempfile.mkstemp(dir=folder, prefix=".new-")
    temporary = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            yield file, temporary
    finally:
        temporary.unlink(missing_ok=True)

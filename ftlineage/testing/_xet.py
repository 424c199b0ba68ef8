"""Uploads through Xet: LocalHub hands clients a folder to store chunks in, and takes the files out of it.

Decides nothing about chunks: the client's own library (hf_xet) writes them, and reads them back
here. Its scheme ``local://`` is what that library's tests use; it is documented nowhere and was
found in hf_xet 1.8. What comes out counts only under the SHA-256 it really has. Not measured
against the real Xet store.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from ftlineage.errors import MissingExtraError
from ftlineage.testing._objects import Objects

# A shard is a list of records of 48 bytes: a file's header (hash, flags, number of segments), its
# segments (hash, flags, length, range), the same number of proofs and one record with the SHA-256
# if the flags say so. The list ends with a hash of ones.
_RECORD = 48
_HEADER = struct.Struct("<32sII8x")
_SEGMENT = struct.Struct("<32sII8x")
_DIGEST = struct.Struct("<32s16x")
_LAST = b"\xff" * 32
_HAS_PROOFS, _HAS_DIGEST = 1 << 31, 1 << 30
_NEVER = 4_102_444_800  # 2100-01-01T00:00:00Z


class XetStore:
    """Chunks that clients sent, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def grant(self) -> dict[str, object]:
        """The answer to a client that asks where chunks go."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return {"accessToken": "localhub", "exp": _NEVER, "casUrl": f"local://{self._folder}"}

    def take(self, sha256: str, objects: Objects) -> bool:
        """Put a file that arrived as chunks among the objects, if there is one.

        Raises:
            MissingExtraError: It was sent by a process that has hf_xet, and this one has not.
        """
        with self._lock:
            file_hash, size = self._find(sha256)
            if not file_hash:
                return False
            with tempfile.TemporaryDirectory(prefix="localhub-xet-") as name:
                # The client may still have its store open, which locks it: a copy is read.
                copy, out = Path(name) / "store", Path(name) / "file"
                shutil.copytree(self._folder, copy)
                _assemble(copy, file_hash, size, out)
                with out.open("rb") as file:
                    return objects.add(file) == sha256

    def _find(self, sha256: str) -> tuple[str, int]:
        """Xet's own hash and the size of a file, by its SHA-256; an empty hash if nobody sent it."""
        for shard in sorted(self._folder.rglob("shards/*.mdb")):
            for digest, file_hash, size in _files(shard.read_bytes()):
                if digest == sha256:
                    return file_hash, size
        return "", 0


def _files(shard: bytes) -> Iterator[tuple[str, str, int]]:
    """SHA-256, hash and size of each file of a shard."""
    at = _RECORD
    while True:
        file_hash, flags, count = _HEADER.unpack_from(shard, at)
        if file_hash == _LAST:
            return
        at += _RECORD
        size = sum(_SEGMENT.unpack_from(shard, at + number * _RECORD)[2] for number in range(count))
        at += count * _RECORD * (2 if flags & _HAS_PROOFS else 1)
        if flags & _HAS_DIGEST:
            (digest,) = _DIGEST.unpack_from(shard, at)
            at += _RECORD
            yield _hex(digest), _hex(file_hash), size


def _hex(stored: bytes) -> str:
    """Four numbers of 64 bits, stored with their lowest byte first."""
    return "".join(stored[at : at + 8][::-1].hex() for at in range(0, len(stored), 8))


def _assemble(store: Path, file_hash: str, size: int, out: Path) -> None:
    try:
        from hf_xet import XetFileInfo, XetSession
    except ImportError as error:
        raise MissingExtraError(package="hf_xet", purpose="uploads through Xet", extra="dev") from error
    session = XetSession()
    place = f"local://{store}"
    with session.new_file_download_group(endpoint=place, token="localhub", token_expiry_unix_secs=_NEVER) as group:  # noqa: S106
        group.start_download_file(XetFileInfo(file_hash, size), str(out))

"""safetensors files become digests: of the header, and of every tensor, without torch or numpy.

The header is read as ``hashing.header`` says, which leaves no byte outside of it and the tensors: so
their digests together cover the whole file, and a file can be hashed on several cores.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from ftlineage.core.digest import root_digest, sha256_hex
from ftlineage.core.sections import FileRecord, Tensor, TensorHeader, Tensors
from ftlineage.hashing.files import CHUNK, Readable, hash_range, open_regular, scratch
from ftlineage.hashing.header import DTYPE_BITS, MAX_HEADER, Header, TensorInfo, parse_header
from ftlineage.hashing.parallel import map_by_size
from ftlineage.hashing.progress import Update, no_update

__all__ = [
    "DTYPE_BITS",
    "MAX_HEADER",
    "Header",
    "TensorInfo",
    "content_digest",
    "hash_open_tensors",
    "hash_tensors",
    "read_header",
    "record_tensors",
    "summarise",
]

# Bytes handed to the second thread at a time: enough to hide what starting a thread costs.
_PASS_CHUNK = 4 * CHUNK


def read_header(path: Path, *, shown: str | None = None) -> Header:
    """Read and check the header of a safetensors file; no tensor is read.

    Raises:
        SafetensorsMalformedError: The file does not follow the format; the reason says where.
        PathNotFoundError, UnsafePathError, StorageError: As for ``open_regular``.
    """
    with open_regular(path, shown=shown) as file:
        return parse_header(file)


def hash_tensors(
    path: Path, file_name: str, *, update: Update | None = None, threads: int | None = None
) -> tuple[TensorHeader, list[Tensor]]:
    """Digest of the header and of every tensor, on several threads, in constant memory.

    Args:
        path: The safetensors file.
        file_name: How the card and errors name it.
        update: Called with the number of bytes just hashed.
        threads: Number of threads; chosen by size and cores if not given.

    Returns:
        The header's record, and the tensors in the order of their bytes.

    Raises:
        SafetensorsMalformedError, PathNotFoundError, UnsafePathError, StorageError: As for
            :func:`read_header`.
    """
    with open_regular(path, shown=file_name) as file:
        return hash_open_tensors(file, update=update, threads=threads)


def hash_open_tensors(
    file: Readable, *, update: Update | None = None, threads: int | None = None
) -> tuple[TensorHeader, list[Tensor]]:
    """:func:`hash_tensors` over a file that is open, or over bytes in memory."""
    header = parse_header(file)
    runs = _runs(header.tensors)

    def work(run: Sequence[TensorInfo]) -> list[str]:
        return _hash_run(file, run, update or no_update)

    hashed = map_by_size(work, runs, [run[-1].stop - run[0].start for run in runs], threads=threads)
    digests = [digest for run in hashed for digest in run]
    return _records(file.shown, header, digests)


def record_tensors(
    path: Path, file_name: str, *, update: Update | None = None
) -> tuple[FileRecord, TensorHeader, list[Tensor]]:
    """The digests of :func:`hash_tensors` and the whole file's SHA-256, reading every byte once.

    A second thread hashes the tensors while this one hashes the file; the file's digest is what
    the Hub and model signatures know, and it cannot be computed on more than one core.

    Raises:
        SafetensorsMalformedError, PathNotFoundError, UnsafePathError, StorageError: As for
            :func:`read_header`.
    """
    with open_regular(path, shown=file_name) as file:
        header = parse_header(file)
        whole = hashlib.sha256()
        split = _Splitter(header.tensors)
        step = min(_PASS_CHUNK, file.size)
        buffers = (memoryview(bytearray(step)), memoryview(bytearray(step)))
        offset, turn = 0, 0
        behind: threading.Thread | None = None
        while offset < file.size:
            view = buffers[turn][: file.size - offset]
            file.read_at(view, offset)
            if behind is not None:
                behind.join()
            behind = threading.Thread(target=split.feed, args=(offset, view))
            behind.start()
            whole.update(view)
            offset, turn = offset + len(view), 1 - turn
            (update or no_update)(len(view))
        if behind is not None:
            behind.join()
        size = file.size
    record, tensors = _records(file_name, header, split.digests())
    return FileRecord(path=file_name, size=size, sha256=whole.hexdigest()), record, tensors


def summarise(headers: Iterable[TensorHeader], tensors: Iterable[Tensor]) -> Tensors:
    """All tensors of a version with one digest over their content.

    The digest binds folder, name, type, shape and bytes of every tensor, and nothing of how they
    are laid out: another order, another split into files or other header metadata (trap T13)
    leave it as it is. So it tells a file that was re-serialised from one that was changed.
    """
    entries = sorted(tensors, key=lambda tensor: (tensor.file, tensor.name))
    return Tensors(
        count=len(entries),
        parameters=sum(_elements(tensor.shape) for tensor in entries),
        digest=content_digest(entries),
        headers=sorted(headers, key=lambda header: header.file),
        entries=entries,
    )


def content_digest(tensors: Iterable[Tensor]) -> str:
    """The layout-independent digest of :func:`summarise`."""
    return root_digest(
        "tensors",
        (
            (tensor.file.rpartition("/")[0], tensor.name, tensor.dtype, ",".join(map(str, tensor.shape)), tensor.sha256)
            for tensor in tensors
        ),
    )


# --- hashing -------------------------------------------------------------------------------------


def _runs(tensors: Sequence[TensorInfo]) -> list[list[TensorInfo]]:
    """Neighbouring small tensors together, so that thousands of them do not cost a read each."""
    runs: list[list[TensorInfo]] = []
    for tensor in tensors:
        if runs and tensor.stop - runs[-1][0].start <= CHUNK:
            runs[-1].append(tensor)
        else:
            runs.append([tensor])
    return runs


def _hash_run(file: Readable, run: Sequence[TensorInfo], update: Update) -> list[str]:
    start, stop = run[0].start, run[-1].stop
    if len(run) == 1:
        return [hash_range(file, start, stop, update=update)]
    view = scratch()[: stop - start]
    file.read_at(view, start)
    update(len(view))
    return [sha256_hex(view[tensor.start - start : tensor.stop - start]) for tensor in run]


class _Splitter:
    """Digests of tensors from a file's bytes as they come, in order."""

    def __init__(self, tensors: Sequence[TensorInfo]) -> None:
        self._tensors = tensors
        self._digests: list[str] = []
        self._state = hashlib.sha256()

    def feed(self, offset: int, view: memoryview) -> None:
        """Take the bytes that begin at ``offset``."""
        end = offset + len(view)
        while len(self._digests) < len(self._tensors):
            tensor = self._tensors[len(self._digests)]
            if tensor.start >= end and tensor.stop > end:
                return
            self._state.update(view[max(tensor.start, offset) - offset : max(min(tensor.stop, end) - offset, 0)])
            if tensor.stop > end:
                return
            self._finish()

    def digests(self) -> list[str]:
        """One digest a tensor, in order."""
        while len(self._digests) < len(self._tensors):  # empty tensors at the end of an empty file
            self._finish()
        return self._digests

    def _finish(self) -> None:
        self._digests.append(self._state.hexdigest())
        self._state = hashlib.sha256()


def _records(file_name: str, header: Header, digests: Sequence[str]) -> tuple[TensorHeader, list[Tensor]]:
    tensors = [
        Tensor(file=file_name, name=info.name, dtype=info.dtype, shape=list(info.shape), sha256=digest)
        for info, digest in zip(header.tensors, digests, strict=True)
    ]
    return TensorHeader(file=file_name, sha256=header.sha256, size=header.size), tensors


def _elements(shape: Sequence[int]) -> int:
    total = 1
    for length in shape:
        total *= length
    return total

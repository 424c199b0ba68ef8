"""safetensors files become digests: of the header, and of every tensor, without torch or numpy.

The reader follows the format of safetensors 0.8 and refuses whatever two readers could understand
differently: overlapping tensors, holes and trailing bytes, offsets past the end, a length prefix
past the end or beyond 100 MB, duplicate names, text that is not UTF-8, sizes that do not follow
from shape and type, numbers that overflow. So the header's digest and the tensors' digests
together cover every byte, and a file can be hashed on several cores.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from ftlineage.core.digest import root_digest, sha256_hex
from ftlineage.core.sections import FileRecord, Tensor, TensorHeader, Tensors
from ftlineage.errors import SafetensorsMalformedError
from ftlineage.hashing.files import CHUNK, OpenFile, hash_range, open_regular, scratch
from ftlineage.hashing.parallel import map_by_size
from ftlineage.hashing.progress import Update, no_update

# Bits of one element. All types of safetensors 0.8.
DTYPE_BITS = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}
MAX_HEADER = 100_000_000
# Bytes handed to the second thread at a time: enough to hide what starting a thread costs.
_PASS_CHUNK = 4 * CHUNK
_PREFIX = 8
_MAX_WORD = 2**64 - 1
_MAX_DIGITS = 20
_METADATA = "__metadata__"
_KEYS = {"dtype", "shape", "data_offsets"}


class TensorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One tensor of a header; its bytes are ``start`` to ``stop`` of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """A sound header: ``size`` counts the length prefix too, ``tensors`` are in the order of their bytes."""

    size: int
    sha256: str
    metadata: dict[str, str]
    tensors: tuple[TensorInfo, ...]


def read_header(path: Path, *, shown: str | None = None) -> Header:
    """Read and check the header of a safetensors file; no tensor is read.

    Raises:
        SafetensorsMalformedError: The file does not follow the format; the reason says where.
        PathNotFoundError, UnsafePathError, StorageError: As for ``open_regular``.
    """
    with open_regular(path, shown=shown) as file:
        return _header(file)


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
        header = _header(file)
        runs = _runs(header.tensors)

        def work(run: Sequence[TensorInfo]) -> list[str]:
            return _hash_run(file, run, update or no_update)

        hashed = map_by_size(work, runs, [run[-1].stop - run[0].start for run in runs], threads=threads)
    digests = [digest for run in hashed for digest in run]
    return _records(file_name, header, digests)


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
        header = _header(file)
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


# --- reading a header ----------------------------------------------------------------------------


def _header(file: OpenFile) -> Header:
    if file.size < _PREFIX:
        _refuse(file.shown, f"{file.size} bytes, too short for a header")
    prefix = bytearray(_PREFIX)
    file.read_at(memoryview(prefix), 0)
    length = int.from_bytes(prefix, "little")
    if length > MAX_HEADER:
        _refuse(file.shown, f"the header claims {length} bytes, more than the {MAX_HEADER} that are allowed")
    if _PREFIX + length > file.size:
        _refuse(file.shown, f"the header claims {length} bytes, the file ends before")
    text = bytearray(length)
    file.read_at(memoryview(text), _PREFIX)
    document = _parse(bytes(text), file.shown)
    metadata = _metadata(document.pop(_METADATA, {}), file.shown)
    base = _PREFIX + length
    tensors = sorted(
        (_tensor(name, entry, base, file.shown) for name, entry in document.items()),
        key=lambda tensor: (tensor.start, tensor.stop),
    )
    _require_cover(tensors, base, file.size, file.shown)
    return Header(size=base, sha256=sha256_hex(prefix + text), metadata=metadata, tensors=tuple(tensors))


def _parse(text: bytes, shown: str) -> dict[str, Any]:
    # Only spaces may pad a header, and only after it: so no bytes can hide that other readers skip.
    if not text.startswith(b"{") or not text.rstrip(b" ").endswith(b"}"):
        _refuse(shown, "the header is not one JSON object")
    try:
        document = _decoder(shown).decode(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise SafetensorsMalformedError(path=shown, reason=f"the header is not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise SafetensorsMalformedError(path=shown, reason="the header is nested too deeply") from error
    except json.JSONDecodeError as error:
        reason = f"the header is not JSON at character {error.pos}"
        raise SafetensorsMalformedError(path=shown, reason=reason) from error
    return document


def _decoder(shown: str) -> json.JSONDecoder:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            _refuse(shown, f"the name {_first_twice(pairs)!r} stands twice in the header")
        return result

    def constant(name: str) -> NoReturn:
        _refuse(shown, f"{name} in the header is not JSON")

    def whole(digits: str) -> int:
        if len(digits) > _MAX_DIGITS:
            _refuse(shown, f"a number in the header has {len(digits)} digits")
        return int(digits)

    return json.JSONDecoder(object_pairs_hook=unique, parse_constant=constant, parse_int=whole)


def _metadata(value: object, shown: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        _refuse(shown, f"{_METADATA} is not a map from text to text")
    return value


def _tensor(name: str, entry: object, base: int, shown: str) -> TensorInfo:
    if not _is_text(name):
        _refuse(shown, f"the tensor name {name!r} holds a lone surrogate")
    if not isinstance(entry, dict) or entry.keys() != _KEYS:
        _refuse(shown, f"tensor {name!r} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    bits = DTYPE_BITS.get(dtype) if isinstance(dtype, str) else None
    if bits is None:
        _refuse(shown, f"tensor {name!r} has the unknown dtype {dtype!r}")
    if not _are_words(shape):
        _refuse(shown, f"tensor {name!r} has the impossible shape {_short(shape)}")
    if not _are_words(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:  # noqa: PLR2004 - begin and end
        _refuse(shown, f"tensor {name!r} has the impossible offsets {_short(offsets)}")
    size = _byte_size(shape, bits)
    if size is None:
        _refuse(shown, f"tensor {name!r} has the shape {_short(shape)}, whose size overflows or is no whole byte")
    if offsets[1] - offsets[0] != size:
        _refuse(shown, f"tensor {name!r} needs {size} bytes and has {offsets[1] - offsets[0]}")
    return TensorInfo(name=name, dtype=dtype, shape=tuple(shape), start=base + offsets[0], stop=base + offsets[1])


def _require_cover(tensors: Sequence[TensorInfo], base: int, size: int, shown: str) -> None:
    """Every byte after the header belongs to exactly one tensor."""
    expected = base
    for tensor in tensors:
        if tensor.stop > size:
            _refuse(shown, f"tensor {tensor.name!r} ends at byte {tensor.stop}, the file at {size}")
        if tensor.start < expected:
            _refuse(shown, f"tensor {tensor.name!r} overlaps the one before it")
        if tensor.start > expected:
            _refuse(shown, f"{tensor.start - expected} bytes before tensor {tensor.name!r} belong to no tensor")
        expected = tensor.stop
    if expected != size:
        _refuse(shown, f"{size - expected} bytes at the end belong to no tensor")


def _byte_size(shape: Sequence[int], bits: int) -> int | None:
    total = bits
    for length in shape:
        total *= length
        if total > _MAX_WORD:
            return None
    return total // 8 if total % 8 == 0 else None


def _are_words(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item <= _MAX_WORD for item in value)


def _is_text(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _first_twice(pairs: Iterable[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004 - a line's worth


def _refuse(shown: str, reason: str) -> NoReturn:
    raise SafetensorsMalformedError(path=shown, reason=reason)


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


def _hash_run(file: OpenFile, run: Sequence[TensorInfo], update: Update) -> list[str]:
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

"""The header of a safetensors file, read without torch or numpy.

Follows the format of safetensors 0.8 and refuses whatever two readers could understand differently:
overlapping tensors, holes and trailing bytes, offsets past the end, a length prefix past the end or
beyond 100 MB, duplicate names, text that is not UTF-8, sizes that do not follow from shape and
type, numbers that overflow. So the header's digest and the tensors' digests together cover every
byte of a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import msgspec

from ftlineage.core import words
from ftlineage.core.digest import sha256_hex
from ftlineage.errors import SafetensorsMalformedError
from ftlineage.hashing.files import Readable

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
_PREFIX = 8
_MAX_WORD = 2**64 - 1
_MAX_DIGITS = 20
_METADATA = "__metadata__"
_LONGEST_NAME = 300  # in a sentence; a name itself may be as long as the header
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


def parse_header(file: Readable) -> Header:
    """Read and check the header of an open file or of bytes in memory; no tensor is read.

    Raises:
        SafetensorsMalformedError: The file does not follow the format; the reason says where.
        StorageError: It cannot be read.
    """
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
            _refuse(shown, f"the name {_named(_first_twice(pairs))} stands twice in the header")
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
        _refuse(shown, f"the tensor name {_named(name)} holds a lone surrogate")
    if not isinstance(entry, dict) or entry.keys() != _KEYS:
        _refuse(shown, f"tensor {_named(name)} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    bits = DTYPE_BITS.get(dtype) if isinstance(dtype, str) else None
    if bits is None:
        _refuse(shown, f"tensor {_named(name)} has the unknown dtype {_short(dtype)}")
    if not _are_words(shape):
        _refuse(shown, f"tensor {_named(name)} has the impossible shape {_short(shape)}")
    if not _are_words(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:  # noqa: PLR2004 - begin and end
        _refuse(shown, f"tensor {_named(name)} has the impossible offsets {_short(offsets)}")
    size = _byte_size(shape, bits)
    if size is None:
        _refuse(shown, f"tensor {_named(name)} has the shape {_short(shape)}, whose size overflows or is no whole byte")
    if offsets[1] - offsets[0] != size:
        _refuse(shown, f"tensor {_named(name)} needs {size} bytes and has {offsets[1] - offsets[0]}")
    return TensorInfo(name=name, dtype=dtype, shape=tuple(shape), start=base + offsets[0], stop=base + offsets[1])


def _require_cover(tensors: Sequence[TensorInfo], base: int, size: int, shown: str) -> None:
    """Every byte after the header belongs to exactly one tensor."""
    expected = base
    for tensor in tensors:
        if tensor.stop > size:
            _refuse(shown, f"tensor {_named(tensor.name)} ends at byte {tensor.stop}, the file at {size}")
        if tensor.start < expected:
            _refuse(shown, f"tensor {_named(tensor.name)} overlaps the one before it")
        if tensor.start > expected:
            _refuse(shown, f"{tensor.start - expected} bytes before tensor {_named(tensor.name)} belong to no tensor")
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


def _named(name: str) -> str:
    return words.cut(repr(name), _LONGEST_NAME)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004 - a line's worth


def _refuse(shown: str, reason: str) -> NoReturn:
    raise SafetensorsMalformedError(path=shown, reason=reason)

"""safetensors files written by hand, sound or broken on purpose, without the library that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftlineage.core import codec

Tensors = Mapping[str, tuple[str, list[int], bytes]]


def entry(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def raw(header: bytes, data: bytes = b"", *, length: int | None = None) -> bytes:
    """Length prefix, header text and data exactly as given."""
    return (len(header) if length is None else length).to_bytes(8, "little") + header + data


def document(header: Mapping[str, Any], data: bytes = b"") -> bytes:
    """A header document as the library writes it: compact JSON padded to eight bytes."""
    text = codec.compact_text(header).encode()
    return raw(text + b" " * (-len(text) % 8), data)


def write(tensors: Tensors, metadata: dict[str, str] | None = None) -> bytes:
    """A sound file with the tensors in the order given."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    data = b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = entry(dtype, shape, len(data), len(data) + len(content))
        data += content
    return document(header, data)

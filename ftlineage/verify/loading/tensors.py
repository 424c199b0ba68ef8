"""Tensors over bytes that are held in memory: what was hashed is what torch computes with.

Decides which torch type each safetensors type is. Tensors are views of the held bytes, no copies.
Refused: types that torch packs in its own way (4 and 6 bits), because their shapes mean another thing there.
"""

from __future__ import annotations

from typing import Any

from ftlineage.errors import SafetensorsMalformedError
from ftlineage.hashing.header import parse_header
from ftlineage.hashing.held import HeldFile

_TYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "I16": "int16",
    "U16": "uint16",
    "F16": "float16",
    "BF16": "bfloat16",
    "I32": "int32",
    "U32": "uint32",
    "F32": "float32",
    "C64": "complex64",
    "F64": "float64",
    "I64": "int64",
    "U64": "uint64",
}


def tensors_of(file: HeldFile) -> dict[str, Any]:
    """Every tensor of a held safetensors file, by name.

    Raises:
        SafetensorsMalformedError: The file is not sound, or has a type that torch does not have.
    """
    import torch

    result = {}
    for info in parse_header(file).tensors:
        dtype = getattr(torch, _TYPES.get(info.dtype, ""), None)
        if dtype is None:
            reason = f"tensor {info.name!r} has the type {info.dtype}, which cannot be loaded"
            raise SafetensorsMalformedError(path=file.shown, reason=reason)
        if info.start == info.stop:
            result[info.name] = torch.empty(info.shape, dtype=dtype)
            continue
        data, offset = file.data, info.start
        if offset % dtype.itemsize:  # torch computes with aligned numbers only
            data, offset = file.data[info.start : info.stop], 0
        count = (info.stop - info.start) // dtype.itemsize
        result[info.name] = torch.frombuffer(data, dtype=dtype, count=count, offset=offset).reshape(info.shape)
    return result

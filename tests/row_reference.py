"""The row fingerprint written a second time from ``docs/row-fingerprint.md``, value by value and slowly.

It shares no code with ``ftlineage.hashing``: plain Python over Arrow scalars, no buffers.
"""

from __future__ import annotations

import decimal
import hashlib
import json
import math
import struct
from typing import Any

import pyarrow as pa  # noqa: TID253 - what is tested

BLOCK = 8192


def type_name(kind: Any) -> str:
    """Logical type names, section 2."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return "json" if kind.extension_name == "arrow.json" else type_name(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return type_name(kind.value_type)
    if types.is_struct(kind):
        return "struct<" + ", ".join(f"{quoted(name)}: {inside}" for name, inside in fields(kind)) + ">"
    if types.is_map(kind):
        return f"map<{type_name(kind.key_type)}, {type_name(kind.item_type)}>"
    if hasattr(kind, "value_type"):
        return f"list<{type_name(kind.value_type)}>"
    if types.is_timestamp(kind):
        return f"timestamp[{kind.unit}]" if kind.tz is None else f"timestamp[{kind.unit}, {quoted(kind.tz)}]"
    if types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    names = {"double": "float64", "float": "float32", "halffloat": "float16", "date32[day]": "date32"}
    names |= {"date64[ms]": "date64", "month_day_nano_interval": "interval[month, day, nanosecond]"}
    text = str(kind)
    for prefix in ("string", "binary"):
        if prefix in text:
            return prefix
    return names.get(text, text)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # noqa: TID251 - on its own on purpose


def fields(kind: Any) -> list[tuple[str, str]]:
    return sorted(((f.name, type_name(f.type)) for f in kind), key=lambda pair: pair[0].encode())


def u32(number: int) -> bytes:
    return struct.pack("<I", number)


def payload(scalar: Any, kind: Any) -> bytes:
    """Bytes of one value of a fixed width; ``scalar`` is None for null."""
    types = pa.types
    if types.is_decimal(kind):
        width = 16 if kind.precision <= 38 else 32
        number = 0 if scalar is None else int(scalar.as_py().scaleb(kind.scale, context=_WIDE))
        return number.to_bytes(width, "little", signed=True)
    width = 1 if types.is_boolean(kind) else kind.bit_width // 8
    if scalar is None:
        return bytes(width)
    if types.is_interval(kind):
        months, days, nanoseconds = scalar.as_py()
        return struct.pack("<iiq", months, days, nanoseconds)
    if types.is_floating(kind):
        value = float(scalar.as_py())
        if math.isnan(value):
            return {2: b"\x00\x7e", 4: b"\x00\x00\xc0\x7f", 8: b"\x00\x00\x00\x00\x00\x00\xf8\x7f"}[width]
        return struct.pack({2: "<e", 4: "<f", 8: "<d"}[width], value)
    number = scalar.as_py() if types.is_integer(kind) or types.is_boolean(kind) else scalar.value
    return int(number).to_bytes(width, "little", signed=not types.is_unsigned_integer(kind))


_WIDE = decimal.Context(prec=100)


def plain(scalar: Any, kind: Any) -> tuple[Any, Any]:
    """Strip encodings from a scalar and its type; a null becomes None."""
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind, scalar = kind.storage_type, scalar if scalar is None else scalar.value
        elif pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
            kind, scalar = kind.value_type, scalar if scalar is None else inner(scalar)
        else:
            return (None if scalar is None or not scalar.is_valid else scalar), kind


def inner(scalar: Any) -> Any:
    if isinstance(scalar, pa.DictionaryScalar):
        return scalar.value if scalar.is_valid else None
    return pa.scalar(scalar.as_py(), scalar.type.value_type) if scalar.is_valid else None


def parts(scalar: Any, kind: Any) -> tuple[str, Any]:
    """What a value consists of: ``(shape, content)``."""
    types = pa.types
    if types.is_null(kind):
        return "null", None
    if types.is_struct(kind):
        members = sorted(kind, key=lambda f: f.name.encode())
        return "struct", [(None if scalar is None else scalar[f.name], f.type) for f in members]
    if types.is_map(kind):
        entry = pa.struct([pa.field("key", kind.key_type), pa.field("value", kind.item_type)])
        return "list", ([] if scalar is None else [(v.cast(entry), entry) for v in scalar.values])
    if hasattr(kind, "value_type"):
        return "list", ([] if scalar is None else [(v, kind.value_type) for v in scalar.values])
    if type_name(kind) in ("string", "binary"):
        value = b"" if scalar is None else scalar.as_py()
        return "bytes", value.encode() if isinstance(value, str) else value
    return "fixed", payload(scalar, kind)


def row_cell(scalar: Any, kind: Any) -> bytes:
    """Section 4: the bytes of one cell in a row."""
    scalar, kind = plain(scalar, kind)
    shape, content = parts(scalar, kind)
    valid = b"\0" if scalar is None else b"\1"
    if shape == "null":
        return b"\0"
    if shape == "struct":
        return valid + b"".join(row_cell(*member) for member in content)
    if shape == "list":
        return valid + u32(len(content)) + b"".join(row_cell(*item) for item in content)
    return valid + (u32(len(content)) if shape == "bytes" else b"") + content


class Streams:
    """Section 3: the byte streams of one column or field in one block."""

    def __init__(self, kind: Any) -> None:
        _, self.kind = plain(None, kind)
        self.valid, self.lengths, self.data = bytearray(), bytearray(), bytearray()
        self.shape, _ = parts(None, self.kind)
        self.children: list[Streams] = []
        if self.shape == "struct":
            self.children = [Streams(f.type) for f in sorted(self.kind, key=lambda f: f.name.encode())]
        elif pa.types.is_map(self.kind):
            entry = pa.struct([pa.field("key", self.kind.key_type), pa.field("value", self.kind.item_type)])
            self.children = [Streams(entry)]
        elif self.shape == "list":
            self.children = [Streams(self.kind.value_type)]

    def add(self, scalar: Any, kind: Any) -> None:
        scalar, kind = plain(scalar, kind)
        shape, content = parts(scalar, kind)
        self.valid.append(scalar is not None)
        if shape in ("list", "bytes"):
            self.lengths += u32(len(content))
        if shape == "list":
            for item in content:
                self.children[0].add(*item)
        elif shape == "struct":
            for child, member in zip(self.children, content, strict=True):
                child.add(*member)
        elif shape != "null":
            self.data += content

    def digests(self) -> list[bytes]:
        if self.shape == "null":
            return []
        streams = [b"" if all(self.valid) else bytes(self.valid)]
        if self.shape in ("list", "bytes"):
            streams.append(bytes(self.lengths))
        if self.shape in ("fixed", "bytes"):
            streams.append(bytes(self.data))
        below = [digest for child in self.children for digest in child.digests()]
        return [hashlib.sha256(stream).digest() for stream in streams] + below


def fingerprint(table: Any) -> tuple[str, str]:
    """The ordered and the order-free digest of a table."""
    columns = fields(table.schema)
    header = u32(len(columns)) + b"".join(u32(len(t.encode())) + t.encode() for pair in columns for t in pair)
    data = [table.column(name) for name, _ in columns]
    blocks, rows = [], []
    for start in range(0, table.num_rows, BLOCK):
        streams = [Streams(column.type) for column in data]
        for row in range(start, min(start + BLOCK, table.num_rows)):
            for stream, column in zip(streams, data, strict=True):
                stream.add(column[row], column.type)
            rows.append(hashlib.sha256(b"".join(row_cell(column[row], column.type) for column in data)).digest())
        blocks.append(hashlib.sha256(b"".join(d for stream in streams for d in stream.digests())).digest())
    buckets = [hashlib.sha256(b"".join(sorted(d for d in rows if d[0] == first))).digest() for first in range(256)]
    end = header + struct.pack("<Q", table.num_rows)
    ordered = hashlib.sha256(b"ftl-rows-v1 ordered\n" + end + b"".join(blocks)).hexdigest()
    unordered = hashlib.sha256(b"ftl-rows-v1 unordered\n" + end + b"".join(buckets)).hexdigest()
    return ordered, unordered

"""Rows of JSON Lines and of JSON files that hold one list of objects.

Text stays text: a string that looks like a date is no timestamp, so the same rows have the same
types in JSON, CSV and Python. Numbers are int64, or float64 once a fraction or a larger integer
occurs in the column. Refused, with the line named: what is no JSON, no UTF-8 or no object, and keys
that stand twice in one object.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ftlineage.errors import BadInputError
from ftlineage.hashing.arrow_types import is_list
from ftlineage.sources.data_rows import MixedTypesError, Rows, WidenedError, wider_schema

BLOCK = 8 * 1024 * 1024
_FIRST = 256 * 1024
_BOM = b"\xef\xbb\xbf"


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Whole lines of a file: ``first`` is the number of its first line (or element), from 1."""

    data: bytes
    first: int
    unit: str = "line"


class JsonFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file; ``shown`` is how errors name it."""

    path: Path
    shown: str

    def blocks(self, size: int = BLOCK) -> Iterator[Block]:
        """Its rows as JSON Lines, some megabytes at a time."""
        with open_text(self.path) as file:
            start = file.read(_FIRST)
            if start.removeprefix(_BOM).lstrip()[:1] == b"[":
                yield from _list_blocks(start + file.read(), self.shown)
            else:
                yield from _line_blocks(file, start.removeprefix(_BOM), size)


def json_rows(files: list[JsonFile]) -> Rows:
    """The rows of several files, one after the other, with one schema.

    Raises:
        BadInputError: A file is no JSON, or holds no rows.
        MixedTypesError: A column has values of different kinds in the first rows.
    """
    import pyarrow as pa

    schema = pa.schema([])
    for file in files:
        first = next(file.blocks(_FIRST), None)
        if first is not None:
            _require_utf8(first, file.shown)
            schema = wider_schema(schema, _inferred(first, file.shown), numbers=True)
    return Rows(schema=schema, read=lambda wanted: _read(files, wanted))


def open_text(path: Path) -> Any:
    """A file as bytes, unpacked if its name ends in .gz, .bz2, .zst or .lz4."""
    import pyarrow as pa

    return io.BufferedReader(pa.input_stream(str(path), compression="detect"))


def _read(files: list[JsonFile], schema: Any) -> Iterator[Any]:
    wanted = schema
    for file in files:
        for block in file.blocks():
            _require_utf8(block, file.shown)
            batches = None if wanted is not schema else _parsed(block, schema)
            if batches is None:
                wanted = _widened(wanted, block, file.shown)
            else:
                yield from batches
    if wanted is not schema:
        raise WidenedError(wanted)


def _parsed(block: Block, schema: Any) -> list[Any] | None:
    """The batches of a block, or None if it does not have this schema."""
    import pyarrow as pa

    try:
        return list(_parse(block.data, schema).to_batches())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _widened(schema: Any, block: Block, shown: str) -> Any:
    import pyarrow as pa

    wider = wider_schema(schema, _inferred(block, shown), numbers=True)
    if wider.equals(schema) and _parsed(block, schema) is None:
        # The types fit and yet it does not parse: pyarrow knows why.
        try:
            _parse(block.data, schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise _line_error(block, shown, str(error)) from error
    return schema if wider.equals(schema) else wider


def _parse(data: bytes, schema: Any = None) -> Any:
    import pyarrow.json as reader

    # One chunk and one thread: what is inferred must not depend on where chunks are cut.
    options = reader.ReadOptions(use_threads=False, block_size=len(data) + 1)
    strict = "infer" if schema is None else "error"
    parsing = reader.ParseOptions(explicit_schema=schema, unexpected_field_behavior=strict)
    return reader.read_json(io.BytesIO(data), read_options=options, parse_options=parsing)


def _inferred(block: Block, shown: str) -> Any:
    """The schema of a block's rows."""
    import pyarrow as pa

    try:
        schema = _parse(block.data).schema
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _line_error(block, shown, str(error)) from error
    return pa.schema([(field.name, _text_stays_text(field.type)) for field in schema])


def _text_stays_text(kind: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return pa.string()
    if is_list(kind):
        return pa.list_(_text_stays_text(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _text_stays_text(field.type)) for field in kind])
    return kind


# --- errors that name the line -------------------------------------------------------------------


def _require_utf8(block: Block, shown: str) -> None:
    try:
        block.data.decode()
    except UnicodeDecodeError as error:
        line = block.first + block.data.count(b"\n", 0, error.start)
        raise BadInputError(path=shown, reason=f"{block.unit} {line} is not UTF-8") from error


def _line_error(block: Block, shown: str, message: str) -> Exception:
    """Find the first line with which the block does not parse any more, by halving."""
    lines = [line + b"\n" for line in block.data.split(b"\n")]
    good, bad = 0, len(lines)
    while bad - good > 1:
        middle = (good + bad) // 2
        reason = _fault(b"".join(lines[:middle]))
        good, bad, message = (middle, bad, message) if reason is None else (good, middle, reason)
    number = block.first + bad - 1
    if ") changed from " in message:
        path, _, kinds = message.partition("Column(")[2].partition(") changed from ")
        before, _, after = kinds.partition(" in row ")[0].partition(" to ")
        if path:
            return MixedTypesError(f"{path.strip('/').replace('/', '.')}", before, f"{after} ({block.unit} {number})")
        return BadInputError(path=shown, reason=f"{block.unit} {number} is no JSON object but a JSON {after}")
    cause = message.removeprefix("JSON parse error: ").partition(" in row ")[0].rstrip(".")
    return BadInputError(path=shown, reason=f"{block.unit} {number} is no JSON object: {cause[:1].lower()}{cause[1:]}")


def _with_line(message: str, text: bytes) -> str:
    """The message of msgspec with the line in place of the byte."""
    cause, _, place = message.removeprefix("JSON is malformed: ").partition(" (byte ")
    byte = place.rstrip(")")
    line = text.count(b"\n", 0, int(byte)) + 1 if byte.isdigit() else text.count(b"\n") + 1
    return f"{cause[:1].lower()}{cause[1:]} on line {line}"


def _fault(data: bytes) -> str | None:
    import pyarrow as pa

    try:
        _parse(data)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        return str(error)
    return None


# --- cutting files -------------------------------------------------------------------------------


def _line_blocks(file: Any, start: bytes, size: int) -> Iterator[Block]:
    number, data = 1, start
    while data:
        data += file.readline()
        if not data.isspace():
            yield Block(data=data, first=number)
        number += data.count(b"\n")
        data = file.read(size)


def _list_blocks(data: bytes, shown: str) -> Iterator[Block]:
    """The elements of one JSON list, each on a line; the file is held in memory."""
    import msgspec

    text = data.removeprefix(_BOM)
    try:
        elements = msgspec.json.decode(text, type=list[msgspec.Raw])
    except msgspec.DecodeError as error:
        raise BadInputError(path=shown, reason=f"it is no JSON list: {_with_line(str(error), text)}") from error
    lines: list[bytes] = []
    size = first = 0
    for number, element in enumerate(elements, start=1):
        # Line ends inside an element are only layout: in strings they are escaped.
        lines.append(bytes(element).replace(b"\n", b" ").replace(b"\r", b" "))
        size += len(lines[-1])
        if size >= BLOCK or number == len(elements):
            yield Block(data=b"\n".join(lines) + b"\n", first=first + 1, unit="element")
            lines, size, first = [], 0, number

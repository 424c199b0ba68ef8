"""Rows of CSV and TSV files: decides what a column's text means, from all rows and not from the first ones.

A column is int64, float64 or bool if every cell that is not missing reads as one, else text; so
``007`` in one row and ``A7`` in another stay text. Empty cells are null. The words pandas takes for
missing are null among numbers, and words among text, where pandas would drop a name like ``NA``.
Refused, with the line named: rows with too many or too few cells.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ftlineage.errors import BadInputError
from ftlineage.sources.data_json import open_text
from ftlineage.sources.data_rows import Rows, WidenedError

BLOCK = 4 * 1024 * 1024
# What pandas, and so datasets, reads as missing, besides empty cells.
_MISSING = r"^(#N/A|#N/A N/A|#NA|-1\.#IND|-1\.#QNAN|-?NaN|-?nan|1\.#IND|1\.#QNAN|<NA>|N/A|NA|NULL|None|n/a|null)$"
_WORDS = "^(?i:true|false)$"


class CsvFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file; ``shown`` is how errors name it."""

    path: Path
    shown: str
    delimiter: str = ","

    def texts(self) -> Iterator[Any]:
        """Its rows with every column as text.

        Raises:
            BadInputError: It has no header, or a row has another number of cells.
        """
        import pyarrow as pa

        try:
            yield from self._texts()
        except pa.ArrowInvalid as error:
            raise self._fault(str(error)) from error

    def _texts(self) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.csv as reader

        parsing = reader.ParseOptions(delimiter=self.delimiter, newlines_in_values=True)
        names = self.names()
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise BadInputError(path=self.shown, reason=f"two of its columns are named {twice!r}")
        types = dict.fromkeys(names, pa.string())
        converting = reader.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
        reading = reader.ReadOptions(block_size=BLOCK)
        with (
            pa.input_stream(str(self.path), compression="detect") as file,
            reader.open_csv(file, read_options=reading, parse_options=parsing, convert_options=converting) as batches,
        ):
            yield from batches

    def names(self) -> list[str]:
        """The column names: its first line; empty if there is none."""
        with open_text(self.path) as file:
            return next(self._cells(file), [])

    def _cells(self, file: Any) -> Any:
        import csv

        # For counting cells; what is not UTF-8 is refused elsewhere.
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
        return csv.reader(text, delimiter=self.delimiter)

    def _fault(self, message: str) -> BadInputError:
        """What pyarrow refused, with the line, which it does not say."""
        if "Empty CSV file" in message:
            return BadInputError(path=self.shown, reason="it holds no rows")
        reason = self._first_ragged() or self._first_garbled() or message.partition(": ")[2] or message
        return BadInputError(path=self.shown, reason=reason)

    def _first_ragged(self) -> str | None:
        width = len(self.names())
        with open_text(self.path) as file:
            cells = self._cells(file)
            line = 1
            for row in cells:
                if row and len(row) != width:
                    return f"line {line} has {len(row)} cells where the header has {width}"
                line = cells.line_num + 1
        return None

    def _first_garbled(self) -> str | None:
        with open_text(self.path) as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode()
                except UnicodeDecodeError:
                    return f"line {number} is not UTF-8"
        return None


def csv_rows(files: list[CsvFile]) -> Rows:
    """The rows of several files, one after the other, with one schema.

    Raises:
        BadInputError: A file is no CSV.
    """
    guess = _Guess()
    for file in files:
        first = next(file.texts(), None)
        if first is not None:
            guess.add(first)
    return Rows(schema=guess.schema(), read=lambda schema: _read(files, schema))


def _read(files: list[CsvFile], schema: Any) -> Iterator[Any]:
    for file in files:
        for batch in file.texts():
            typed = _typed(batch, schema)
            if typed is None:
                raise WidenedError(_guess_all(files))
            yield typed


def _guess_all(files: list[CsvFile]) -> Any:
    guess = _Guess()
    for file in files:
        for batch in file.texts():
            guess.add(batch)
    return guess.schema()


class _Guess:
    """Which types every cell of a column could still have."""

    def __init__(self) -> None:
        self._possible: dict[str, list[str]] = {}
        self._seen: set[str] = set()

    def add(self, batch: Any) -> None:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            known = self._possible.setdefault(name, ["int64", "double", "bool"])
            if _read_as(column, "null") is None:
                self._seen.add(name)
                self._possible[name] = [kind for kind in known if _read_as(column, kind) is not None]

    def schema(self) -> Any:
        import pyarrow as pa

        def kind(name: str) -> Any:
            if name not in self._seen:
                return pa.null()
            return pa.type_for_alias(next(iter(self._possible[name]), "string"))

        return pa.schema([(name, kind(name)) for name in self._possible])


def _typed(batch: Any, schema: Any) -> Any | None:
    """A batch of texts as a batch of a schema, or None if a cell does not fit."""
    import pyarrow as pa

    if not {*batch.schema.names} <= {*schema.names}:
        return None
    arrays = []
    for field in schema:
        place = batch.schema.get_field_index(field.name)
        column = pa.nulls(batch.num_rows, field.type) if place < 0 else _read_as(batch.column(place), str(field.type))
        if column is None:
            return None
        arrays.append(column)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _read_as(column: Any, kind: str) -> Any | None:
    """A column of texts as another type, or None if a cell is no such value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind == "string":
        return column
    missing = pc.match_substring_regex(column, _MISSING)
    if pc.any(missing).as_py():
        column = pc.if_else(missing, pa.nulls(len(column), pa.string()), column)
    if kind == "null":
        return pa.nulls(len(column)) if column.null_count == len(column) else None
    if kind == "bool" and not pc.all(pc.match_substring_regex(column, _WORDS)).as_py():
        return None
    try:
        return column.cast(pa.type_for_alias(kind))
    except pa.ArrowInvalid:
        return None

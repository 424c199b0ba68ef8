"""Rows that can be read from the start any number of times, and the schema they agree on.

Text formats do not say their types. A reader guesses them from the first rows, goes on, and when a
later row needs a wider type it raises :class:`WidenedError` with the types that fit all rows; then
reading starts again. So most files are read once, and the result never depends on where they were
cut. Refused: a column that is text in one row and a number in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, Self, TypeVar

import msgspec

from ftlineage.hashing.arrow_types import is_list, logical_type, plan_of
from ftlineage.hashing.progress import progress_bar
from ftlineage.hashing.rows import RowFingerprint, RowHasher


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """A table that can be read again.

    ``schema`` is the first guess, exact for typed formats. ``read(schema)`` gives
    ``pyarrow.RecordBatch`` values of those columns. ``size`` is their bytes, where known.
    """

    schema: Any
    read: Callable[[Any], Iterator[Any]]
    size: int | None = None


class WidenedError(Exception):
    """Rows need wider types than those they were read with; ``schema`` fits all of them."""

    def __init__(self, schema: Any) -> None:
        super().__init__(schema)
        self.schema = schema


class MixedTypesError(Exception):
    """A column holds values that no type but JSON text can hold together."""

    def __init__(self, path: str, before: str, after: str) -> None:
        super().__init__(path, before, after)
        self.path, self.before, self.after = path, before, after

    @property
    def reason(self) -> str:
        """A sentence without its end."""
        return f"column {self.path!r} holds {self.before} in one row and {self.after} in another"


class Sink(Protocol):
    """What takes batches; a context manager that frees what it holds when reading starts again."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(self, *exception: object) -> None:
        """End, with or without a result."""
        ...

    def update(self, batch: Any) -> None:
        """Take the next rows."""
        ...


AnySink = TypeVar("AnySink", bound=Sink)
Result = TypeVar("Result")


def feed(rows: Rows, begin: Callable[[Any], AnySink], finish: Callable[[AnySink], Result]) -> Result:
    """Read all rows into a sink, from the start again whenever their types had to be widened.

    Args:
        rows: What to read.
        begin: Makes an empty sink for a schema.
        finish: Takes the result from the sink when all rows are in it.
    """
    schema = rows.schema
    while True:
        try:
            with begin(schema) as sink:
                for batch in rows.read(schema):
                    sink.update(batch)
                return finish(sink)
        except WidenedError as wider:
            schema = wider.schema


def fingerprint_rows(rows: Rows, *, order_free: bool = True, label: str = "Hashing rows") -> RowFingerprint:
    """Fingerprint all rows; a progress bar shows on a terminal after a second."""
    with progress_bar(rows.size, label) as update:
        return feed(
            rows,
            lambda schema: RowHasher(schema, order_free=order_free, update=update),
            lambda hasher: hasher.finish(),
        )


# --- types that fit both -------------------------------------------------------------------------


def wider_schema(left: Any, right: Any, *, numbers: bool) -> Any:
    """The schema whose columns fit the rows of both; columns of one side are null in the other.

    Args:
        left: A ``pyarrow.Schema``; its column order goes first.
        right: Another.
        numbers: Whether integers and floats may become floats, as between two parts of one text.

    Raises:
        MixedTypesError: A column has types that do not go together.
        UnsupportedRowsError: Two columns have one name, so that neither can be told from the other.
    """
    import pyarrow as pa

    for schema in (left, right):
        plan_of(schema)
    fields = {field.name: field.type for field in left}
    for field in right:
        known = fields.get(field.name)
        fields[field.name] = field.type if known is None else _wider(known, field.type, field.name, numbers=numbers)
    return pa.schema(list(fields.items()))


def _wider(left: Any, right: Any, path: str, *, numbers: bool) -> Any:
    import pyarrow as pa

    types = pa.types
    if left == right or types.is_null(right):
        return left
    if types.is_null(left):
        return right
    if is_list(left) and is_list(right):
        return pa.list_(_wider(left.value_type, right.value_type, f"{path}[]", numbers=numbers))
    if types.is_struct(left) and types.is_struct(right):
        return _wider_struct(left, right, path, numbers=numbers)
    if logical_type(left) == logical_type(right):
        return left
    if numbers and {left, right} == {pa.int64(), pa.float64()}:
        return pa.float64()
    raise MixedTypesError(path, logical_type(left), logical_type(right))


def _wider_struct(left: Any, right: Any, path: str, *, numbers: bool) -> Any:
    import pyarrow as pa

    fields = {field.name: field.type for field in left}
    for field in right:
        known, inside = fields.get(field.name), f"{path}.{field.name}"
        fields[field.name] = field.type if known is None else _wider(known, field.type, inside, numbers=numbers)
    return pa.struct(list(fields.items()))


def conformed(batches: Iterable[Any], schema: Any, *, numbers: bool) -> Iterator[Any]:
    """Batches that each carry a schema of their own, as batches of one schema.

    Args:
        batches: ``pyarrow.RecordBatch`` values.
        schema: What they shall have.
        numbers: As for :func:`wider_schema`.

    Raises:
        WidenedError: The batches need a wider schema; all of them were read to find it.
        MixedTypesError: No schema fits all.
    """
    wanted = schema
    for batch in batches:
        if wanted is schema and batch.schema.equals(schema, check_metadata=False):
            yield batch
            continue
        # Types decide, not values: a float column without fractions is still no integer column.
        wider = wider_schema(wanted, batch.schema, numbers=numbers)
        if wider.equals(wanted, check_metadata=False):
            if wanted is schema:
                yield _cast(batch, schema)
        else:
            wanted = wider
    if wanted is not schema:
        raise WidenedError(wanted)


def _cast(batch: Any, schema: Any) -> Any:
    import pyarrow as pa

    arrays = [_column(batch, field) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _column(batch: Any, field: Any) -> Any:
    import pyarrow as pa

    place = batch.schema.get_field_index(field.name)
    if place < 0:
        return pa.nulls(batch.num_rows, field.type)
    array = batch.column(place)
    # Not "safe": an integer beyond 2**53 becomes the nearest float, as its text would.
    return array if array.type == field.type else array.cast(field.type, safe=False)

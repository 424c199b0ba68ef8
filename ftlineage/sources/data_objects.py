"""Rows that a program already holds: ``datasets`` objects, streams, pandas tables, lists of dicts.

What is hashed is what iterating gives: a shuffled or selected view in its order (trap T20), never
the table behind it, and never the ``_fingerprint`` that ``datasets`` keeps, which is no digest of
content. Refused: objects whose rows cannot be read twice without changing them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ftlineage.core.sections import Column
from ftlineage.errors import BadArgumentError, BadInputError
from ftlineage.hashing.row_blocks import BLOCK_ROWS
from ftlineage.sources.data_files import choose_split
from ftlineage.sources.data_media import embedded_rows, with_media
from ftlineage.sources.data_rows import Rows, conformed

# Rows of a view are gathered from all over the table: few at a time where each is large.
_ADDRESS = re.compile(r" object at 0x[0-9a-f]+|[()]")
_GATHER_BYTES = 16 * 1024 * 1024
_STREAM_ROWS = 1000


def kind_of(source: Any) -> str | None:
    """What a source is, without importing any library for it; None if it is nothing we read.

    One of ``path``, ``dataset``, ``stream``, ``splits``, ``pandas``, ``list``.
    """
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(source).__mro__}
    for name, kind in (
        ("datasets.Dataset", "dataset"),
        ("datasets.IterableDataset", "stream"),
        ("datasets.DatasetDict", "splits"),
        ("datasets.IterableDatasetDict", "splits"),
        ("pandas.DataFrame", "pandas"),
    ):
        if name in kinds:
            return kind
    if isinstance(source, str) or hasattr(source, "__fspath__"):
        return "path"
    return "list" if isinstance(source, list | tuple) else None


def one_split(source: Any, split: str | None) -> tuple[Any, str]:
    """The split of a ``DatasetDict`` that is meant.

    Raises:
        BadInputError: It is not there, or several are and none was named.
    """
    chosen = choose_split([str(name) for name in source], split, type(source).__name__)
    return source[chosen], chosen


def dataset_of(source: Any, kind: str) -> Any:
    """A ``datasets.Dataset`` with the rows of a pandas table or a list of dicts; its index is left out.

    Raises:
        BadInputError: The rows have no common types.
    """
    import pyarrow as pa
    from datasets import Dataset

    try:
        if kind == "pandas":
            return Dataset.from_pandas(source, preserve_index=False)
        return Dataset.from_list(_same_keys(source))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, ValueError) as error:
        # pandas adds a second argument, and an object without a type shows its address.
        said = _ADDRESS.sub("", ": ".join(str(part) for part in reversed(error.args)) or type(error).__name__)
        reason = f"its rows have no common types: {said.splitlines()[0].rstrip('.')}"
        raise BadInputError(path=type(source).__name__, reason=reason) from error


def dataset_rows(dataset: Any) -> Rows:
    """The rows of a ``datasets.Dataset``, in the order iterating gives them."""
    table = dataset.data.table
    schema = table.schema
    rows = Rows(
        schema=schema,
        read=lambda wanted: conformed(_dataset_batches(dataset, table), wanted, numbers=False),
        size=table.nbytes if dataset._indices is None else None,  # noqa: SLF001 - the only sign of a view
    )
    return embedded_rows(rows, with_media(dataset.features), "the dataset")


def stream_rows(stream: Any) -> Rows:
    """The rows of a ``datasets.IterableDataset``, which is read from its start to its end.

    Raises:
        BadInputError: It gives no rows.
    """
    if stream.features is None:
        first = next(_example_batches(stream), None)
        if first is None:
            raise BadInputError(path="the stream", reason="it holds no rows")
        return Rows(schema=first.schema, read=lambda wanted: conformed(_example_batches(stream), wanted, numbers=True))
    rows = Rows(
        schema=stream.features.arrow_schema,
        read=lambda wanted: conformed(_stream_batches(stream), wanted, numbers=False),
    )
    return embedded_rows(rows, with_media(stream.features), "the stream")


def _stream_batches(stream: Any) -> Iterator[Any]:
    for table in stream.with_format("arrow").iter(batch_size=_STREAM_ROWS):
        yield from table.to_batches()


def _example_batches(stream: Any) -> Iterator[Any]:
    """Rows of a stream that does not know its types; ``datasets`` itself would want every part to be of one type."""
    examples = iter(stream.with_format(None))
    while rows := list(itertools.islice(examples, _STREAM_ROWS)):
        yield _batch_of(rows)


def _batch_of(rows: list[Any]) -> Any:
    import pyarrow as pa

    try:
        return pa.RecordBatch.from_pylist(_same_keys(rows))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        reason = f"its rows have no common types: {str(error).splitlines()[0].rstrip('.')}"
        raise BadInputError(path="the stream", reason=reason) from error


def _dataset_batches(dataset: Any, table: Any) -> Iterator[Any]:
    if dataset._indices is None:  # noqa: SLF001 - a dataset without it is its table
        yield from table.to_batches()
        return
    step = max(1, min(BLOCK_ROWS, _GATHER_BYTES * max(table.num_rows, 1) // max(table.nbytes, 1)))
    for part in dataset.with_format("arrow").iter(batch_size=step):
        yield from part.to_batches()


def _same_keys(rows: Any) -> list[dict[str, Any]]:
    """Every row with the keys of all: ``datasets`` would drop keys that the first row lacks."""
    names: dict[str, None] = {}
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            reason = f"row {number} is a {type(row).__name__}, and a list of rows holds dicts"
            raise BadArgumentError(argument="source", reason=reason)
        names.update(dict.fromkeys(row))
    return [{name: row.get(name) for name in names} for row in rows]


def labelled(columns: Iterable[Column], dataset: Any) -> list[Column]:
    """Columns with the label names that a ``datasets`` object keeps for them, in the rows or in lists of them."""
    features = getattr(dataset, "features", None) or {}
    return [
        msgspec.structs.replace(column, labels=names) if (names := _label_names(features.get(column.name))) else column
        for column in columns
    ]


def _label_names(feature: Any) -> list[str] | None:
    inner = getattr(feature, "feature", feature)
    names = getattr(inner, "names", None)
    return [str(name) for name in names] if type(inner).__name__ == "ClassLabel" and names else None

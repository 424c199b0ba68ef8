"""A ``datasets.Dataset`` from rows of files: read once, fingerprinted on the way, and as small in memory as can be.

Rows of less than ``MEMORY`` bytes are kept; more go to an Arrow file in the cache of ``datasets``,
named by their content, so that what is made from them (``map``) is found again in the next run. The
file is written anew each time: a cached one is never believed.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from ftlineage.core.digest import sha256_hex
from ftlineage.errors import BadInputError, StorageError
from ftlineage.hashing.progress import Update, progress_bar
from ftlineage.hashing.rows import RowFingerprint, RowHasher
from ftlineage.sources.data_arrow import TypedFile
from ftlineage.sources.data_rows import Rows, feed

MEMORY = 128 * 1024 * 1024


def dataset_from(rows: Rows, shown: str) -> tuple[Any, RowFingerprint]:
    """Read rows into a ``datasets.Dataset`` and fingerprint them.

    Args:
        rows: What to read.
        shown: How errors and the progress bar name it.

    Raises:
        BadInputError: Rows that ``datasets`` has no type for.
    """
    with progress_bar(rows.size, f"Reading {shown}") as update:
        table, found = feed(rows, lambda schema: _Collector(schema, update), lambda sink: sink.finish())
    from datasets import Dataset

    try:
        # Its own fingerprint would hash the pickled table, and is only a key for its cache.
        return Dataset(table, fingerprint=_key(table.schema, found)[-16:]), found
    except ValueError as error:
        reason = f"datasets cannot hold it: {_first_line(error)}"
        raise BadInputError(path=shown, reason=reason) from error


def mapped_dataset(files: Iterable[TypedFile], shown: str, saved: Path | None = None) -> Any:
    """Arrow streams as ``datasets`` maps them into memory, uncopied.

    Args:
        files: Arrow streams, in order.
        shown: How errors name them.
        saved: The folder, if ``Dataset.save_to_disk`` wrote it.

    Raises:
        BadInputError: They are damaged, differ in their columns, or ``datasets`` has no type for one.
    """
    import pyarrow as pa
    from datasets import Dataset, concatenate_datasets

    try:
        if saved is not None:
            return Dataset.load_from_disk(str(saved))
        return concatenate_datasets([Dataset.from_file(str(file.path)) for file in files])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, ValueError) as error:
        reason = f"datasets cannot load it: {_first_line(error)}"
        raise BadInputError(path=shown, reason=reason) from error


def mixed_json(paths: Iterable[Path], shown: str, reason: str) -> Any:
    """JSON whose values change their kind from row to row, as ``datasets`` reads it: such columns as JSON text.

    Args:
        paths: The files.
        shown: How errors name them.
        reason: Why they have no common types, for the sentence if ``datasets`` finds none either.

    Raises:
        BadInputError: ``datasets`` cannot read them.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetGenerationError

    try:
        with quiet():
            return load_dataset("json", data_files=[str(path) for path in paths], split="train")
    except (DatasetGenerationError, ValueError, OSError) as error:
        raise BadInputError(path=shown, reason=reason) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No progress bars of ``datasets`` where nobody watches a terminal."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if are_progress_bars_disabled() or (sys.stderr is not None and sys.stderr.isatty()):
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


def _key(schema: Any, found: RowFingerprint) -> str:
    """The rows and how they are stored: label names, say, are not in the fingerprint, and ``map`` may use them."""
    return f"{found.algorithm}-{sha256_hex(found.ordered.encode() + schema.serialize().to_pybytes())}"


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


class _Collector:
    """Takes batches into memory, or into a file once they are many, and fingerprints them."""

    def __init__(self, schema: Any, update: Update) -> None:
        self._schema = schema
        self._hasher = RowHasher(schema, update=update)
        self._batches: list[Any] = []
        self._bytes = 0
        self._part: Path | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._hasher.__exit__()
        if self._writer is not None:
            self._writer.close()
        if self._part is not None:
            self._part.unlink(missing_ok=True)

    def update(self, batch: Any) -> None:
        self._hasher.update(batch)
        self._bytes += batch.nbytes
        self._batches.append(batch)
        if self._bytes > MEMORY:
            try:
                self._write()
            except OSError as error:
                cause = (error.strerror or type(error).__name__).lower()
                raise StorageError(path="the cache of datasets", cause=cause) from error

    def finish(self) -> tuple[Any, RowFingerprint]:
        import pyarrow as pa

        found = self._hasher.finish()
        if self._writer is None or self._part is None:
            return pa.Table.from_batches(self._batches, self._schema), found
        from datasets.table import MemoryMappedTable

        self._writer.close()
        final = self._part.with_name(f"{_key(self._schema, found)}.arrow")
        self._part.replace(final)
        return MemoryMappedTable.from_file(str(final)), found

    def _write(self) -> None:
        import pyarrow as pa

        if self._writer is None:
            from datasets import config

            folder = Path(config.HF_DATASETS_CACHE) / "ftlineage"
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(suffix=".part", dir=folder)
            os.close(descriptor)
            self._part = Path(name)
            self._writer = pa.ipc.new_stream(name, self._schema)
        for batch in self._batches:
            self._writer.write_batch(batch)
        self._batches = []

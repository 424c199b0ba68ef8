"""Rows of typed files: Parquet, Arrow IPC (stream, file and Feather), and folders that ``datasets`` saved.

Arrow files are mapped, not read; Parquet is read a few megabytes at a time. The types are those of
the file; shards of one table must agree, but for columns that are null throughout one of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from ftlineage.core import codec
from ftlineage.errors import BadInputError, CardMalformedError
from ftlineage.hashing.row_blocks import BLOCK_ROWS
from ftlineage.sources.data_rows import Rows, conformed, wider_schema

Format = Literal["arrow", "parquet"]
STATE = "state.json"
SPLITS = "dataset_dict.json"
_FILE_MAGIC = b"ARROW1"
_FEATHER_1 = b"FEA1"
_BATCH_BYTES = 16 * 1024 * 1024
_BUFFER = 1024 * 1024


class TypedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file; ``shown`` is how errors name it."""

    path: Path
    shown: str
    format: Format

    @property
    def schema(self) -> Any:
        """Its ``pyarrow.Schema``.

        Raises:
            BadInputError: It is no such file.
        """
        with self._opened() as file:
            return file.schema_arrow if self.format == "parquet" else file.schema

    def batches(self) -> Iterator[Any]:
        """Its rows.

        Raises:
            BadInputError: It is no such file, or damaged.
        """
        with self._opened() as file:
            if self.format == "parquet":
                yield from file.iter_batches(batch_size=_batch_rows(file.metadata))
            elif hasattr(file, "num_record_batches"):
                yield from (file.get_batch(place) for place in range(file.num_record_batches))
            else:
                yield from file

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        import pyarrow as pa

        try:
            if self.format == "parquet":
                import pyarrow.parquet as pq

                # Read through a small buffer: row groups of pictures can be gigabytes.
                with pq.ParquetFile(str(self.path), pre_buffer=False, buffer_size=_BUFFER) as file:
                    yield file
            else:
                with pa.memory_map(str(self.path)) as data:
                    yield self._reader(data)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise BadInputError(path=self.shown, reason=f"it is no sound {self.format} file: {reason}") from error

    @property
    def is_stream(self) -> bool:
        """Whether it is an Arrow stream, which ``datasets`` can map; not the Arrow file format."""
        with self.path.open("rb") as file:
            return not file.read(len(_FILE_MAGIC)).startswith((_FILE_MAGIC, _FEATHER_1))

    def _reader(self, data: Any) -> Any:
        import pyarrow as pa

        start = data.read(len(_FILE_MAGIC))
        data.seek(0)
        if start.startswith(_FEATHER_1):
            hint = "Read it with pyarrow.feather and save it again"
            raise BadInputError(path=self.shown, reason="Feather version 1 is not read", hint=hint)
        return pa.ipc.open_file(data) if start == _FILE_MAGIC else pa.ipc.open_stream(data)


def typed_rows(files: list[TypedFile]) -> Rows:
    """The rows of several files, one after the other, with one schema.

    Raises:
        BadInputError: A file is not what its name says.
        MixedTypesError: Files have columns of different types.
    """
    schema = files[0].schema
    for file in files[1:]:
        schema = _joined(schema, file.schema)
    size = sum(file.path.stat().st_size for file in files if file.format == "arrow") or None
    return Rows(schema=schema, read=lambda wanted: _read(files, wanted), size=size)


def saved_files(folder: Path) -> list[TypedFile]:
    """The data files of a folder that ``Dataset.save_to_disk`` wrote, in order.

    Raises:
        BadInputError: Its ``state.json`` is damaged, or names files outside the folder.
    """
    try:
        state = codec.parse((folder / STATE).read_bytes())
        names = [entry["filename"] for entry in state["_data_files"]]
    except (CardMalformedError, KeyError, TypeError) as error:
        raise BadInputError(path=STATE, reason="it is not as Dataset.save_to_disk writes it") from error
    if any(Path(name).name != name for name in names):
        raise BadInputError(path=STATE, reason="it names data files outside the folder")
    return [TypedFile(path=folder / name, shown=name, format="arrow") for name in names]


def saved_splits(folder: Path) -> list[str]:
    """The splits of a folder that ``DatasetDict.save_to_disk`` wrote.

    Raises:
        BadInputError: Its ``dataset_dict.json`` is damaged.
    """
    try:
        return [str(name) for name in codec.parse((folder / SPLITS).read_bytes())["splits"]]
    except (CardMalformedError, KeyError, TypeError) as error:
        raise BadInputError(path=SPLITS, reason="it is not as DatasetDict.save_to_disk writes it") from error


def _read(files: list[TypedFile], schema: Any) -> Iterator[Any]:
    for file in files:
        yield from conformed(file.batches(), schema, numbers=False)


def _joined(left: Any, right: Any) -> Any:
    if left.equals(right, check_metadata=False):
        return left
    wider = wider_schema(left, right, numbers=False)
    return left if wider.equals(left, check_metadata=False) else wider


def _batch_rows(metadata: Any) -> int:
    """Rows to read at once: whole blocks if rows are small, few if they are large."""
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    widest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(BLOCK_ROWS, _BATCH_BYTES // max(widest, 1)))

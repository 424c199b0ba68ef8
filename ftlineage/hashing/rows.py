"""Fingerprints of rows: every row, every nested value, in order and order-free.

Decides when two tables hold the same rows: independent of batches, slices, Arrow encodings,
column order, metadata, file format and path. ``docs/row-fingerprint.md`` is the byte-exact
definition. Refused: what has no agreed meaning as rows (unions, two columns of one name), and
Arrow data whose offsets or text are broken.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Self

import msgspec

from ftlineage.core.sections import Column, Fingerprint
from ftlineage.errors import BadArgumentError, UnsupportedRowsError
from ftlineage.hashing.arrow_types import ALGORITHM, Plan, plan_of
from ftlineage.hashing.progress import Update, no_update
from ftlineage.hashing.row_blocks import BLOCK_ROWS, Block
from ftlineage.hashing.row_bytes import row_bytes
from ftlineage.hashing.row_sets import RowSet
from ftlineage.hashing.row_workers import Lane, Workers

# Larger pieces keep a worker on one block for long; smaller ones cost Python more than hashing.
PIECE_BYTES = 32 * 1024 * 1024
# Batches below SMALL_BYTES are joined until they are GATHER_BYTES or a block of rows.
SMALL_BYTES = 256 * 1024
GATHER_BYTES = 1024 * 1024


class RowFingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """What a table holds, in two digests of 64 hex digits.

    ``ordered`` binds the order of rows; ``unordered`` (None if it was not asked for) does not.
    """

    algorithm: str
    rows: int
    columns: tuple[Column, ...]
    ordered: str
    unordered: str | None

    def section(self) -> Fingerprint:
        """As a card holds it."""
        return Fingerprint(algorithm=self.algorithm, ordered=self.ordered, unordered=self.unordered)


class RowPart(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one partition, ready to be combined with others; small, and safe to send."""

    header: bytes
    columns: tuple[Column, ...]
    rows: int
    blocks: bytes  # 32 a block
    digests: bytes | None  # 32 a row, sorted; None without the order-free digest


class RowHasher:
    """Feed it batches, then ask for the fingerprint. Use as a context manager.

    Args:
        schema: The ``pyarrow.Schema`` of the first batch.
        order_free: Compute the order-free digest too; it costs one SHA-256 call a row.
        threads: Number of threads; by default the usable cores, at most 8.
        update: Called with the bytes of each batch, for a progress bar.

    Raises:
        UnsupportedRowsError: The schema has no fingerprint.
    """

    def __init__(
        self, schema: Any, *, order_free: bool = True, threads: int | None = None, update: Update | None = None
    ) -> None:
        self._schema = schema
        self._plan = self._first = plan_of(schema)
        self._rows = 0
        self._blocks: dict[int, bytes] = {}
        self._open: tuple[Block, Lane] | None = None
        self._set = RowSet() if order_free else None
        self._set_lock = threading.Lock()
        self._workers = Workers(threads)
        self._small: list[Any] = []
        self._small_bytes = self._small_rows = 0
        self._update = update or no_update

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._workers.__exit__()
        if self._set is not None:
            self._set.close()

    def update(self, batch: Any) -> None:
        """Add the next rows.

        Args:
            batch: A ``pyarrow.RecordBatch`` with the same columns and logical types as the first.

        Raises:
            UnsupportedRowsError: Other columns, broken Arrow data, or a cell of 4 GiB or more.
        """
        _require_layout(batch)
        size = batch.nbytes
        if not self._same_schema(batch.schema):
            self._flush()
            self._adopt(batch.schema)
        if size < SMALL_BYTES:
            self._gather(batch, size)
        else:
            self._flush()
            self._cut(batch, size)
        self._update(size)

    def finish(self) -> RowFingerprint:
        """The fingerprint of all rows given so far; nothing can be added afterwards."""
        self._close_blocks()
        buckets = None if self._set is None else self._set.bucket_digests()
        return _fingerprint(self._first.header, self._first.columns, self._rows, self._all_blocks(), buckets)

    def part(self) -> RowPart:
        """The rows given so far as one partition of a larger table, for :func:`combine`."""
        self._close_blocks()
        digests = None if self._set is None else self._set.sorted_bytes()
        return RowPart(
            header=self._first.header,
            columns=self._first.columns,
            rows=self._rows,
            blocks=self._all_blocks(),
            digests=digests,
        )

    def _gather(self, batch: Any, size: int) -> None:
        """Join small batches: for a thousand narrow rows, Python would cost more than hashing."""
        self._small.append(batch)
        self._small_bytes += size
        self._small_rows += batch.num_rows
        if self._small_bytes >= GATHER_BYTES or self._small_rows >= BLOCK_ROWS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        small, size = self._small, self._small_bytes
        self._small, self._small_bytes, self._small_rows = [], 0, 0
        if small:
            self._cut(small[0] if len(small) == 1 else pa.concat_batches(small), size)

    def _cut(self, batch: Any, size: int) -> None:
        """Give the workers pieces that end where blocks end."""
        step = BLOCK_ROWS if size <= PIECE_BYTES else max(1, PIECE_BYTES * batch.num_rows // size)
        start = 0
        while start < batch.num_rows:
            rows = min(step, BLOCK_ROWS - self._rows % BLOCK_ROWS, batch.num_rows - start)
            self._piece(batch.slice(start, rows), size * rows // batch.num_rows)
            start += rows

    def _piece(self, batch: Any, size: int) -> None:
        index = self._rows // BLOCK_ROWS
        block, lane = self._open or (Block(self._plan.streams), Lane())
        self._rows += batch.num_rows
        full = self._rows % BLOCK_ROWS == 0
        self._open = None if full else (block, lane)
        plan = self._plan

        def work() -> None:
            block.feed(plan, batch)
            if full:
                self._blocks[index] = block.digest()
            if self._set is not None:
                digests = row_bytes(plan, batch).digests()
                with self._set_lock:
                    self._set.add(digests)

        self._workers.put(lane, work, size)

    def _close_blocks(self) -> None:
        self._flush()
        self._workers.wait()
        if self._open is not None:
            self._blocks[self._rows // BLOCK_ROWS] = self._open[0].digest()
            self._open = None

    def _all_blocks(self) -> bytes:
        return b"".join(self._blocks[index] for index in range(len(self._blocks)))

    def _same_schema(self, schema: Any) -> bool:
        return schema is self._schema or bool(schema.equals(self._schema, check_metadata=False))

    def _adopt(self, schema: Any) -> None:
        """Batches may differ in encoding and column order, not in columns and logical types."""
        plan = plan_of(schema)
        if plan.columns != self._first.columns:
            raise _other_columns(self._first, plan)
        self._schema, self._plan = schema, plan


def fingerprint_batches(
    batches: Iterable[Any],
    schema: Any,
    *,
    order_free: bool = True,
    threads: int | None = None,
    update: Update | None = None,
) -> RowFingerprint:
    """Fingerprint a stream of Arrow batches; memory does not grow with its length.

    Args:
        batches: ``pyarrow.RecordBatch`` values.
        schema: Their ``pyarrow.Schema``; needed when there are none.
        order_free: Compute the order-free digest too; it costs one SHA-256 call a row.
        threads: Number of threads; by default the usable cores, at most 8.
        update: Called with the bytes of each batch, for a progress bar.

    Raises:
        UnsupportedRowsError: Rows of a form that has no fingerprint.
    """
    with RowHasher(schema, order_free=order_free, threads=threads, update=update) as hasher:
        for batch in batches:
            hasher.update(batch)
        return hasher.finish()


def combine(parts: Sequence[RowPart]) -> RowFingerprint:
    """The fingerprint of a table from its partitions, given in the order of the rows.

    Args:
        parts: At least one; every partition but the last must hold a multiple of ``BLOCK_ROWS`` rows.

    Raises:
        BadArgumentError: No parts, other columns, or a partition cut inside a block.
    """
    import numpy as np

    if not parts:
        raise BadArgumentError(argument="parts", reason="there are none")
    first = parts[0]
    if any(part.header != first.header or (part.digests is None) != (first.digests is None) for part in parts):
        raise BadArgumentError(argument="parts", reason="they do not have the same columns and digests")
    if any(part.rows % BLOCK_ROWS for part in parts[:-1]):
        reason = f"each but the last must hold a multiple of {BLOCK_ROWS} rows"
        raise BadArgumentError(argument="parts", reason=reason)
    buckets = None
    if first.digests is not None:
        rows = RowSet()
        for part in parts:
            rows.add(np.frombuffer(part.digests or b"", np.uint8).reshape(-1, 32))
        buckets = rows.bucket_digests()
        rows.close()
    blocks = b"".join(part.blocks for part in parts)
    return _fingerprint(first.header, first.columns, sum(part.rows for part in parts), blocks, buckets)


def _fingerprint(
    header: bytes, columns: tuple[Column, ...], rows: int, blocks: bytes, buckets: list[bytes] | None
) -> RowFingerprint:
    def root(kind: str, leaves: bytes) -> str:
        start = f"{ALGORITHM} {kind}\n".encode()
        return hashlib.sha256(start + header + rows.to_bytes(8, "little") + leaves).hexdigest()

    return RowFingerprint(
        algorithm=ALGORITHM,
        rows=rows,
        columns=columns,
        ordered=root("ordered", blocks),
        unordered=None if buckets is None else root("unordered", b"".join(buckets)),
    )


def _require_layout(batch: Any) -> None:
    """Refuse buffers that are too small for their array; values are checked where they are read."""
    import pyarrow as pa

    try:
        batch.validate()
    except pa.ArrowInvalid as error:
        raise UnsupportedRowsError(column="*", reason=f"broken Arrow data: {error}") from error


def _other_columns(first: Plan, other: Plan) -> UnsupportedRowsError:
    before = {column.name: column.type for column in first.columns}
    after = {column.name: column.type for column in other.columns}
    name = next(name for name in sorted({*before, *after}) if before.get(name) != after.get(name))
    reason = f"it is {before.get(name, 'absent')} in the first rows and {after.get(name, 'absent')} in later ones"
    return UnsupportedRowsError(column=name, reason=reason)

"""The ordered digest of one block of rows: a SHA-256 over each byte stream of each column.

A block is fed piece by piece in row order; how it is cut into pieces changes nothing. Streams keep
columns apart, so large text runs through SHA-256 straight from Arrow's own buffers.
"""

from __future__ import annotations

import hashlib
from typing import Any

from ftlineage.hashing.arrow_parts import (
    byte_cells,
    fixed_values,
    list_cells,
    require_sound,
    struct_fields,
    valid_mask,
)
from ftlineage.hashing.arrow_types import Node, Plan

# Rows in a block: large enough that a block of narrow rows keeps SHA-256 busy, small enough that
# a table of a few hundred megabytes has blocks for every core. Part of the algorithm's definition.
BLOCK_ROWS = 8192
EMPTY = hashlib.sha256().digest()


class Block:
    """The streams of one block. Not safe for several threads at once."""

    __slots__ = ("_hashes", "_valid")

    def __init__(self, streams: int) -> None:
        self._hashes: list[Any] = [None] * streams
        self._valid: dict[int, int] = {}  # stream -> values seen, as long as none was null

    def feed(self, plan: Plan, batch: Any) -> None:
        """Add the next rows of the block.

        Args:
            plan: Made from the schema of ``batch``.
            batch: A ``pyarrow.RecordBatch``.

        Raises:
            UnsupportedRowsError: Broken Arrow data, or a cell of 4 GiB or more.
        """
        for node, place in zip(plan.nodes, plan.places, strict=True):
            self._column(node, batch.column(place))

    def digest(self) -> bytes:
        """SHA-256 over the digests of all streams, in the order of their numbers."""
        parts = [EMPTY if state is None else state.digest() for state in self._hashes]
        return hashlib.sha256(b"".join(parts)).digest()

    def _column(self, node: Node, array: Any) -> None:
        if node.kind == "null":
            return
        require_sound(node, array)
        array = node.decode(array)
        mask = valid_mask(array)
        self._validity(node.stream, mask, len(array))
        if node.kind == "struct":
            for child, part in zip(node.children, struct_fields(node, array, mask), strict=True):
                self._column(child, part)
        elif node.kind == "list":
            lengths, elements = list_cells(node, array, mask)
            self._bytes(node.stream + 1, lengths)
            self._column(node.children[0], elements)
        elif node.kind == "bytes":
            lengths, data = byte_cells(node, array, mask)
            self._bytes(node.stream + 1, lengths)
            self._bytes(node.stream + 2, data)
        else:
            self._bytes(node.stream + 1, fixed_values(node, array, mask))

    def _bytes(self, stream: int, data: Any) -> None:
        state = self._hashes[stream]
        if state is None:
            state = self._hashes[stream] = hashlib.sha256()
        state.update(data)

    def _validity(self, stream: int, mask: Any, count: int) -> None:
        """No bytes while nothing is null; from the first null on, one byte for each value of the block."""
        if self._hashes[stream] is not None:
            self._bytes(stream, b"\1" * count if mask is None else mask)
        elif mask is None:
            self._valid[stream] = self._valid.get(stream, 0) + count
        else:
            self._bytes(stream, b"\1" * self._valid.get(stream, 0))
            self._bytes(stream, mask)

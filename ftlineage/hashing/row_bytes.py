"""Every row as one canonical byte string, and the digest of each row.

Rows of all columns are woven together by Arrow's own kernels, so Python is called once a row (to
digest it), not once a cell. ``docs/row-fingerprint.md`` defines the bytes; two rows have equal
bytes only if they are equal, given equal columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec

from ftlineage.hashing.arrow_parts import byte_cells, fixed_values, list_cells, struct_fields, valid_mask
from ftlineage.hashing.arrow_types import Node, Plan

DIGEST_BYTES = 32


def _sha256(data: memoryview) -> bytes:
    return hashlib.sha256(data).digest()


class RowBytes(msgspec.Struct, frozen=True, kw_only=True):
    """Canonical bytes of n rows: row i is ``data[offsets[i]:offsets[i + 1]]``."""

    offsets: Any  # numpy.ndarray of int64, shape (n + 1,)
    data: Any  # buffer of uint8

    def digests(self, digest: Callable[[memoryview], bytes] = _sha256) -> Any:
        """The digest of every row.

        Args:
            digest: From bytes to a digest of constant size; SHA-256 by default.

        Returns:
            ``numpy.ndarray`` of uint8, shape (n, bytes of a digest).
        """
        import numpy as np

        data = memoryview(self.data)
        found = b"".join([digest(data[start:stop]) for start, stop in pairwise(self.offsets.tolist())])
        rows = len(self.offsets) - 1
        return np.frombuffer(found, np.uint8).reshape(rows, len(found) // rows if rows else DIGEST_BYTES)


def row_bytes(plan: Plan, batch: Any) -> RowBytes:
    """The canonical bytes of every row of a batch.

    Args:
        plan: Made from the schema of ``batch``.
        batch: A ``pyarrow.RecordBatch`` that a block was fed with, so it is known to be sound.

    Raises:
        UnsupportedRowsError: A cell of 4 GiB or more.
    """
    pieces: list[Any] = []
    for node, place in zip(plan.nodes, plan.places, strict=True):
        pieces += _pieces(node, batch.column(place))
    return _woven(pieces, batch.num_rows)


def _pieces(node: Node, array: Any) -> list[Any]:
    """What stands in a row for one cell, left to right.

    Each piece is a matrix of uint8 with one line a row, or an Arrow large binary array of n values.
    """
    import numpy as np

    rows = len(array)
    if node.kind == "null":
        return [np.zeros((rows, 1), np.uint8)]
    array = node.decode(array)
    mask = valid_mask(array)
    valid = (np.ones(rows, np.uint8) if mask is None else mask).reshape(rows, 1)
    if node.kind == "struct":
        fields = zip(node.children, struct_fields(node, array, mask), strict=True)
        return [valid, *(piece for child, part in fields for piece in _pieces(child, part))]
    if node.kind == "bytes":
        lengths, data = byte_cells(node, array, mask)
        return [valid, _columns_of(lengths), _binary(_starts(lengths), data)]
    if node.kind == "list":
        lengths, elements = list_cells(node, array, mask)
        woven = _woven(_pieces(node.children[0], elements), len(elements))
        # The elements of one list lie side by side: the row's piece is a range of their bytes.
        return [valid, _columns_of(lengths), _binary(woven.offsets[_starts(lengths)], woven.data)]
    return [valid, fixed_values(node, array, mask)]


def _woven(pieces: list[Any], rows: int) -> RowBytes:
    """Join the pieces of each row."""
    import numpy as np

    merged = _merge_matrices(pieces)
    if not merged:
        return RowBytes(offsets=np.zeros(rows + 1, np.int64), data=b"")
    if len(merged) == 1 and isinstance(merged[0], np.ndarray):
        width = merged[0].shape[1]
        return RowBytes(offsets=np.arange(rows + 1, dtype=np.int64) * width, data=merged[0].reshape(-1))
    return _joined([_matrix_as_binary(piece) if isinstance(piece, np.ndarray) else piece for piece in merged], rows)


def _joined(arrays: list[Any], rows: int) -> RowBytes:
    import numpy as np
    import pyarrow.compute as pc

    # pyarrow.scalar() would import pandas, which takes longer than hashing 100 MB.
    nothing = _binary(np.zeros(2, np.int64), b"")[0]
    array = pc.binary_join_element_wise(*arrays, nothing)
    _, offsets, data = array.buffers()
    return RowBytes(offsets=np.frombuffer(offsets, np.int64, rows + 1), data=data or b"")


def _merge_matrices(pieces: list[Any]) -> list[Any]:
    """Put neighbouring matrices side by side, so that fewer arrays are joined."""
    import numpy as np

    merged: list[Any] = []
    run: list[Any] = []
    for piece in [*pieces, None]:
        if isinstance(piece, np.ndarray):
            run.append(piece)
            continue
        if run:
            merged.append(np.ascontiguousarray(np.hstack(run)))
            run = []
        if piece is not None:
            merged.append(piece)
    return merged


def _columns_of(lengths: Any) -> Any:
    """uint32 numbers as a matrix of their four little-endian bytes."""
    import numpy as np

    return lengths.view(np.uint8).reshape(len(lengths), 4)


def _starts(lengths: Any) -> Any:
    import numpy as np

    starts: Any = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts


def _matrix_as_binary(matrix: Any) -> Any:
    import numpy as np

    rows, width = matrix.shape
    return _binary(np.arange(rows + 1, dtype=np.int64) * width, matrix.reshape(-1))


def _binary(offsets: Any, data: Any) -> Any:
    import pyarrow as pa

    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers, 0)

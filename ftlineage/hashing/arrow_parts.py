"""Read Arrow arrays as plain byte buffers that depend on the values alone.

What lies under nulls is made zero or left out, offsets become lengths, every NaN becomes the same
NaN, and slices give only their own part. Nothing is copied where the array already has that form.
Refused: single cells of 4 GiB or more.
"""

from __future__ import annotations

from typing import Any

from ftlineage.errors import UnsupportedRowsError
from ftlineage.hashing.arrow_types import Node

MAX_CELL = 2**32 - 1


def require_sound(node: Node, array: Any) -> None:
    """Refuse broken offsets, codes and text, which would be unsafe to read.

    Plain lists and structs are not validated here, because Arrow would validate their children
    beyond the slice at hand; :func:`list_cells` checks offsets and each child is checked in turn.

    Args:
        node: What the array holds.
        array: As it came, not decoded.

    Raises:
        UnsupportedRowsError: The data is broken.
    """
    import pyarrow as pa

    if not node.check:
        return
    try:
        array.validate(full=True)
    except pa.ArrowInvalid as error:
        raise UnsupportedRowsError(column=node.path, reason=f"broken Arrow data: {error}") from error


def valid_mask(array: Any) -> Any:
    """One byte a value, 1 where it is not null; None when no value is null.

    Args:
        array: A decoded array (see :class:`~ftlineage.hashing.arrow_types.Node`).

    Returns:
        ``numpy.ndarray`` of uint8, shape (n,), or None.
    """
    if array.null_count == 0:
        return None
    import numpy as np

    validity = array.buffers()[0]
    if validity is None:  # the null type has no bitmap
        return np.zeros(len(array), np.uint8)
    return _bits(validity, array.offset, len(array))


def fixed_values(node: Node, array: Any, mask: Any) -> Any:
    """Values of a fixed width: numbers, times, decimals, booleans.

    Args:
        node: What the array holds; kind ``fixed`` or ``bool``.
        array: A decoded array.
        mask: Its :func:`valid_mask`.

    Returns:
        ``numpy.ndarray`` of uint8, shape (n, width): little-endian, null slots zero, one NaN.
    """
    import numpy as np

    rows = len(array)
    buffer = array.buffers()[1]
    if node.kind == "bool":
        values = _bits(buffer, array.offset, rows).reshape(rows, 1)
        return values if mask is None else values & mask.reshape(rows, 1)
    width = node.width
    values = np.frombuffer(buffer or b"", np.uint8, rows * width, array.offset * width).reshape(rows, width)
    if node.floating:
        values = _one_nan(values)
    if mask is not None:
        values = values * mask.reshape(rows, 1)
    return values


def byte_cells(node: Node, array: Any, mask: Any) -> tuple[Any, Any]:
    """Strings or binaries as lengths and one contiguous run of bytes.

    Returns:
        Lengths (``numpy.ndarray`` of uint32, shape (n,), zero under null) and a buffer with the
        bytes of all values that are not null, in order.

    Raises:
        UnsupportedRowsError: A value of 4 GiB or more.
    """
    import numpy as np
    import pyarrow.compute as pc

    offsets = _offsets(array)
    lengths = _narrow(np.diff(offsets), node.path)
    if mask is not None and lengths[mask == 0].any():
        inner, data = byte_cells(node, pc.drop_null(array), None)
        lengths[mask == 0] = 0
        lengths[mask == 1] = inner
        return lengths, data
    data = array.buffers()[2]
    start, stop = int(offsets[0]), int(offsets[-1])
    return lengths, memoryview(data)[start:stop] if stop > start else b""


def list_cells(node: Node, array: Any, mask: Any) -> tuple[Any, Any]:
    """Lists as their lengths and one array of all their elements.

    Returns:
        Lengths (``numpy.ndarray`` of uint32, shape (n,), zero under null) and the Arrow array of
        the elements of all lists that are not null, in order.

    Raises:
        UnsupportedRowsError: A list of 2**32 elements or more.
    """
    import numpy as np
    import pyarrow as pa

    kind = array.type
    if pa.types.is_fixed_size_list(kind):
        lengths: Any = np.full(len(array), kind.list_size, np.uint32)
        return (lengths if mask is None else lengths * mask), array.flatten()
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        bits = 64 if pa.types.is_large_list_view(kind) else 32
        sizes = np.frombuffer(array.buffers()[2] or b"", f"<i{bits // 8}", len(array), array.offset * bits // 8)
        lengths = _narrow(sizes, node.path)
        return (lengths if mask is None else lengths * mask), array.flatten()
    offsets = _offsets(array)
    if offsets[0] < 0 or offsets[-1] > len(array.values) or (offsets[1:] < offsets[:-1]).any():
        raise UnsupportedRowsError(column=node.path, reason="broken Arrow data: list offsets leave their array")
    lengths = _narrow(np.diff(offsets), node.path)
    if mask is not None and lengths[mask == 0].any():
        lengths[mask == 0] = 0
        return lengths, array.flatten()
    start, stop = int(offsets[0]), int(offsets[-1])
    return lengths, array.values.slice(start, stop - start)


def struct_fields(node: Node, array: Any, mask: Any) -> list[Any]:
    """The child arrays of a struct, sorted by name, null wherever the struct is null."""
    if mask is None:
        return [array.field(place) for place in node.places]
    children = array.flatten()
    return [children[place] for place in node.places]


def _bits(buffer: Any, offset: int, count: int) -> Any:
    import numpy as np

    if count == 0:
        return np.zeros(0, np.uint8)
    first = offset // 8
    raw = np.frombuffer(buffer, np.uint8, (offset + count + 7) // 8 - first, first)
    return np.unpackbits(raw, count=offset % 8 + count, bitorder="little")[offset % 8 :]


def _one_nan(values: Any) -> Any:
    import numpy as np

    rows, width = values.shape
    floats = values.reshape(-1).view(f"<f{width}")
    bad = np.isnan(floats)
    if not bad.any():
        return values
    return np.where(bad, np.array(np.nan, floats.dtype), floats).view(np.uint8).reshape(rows, width)


def _offsets(array: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    kind = array.type
    large = pa.types.is_large_string(kind) or pa.types.is_large_binary(kind) or pa.types.is_large_list(kind)
    width = 8 if large else 4
    buffer = array.buffers()[1]
    if buffer is None or buffer.size == 0:  # allowed for arrays without values
        return np.zeros(1, np.int64)
    return np.frombuffer(buffer, f"<i{width}", len(array) + 1, array.offset * width)


def _narrow(lengths: Any, path: str) -> Any:
    import numpy as np

    if lengths.dtype == np.int32:
        return lengths.view(np.uint32)
    if len(lengths) and int(lengths.max()) > MAX_CELL:
        raise UnsupportedRowsError(column=path, reason="a single value of 4 GiB or more has no row fingerprint")
    return lengths.astype(np.uint32)

"""Arrow types as logical types: decides which physical encodings mean the same column, and which are refused.

A table keeps its rows when it is written as Parquet, read back as string views or dictionary
codes, or has its columns moved. So encodings are stripped here and names are sorted, while every
type that holds other values (``int32`` and ``int64``) stays apart. Refused: unions, two fields of
one name, and types this release does not know. ``docs/row-fingerprint.md`` is the definition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec

from ftlineage.core import codec
from ftlineage.core.sections import Column
from ftlineage.errors import UnsupportedRowsError

ALGORITHM = "ftl-rows-v1"
_DECIMAL128_DIGITS = 38

Kind = Literal["null", "bool", "fixed", "bytes", "list", "struct"]
Decode = Callable[[Any], Any]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One level of a column's type, ready to read arrays of one physical encoding.

    ``decode`` takes an array as it came to one that is laid out as ``kind`` says: ``bytes`` are
    (large) strings or binaries with offsets, ``list`` any list but a map. ``path`` names it in
    errors, ``stream`` is the number of its first byte stream: validity, then lengths for lists and
    bytes, then the values of all but lists and structs. ``check`` says that the array must be
    validated as a whole before it is decoded. ``children`` of a struct are sorted by name,
    ``places`` says where each stands in the array.
    """

    kind: Kind
    type: str
    path: str
    stream: int
    decode: Decode
    check: bool = True
    width: int = 0
    floating: bool = False
    children: tuple[Node, ...] = ()
    places: tuple[int, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to read batches of one Arrow schema as rows.

    ``nodes`` and ``columns`` are sorted by name; ``places`` says where each column stands in the
    batch. ``streams`` is the number of byte streams of all columns together.
    """

    columns: tuple[Column, ...]
    nodes: tuple[Node, ...]
    places: tuple[int, ...]
    streams: int

    @property
    def header(self) -> bytes:
        """The columns as bytes: their number, then name and type of each with its length before it."""
        parts = [len(self.columns).to_bytes(4, "little")]
        for column in self.columns:
            for text in (column.name, column.type):
                data = text.encode()
                parts += (len(data).to_bytes(4, "little"), data)
        return b"".join(parts)


def plan_of(schema: Any) -> Plan:
    """Make the reading plan of an Arrow schema; field metadata and nullability play no part.

    Args:
        schema: A ``pyarrow.Schema``.

    Raises:
        UnsupportedRowsError: Two columns or fields of one name, a union, or an unknown type.
    """
    count = _Streams()
    names = [field.name for field in schema]
    _require_unique(names, where="")
    places = sorted(range(len(names)), key=lambda place: names[place].encode())
    nodes = tuple(_node(schema.field(place).type, count, names[place]) for place in places)
    columns = tuple(Column(name=names[place], type=node.type) for place, node in zip(places, nodes, strict=True))
    return Plan(columns=columns, nodes=nodes, places=tuple(places), streams=count.value)


def logical_type(kind: Any) -> str:
    """The name of an Arrow type independent of its encoding, e.g. ``list<struct<"role": string>>``.

    Raises:
        UnsupportedRowsError: As for :func:`plan_of`.
    """
    return _node(kind, _Streams(), "").type


class _Streams:
    def __init__(self) -> None:
        self.value = 0

    def take(self, streams: int) -> int:
        self.value += streams
        return self.value - streams


def _node(kind: Any, count: _Streams, where: str) -> Node:
    for build in (_encoded, _nested, _text, _scalar):
        node = build(kind, count, where)
        if node is not None:
            return node
    raise UnsupportedRowsError(column=where, reason=f"the Arrow type {kind} has no row fingerprint")


# --- encodings: stripped -------------------------------------------------------------------------


def _encoded(kind: Any, count: _Streams, where: str) -> Node | None:
    """Extension, dictionary and run-end types: the node of what they hold, behind one more step."""
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        node = _behind(_node(kind.storage_type, count, where), lambda array: array.storage)
        # Which other extension types are visible depends on what the process has imported, so
        # they are no identity. JSON text is built into Arrow, and is read as another value.
        return msgspec.structs.replace(node, type="json") if kind.extension_name == "arrow.json" else node
    if pa.types.is_dictionary(kind):
        node = _node(kind.value_type, count, where)
        inner = node.decode
        return msgspec.structs.replace(
            node, check=True, decode=lambda array: inner(array.dictionary).take(array.indices)
        )
    if pa.types.is_run_end_encoded(kind):
        return msgspec.structs.replace(_behind(_node(kind.value_type, count, where), _decode_runs), check=True)
    return None


def _behind(node: Node, step: Decode) -> Node:
    inner = node.decode
    return msgspec.structs.replace(node, decode=lambda array: inner(step(array)))


def _decode_runs(array: Any) -> Any:
    import pyarrow.compute as pc

    return pc.run_end_decode(array)


def _same(array: Any) -> Any:
    return array


def _cast_to(kind: Any) -> Decode:
    return lambda array: array.cast(kind)


# --- nested --------------------------------------------------------------------------------------


def _nested(kind: Any, count: _Streams, where: str) -> Node | None:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return _struct(kind, count, where)
    if pa.types.is_map(kind):
        stream = count.take(2)
        entries = pa.struct([pa.field("key", kind.key_type), pa.field("value", kind.item_type)])
        child = _struct(entries, count, where)
        name = f"map<{child.children[0].type}, {child.children[1].type}>"
        return Node(
            kind="list", type=name, path=where, stream=stream, decode=_map_as_list, check=False, children=(child,)
        )
    if is_list(kind):
        stream = count.take(2)
        child = _node(kind.value_type, count, f"{where}[]")
        name = f"list<{child.type}>"
        views = pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind)
        return Node(kind="list", type=name, path=where, stream=stream, decode=_same, check=views, children=(child,))
    return None


def _struct(kind: Any, count: _Streams, where: str) -> Node:
    fields = [kind.field(place) for place in range(kind.num_fields)]
    names = [field.name for field in fields]
    _require_unique(names, where=where)
    places = sorted(range(len(names)), key=lambda place: names[place].encode())
    stream = count.take(1)
    children = tuple(_node(fields[place].type, count, f"{where}.{names[place]}") for place in places)
    inside = ", ".join(
        f"{codec.compact_text(names[place])}: {child.type}" for place, child in zip(places, children, strict=True)
    )
    return Node(
        kind="struct",
        type=f"struct<{inside}>",
        path=where,
        stream=stream,
        decode=_same,
        check=False,
        children=children,
        places=tuple(places),
    )


def is_list(kind: Any) -> bool:
    """Whether an Arrow type is a list in any encoding; maps are not."""
    import pyarrow as pa

    tests = (
        pa.types.is_list,
        pa.types.is_large_list,
        pa.types.is_fixed_size_list,
        pa.types.is_list_view,
        pa.types.is_large_list_view,
    )
    return any(test(kind) for test in tests)


def _map_as_list(array: Any) -> Any:
    import pyarrow as pa

    entries = array.values
    return pa.Array.from_buffers(
        pa.list_(entries.type), len(array), array.buffers()[:2], array.null_count, array.offset, [entries]
    )


def _require_unique(names: list[str], where: str) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            inside = f"{where}.{name}" if where else name
            raise UnsupportedRowsError(column=inside, reason="two columns or fields have this name")


# --- values --------------------------------------------------------------------------------------


def _text(kind: Any, count: _Streams, where: str) -> Node | None:
    import pyarrow as pa

    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind):
        return Node(kind="bytes", type="string", path=where, stream=count.take(3), decode=_same)
    if types.is_string_view(kind):
        return Node(kind="bytes", type="string", path=where, stream=count.take(3), decode=_cast_to(pa.large_string()))
    if types.is_binary(kind) or types.is_large_binary(kind):
        return Node(kind="bytes", type="binary", path=where, stream=count.take(3), decode=_same)
    if types.is_binary_view(kind) or types.is_fixed_size_binary(kind):
        return Node(kind="bytes", type="binary", path=where, stream=count.take(3), decode=_cast_to(pa.large_binary()))
    return None


def _scalar(kind: Any, count: _Streams, where: str) -> Node | None:
    import pyarrow as pa

    types = pa.types
    if types.is_null(kind):
        return Node(kind="null", type="null", path=where, stream=0, decode=_same)
    if types.is_boolean(kind):
        return Node(kind="bool", type="bool", path=where, stream=count.take(2), decode=_same, width=1)
    if types.is_decimal(kind):
        return _decimal(kind, count, where)
    name = next((name for test, name in _scalar_names(kind) if test(kind)), None)
    if name is None:
        return None
    floating = types.is_floating(kind)
    return Node(
        kind="fixed",
        type=name,
        path=where,
        stream=count.take(2),
        decode=_same,
        width=kind.bit_width // 8,
        floating=floating,
    )


def _scalar_names(kind: Any) -> Iterator[tuple[Callable[[Any], bool], str]]:
    import pyarrow as pa

    types = pa.types
    unit = getattr(kind, "unit", "")
    zone = getattr(kind, "tz", None)
    yield types.is_integer, str(kind)
    yield types.is_floating, f"float{kind.bit_width}" if types.is_floating(kind) else ""
    yield types.is_date32, "date32"
    yield types.is_date64, "date64"
    yield types.is_time, str(kind)
    yield types.is_timestamp, f"timestamp[{unit}]" if zone is None else f"timestamp[{unit}, {codec.compact_text(zone)}]"
    yield types.is_duration, f"duration[{unit}]"
    yield types.is_interval, "interval[month, day, nanosecond]"


def _decimal(kind: Any, count: _Streams, where: str) -> Node:
    """All decimals of up to 38 digits are 16 bytes wide, larger ones 32, however they were stored."""
    import pyarrow as pa

    small = kind.precision <= _DECIMAL128_DIGITS
    wanted = (pa.decimal128 if small else pa.decimal256)(kind.precision, kind.scale)
    return Node(
        kind="fixed",
        type=f"decimal({kind.precision}, {kind.scale})",
        path=where,
        stream=count.take(2),
        decode=_same if kind == wanted else _cast_to(wanted),
        width=wanted.bit_width // 8,
    )

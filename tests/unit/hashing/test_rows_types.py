"""Row fingerprints of every Arrow type and encoding, against a reference that works value by value."""

from __future__ import annotations

import datetime as dt
import struct
from decimal import Decimal
from typing import Any

import numpy as np  # noqa: TID253 - what is tested
import pyarrow as pa  # noqa: TID253 - what is tested
import pytest

from ftlineage.errors import UnsupportedRowsError
from ftlineage.hashing.arrow_parts import MAX_CELL, _narrow
from ftlineage.hashing.arrow_types import logical_type
from ftlineage.hashing.rows import RowFingerprint, fingerprint_batches
from tests import row_reference

DAY = dt.date(2024, 2, 29)
NOON = dt.datetime(1969, 7, 20, 20, 17, 40, 123456, tzinfo=dt.UTC)
PAIR = pa.struct([("y", pa.int64()), ("x", pa.string())])
COLOUR = pa.dictionary(pa.int8(), pa.string())


def of(array: Any) -> RowFingerprint:
    table = pa.table({"x": array})
    return fingerprint_batches(table.to_batches(), table.schema, threads=1)


COLUMNS = [
    ("null", pa.nulls(3)),
    ("bool", pa.array([True, None, False] * 7)),
    *[(str(t), pa.array([0, None, 100], t)) for t in (pa.int8(), pa.int16(), pa.int32(), pa.int64())],
    *[(str(t), pa.array([0, None, 200], t)) for t in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())],
    ("float16", pa.array([1.5, None, float("nan"), -0.0, float("inf")], pa.float16())),
    ("float32", pa.array([1.5, None, float("nan"), -0.0, float("-inf")], pa.float32())),
    ("float64", pa.array([1.5, None, float("nan"), -0.0, 5e-324])),
    ("decimal(5, 2)", pa.array([Decimal("-1.25"), None, Decimal("999.99")], pa.decimal128(5, 2))),
    ("decimal(3, -2)", pa.array([Decimal(-100), None, Decimal(99900)], pa.decimal128(3, -2))),
    ("decimal(76, 3)", pa.array([Decimal("-1.250"), None, Decimal(10) ** 70], pa.decimal256(76, 3))),
    ("date32", pa.array([DAY, None, dt.date(1, 1, 1)])),
    ("date64", pa.array([DAY, None, dt.date(1, 1, 1)], pa.date64())),
    ("time32[s]", pa.array([dt.time(1, 2, 3), None], pa.time32("s"))),
    ("time32[ms]", pa.array([dt.time(1, 2, 3, 4000), None], pa.time32("ms"))),
    ("time64[us]", pa.array([dt.time(1, 2, 3, 4), None], pa.time64("us"))),
    ("time64[ns]", pa.array([123_456_789_000, None], pa.time64("ns"))),
    *[(f"timestamp[{u}]", pa.array([-5, None, 10**9], pa.timestamp(u))) for u in ("s", "ms", "us", "ns")],
    ('timestamp[us, "Europe/Berlin"]', pa.array([NOON, None], pa.timestamp("us", "Europe/Berlin"))),
    *[(f"duration[{u}]", pa.array([-5, None, 10**9], pa.duration(u))) for u in ("s", "ms", "us", "ns")],
    ("interval[month, day, nanosecond]", pa.array([(1, -2, 3), None], pa.month_day_nano_interval())),
    ("string", pa.array(["", None, "naïve 🙂", "a" * 5000])),
    ("binary", pa.array([b"", None, b"\0\xff", b"a" * 5000])),
    ("json", pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}', None, "[]"]))),
    ("list<int64>", pa.array([[1, 2], None, [], [None]])),
    ("list<list<string>>", pa.array([[["a"], None, []], None, [], [[None]]])),
    ('struct<"x": string, "y": int64>', pa.array([{"y": 1, "x": "a"}, None, {"y": None, "x": None}], PAIR)),
    ("struct<>", pa.array([{}, None, {}], pa.struct([]))),
    ("list<struct<>>", pa.array([[{}, None], None, []], pa.list_(pa.struct([])))),
    ("list<null>", pa.array([[None, None], None, []], pa.list_(pa.null()))),
    (
        'list<struct<"x": string, "y": int64>>',
        pa.array([[{"y": 1, "x": "a"}, None], None, [], [{"y": None, "x": ""}]], pa.list_(PAIR)),
    ),
    (
        "map<string, list<int8>>",
        pa.array([[("a", [1]), ("a", None)], None, [], [("", [])]], pa.map_(pa.string(), pa.list_(pa.int8()))),
    ),
    ('struct<"a": struct<"b": list<string>>>', pa.array([{"a": {"b": ["x"]}}, {"a": None}, None, {"a": {"b": None}}])),
]


@pytest.mark.parametrize(("name", "array"), COLUMNS, ids=[name for name, _ in COLUMNS])
def test_agrees_with_the_reference(name: str, array: Any) -> None:
    assert logical_type(array.type) == name
    table = pa.table({"x": array})
    found = of(array)
    assert (found.ordered, found.unordered) == row_reference.fingerprint(table)
    assert [column.type for column in found.columns] == [name]


@pytest.mark.parametrize(("name", "array"), COLUMNS, ids=[name for name, _ in COLUMNS])
def test_a_slice_is_its_own_rows(name: str, array: Any) -> None:
    part = pa.table({"x": pa.concat_arrays([array, array, array]).slice(len(array) + 1, len(array) - 1)})
    found = fingerprint_batches(part.to_batches(), part.schema, threads=1)
    assert (found.ordered, found.unordered) == row_reference.fingerprint(part)


TEXTS = ["hello", None, "", "x" * 50, "hello"]
LISTS = [[1, 2], None, [3, 4], [None, 5]]
STRUCTS = [{"y": 1, "x": "a"}, None, {"y": 1, "x": "a"}]

SAME = {
    "string": [
        pa.array(TEXTS),
        pa.array(TEXTS, pa.large_string()),
        pa.array(TEXTS, pa.string_view()),
        pa.array(TEXTS).dictionary_encode(),
        pa.array(TEXTS, pa.large_string()).dictionary_encode(),
        pa.DictionaryArray.from_arrays(
            pa.array([4, 0, 1, 3, 4], pa.uint16()), pa.array([None, "", "unused", "x" * 50, "hello"])
        ),
        pa.RunEndEncodedArray.from_arrays([1, 2, 3, 4, 5], pa.array(TEXTS)),
    ],
    "binary": [
        pa.array([b"abc", None, b"abd"]),
        pa.array([b"abc", None, b"abd"], pa.large_binary()),
        pa.array([b"abc", None, b"abd"], pa.binary_view()),
        pa.array([b"abc", None, b"abd"], pa.binary(3)),
        pa.array([b"abc", None, b"abd"], pa.binary(3)).dictionary_encode(),
        pa.ExtensionArray.from_storage(pa.opaque(pa.binary(), "x", "y"), pa.array([b"abc", None, b"abd"])),
    ],
    "list<int64>": [
        pa.array(LISTS),
        pa.array(LISTS, pa.large_list(pa.int64())),
        pa.array(LISTS, pa.list_(pa.int64(), 2)),
        pa.array(LISTS, pa.list_view(pa.int64())),
        pa.array(LISTS, pa.large_list_view(pa.int64())),
        pa.array(LISTS, pa.list_(pa.field("element", pa.int64(), metadata={"a": "b"}))),
        pa.DictionaryArray.from_arrays(pa.array([1, None, 2, 0]), pa.array([LISTS[3], LISTS[0], LISTS[2]])),
        pa.ListViewArray.from_arrays(
            [4, 0, 1, 2], [2, 0, 2, 2], pa.array([7, 3, 4, 9, 1, 2]), mask=pa.array([False, True, False, True])
        ).take(pa.array([0, 1, 2, None])),
    ],
    'struct<"x": string, "y": int64>': [
        pa.array(STRUCTS, PAIR),
        pa.array(STRUCTS, pa.struct([("x", pa.large_string()), ("y", pa.int64())])),
        pa.array(STRUCTS, pa.struct([("x", COLOUR), ("y", pa.int64())])),
        pa.DictionaryArray.from_arrays(pa.array([0, None, 0]), pa.array([STRUCTS[0]], PAIR)),
    ],
    "int64": [
        pa.array([5, 5, None, 7]),
        pa.array([5, 5, None, 7]).dictionary_encode(),
        pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 4], pa.int16()), pa.array([5, None, 7])),
    ],
    "decimal(5, 2)": [
        pa.array([Decimal("1.25"), None], kind)
        for kind in (pa.decimal32(5, 2), pa.decimal64(5, 2), pa.decimal128(5, 2), pa.decimal256(5, 2))
    ],
    "map<string, int64>": [
        pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
        pa.array([[("a", 1)], None], pa.map_(pa.large_string(), pa.int64(), keys_sorted=True)),
    ],
    "list<float32>": [
        pa.array([[1.0, 2.0]], pa.list_(pa.float32())),
        pa.ExtensionArray.from_storage(
            pa.fixed_shape_tensor(pa.float32(), [2]), pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2))
        ),
    ],
}
SAME["list<int64>"].pop()  # list views with several windows into one array have a test of their own


@pytest.mark.parametrize("name", SAME)
def test_encodings_of_the_same_values_are_equal(name: str) -> None:
    for array in SAME[name]:
        assert logical_type(array.type) == name, array.type
        assert of(array) == of(SAME[name][0]), array.type
        assert of(array.slice(1)) == of(SAME[name][0].slice(1)), array.type


def test_list_views_in_any_order_over_shared_values() -> None:
    view = pa.ListViewArray.from_arrays([4, 0, 1], [2, 0, 3], pa.array([7, 3, 4, 9, 1, 2]))
    assert of(view) == of(pa.array([[1, 2], [], [3, 4, 9]]))


def bitmap(*valid: int) -> Any:
    return pa.py_buffer(bytes([sum(bit << place for place, bit in enumerate(valid))]))


def test_what_lies_under_nulls_does_not_matter() -> None:
    numbers = pa.Array.from_buffers(pa.int32(), 2, [bitmap(0, 1), pa.py_buffer(struct.pack("<ii", 77, 5))])
    assert of(numbers) == of(pa.array([None, 5], pa.int32()))
    flags = pa.Array.from_buffers(pa.bool_(), 2, [bitmap(0, 1), bitmap(1, 1)])
    assert of(flags) == of(pa.array([None, True]))
    texts = pa.Array.from_buffers(
        pa.string(), 3, [bitmap(1, 0, 1), pa.py_buffer(struct.pack("<iiii", 0, 1, 4, 5)), pa.py_buffer(b"aXYZb")]
    )
    assert of(texts) == of(pa.array(["a", None, "b"]))
    lists = pa.Array.from_buffers(
        pa.list_(pa.int64()),
        3,
        [bitmap(1, 0, 1), pa.py_buffer(struct.pack("<iiii", 0, 1, 3, 4))],
        children=[pa.array([1, 8, 9, 2])],
    )
    assert of(lists) == of(pa.array([[1], None, [2]]))
    entries = pa.array([{"key": key, "value": 1} for key in "aXYb"])
    maps = pa.Array.from_buffers(
        pa.map_(pa.string(), pa.int64()),
        3,
        [bitmap(1, 0, 1), pa.py_buffer(struct.pack("<iiii", 0, 1, 3, 4))],
        children=[entries.cast(pa.struct([pa.field("key", pa.string(), nullable=False), ("value", pa.int64())]))],
    )
    assert of(maps) == of(pa.array([[("a", 1)], None, [("b", 1)]], pa.map_(pa.string(), pa.int64())))
    structs = pa.StructArray.from_arrays([pa.array([1, 2])], names=["a"], mask=pa.array([True, False]))
    assert of(structs) == of(pa.array([None, {"a": 2}]))
    fixed = pa.FixedSizeListArray.from_arrays(pa.array([1, 2, 3, 4]), 2, mask=pa.array([True, False]))
    assert of(fixed) == of(pa.array([None, [3, 4]]))


@pytest.mark.parametrize(("kind", "pattern"), [("<f2", "<H"), ("<f4", "<I"), ("<f8", "<Q")])
def test_every_nan_is_the_same_nan(kind: str, pattern: str) -> None:
    bits = {"<f2": (0x7E00, 0xFE01), "<f4": (0x7FC00000, 0xFFC00123), "<f8": (0x7FF8 << 48, (0xFFF8 << 48) + 1)}[kind]
    plain, strange = (pa.array(np.frombuffer(struct.pack(pattern, number), kind)) for number in bits)
    assert of(plain) == of(strange)


def test_extension_types_that_a_process_may_not_know_are_their_storage() -> None:
    uuid = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0123456789abcdef"], pa.binary(16)))
    assert of(uuid) == of(pa.array([b"0123456789abcdef"]))
    text = pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}"]))
    assert of(text).ordered != of(pa.array(["{}"])).ordered


def test_a_cell_of_four_gibibytes_is_refused() -> None:
    with pytest.raises(UnsupportedRowsError) as caught:
        _narrow(np.array([0, MAX_CELL + 1]), "big")
    assert str(caught.value) == "column 'big': a single value of 4 GiB or more has no row fingerprint."


def tampered(array: Any, old: tuple[int, ...], new: tuple[int, ...], width: str = "i") -> Any:
    """Batches as a file brings it whose writer meant harm: Arrow maps files without looking inside."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("x", array.type)])) as writer:
        writer.write(pa.table({"x": array}))
    data = sink.getvalue().to_pybytes()
    before, after = (struct.pack(f"<{len(numbers)}{width}", *numbers) for numbers in (old, new))
    at = data.rindex(before)
    changed = data[:at] + after + data[at + len(before) :]
    return pa.ipc.open_stream(changed)


BROKEN = {
    "text beyond its bytes": (pa.array(["abc"]), (0, 3), (0, 99)),
    "text backwards": (pa.array(["abc", "de"]), (0, 3, 5), (0, 4, 1)),
    "text that is not UTF-8": (pa.array(["abc"]), (0x00636261,), (0x00FF6261,)),
    "list beyond its elements": (pa.array([[5, 6, 7]]), (0, 3), (0, 99)),
    "large list beyond its elements": (pa.array([[5, 6]], pa.large_list(pa.int8())), (0, 2), (0, 1 << 40)),
    "list backwards": (pa.array([[5, 6, 7], [8]]), (0, 3, 4), (0, 4, 1)),
    "list from before its elements": (pa.array([[5, 6, 7]]), (0, 3), (-1, 3)),
    "map beyond its entries": (pa.array([[("a", 1)] * 3], pa.map_(pa.string(), pa.int8())), (0, 3), (0, 77)),
    "dictionary code beyond the dictionary": (pa.array(["a", "b"]).dictionary_encode(), (0, 1), (0, 7)),
    "view beyond its elements": (pa.array([[5, 6, 7]], pa.list_view(pa.int64())), (3,), (99,)),
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("inside", [False, True])
def test_broken_data_is_refused_and_not_read(fault: str, inside: bool) -> None:
    array, old, new = BROKEN[fault]
    if inside:
        array = pa.ListArray.from_arrays(pa.array([0, len(array)], pa.int32()), array)
    broken = tampered(array, old, new, "q" if fault.startswith("large") else "i")
    with pytest.raises(UnsupportedRowsError, match="broken Arrow data"):
        fingerprint_batches(broken, broken.schema)

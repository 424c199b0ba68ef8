"""Row fingerprints of random nested tables: what never changes them, what always does, and who else agrees."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pyarrow as pa  # noqa: TID253 - what is tested
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ftlineage.hashing.rows import RowFingerprint, fingerprint_batches
from tests import row_reference

SCALARS: list[tuple[Any, Any]] = [
    (pa.int8(), st.integers(-128, 127)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint16(), st.integers(0, 65535)),
    (pa.bool_(), st.booleans()),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.floats()),
    (pa.string(), st.text(st.characters(codec="utf-8"), max_size=6)),
    (pa.binary(), st.binary(max_size=6)),
    (pa.date32(), st.dates()),
    (pa.timestamp("us"), st.datetimes()),
    (pa.decimal128(9, 2), st.decimals(-1000, 1000, places=2)),
    (pa.null(), st.none()),
]


def lists(inner: tuple[Any, Any]) -> tuple[Any, Any]:
    kind, values = inner
    return pa.list_(kind), st.lists(st.none() | values, max_size=3)


def structs(members: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    kind = pa.struct([(f"f{place}", member) for place, (member, _) in enumerate(members)])
    return kind, st.fixed_dictionaries({f"f{place}": st.none() | values for place, (_, values) in enumerate(members)})


def maps(inner: tuple[Any, Any]) -> tuple[Any, Any]:
    kind, values = inner
    return pa.map_(pa.string(), kind), st.lists(st.tuples(st.text("ab", max_size=2), st.none() | values), max_size=3)


def without_null(inner: tuple[Any, Any]) -> bool:
    """pyarrow cannot take single values out of a map to nulls that lies in a map, and the reference does."""
    return "null" not in str(inner[0])


TYPES = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: (
        inner.map(lists) | st.lists(inner, min_size=1, max_size=2).map(structs) | inner.filter(without_null).map(maps)
    ),
    max_leaves=3,
)


@st.composite
def tables(draw: Any) -> Any:
    kinds = draw(st.lists(TYPES, min_size=1, max_size=3))
    rows = draw(st.integers(0, 8))
    columns = {}
    for place, (kind, values) in enumerate(kinds):
        cells = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        columns[f"c{place}"] = pa.array(cells, kind)
    return pa.table(columns)


def of(table: Any) -> RowFingerprint:
    return fingerprint_batches(table.to_batches(), table.schema, threads=1)


@settings(max_examples=200, deadline=None)
@given(tables())
def test_two_implementations_agree(table: Any) -> None:
    found = of(table)
    assert (found.ordered, found.unordered) == row_reference.fingerprint(table)


@settings(max_examples=150, deadline=None)
@given(tables(), st.lists(st.integers(0, 8), max_size=3), st.booleans())
def test_cuts_and_encodings_do_not_matter(table: Any, cuts: list[int], coded: bool) -> None:
    places = sorted({0, table.num_rows, *(cut for cut in cuts if cut < table.num_rows)})
    pieces = [table.slice(start, stop - start) for start, stop in itertools.pairwise(places)]
    batches = [batch for piece in pieces for batch in piece.to_batches()]
    assert fingerprint_batches(batches, table.schema, threads=1) == of(table)
    assert of(pa.table({name: encoded(table.column(name), coded) for name in reversed(table.column_names)})) == of(
        table
    )


def encoded(column: Any, coded: bool) -> Any:
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    kind = array.type
    if coded and pa.types.is_primitive(kind):
        return array.dictionary_encode() if not pa.types.is_null(kind) else array
    if pa.types.is_string(kind):
        return array.cast(pa.string_view() if coded else pa.large_string())
    if pa.types.is_binary(kind):
        return array.cast(pa.binary_view() if coded else pa.large_binary())
    if pa.types.is_list(kind):
        return array.cast(pa.large_list(kind.value_type))
    return array


@settings(max_examples=150, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_order_binds_one_digest_and_not_the_other(table: Any, chance: random.Random) -> None:
    order = list(range(table.num_rows))
    chance.shuffle(order)
    turned = table.take(pa.array(order, pa.int64()))
    assert of(turned).unordered == of(table).unordered
    same_rows_in_place = row_reference.fingerprint(turned)[0] == row_reference.fingerprint(table)[0]
    assert (of(turned).ordered == of(table).ordered) == same_rows_in_place


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_one_changed_cell_changes_both(data: st.DataObject) -> None:
    kind, values = data.draw(TYPES)
    cells = data.draw(st.lists(st.none() | values, min_size=1, max_size=6))
    place = data.draw(st.integers(0, len(cells) - 1))
    other = [*cells[:place], data.draw(st.none() | values), *cells[place + 1 :]]
    left, right = (pa.table({"x": pa.array(column, kind)}) for column in (cells, other))
    # repr tells apart what equality does not: 0.0 and -0.0, and calls every NaN nan.
    assume(repr(left.to_pylist()) != repr(right.to_pylist()))
    assert of(left).ordered != of(right).ordered
    assert of(left).unordered != of(right).unordered


@settings(max_examples=50, deadline=None)
@given(tables())
def test_a_row_more_or_twice_changes_both(table: Any) -> None:
    assume(table.num_rows > 0)
    longer = pa.concat_tables([table, table.slice(0, 1)])
    assert of(longer).ordered != of(table).ordered
    assert of(longer).unordered != of(table).unordered

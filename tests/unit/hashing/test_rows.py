"""Row fingerprints: what may change without changing them, and what may not."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from typing import Any

import numpy as np  # noqa: TID253 - what is tested
import pyarrow as pa  # noqa: TID253 - what is tested
import pytest

from ftlineage.core.sections import Column, Fingerprint
from ftlineage.errors import BadArgumentError, UnsupportedRowsError
from ftlineage.hashing import row_sets, rows
from ftlineage.hashing.row_blocks import BLOCK_ROWS
from ftlineage.hashing.rows import RowFingerprint, RowHasher, combine, fingerprint_batches
from tests import row_reference


def of(table: Any, **options: Any) -> RowFingerprint:
    return fingerprint_batches(table.to_batches(), table.schema, **options)


def digests(table: Any) -> tuple[str, str | None]:
    found = of(table)
    return found.ordered, found.unordered


def one(values: list[Any], kind: Any = None) -> Any:
    return pa.table({"x": pa.array(values, kind)})


CHAT = pa.table(
    {
        "id": pa.array(range(20_000)),
        "messages": pa.array(
            [
                [{"role": "user", "content": f"question {i}"}, {"role": "assistant", "content": "yes" * (i % 7)}]
                for i in range(20_000)
            ]
        ),
    }
)
MAP = pa.map_(pa.string(), pa.int8())


def test_known_answer() -> None:
    """These digests are in released cards: if this test fails, the algorithm needs a new name."""
    table = pa.table({"text": ["good", None, "bad"], "label": pa.array([1, 0, None], pa.int32())})
    assert of(table) == RowFingerprint(
        algorithm="ftl-rows-v1",
        rows=3,
        columns=(Column(name="label", type="int32"), Column(name="text", type="string")),
        ordered="2dcbb0934ac5169dc5af98102904ae579de9b7ca81d65e0b4d81c45bf883504e",
        unordered="5af99a27cdf2a531b6a970bcf0260d464483da37248483b140b7796f6b9cc3c9",
    )


def test_as_a_card_holds_it() -> None:
    found = of(one([1, 2]), order_free=False)
    assert found.section() == Fingerprint(algorithm="ftl-rows-v1", ordered=found.ordered, unordered=None)


def test_agrees_with_the_reference_over_several_blocks() -> None:
    table = pa.table({"a": pa.array([i % 91 if i % 13 else None for i in range(2 * BLOCK_ROWS + 5)], pa.int16())})
    assert digests(table) == row_reference.fingerprint(table)


@pytest.mark.parametrize("size", [1000, BLOCK_ROWS, BLOCK_ROWS + 1, 20_000])
@pytest.mark.parametrize("threads", [1, 3])
def test_batches_and_threads_do_not_matter(size: int, threads: int) -> None:
    batches = CHAT.to_batches(max_chunksize=size)
    assert fingerprint_batches(batches, CHAT.schema, threads=threads) == of(CHAT)


def test_slices_of_larger_arrays_are_only_their_own_rows() -> None:
    part = CHAT.slice(8_191, 3)
    assert digests(part) == digests(pa.Table.from_pylist(part.to_pylist(), schema=CHAT.schema))


def test_pieces_of_rows_that_are_larger_than_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = of(CHAT)
    monkeypatch.setattr(rows, "PIECE_BYTES", 10_000)
    monkeypatch.setattr(rows, "GATHER_BYTES", 5_000)
    assert of(CHAT, threads=3) == expected
    assert fingerprint_batches(CHAT.to_batches(max_chunksize=100), CHAT.schema, threads=3) == expected


def test_every_row_counts_not_a_sample() -> None:
    """MLflow's digest looks at the first 10,000 rows and leaves nested columns out."""
    messages = CHAT.column("messages").to_pylist()
    messages[-1][1]["content"] += "."
    changed = CHAT.set_column(1, "messages", pa.array(messages, CHAT.schema.field("messages").type))
    assert of(changed).ordered != of(CHAT).ordered
    assert of(changed).unordered != of(CHAT).unordered


def test_permutation_changes_the_ordered_digest_only() -> None:
    turned = CHAT.take(pa.array(list(reversed(range(CHAT.num_rows)))))
    assert of(turned).ordered != of(CHAT).ordered
    assert of(turned).unordered == of(CHAT).unordered


def test_columns_and_struct_fields_have_no_order_and_metadata_no_meaning() -> None:
    table = pa.table({"a": [1], "b": pa.array([{"y": 1, "x": "s"}])})
    field = pa.field("a", pa.int64(), nullable=False, metadata={"k": "v"})
    other = pa.table(
        {"b": pa.array([{"x": "s", "y": 1}]), "a": [1]},
        schema=pa.schema(
            [pa.field("b", pa.struct([("x", pa.string()), ("y", pa.int64())])), field], metadata={"huggingface": "{}"}
        ),
    )
    assert of(table) == of(other)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (one(["ab", "c"]), one(["a", "bc"])),
        (one([["", None]]), one([[None, ""]])),
        (one([[""]]), one([[]], pa.list_(pa.string()))),
        (one([[]], pa.list_(pa.int8())), one([None], pa.list_(pa.int8()))),
        (one([""], pa.string()), one([None], pa.string())),
        (one([[1], [2, 3]]), one([[1, 2], [3]])),
        (one([0.0]), one([-0.0])),
        (one([None], pa.float64()), one([float("nan")])),
        (one([1], pa.int32()), one([1], pa.int64())),
        (one([1], pa.int64()), one([1], pa.uint64())),
        (one(["a"]), one([b"a"])),
        (one([None]), one([None], pa.int8())),
        (one([{"a": None}], pa.struct([("a", pa.int8())])), one([None], pa.struct([("a", pa.int8())]))),
        (one([None], pa.int8()), one([0], pa.int8())),
        (one([1, 1, 2]), one([1, 2, 2])),
        (one([1]), one([1, 1])),
        (one([[("a", 1), ("b", 2)]], MAP), one([[("b", 2), ("a", 1)]], MAP)),
        (one([[("a", 1)]], MAP), one([[("a", 1), ("a", 1)]], MAP)),
        (one([1], pa.timestamp("s")), one([1], pa.timestamp("s", "UTC"))),
        (one([1], pa.timestamp("s", "UTC")), one([1], pa.timestamp("s", "Europe/Berlin"))),
        (one([1], pa.timestamp("s")), one([1], pa.timestamp("ms"))),
        (pa.table({"x": [1]}), pa.table({"y": [1]})),
        (pa.table({"x": [1]}), pa.table({"x": [1], "y": [1]})),
        (pa.table({"a.b": [1]}), pa.table({"a": pa.array([{"b": 1}])})),
        (pa.table({"a": ["x"], "b": ["y"]}), pa.table({"a": ["y"], "b": ["x"]})),
        (pa.table({"a": ["x", "y"], "b": ["y", "x"]}), pa.table({"a": ["x", "y"], "b": ["x", "y"]})),
    ],
)
def test_these_are_not_the_same_rows(left: Any, right: Any) -> None:
    assert of(left).ordered != of(right).ordered
    assert of(left).unordered != of(right).unordered


def test_names_with_the_characters_of_paths_are_not_ambiguous() -> None:
    names = ["a", "a.b", "a[]", "a?", "a#", "a=", 'a"', "a, b", "", "ä"]
    tables = [pa.table({name: [1]}) for name in names]
    tables += [pa.table({"s": pa.array([{name: 1}])}) for name in names]
    tables += [pa.table({"s": pa.array([{'a": int64, "b': 1}])}), pa.table({"s": pa.array([{"a": 1, "b": 1}])})]
    assert len({of(table).ordered for table in tables}) == len(tables)
    assert len({of(table).unordered for table in tables}) == len(tables)


def test_no_rows_and_no_columns() -> None:
    nothing = of(pa.table({}))
    assert (nothing.rows, nothing.columns) == (0, ())
    assert digests(pa.table({})) == row_reference.fingerprint(pa.table({}))
    empty = one([], pa.string())
    assert digests(empty) == row_reference.fingerprint(empty)
    assert of(empty).ordered not in {nothing.ordered, of(one([], pa.int8())).ordered}


def test_rows_without_columns_are_counted() -> None:
    two = pa.RecordBatch.from_struct_array(pa.array([{}, {}], pa.struct([])))
    three = pa.RecordBatch.from_struct_array(pa.array([{}, {}, {}], pa.struct([])))
    assert fingerprint_batches([two], two.schema).rows == 2
    assert fingerprint_batches([two], two.schema).ordered != fingerprint_batches([three], three.schema).ordered


def test_without_the_order_free_digest() -> None:
    assert of(CHAT, order_free=False).unordered is None
    assert of(CHAT, order_free=False).ordered == of(CHAT).ordered


def test_batches_may_differ_in_encoding_but_not_in_type() -> None:
    plain, coded = one(["a", "b"]), pa.table({"x": pa.array(["a", "c"]).dictionary_encode()})
    expected = of(one(["a", "b", "a", "c"]))
    assert fingerprint_batches([*plain.to_batches(), *coded.to_batches()], plain.schema) == expected
    with pytest.raises(UnsupportedRowsError, match=r"^column 'x': it is string in the first rows and int64 in later"):
        fingerprint_batches([*plain.to_batches(), *one([1]).to_batches()], plain.schema)
    with pytest.raises(UnsupportedRowsError, match=r"^column 'y': it is absent in the first rows and string in later"):
        fingerprint_batches([*plain.to_batches(), *pa.table({"x": ["a"], "y": ["b"]}).to_batches()], plain.schema)


def test_batches_may_differ_in_metadata() -> None:
    batches = CHAT.slice(0, 10).to_batches(max_chunksize=5)
    batches[1] = batches[1].replace_schema_metadata({"huggingface": "{}"})
    assert fingerprint_batches(batches, CHAT.schema) == of(CHAT.slice(0, 10))


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        (
            pa.schema([("u", pa.dense_union([pa.field("a", pa.int8())]))]),
            "column 'u': the Arrow type dense_union<a: int8=0> has no row fingerprint.",
        ),
        (pa.schema([("a", pa.int8()), ("a", pa.int8())]), "column 'a': two columns or fields have this name."),
        (
            pa.schema([("m", pa.list_(pa.struct([("r", pa.int8()), ("r", pa.int8())])))]),
            "column 'm[].r': two columns or fields have this name.",
        ),
    ],
)
def test_refusals_name_the_column(schema: Any, sentence: str) -> None:
    with pytest.raises(UnsupportedRowsError) as caught:
        RowHasher(schema)
    assert str(caught.value) == sentence


def test_an_error_in_a_worker_reaches_the_caller() -> None:
    broken = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
    )
    batch = pa.record_batch({"text": broken})
    with pytest.raises(UnsupportedRowsError, match=r"column 'text': broken Arrow data: .*UTF8"):
        fingerprint_batches([batch] * 3, batch.schema, threads=2)


def test_progress_reports_all_bytes() -> None:
    seen: list[int] = []
    of(CHAT, update=seen.append)
    assert sum(seen) == CHAT.nbytes


# --- parts ---------------------------------------------------------------------------------------


def part(table: Any, **options: Any) -> rows.RowPart:
    with RowHasher(table.schema, **options) as hasher:
        for batch in table.to_batches():
            hasher.update(batch)
        return pickle.loads(pickle.dumps(hasher.part()))


def test_partitions_cut_between_blocks_combine_to_the_whole() -> None:
    pieces = [CHAT.slice(0, BLOCK_ROWS), CHAT.slice(BLOCK_ROWS, BLOCK_ROWS), CHAT.slice(2 * BLOCK_ROWS)]
    assert combine([part(piece) for piece in pieces]) == of(CHAT)
    assert combine([part(piece, order_free=False) for piece in pieces]) == of(CHAT, order_free=False)
    assert combine([part(CHAT)]) == of(CHAT)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([], "there are none"),
        ([one([1]), one(["a"])], "they do not have the same columns and digests"),
        ([one([1]), one([1])], f"each but the last must hold a multiple of {BLOCK_ROWS} rows"),
    ],
)
def test_partitions_that_do_not_fit(parts: list[Any], reason: str) -> None:
    with pytest.raises(BadArgumentError) as caught:
        combine([part(table) for table in parts])
    assert caught.value.reason == reason


def test_many_rows_spill_to_a_file_and_give_the_same_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = of(CHAT)
    monkeypatch.setattr(rows, "RowSet", lambda: row_sets.RowSet(memory_rows=3000))
    assert of(CHAT) == expected
    assert part(CHAT).digests == combine_digests(part(CHAT))


def combine_digests(found: rows.RowPart) -> bytes:
    assert found.digests is not None
    cells = [found.digests[at : at + 32] for at in range(0, len(found.digests), 32)]
    assert len(cells) == CHAT.num_rows
    return b"".join(sorted(cells))


def test_hashing_loads_neither_pandas_nor_datasets() -> None:
    """pandas alone takes longer to import than 100 MB take to hash; some pyarrow calls import it."""
    code = (
        "import sys; import pyarrow as pa; from ftlineage.hashing.rows import fingerprint_batches\n"
        "offsets = pa.py_buffer(bytes([0, 0, 0, 0, 1, 0, 0, 0])); text = pa.py_buffer(b'a')\n"
        "batch = pa.record_batch([pa.Array.from_buffers(pa.string(), 1, [None, offsets, text])], names=['x'])\n"
        "print(fingerprint_batches([batch], batch.schema).unordered)\n"
        "print(sorted({'pandas', 'datasets', 'torch', 'pyarrow.dataset'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == [of(one(["a"])).unordered, "[]"]


def test_digests_are_sorted_by_all_their_bytes() -> None:
    """numpy's byte strings forget zero bytes at the end when they are read; the order must not."""
    chance = np.random.default_rng(1)
    cells = chance.choice(np.array([0, 0, 1, 127, 128, 255], np.uint8), (2000, 32))
    cells[:, :29] = 7
    found = row_sets.RowSet()
    found.add(cells)
    assert found.sorted_bytes() == b"".join(sorted(bytes(cell) for cell in cells))
    assert found.bucket_digests()[7] == hashlib.sha256(found.sorted_bytes()).digest()

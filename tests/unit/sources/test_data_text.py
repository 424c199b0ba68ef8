"""JSON and CSV: which types text has, independent of where it is cut, and faults named by their line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftlineage.errors import BadInputError, UnsupportedRowsError
from ftlineage.sources import data_csv, data_json
from ftlineage.sources.data import DataFingerprint, fingerprint_source, load_data


def read(tmp_path: Path, name: str, content: bytes | str) -> DataFingerprint:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return fingerprint_source(path)


def types(found: DataFingerprint) -> dict[str, str]:
    return {column.name: column.type for column in found.columns}


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_json, "_FIRST", 20)
    monkeypatch.setattr(data_json, "BLOCK", 50)
    monkeypatch.setattr(data_csv, "BLOCK", 64)


LATE: dict[str, list[dict[str, Any]]] = {
    "a float after integers": [{"a": 1}] * 40 + [{"a": 0.5}],
    "values after nulls": [{"a": None}] * 40 + [{"a": "x"}],
    "a key that comes late": [{"a": 1}] * 40 + [{"a": 1, "b": [1]}],
    "keys of a struct that come late": [{"a": {"x": 1}}] * 40 + [{"a": {"y": "s"}}, {"a": None}],
    "elements after empty lists": [{"a": []}] * 40 + [{"a": [{"x": 1}]}, {"a": [{"x": 1.5}]}],
    "several, one after the other": [{"a": 1}] * 40 + [{"a": 0.5}] * 40 + [{"a": 1, "z": "late"}] * 40,
}


@pytest.mark.parametrize("case", LATE)
@pytest.mark.parametrize("suffix", ["jsonl", "json"])
def test_types_do_not_depend_on_where_json_is_cut(
    tmp_path: Path, case: str, suffix: str, request: pytest.FixtureRequest
) -> None:
    rows = LATE[case]
    text = "\n".join(map(json.dumps, rows)) if suffix == "jsonl" else json.dumps(rows)  # noqa: TID251 - as others do
    whole = read(tmp_path, f"whole.{suffix}", text)
    request.getfixturevalue("small_blocks")
    cut = read(tmp_path, f"cut.{suffix}", text)
    assert (cut.columns, cut.fingerprint, cut.rows) == (whole.columns, whole.fingerprint, len(rows))
    loaded = load_data(tmp_path / f"cut.{suffix}", name="x")
    assert loaded.section.fingerprint == whole.fingerprint
    assert loaded.rows.num_rows == len(rows)


CSV_LATE = {
    "a float after integers": (["1"] * 40 + ["0.5"], "float64"),
    "text after integers": (["007"] * 40 + ["A7"], "string"),
    "integers after nothing": ([""] * 40 + ["7"], "int64"),
    "numbers after words for missing": (["NA"] * 40 + ["7"], "int64"),
    "a number after truth": (["true"] * 40 + ["1"], "string"),
    "truth": (["true", "False", "TRUE", ""] * 10, "bool"),
    "words for missing among text": (["NA"] * 40 + ["DE"], "string"),
    "nothing but words for missing": (["NA", "null"] * 20, "null"),
}


@pytest.mark.parametrize("case", CSV_LATE)
def test_types_do_not_depend_on_where_csv_is_cut(tmp_path: Path, case: str, request: pytest.FixtureRequest) -> None:
    cells, expected = CSV_LATE[case]
    text = "a,n\n" + "".join(f"{cell},{number}\n" for number, cell in enumerate(cells))
    whole = read(tmp_path, "whole.csv", text)
    request.getfixturevalue("small_blocks")
    cut = read(tmp_path, "cut.csv", text)
    assert (cut.columns, cut.fingerprint, cut.rows) == (whole.columns, whole.fingerprint, len(cells))
    assert types(cut) == {"a": expected, "n": "int64"}


def test_text_of_a_csv_column_is_kept_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,b\n007,"x, ""y"""\nA7,\nNA,None\n')
    assert load_data(tmp_path / "a.csv", name="x").rows.to_list() == [
        {"a": "007", "b": 'x, "y"'},
        {"a": "A7", "b": None},
        {"a": "NA", "b": "None"},
    ]


def test_csv_cells_may_hold_line_ends(tmp_path: Path) -> None:
    found = read(tmp_path, "a.csv", 'a,b\r\n"one\r\ntwo",1\r\n\r\nthree,2')
    assert (found.rows, types(found)) == (2, {"a": "string", "b": "int64"})


def test_strings_that_look_like_times_stay_strings(tmp_path: Path) -> None:
    found = read(tmp_path, "a.jsonl", '{"a": "2024-01-01", "b": {"c": ["2024-01-01T00:00:00Z"]}}')
    assert types(found) == {"a": "string", "b": 'struct<"c": list<string>>'}


def test_integers_beyond_64_bits_are_floats(tmp_path: Path) -> None:
    assert types(read(tmp_path, "a.jsonl", '{"a": 1}\n{"a": 99999999999999999999}')) == {"a": "float64"}


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    plain = [
        read(tmp_path, f"a.{suffix}", text)
        for suffix, text in (("jsonl", '{"a": 1}'), ("csv", "a\n1\n"), ("json", '[{"a": 1}]'))
    ]
    marked = [
        read(tmp_path, f"b.{suffix}", b"\xef\xbb\xbf" + text)
        for suffix, text in (("jsonl", b'{"a": 1}'), ("csv", b"a\n1\n"), ("json", b'[{"a": 1}]'))
    ]
    assert {found.fingerprint.ordered for found in plain + marked} == {plain[0].fingerprint.ordered}


FAULTS: list[tuple[str, bytes, str]] = [
    ("a.jsonl", b'{"a": 1}\n\n{"a": \n{"a": 2}\n', "line 3 is no JSON object: invalid value"),
    ("a.jsonl", b'{"a": 1}\n{"a": 1', "line 2 is no JSON object: missing a comma or '}' after an object member"),
    ("a.jsonl", b'{"a": 1}\n[1]\n', "line 2 is no JSON object but a JSON array"),
    ("a.jsonl", b'{"a": 1}\n"x"\n', "line 2 is no JSON object but a JSON string"),
    ("a.jsonl", b'{"a": 1}\n{"a": 1, "a": 2}\n', "line 2 is no JSON object: column(/a) was specified twice"),
    ("a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n', "line 2 is not UTF-8"),
    ("a.jsonl", b'{"a": "\\ud800"}\n', "line 1 is no JSON object: the surrogate pair in string is invalid"),
    ("a.jsonl", b"{'a': 1}\n", "line 1 is no JSON object: missing a name for object member"),
    ("a.json", b'[{"a": 1},\n {"a": }]', "it is no JSON list: invalid character on line 2"),
    ("a.json", b'[{"a": 1},\n', "it is no JSON list: input data was truncated on line 2"),
    ("a.json", b'[{"a": 1}, 2]', "element 2 is no JSON object but a JSON number"),
    ("a.csv", b'a,b\n1,"x\ny"\n\n1,2,3\n', "line 5 has 3 cells where the header has 2"),
    ("a.csv", b"a,b\n1,2\n3\n", "line 3 has 1 cells where the header has 2"),
    ("a.tsv", b"a\tb\n1\t2\t3\n", "line 2 has 3 cells where the header has 2"),
    ("a.csv", b"a,b\n1,2\n3,\xff\n", "line 3 is not UTF-8"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=[reason for _, _, reason in FAULTS])
@pytest.mark.parametrize("before", [0, 100])
def test_faults_name_the_line(
    tmp_path: Path, fault: tuple[str, bytes, str], before: int, request: pytest.FixtureRequest
) -> None:
    name, content, reason = fault
    if before:
        request.getfixturevalue("small_blocks")
    if before and name.endswith("jsonl"):
        content = b'{"a": 1}\n' * before + content
        number = int(reason.split()[1])
        reason = reason.replace(f"line {number}", f"line {before + number}")
    with pytest.raises(BadInputError) as caught:
        read(tmp_path, name, content)
    assert str(caught.value) == f"{name}: {reason}."


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        read(tmp_path, "a.csv", "a,b,a\n1,2,3\n")
    assert str(caught.value) == "a.csv: two of its columns are named 'a'."


def test_two_columns_of_one_name_in_one_of_several_shards(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1]}), tmp_path / "0.parquet")
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "1.parquet")
    with pytest.raises(UnsupportedRowsError, match="column 'a': two columns or fields have this name"):
        fingerprint_source(tmp_path)


# --- values of several kinds in one column -------------------------------------------------------

MIXED: list[dict[str, Any]] = [{"tool": {"value": 1}}, {"tool": {"value": "one"}}, {"tool": {"value": [1, "one"]}}]


def test_json_of_mixed_kinds_is_read_as_datasets_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in MIXED))  # noqa: TID251 - as others write it
    loaded = load_data(path, name="x")
    assert loaded.rows.to_list() == MIXED
    assert loaded.section.schema == fingerprint_source(path).columns
    assert loaded.section.fingerprint == fingerprint_source(path).fingerprint
    assert "json" in loaded.section.schema[0].type
    other = [*MIXED[:2], {"tool": {"value": [1, "two"]}}]
    path.write_text("".join(json.dumps(row) + "\n" for row in other))  # noqa: TID251 - as others write it
    assert fingerprint_source(path).fingerprint.ordered != loaded.section.fingerprint.ordered


def test_mixed_kinds_across_typed_shards_are_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "1.parquet")
    with pytest.raises(BadInputError) as caught:
        fingerprint_source(tmp_path)
    assert caught.value.reason == "column 'a' holds int64 in one row and string in another"


def test_csv_shards_may_lack_a_column(tmp_path: Path) -> None:
    (tmp_path / "0.csv").write_text("a\n1\n")
    (tmp_path / "1.csv").write_text("a,b\n2,x\n")
    assert load_data(tmp_path, name="x").rows.to_list() == [{"a": 1, "b": None}, {"a": 2, "b": "x"}]

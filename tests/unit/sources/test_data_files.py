"""Data files: the same rows have the same fingerprint in every format; what cannot be read says why."""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pyarrow as pa  # noqa: TID253 - what is tested
import pyarrow.feather  # noqa: TID253 - what is tested
import pyarrow.parquet as pq  # noqa: TID253 - what is tested
import pytest

from ftlineage.core.sections import Column, DataSource, FileRecord
from ftlineage.errors import BadArgumentError, BadInputError, BadReferenceError, PathNotFoundError, StorageError
from ftlineage.sources import data, data_rows, data_tables
from ftlineage.sources.data import DataFingerprint, fingerprint_source, load_data
from tests import row_reference

ROWS: list[dict[str, Any]] = [
    {
        "id": number,
        "text": None if number % 5 == 0 else f"Grüße {number}, 2024-01-{number % 28 + 1:02}",
        "score": number / 4,
    }
    for number in range(300)
]
TABLE = pa.Table.from_pylist(ROWS)
CHAT = [{"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": None}]} for n in range(9)]


def json_lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()  # noqa: TID251 - as others write it


def write_csv(path: Path, delimiter: str = ",") -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(ROWS[0])
        writer.writerows(row.values() for row in ROWS)


def write_arrow(path: Path, table: Any) -> None:
    opened = pa.ipc.new_file if path.suffix == ".ipc" else pa.ipc.new_stream
    with opened(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=70)


def write(path: Path) -> Path:
    match path.suffix.lower():
        case ".jsonl" | ".ndjson":
            path.write_bytes(json_lines(ROWS))
        case ".json":
            path.write_text(json.dumps(ROWS, indent=2))  # noqa: TID251 - as others write it
        case ".csv":
            write_csv(path)
        case ".tsv":
            write_csv(path, "\t")
        case ".parquet":
            pq.write_table(TABLE, path, row_group_size=100)
        case ".feather":
            pyarrow.feather.write_feather(TABLE, str(path), compression="zstd")
        case ".gz":
            path.write_bytes(gzip.compress(json_lines(ROWS)))
        case ".bz2":
            path.write_bytes(bz2.compress(json_lines(ROWS)))
        case _:
            write_arrow(path, TABLE)
    return path


FORMATS = {
    "a.jsonl": "jsonl",
    "a.NDJSON": "jsonl",
    "a.json": "json",
    "a.csv": "csv",
    "a.tsv": "tsv",
    "a.parquet": "parquet",
    "a.arrow": "arrow",
    "a.ipc": "arrow",
    "a.feather": "arrow",
    "a.jsonl.gz": "jsonl",
    "a.jsonl.bz2": "jsonl",
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_rows_in_every_format(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    found = fingerprint_source(path, clock=iter([1.0, 3.5]).__next__)
    ordered, unordered = row_reference.fingerprint(TABLE)
    assert (found.fingerprint.ordered, found.fingerprint.unordered) == (ordered, unordered)
    assert found == DataFingerprint(
        source=DataSource(kind="file", id=name, format=FORMATS[name]),
        rows=300,
        columns=[
            Column(name="id", type="int64"),
            Column(name="score", type="float64"),
            Column(name="text", type="string"),
        ],
        fingerprint=found.fingerprint,
        seconds=2.5,
    )


@pytest.mark.parametrize("name", FORMATS)
def test_rows_for_training_are_those_of_the_file(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    loaded = load_data(str(path), name="tickets", role="eval")
    assert loaded.rows.to_list() == ROWS
    content = path.read_bytes()
    record = FileRecord(path=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    assert loaded.section.source == DataSource(kind="file", id=name, format=FORMATS[name], files=[record])
    assert (loaded.section.name, loaded.section.role, loaded.section.rows) == ("tickets", "eval", 300)
    assert loaded.section.fingerprint == fingerprint_source(path).fingerprint


def test_nested_rows_agree_between_json_and_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(json_lines(CHAT))
    pq.write_table(pa.Table.from_pylist(CHAT).cast(_with_text_content()), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_bytes(json_lines([*CHAT[:-1], {"messages": [{"role": "user", "content": "q8"}]}]))
    left, right, other = (fingerprint_source(tmp_path / name) for name in ("a.jsonl", "a.parquet", "b.jsonl"))
    assert left.fingerprint == right.fingerprint
    assert left.columns == [Column(name="messages", type='list<struct<"content": string, "role": string>>')]
    assert other.fingerprint.ordered != left.fingerprint.ordered


def _with_text_content() -> Any:
    return pa.schema([("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])))])


def test_large_rows_go_to_a_file_and_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets import config

    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(data_tables, "MEMORY", 2000)
    path = write(tmp_path / "a.jsonl")
    loaded = load_data(path, name="x")
    assert loaded.rows.to_list() == ROWS
    assert loaded.section.fingerprint == fingerprint_source(path).fingerprint
    (kept,) = (tmp_path / "cache" / "ftlineage").iterdir()
    assert re.fullmatch(r"ftl-rows-v1-[0-9a-f]{64}\.arrow", kept.name)
    assert loaded.rows.cache_files == [{"filename": str(kept)}]
    again = load_data(path, name="x")
    assert again.rows._fingerprint == loaded.rows._fingerprint, "or map() would never find its cache again"
    assert [kept] == list((tmp_path / "cache" / "ftlineage").iterdir())


def test_equal_rows_with_other_label_names_are_other_keys_for_the_cache_of_datasets(tmp_path: Path) -> None:
    import datasets

    loaded = []
    for number, names in enumerate((["cat", "dog"], ["dog", "cat"])):
        features = datasets.Features({"label": datasets.ClassLabel(names=names)})
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({"label": [0, 1]}, schema=features.arrow_schema), path)
        loaded.append(load_data(path, name="x"))
    assert loaded[0].section.fingerprint == loaded[1].section.fingerprint
    assert loaded[0].rows._fingerprint != loaded[1].rows._fingerprint
    assert [one.rows.features["label"].names[0] for one in loaded] == ["cat", "dog"]


def test_nothing_is_left_when_reading_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets import config

    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(data_tables, "MEMORY", 1)
    monkeypatch.setattr("ftlineage.sources.data_json.BLOCK", 100)
    monkeypatch.setattr("ftlineage.sources.data_json._FIRST", 100)
    (tmp_path / "a.jsonl").write_bytes(json_lines(ROWS) + b"{")
    with pytest.raises(BadInputError, match="line 301"):
        load_data(tmp_path / "a.jsonl", name="x")
    assert list((tmp_path / "cache" / "ftlineage").iterdir()) == []


# --- folders -------------------------------------------------------------------------------------


def test_shards_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "tickets"
    (folder / "b").mkdir(parents=True)
    pq.write_table(TABLE.slice(0, 120), folder / "a.parquet")
    pq.write_table(TABLE.slice(120), folder / "b" / "a.parquet")
    (folder / ".cache.parquet").write_bytes(b"not data")
    (folder / "README.md").write_text("not data")
    loaded = load_data(folder, name="x")
    assert loaded.section.fingerprint == fingerprint_source(write(tmp_path / "a.parquet")).fingerprint
    assert (loaded.section.source.kind, loaded.section.source.id) == ("folder", "tickets")
    assert [record.path for record in loaded.section.source.files] == ["a.parquet", "b/a.parquet"]


def test_a_shard_that_lacks_values_may_lack_their_type(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.nulls(2), "b": [1, 2]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"b": [3], "a": pa.array(["x"], pa.large_string())}), tmp_path / "1.parquet")
    expected = row_reference.fingerprint(pa.table({"a": [None, None, "x"], "b": [1, 2, 3]}))
    assert fingerprint_source(tmp_path).fingerprint.ordered == expected[0]


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_shards_of_text_agree_on_their_types(tmp_path: Path, suffix: str) -> None:
    lines = [b'{"a": 1}\n', b'{"a": 2.5}\n'] if suffix == "jsonl" else [b"a\n1\n", b"a\n2.5\n"]
    for number, line in enumerate(lines):
        (tmp_path / f"{number}.{suffix}").write_bytes(line)
    found = fingerprint_source(tmp_path)
    assert found.fingerprint.ordered == row_reference.fingerprint(pa.table({"a": [1.0, 2.5]}))[0]


@pytest.mark.parametrize("names", [("train.jsonl", "test.jsonl"), ("train/0.jsonl", "dev/0.jsonl", "train/1.jsonl")])
def test_splits_are_found_by_name_and_one_is_chosen(tmp_path: Path, names: tuple[str, ...]) -> None:
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(json_lines([{"a": number}]))
    other = "test" if "test.jsonl" in names else "validation"
    found = load_data(tmp_path, name="x", split="train")
    assert found.section.source.split == "train"
    assert found.section.rows == sum("train" in name for name in names)
    listed = ", ".join(sorted(["train", other]))
    with pytest.raises(BadInputError) as caught:
        fingerprint_source(tmp_path)
    assert caught.value.sentence == f"{tmp_path.name}: it has several splits ({listed})"
    with pytest.raises(BadInputError) as caught:
        fingerprint_source(tmp_path, split="holdout")
    assert caught.value.sentence == f"{tmp_path.name}: it has no split 'holdout'; there is {listed}"


def test_files_outside_the_named_splits_are_not_dropped_silently(tmp_path: Path) -> None:
    for name in ("train.jsonl", "more.jsonl"):
        (tmp_path / name).write_bytes(json_lines([{"a": 1}]))
    with pytest.raises(BadInputError, match="some of its files name a split \\(train\\) and some do not"):
        fingerprint_source(tmp_path)
    assert fingerprint_source(tmp_path, split="train").rows == 1


def test_one_split_by_name_needs_no_choice(tmp_path: Path) -> None:
    (tmp_path / "train-00000-of-00001.jsonl").write_bytes(json_lines([{"a": 1}]))
    assert fingerprint_source(tmp_path).source.split == "train"


# --- what cannot be read -------------------------------------------------------------------------


def damaged(path: Path) -> None:
    write(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.ipc", "a.feather"])
@pytest.mark.parametrize("read", [fingerprint_source, lambda path: load_data(path, name="x")])
def test_damaged_files(tmp_path: Path, name: str, read: Any) -> None:
    damaged(tmp_path / name)
    with pytest.raises(BadInputError) as caught:
        read(tmp_path / name)
    assert caught.value.path == name
    assert "it is no sound" in caught.value.reason or "datasets cannot load it" in caught.value.reason


def test_a_feather_file_of_the_first_version(tmp_path: Path) -> None:
    (tmp_path / "a.feather").write_bytes(b"FEA1" + bytes(100))
    with pytest.raises(BadInputError, match=r"a\.feather: Feather version 1 is not read"):
        fingerprint_source(tmp_path / "a.feather")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", b""), ("a.jsonl", b"\n \n"), ("a.json", b"[]"), ("a.json", b""), ("a.csv", b""), ("a.csv", b"a,b\n")],
)
@pytest.mark.parametrize("read", [fingerprint_source, lambda path: load_data(path, name="x")])
def test_text_without_rows(tmp_path: Path, name: str, content: bytes, read: Any) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInputError) as caught:
        read(tmp_path / name)
    assert str(caught.value) == f"{name}: it holds no rows."


def test_a_typed_file_without_rows_has_a_fingerprint_but_trains_nothing(tmp_path: Path) -> None:
    pq.write_table(TABLE.slice(0, 0), tmp_path / "a.parquet")
    assert fingerprint_source(tmp_path / "a.parquet").rows == 0
    with pytest.raises(BadInputError, match="it holds no rows"):
        load_data(tmp_path / "a.parquet", name="x")


def test_types_that_training_cannot_hold_still_have_a_fingerprint(tmp_path: Path) -> None:
    table = pa.table({"m": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))})
    pq.write_table(table, tmp_path / "a.parquet")
    write_arrow(tmp_path / "a.arrow", table)
    for name in ("a.parquet", "a.arrow"):
        assert fingerprint_source(tmp_path / name).fingerprint.ordered == row_reference.fingerprint(table)[0]
        with pytest.raises(BadInputError, match=r"datasets cannot (hold|load) it: Arrow type map<string, int64"):
            load_data(tmp_path / name, name="x")


def test_paths_that_are_no_data(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "a.parquet.gz").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "mixed").mkdir()
    write(tmp_path / "mixed" / "a.jsonl")
    write(tmp_path / "mixed" / "b.csv")
    for name, reason in (
        ("a.txt", "its format is not known by its name"),
        ("a.parquet.gz", "its format is not known by its name"),
        ("empty", "it holds no data files"),
        ("mixed", "it holds files of several formats (csv, jsonl)"),
    ):
        with pytest.raises(BadInputError) as caught:
            fingerprint_source(tmp_path / name)
        assert (caught.value.path, caught.value.reason) == (name, reason)
    with pytest.raises(PathNotFoundError, match="hf://datasets/org/name"):
        fingerprint_source(tmp_path / "acme" / "tickets")
    with pytest.raises(BadReferenceError, match=r"'s3://bucket/x\.parquet' is not a reference"):
        fingerprint_source("s3://bucket/x.parquet")


@pytest.mark.parametrize("option", ["config", "revision"])
def test_options_of_the_hub_mean_nothing_for_files(tmp_path: Path, option: str) -> None:
    with pytest.raises(BadArgumentError) as caught:
        load_data(write(tmp_path / "a.jsonl"), name="x", **{option: "main"})
    assert str(caught.value) == f"{option}: only data on the Hub has one."


def test_a_file_has_no_splits(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="a file has no splits, so there is no 'train' to choose"):
        load_data(write(tmp_path / "a.jsonl"), name="x", split="train")


def test_a_linked_file_is_recorded_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    write(tmp_path / "far" / "b.jsonl")
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "far" / "b.jsonl")
    (record,) = load_data(tmp_path / "a.jsonl", name="x").section.source.files
    assert record.path == "a.jsonl"


def test_a_file_that_changes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet")
    real = data_rows.fingerprint_rows

    def slow(*arguments: Any, **options: Any) -> Any:
        found = real(*arguments, **options)
        os.utime(path, ns=(1, 1))
        return found

    monkeypatch.setattr(data, "fingerprint_rows", slow)
    with pytest.raises(StorageError, match=r"a\.parquet: the data changed while it was read"):
        fingerprint_source(path)

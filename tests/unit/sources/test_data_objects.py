"""Objects in memory: what iterating gives is what is hashed, and the user's rows come back unchanged."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets  # noqa: TID253 - what is tested
import numpy as np  # noqa: TID253 - what is tested
import pandas as pd  # noqa: TID253 - what is tested
import pyarrow as pa  # noqa: TID253 - what is tested
import pytest

from ftlineage.core.sections import Column, DataSource
from ftlineage.errors import BadArgumentError, BadInputError, MissingExtraError
from ftlineage.hashing.row_blocks import BLOCK_ROWS
from ftlineage.sources import data_objects
from ftlineage.sources.data import fingerprint_source, load_data, observe_prepared
from tests import row_reference

ROWS: list[dict[str, Any]] = [{"id": number, "text": f"row {number}"} for number in range(50)]
CHAT = [{"messages": [{"role": "user", "content": f"question {n}"}], "n": n} for n in range(12_000)]


def ordered(source: Any, **options: Any) -> str:
    return fingerprint_source(source, **options).fingerprint.ordered


def unordered(source: Any) -> str | None:
    return fingerprint_source(source).fingerprint.unordered


def of_rows(rows: list[dict[str, Any]]) -> str:
    return row_reference.fingerprint(pa.Table.from_pylist(rows))[0]


@pytest.fixture
def dataset() -> datasets.Dataset:
    return datasets.Dataset.from_list(ROWS)


def test_every_way_to_hold_the_same_rows(dataset: datasets.Dataset, tmp_path: Path) -> None:
    dataset.save_to_disk(str(tmp_path / "saved"))
    sources: list[Any] = [
        dataset,
        ROWS,
        tuple(ROWS),
        pd.DataFrame(ROWS),
        dataset.to_iterable_dataset(),
        datasets.load_from_disk(str(tmp_path / "saved")),
        tmp_path / "saved",
        datasets.concatenate_datasets([dataset.select(range(20)), dataset.select(range(20, 50))]),
        dataset.map(lambda row: row),
        dataset.with_format("numpy"),
    ]
    assert {ordered(source) for source in sources} == {of_rows(ROWS)}


def test_the_dataset_comes_back_as_it_was(dataset: datasets.Dataset) -> None:
    loaded = load_data(dataset, name="tickets")
    assert loaded.rows is dataset
    assert loaded.section.source == DataSource(kind="memory")
    assert loaded.section.schema == [Column(name="id", type="int64"), Column(name="text", type="string")]


def test_t20_shuffled_view_is_seen(dataset: datasets.Dataset) -> None:
    """``ds.data`` of a shuffled or selected dataset is the table before; ``_fingerprint`` is no content."""
    shuffled, some = dataset.shuffle(seed=3), dataset.select([5, 5, 2])
    assert shuffled.data.table.equals(dataset.data.table)
    assert ordered(shuffled) == of_rows(shuffled.to_list()) != ordered(dataset)
    assert unordered(shuffled) == unordered(dataset)
    assert ordered(some) == of_rows([ROWS[5], ROWS[5], ROWS[2]])
    assert ordered(shuffled.flatten_indices()) == ordered(shuffled)


def test_t20_views_of_several_blocks() -> None:
    table = datasets.Dataset.from_dict({"a": np.arange(3 * BLOCK_ROWS)})
    view = table.shuffle(seed=1)
    assert ordered(view) == ordered(view.flatten_indices())


def test_a_chat_dataset_with_every_message_replaced_changes_the_fingerprint() -> None:
    """MLflow's digest does not see it: it leaves nested columns out, and rows beyond the first 10,000."""
    plain = datasets.Dataset.from_list(CHAT)
    replaced = plain.map(lambda row: {"messages": [{**message, "content": "?"} for message in row["messages"]]})
    late = datasets.Dataset.from_list([*CHAT[:-1], {**CHAT[-1], "messages": [{"role": "user", "content": "!"}]}])
    assert len({ordered(source) for source in (plain, replaced, late)}) == 3
    assert len({unordered(source) for source in (plain, replaced, late)}) == 3


def test_a_pandas_index_is_no_column() -> None:
    frame = pd.DataFrame(ROWS)[10:20]
    loaded = load_data(frame, name="x")
    assert loaded.rows.to_list() == ROWS[10:20]
    assert ordered(frame) == of_rows(ROWS[10:20])


def test_pandas_categories_are_their_values() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(["x", "y", "x"])})
    assert ordered(frame) == of_rows([{"c": "x"}, {"c": "y"}, {"c": "x"}])


def test_a_key_that_the_first_row_lacks_is_kept() -> None:
    rows = [{"a": 1}, {"a": 2, "b": "x"}]
    assert load_data(rows, name="x").rows.to_list() == [{"a": 1, "b": None}, {"a": 2, "b": "x"}]


@pytest.mark.parametrize(
    ("source", "error", "sentence"),
    [
        (
            42,
            BadArgumentError,
            "source: a int is no dataset: give a path, hf://datasets/org/name, or a datasets object.",
        ),
        ([1, 2], BadArgumentError, "source: row 0 is a int, and a list of rows holds dicts."),
        ([], BadInputError, "the data: it holds no rows."),
        (pd.DataFrame(), BadInputError, "the data: it holds no rows."),
        ([{"a": 1}, {"a": "x"}], BadInputError, "list: its rows have no common types: Could not convert 'x' with type"),
        (pd.DataFrame({"a": [1, "x"]}), BadInputError, "DataFrame: its rows have no common types: "),
    ],
)
def test_refusals(source: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as caught:
        fingerprint_source(source)
    assert str(caught.value).startswith(sentence)


def test_options_that_mean_nothing_for_objects(dataset: datasets.Dataset) -> None:
    for option, sentence in (
        ("split", "split: a Dataset has no splits."),
        ("config", "config: only data on the Hub has one."),
        ("revision", "revision: only data on the Hub has one."),
    ):
        with pytest.raises(BadArgumentError) as caught:
            load_data(dataset, name="x", **{option: "train"})
        assert str(caught.value) == sentence


# --- splits --------------------------------------------------------------------------------------


def test_one_split_of_several(dataset: datasets.Dataset, tmp_path: Path) -> None:
    splits = datasets.DatasetDict({"train": dataset, "test": dataset.select(range(3))})
    loaded = load_data(splits, name="x", split="test")
    assert loaded.rows is splits["test"]
    assert (loaded.section.source.split, loaded.section.rows) == ("test", 3)
    splits.save_to_disk(str(tmp_path / "saved"))
    saved = load_data(tmp_path / "saved", name="x", split="test")
    assert saved.section.fingerprint == loaded.section.fingerprint
    assert saved.section.source.format == "datasets"
    assert saved.section.source.split == "test"
    assert [record.path for record in saved.section.source.files] == ["test/data-00000-of-00001.arrow"]
    for source, shown in ((splits, "DatasetDict"), (tmp_path / "saved", "saved")):
        with pytest.raises(BadInputError) as caught:
            fingerprint_source(source)
        assert caught.value.sentence == f"{shown}: it has several splits ({', '.join(_names(source))})"
        with pytest.raises(BadInputError, match=f"{shown}: it has no split 'dev'; there is "):
            fingerprint_source(source, split="dev")


def _names(source: Any) -> list[str]:
    return ["train", "test"] if isinstance(source, (dict, Path)) else []


@pytest.mark.parametrize("content", ["{", '{"_data_files": [{"filename": "../x.arrow"}]}', '{"_data_files": [{}]}'])
def test_saved_folders_with_a_damaged_state(dataset: datasets.Dataset, tmp_path: Path, content: str) -> None:
    dataset.save_to_disk(str(tmp_path / "saved"))
    (tmp_path / "saved" / "state.json").write_text(content)
    with pytest.raises(BadInputError, match=r"^state\.json: (it is not as|it names data files outside)"):
        fingerprint_source(tmp_path / "saved")


def test_saved_splits_with_a_damaged_list(tmp_path: Path) -> None:
    (tmp_path / "dataset_dict.json").write_text('{"split": []}')
    with pytest.raises(BadInputError, match=r"^dataset_dict\.json: it is not as DatasetDict\.save_to_disk writes it"):
        fingerprint_source(tmp_path, split="train")


# --- streams -------------------------------------------------------------------------------------


def generated(rows: list[dict[str, Any]], **options: Any) -> datasets.IterableDataset:
    def generate() -> Iterator[dict[str, Any]]:
        yield from rows

    return datasets.IterableDataset.from_generator(generate, **options)


def test_a_stream_is_read_to_its_end_and_can_be_read_again(dataset: datasets.Dataset) -> None:
    stream = dataset.to_iterable_dataset(num_shards=4)
    loaded = load_data(stream, name="x")
    assert loaded.rows is stream
    assert (loaded.section.source.kind, loaded.section.rows) == ("stream", 50)
    assert list(loaded.rows) == ROWS


def test_a_stream_that_does_not_know_its_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_objects, "_STREAM_ROWS", 7)
    rows: list[dict[str, Any]] = [{"a": None, "l": []} for _ in range(20)]
    rows += [{"a": 1, "l": [{"x": "s"}]}, {"a": 2.5, "l": None}, {"l": None, "late": True}]
    stream = generated(rows)
    assert stream.features is None
    names = ("a", "l", "late")
    assert ordered(stream) == of_rows([{name: row.get(name) for name in names} for row in rows])


def test_the_declared_types_of_a_stream_count() -> None:
    features = datasets.Features({"a": datasets.Value("int32")})
    stream = generated([{"a": number} for number in range(5)], features=features)
    expected = row_reference.fingerprint(pa.table({"a": pa.array(range(5), pa.int32())}))
    assert ordered(stream) == expected[0]
    # A transform makes datasets forget the types; they are found again in the rows.
    assert ordered(stream.map(lambda row: {"a": row["a"] + 1})) == of_rows([{"a": number} for number in range(1, 6)])


def test_a_stream_without_rows_or_common_types() -> None:
    with pytest.raises(BadInputError, match="the stream: it holds no rows"):
        fingerprint_source(generated([]))
    with pytest.raises(BadInputError, match="the stream: its rows have no common types"):
        fingerprint_source(generated([{"a": 1}, {"a": "x"}]))


# --- as trained ----------------------------------------------------------------------------------


def test_prepared_rows_are_those_of_the_trainer(dataset: datasets.Dataset) -> None:
    prepared = dataset.map(lambda row: {"tokens": [row["id"], 7]}, remove_columns=["id", "text"])
    found = observe_prepared(prepared)
    assert (found.rows, found.columns) == (50, [Column(name="tokens", type="list<int64>")])
    assert found.fingerprint.ordered == of_rows([{"tokens": [row["id"], 7]} for row in ROWS])
    assert observe_prepared(prepared.shuffle(seed=1)).fingerprint.ordered != found.fingerprint.ordered
    assert observe_prepared(prepared.to_iterable_dataset()) == found


def test_prepared_rows_of_other_objects_cannot_be_read() -> None:
    with pytest.raises(BadArgumentError, match="dataset: the prepared rows of a list cannot be read"):
        observe_prepared([{"a": 1}])


# --- what is imported ----------------------------------------------------------------------------


def test_a_file_is_fingerprinted_without_datasets_pandas_or_torch(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))  # noqa: TID251 - others do
    code = (
        "import sys; from ftlineage.sources.data import fingerprint_source\n"
        f"print(fingerprint_source({str(tmp_path / 'a.jsonl')!r}).fingerprint.ordered)\n"
        "heavy = {'pandas', 'datasets', 'torch', 'pyarrow.dataset', 'huggingface_hub.hf_api'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == [of_rows(ROWS), "[]"]


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError) as caught:
        fingerprint_source(ROWS)
    assert caught.value.extra == "data"
    assert "pyarrow is needed for reading rows" in str(caught.value)


def test_a_table_of_mixed_values_is_refused_in_words():
    with pytest.raises(BadInputError) as caught:
        load_data(pd.DataFrame({"a": [1, "x", None]}), name="t")
    assert caught.value.reason == (
        "its rows have no common types: Conversion failed for column a with type object: "
        "Could not convert 'x' with type str: tried to convert to int64"
    )

    with pytest.raises(BadInputError) as caught:
        load_data(pd.DataFrame({"a": [object()]}), name="t")
    assert "0x" not in caught.value.reason


@pytest.mark.parametrize("listed", [False, True])
def test_swapped_label_names_are_seen_although_the_rows_are_equal(listed: bool) -> None:
    def labelled(names: list[str]) -> datasets.Dataset:
        feature: Any = datasets.ClassLabel(names=names)
        rows: dict[str, list[Any]] = {"label": [[0], [1, 1]] if listed else [0, 1]}
        feature = datasets.List(feature) if listed else feature
        return datasets.Dataset.from_dict(rows, features=datasets.Features({"label": feature}))

    one, other = (load_data(labelled(names), name="x").section for names in (["no", "yes"], ["yes", "no"]))

    assert one.fingerprint == other.fingerprint
    assert one.schema[0].labels == ["no", "yes"]
    assert other.schema[0].labels == ["yes", "no"]
    assert observe_prepared(labelled(["no", "yes"])).columns[0].labels == ["no", "yes"]

"""Images and audio: the bytes of the files count, wherever they lie; ``datasets`` itself would not notice a change."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import datasets  # noqa: TID253 - what is tested
import pyarrow as pa  # noqa: TID253 - what is tested
import pyarrow.parquet as pq  # noqa: TID253 - what is tested
import pytest
from datasets.table import embed_table_storage  # noqa: TID253 - as push_to_hub does

from ftlineage.core.sections import Column
from ftlineage.errors import BadInputError
from ftlineage.sources.data import fingerprint_source, load_data
from tests import row_reference

Image = pytest.importorskip("PIL.Image")
FEATURES = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})


def picture(path: Path, shade: int) -> str:
    Image.new("L", (2, 2), shade).save(path)
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        picture(tmp_path / "pictures" / f"{number}.png", number)
    return tmp_path / "pictures"


def of_folder(folder: Path, features: Any = FEATURES) -> datasets.Dataset:
    paths = [str(path) for path in sorted(folder.iterdir())]
    return datasets.Dataset.from_dict({"image": [*paths, None], "label": [0, 1, 0, 1]}, features=features)


def ordered(source: Any) -> str:
    return fingerprint_source(source).fingerprint.ordered


def expected(folder: Path) -> str:
    contents = [path.read_bytes() for path in sorted(folder.iterdir())]
    return row_reference.fingerprint(pa.table({"image": [*contents, None], "label": [0, 1, 0, 1]}))[0]


def test_the_bytes_of_the_files_are_hashed_and_their_place_is_not(folder: Path, tmp_path: Path) -> None:
    dataset = of_folder(folder)
    found = fingerprint_source(dataset)
    assert found.columns == [Column(name="image", type="binary"), Column(name="label", type="int64")]
    assert found.fingerprint.ordered == expected(folder)
    moved = tmp_path / "moved"
    folder.rename(moved)
    assert ordered(of_folder(moved)) == found.fingerprint.ordered
    assert str(tmp_path) not in repr(load_data(of_folder(moved), name="x").section)


def test_a_file_replaced_on_disk_is_seen(folder: Path) -> None:
    dataset = of_folder(folder)
    before = ordered(dataset)
    picture(folder / "1.png", 99)
    assert ordered(dataset) != before


def test_embedded_files_are_the_same(folder: Path, tmp_path: Path) -> None:
    dataset = of_folder(folder)
    dataset.with_format("arrow").map(embed_table_storage, batched=True).to_parquet(str(tmp_path / "a.parquet"))
    assert pq.read_table(tmp_path / "a.parquet").column("image")[0].as_py()["bytes"] is not None
    loaded = load_data(tmp_path / "a.parquet", name="x")
    assert loaded.section.fingerprint == fingerprint_source(tmp_path / "a.parquet").fingerprint
    assert ordered(tmp_path / "a.parquet") == expected(folder)
    assert loaded.rows.features == dataset.features
    assert loaded.rows[1]["image"].size == (2, 2)
    dataset.save_to_disk(str(tmp_path / "saved"))
    assert ordered(tmp_path / "saved") == expected(folder)
    assert ordered(dataset.to_iterable_dataset()) == expected(folder)
    assert ordered(dataset.cast_column("image", datasets.Image(decode=False))) == expected(folder)


def test_pictures_inside_lists_and_structs(folder: Path) -> None:
    first, second, third = (str(path) for path in sorted(folder.iterdir()))
    features = datasets.Features(
        {
            "pages": datasets.List(datasets.Image()),
            "pair": datasets.List(datasets.Image(), length=2),
            "box": {"image": datasets.Image(), "n": datasets.Value("int8")},
        }
    )
    rows = {
        "pages": [[first, second], None, [], [third]],
        "pair": [[first, None], None, [second, third], None],
        "box": [{"image": first, "n": 1}, None, {"image": None, "n": None}, {"image": third, "n": 2}],
    }
    dataset = datasets.Dataset.from_dict(rows, features=features).select([3, 1, 0, 2])
    one, two, three = (path.read_bytes() for path in sorted(folder.iterdir()))
    box = pa.struct([("image", pa.binary()), ("n", pa.int8())])
    table = pa.table(
        {
            "pages": pa.array([[three], None, [one, two], []], pa.list_(pa.binary())),
            "pair": pa.array([None, None, [one, None], [two, three]], pa.list_(pa.binary())),
            "box": pa.array([{"image": three, "n": 2}, None, {"image": one, "n": 1}, {}], box),
        }
    )
    found = fingerprint_source(dataset).fingerprint
    assert (found.ordered, found.unordered) == row_reference.fingerprint(table)


def test_more_rows_than_are_embedded_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = datasets.concatenate_datasets([of_folder(folder)] * 10)
    whole = ordered(dataset)
    monkeypatch.setattr("ftlineage.sources.data_media._ROWS", 3)
    assert ordered(dataset) == whole


def test_a_file_that_is_gone_is_an_error(folder: Path) -> None:
    dataset = of_folder(folder)
    (folder / "2.png").unlink()
    with pytest.raises(BadInputError) as caught:
        fingerprint_source(dataset)
    assert str(caught.value) == "the dataset: a file of its image column cannot be read (FileNotFoundError)."


def test_audio_is_hashed_without_being_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"not even sound")
    features = datasets.Features({"audio": datasets.Audio()})
    cells = pa.array([{"bytes": None, "path": str(tmp_path / "a.wav")}], features.arrow_schema.field("audio").type)
    dataset = datasets.Dataset(pa.table({"audio": cells}, schema=features.arrow_schema))
    assert ordered(dataset) == row_reference.fingerprint(pa.table({"audio": [b"not even sound"]}))[0]


def test_a_struct_of_bytes_and_path_that_is_no_media_stays_a_struct(tmp_path: Path) -> None:
    table = pa.table({"image": pa.array([{"bytes": b"x", "path": "a.png"}])})
    pq.write_table(table, tmp_path / "a.parquet")
    assert ordered(tmp_path / "a.parquet") == row_reference.fingerprint(table)[0]


def test_label_names_and_fixed_shapes_are_no_media() -> None:
    features = datasets.Features(
        {"label": datasets.ClassLabel(names=["a", "b"]), "grid": datasets.Array2D((2, 2), "int8")}
    )
    dataset = datasets.Dataset.from_dict({"label": [1], "grid": [[[1, 2], [3, 4]]]}, features=features)
    table = pa.table({"label": [1], "grid": pa.array([[[1, 2], [3, 4]]], pa.list_(pa.list_(pa.int8())))})
    assert ordered(dataset) == row_reference.fingerprint(table)[0]


def _png(shade: int) -> bytes:
    sink = io.BytesIO()
    Image.new("L", (2, 2), shade).save(sink, "png")
    return sink.getvalue()


def test_pictures_given_as_bytes(folder: Path) -> None:
    cells: list[Any] = [{"bytes": path.read_bytes(), "path": None} for path in sorted(folder.iterdir())]
    dataset = datasets.Dataset.from_dict({"image": [*cells, None], "label": [0, 1, 0, 1]}, features=FEATURES)
    assert ordered(dataset) == expected(folder)
    assert cells[0]["bytes"] == _png(0)

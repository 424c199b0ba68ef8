"""Qdrant: local folders without running their pickles, clients, every form of vector."""

from __future__ import annotations

import os
import pickle
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core.sections import Retrieval
from ftlineage.errors import BadArgumentError, BadInputError, StorageError
from ftlineage.sources.errors import IndexUnreachableError
from ftlineage.sources.retrieval import observe_retrieval, qdrant
from tests.unit.sources.retrieval.stores import ENTRIES, build_qdrant, damage, fill_qdrant, need, tree

models = need("qdrant_client").models
QdrantClient = need("qdrant_client").QdrantClient

UUID = "6b1d3c5e-0000-4000-8000-00000000000a"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return build_qdrant(tmp_path / "store", ENTRIES, 100)


def seen(source: Any, **options: Any) -> Retrieval:
    return observe_retrieval("kb", source, **options)


def in_folder(folder: Path, vectors: Any, points: list[Any], **options: Any) -> Retrieval:
    client = QdrantClient(path=str(folder))
    client.create_collection("docs", vectors_config=vectors, **options)
    client.upsert("docs", points)
    client.close()
    return seen(folder)


def dense(size: int = 2, **options: Any) -> Any:
    return models.VectorParams(size=size, distance=models.Distance.DOT, **options)


def test_a_client_is_read_in_pages(monkeypatch: pytest.MonkeyPatch):
    client, reverse = QdrantClient(":memory:"), QdrantClient(":memory:")
    fill_qdrant(client, ENTRIES)
    fill_qdrant(reverse, ENTRIES[::-1], batch=5)
    found = seen(client)
    assert (found.kind, found.count, found.algorithm) == ("qdrant", 12, "qdrant-client-v1")
    assert seen(reverse).digest == found.digest
    monkeypatch.setattr(qdrant, "BATCH", 5)
    assert seen(client).digest == found.digest
    fill = models.PointStruct(id=1, vector=[1.0, 1.0, 1.0, 1.0], payload={})
    client.upsert("docs", [fill])
    assert seen(client).digest != found.digest


def test_several_collections(store: Path):
    client = QdrantClient(path=str(store))
    client.create_collection("other", vectors_config=dense())
    with pytest.raises(BadArgumentError, match=r"which collection is meant\? It holds docs, other\."):
        seen(client)
    assert seen(client, collection="other").count == 0
    client.close()
    with pytest.raises(BadArgumentError, match=r"which collection is meant\? It holds docs, other\."):
        seen(store)
    assert seen(f"{store}#other").count == 0
    assert seen(store, collection="docs").count == 12


def test_the_folder_can_be_read_while_a_client_holds_its_lock(store: Path):
    expected = seen(store)
    client = QdrantClient(path=str(store))
    assert seen(store) == expected
    client.close()


POINT: dict[str, Callable[[], Any]] = {
    "dense": lambda: [1.0, 2.0],
    "named": lambda: {"a": [1.0, 2.0], "s": models.SparseVector(indices=[7, 3], values=[0.5, 0.25])},
    "multi": lambda: [[1.0, 2.0], [3.0, 4.0]],
}


def test_every_form_of_vector_counts(tmp_path: Path):
    sparse = {"sparse_vectors_config": {"s": models.SparseVectorParams()}}
    multi = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    both = {"a": [1.0, 2.0], "s": models.SparseVector(indices=[3, 7], values=[0.25, 0.5])}
    heavier = {"a": [1.0, 2.0], "s": models.SparseVector(indices=[3, 7], values=[0.25, 0.75])}
    longer = {"a": [1.0, 2.0], "s": models.SparseVector(indices=[3, 8], values=[0.25, 0.5])}
    made = [
        in_folder(tmp_path / str(number), config, [models.PointStruct(id=1, vector=vector)], **options)
        for number, (config, vector, options) in enumerate(
            [
                (dense(), [1.0, 2.0], {}),
                ({"a": dense()}, {"a": [1.0, 2.0]}, {}),
                ({"a": dense()}, both, sparse),
                ({"a": dense()}, heavier, sparse),
                ({"a": dense()}, longer, sparse),
                (dense(multivector_config=multi), [[1.0, 2.0], [3.0, 4.0]], {}),
                (
                    dense(multivector_config=multi),
                    [
                        [
                            1.0,
                            2.0,
                        ],
                        [3.0, 5.0],
                    ],
                    {},
                ),
                (dense(multivector_config=multi), [[1.0, 2.0]], {}),
            ]
        )
    ]
    assert len({found.digest for found in made}) == len(made)
    assert {found.count for found in made} == {1}


def test_the_same_sparse_vector_in_another_order_is_the_same(tmp_path: Path):
    def made(name: str, indices: list[int], values: list[float]) -> Retrieval:
        vector = {"s": models.SparseVector(indices=indices, values=values)}
        options = {"sparse_vectors_config": {"s": models.SparseVectorParams()}}
        return in_folder(tmp_path / name, {}, [models.PointStruct(id=1, vector=vector)], **options)

    assert made("a", [3, 7], [0.25, 0.5]).digest == made("b", [7, 3], [0.5, 0.25]).digest


def test_ids_of_both_forms(tmp_path: Path):
    points = [models.PointStruct(id=name, vector=[1.0, 2.0]) for name in (5, UUID)]
    shouted = [models.PointStruct(id=name, vector=[1.0, 2.0]) for name in (UUID.upper(), 5)]
    found = in_folder(tmp_path / "a", dense(), points)
    assert found.count == 2
    assert in_folder(tmp_path / "b", dense(), shouted).digest == found.digest


def test_distance_and_size_count(tmp_path: Path):
    cosine = models.VectorParams(size=2, distance=models.Distance.COSINE)
    point = [models.PointStruct(id=1, vector=[1.0, 0.0])]
    assert in_folder(tmp_path / "a", dense(), point).digest != in_folder(tmp_path / "b", cosine, point).digest


def database(store: Path) -> Path:
    return store / "collection" / "docs" / "storage.sqlite"


def insert(store: Path, blob: object, key: str = "key") -> None:
    connection = sqlite3.connect(database(store))
    connection.execute("INSERT INTO points VALUES (?, ?)", (key, blob))
    connection.commit()
    connection.close()


def test_of_several_rows_of_one_point_the_latest_counts(tmp_path: Path):
    point = models.PointStruct(id=1, vector=[1.0, 2.0], payload={"now": True})
    expected = in_folder(tmp_path / "a", dense(), [point])
    older = models.PointStruct(id=1, vector=[9.0, 9.0], payload={})
    in_folder(tmp_path / "b", dense(), [older])
    insert(tmp_path / "b", pickle.dumps(point))
    assert seen(tmp_path / "b") == expected


class _Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.target),))


def test_a_hostile_pickle_does_not_run(store: Path, tmp_path: Path):
    insert(store, pickle.dumps(_Bomb(tmp_path / "owned")))
    with pytest.raises(BadInputError) as caught:
        seen(store)
    assert str(caught.value) == (
        f"{store}: collection 'docs' is broken: a point names posix.mkdir, and to load that could run code."
    )
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "blob",
    [b"", b"\x80", b"no pickle", pickle.dumps(5), pickle.dumps({"id": 1}), b"\x80\x04" + b"(" * 99, "text", None],
)
def test_a_broken_point_is_refused(store: Path, blob: object):
    insert(store, blob)
    with pytest.raises(
        BadInputError, match=r"collection 'docs' is broken: a point (cannot be read|is no binary value)"
    ):
        seen(store)


@pytest.mark.parametrize(
    ("name", "how", "fault"),
    [
        ("meta.json", "half", r"meta\.json is broken"),
        ("meta.json", "empty", r"meta\.json is broken"),
        ("storage.sqlite", "noise", "collection 'docs' is broken: file is not a database"),
        ("storage.sqlite", "half", "collection 'docs' is broken: database disk image is malformed"),
        ("storage.sqlite", "empty", "collection 'docs' is broken: no such table: points"),
    ],
)
def test_a_broken_folder_is_refused_and_left_alone(store: Path, name: str, how: str, fault: str):
    damage(next(store.rglob(name)), how)
    before = tree(store)
    with pytest.raises(BadInputError, match=fault):
        seen(store)
    assert tree(store) == before


@pytest.mark.parametrize("text", ["[]", '{"collections": {"docs": 5}}', '{"collections": []}', "{}"])
def test_a_strange_meta_file_is_refused(store: Path, text: str):
    (store / "meta.json").write_text(text)
    with pytest.raises((BadInputError, BadArgumentError), match=r"meta\.json is broken|it holds no collection"):
        seen(store)


def test_a_folder_in_the_middle_of_a_write_is_not_recorded(store: Path):
    database(store).with_name("storage.sqlite-journal").touch()
    with pytest.raises(StorageError, match="something is writing to it, or stopped in the middle of writing"):
        seen(store)


def test_a_missing_database_is_refused(store: Path):
    database(store).unlink()
    with pytest.raises(BadInputError, match="collection 'docs' is broken: unable to open database file"):
        seen(store)


def test_a_server_that_does_not_answer():
    client = QdrantClient(url="http://127.0.0.1:9", timeout=2, check_compatibility=False)
    with pytest.raises(IndexUnreachableError, match="the index at qdrant cannot be read: ResponseHandlingException: "):
        seen(client)
    client.close()

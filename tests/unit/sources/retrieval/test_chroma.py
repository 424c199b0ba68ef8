"""Chroma: several collections, open clients, distances, and broken files; always through a copy."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core.sections import Retrieval
from ftlineage.errors import BadArgumentError, BadInputError, StorageError
from ftlineage.sources.retrieval import chroma, observe_retrieval
from tests.unit.sources.retrieval.stores import ENTRIES, build_chroma, damage, need, tree

chromadb = need("chromadb")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return build_chroma(tmp_path / "store", ENTRIES, 100)


@pytest.fixture
def client(store: Path) -> Iterator[Any]:
    opened = chromadb.PersistentClient(str(store))
    yield opened
    opened.close()


def seen(source: Any, **options: Any) -> Retrieval:
    return observe_retrieval("kb", source, **options)


def test_the_version_is_the_format_of_the_store(store: Path):
    assert seen(store).version == "embeddings_queue-2 metadb-6 sysdb-10"


def test_a_client_and_its_collection_have_the_same_digest(store: Path, client: Any):
    expected = seen(store)
    for source in (client, client.get_collection("docs")):
        found = seen(source)
        assert (found.digest, found.count, found.version) == (expected.digest, 12, None)
    with pytest.raises(BadArgumentError, match="a Chroma collection is one index, so 'x' means nothing"):
        seen(client.get_collection("docs"), collection="x")


def test_several_collections(store: Path, client: Any):
    expected = seen(store).digest
    client.create_collection("other").add(ids=["1"], embeddings=[[1.0]])
    with pytest.raises(BadArgumentError, match=r"which collection is meant\? It holds docs, other\."):
        seen(client)
    assert seen(client, collection="docs").digest == expected
    assert seen(f"{store}#docs").digest == expected
    other = seen(store, collection="other")
    assert (other.count, other.digest == expected) == (1, False)
    with pytest.raises(BadArgumentError, match="there is no collection 'x'; there is docs, other"):
        seen(store, collection="x")


def test_the_distance_counts(tmp_path: Path):
    digests = set()
    for space in ("l2", "cosine", "ip"):
        client = chromadb.PersistentClient(str(tmp_path / space))
        collection = client.create_collection("docs", configuration={"hnsw": {"space": space}})
        collection.add(ids=["a"], embeddings=[[1.0, 0.0]])
        digests.add(seen(collection).digest)
        client.close()
    assert len(digests) == 3


def test_an_embedding_function_is_not_needed_to_read(tmp_path: Path):
    """A store may name a function that asks for a key when it is made; reading must make none."""
    from chromadb.utils.embedding_functions import register_embedding_function

    built: list[str] = []

    class Named(chromadb.EmbeddingFunction):  # type: ignore[name-defined]
        def __init__(self) -> None:
            pass

        def __call__(self, input: Any) -> Any:  # noqa: A002 - the interface's name
            return [[1.0, 2.0] for _ in input]

        @staticmethod
        def name() -> str:
            return "somebody-elses"

        def get_config(self) -> dict[str, Any]:
            return {}

        @staticmethod
        def build_from_config(config: dict[str, Any]) -> Any:  # noqa: ARG004 - the interface
            built.append("once more")
            return Named()

    register_embedding_function(Named)
    client = chromadb.PersistentClient(str(tmp_path / "store"))
    client.create_collection("docs", embedding_function=Named()).add(ids=["a"], documents=["x"])
    client.close()
    built.clear()
    named = seen(tmp_path / "store")
    assert built == []
    client = chromadb.PersistentClient(str(tmp_path / "plain"))
    client.create_collection("docs").add(ids=["a"], documents=["x"], embeddings=[[1.0, 2.0]])
    client.close()
    assert named.count == 1
    assert named.digest != seen(tmp_path / "plain").digest


def test_more_entries_than_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = build_chroma(tmp_path / "store", ENTRIES, 100)
    whole = seen(store).digest
    monkeypatch.setattr(chroma, "BATCH", 5)
    assert seen(store).digest == whole


def test_an_empty_collection_and_an_empty_store(tmp_path: Path):
    client = chromadb.PersistentClient(str(tmp_path / "store"))
    with pytest.raises(BadArgumentError, match="it holds no collection"):
        seen(client)
    client.create_collection("docs")
    client.close()
    assert seen(tmp_path / "store").count == 0


@pytest.mark.parametrize(
    ("name", "how"), [("chroma.sqlite3", "half"), ("chroma.sqlite3", "noise"), ("header.bin", "empty")]
)
def test_a_broken_store_is_refused_and_left_alone(tmp_path: Path, name: str, how: str):
    import numpy as np

    client = chromadb.PersistentClient(str(tmp_path / "store"))
    # More than sync_threshold, so that vectors move from the database to files of their own.
    vectors = np.random.default_rng(0).random((1200, 2), dtype=np.float32)
    client.create_collection("docs").add(ids=[str(n) for n in range(1200)], embeddings=vectors)
    client.close()
    damage(next((tmp_path / "store").rglob(name)), how)
    before = tree(tmp_path)
    with pytest.raises(BadInputError, match=r"Chroma cannot (open|read) it|chroma\.sqlite3 is broken"):
        seen(tmp_path / "store")
    assert tree(tmp_path) == before


def test_an_empty_database_is_refused(store: Path):
    damage(store / "chroma.sqlite3", "empty")
    with pytest.raises(BadInputError, match=r"chroma\.sqlite3 is broken: no such table: migrations"):
        seen(store)


def test_the_copy_is_taken_away_again(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    seen(store)
    assert list(temporary.iterdir()) == []


def test_no_room_for_the_copy(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copytree", full)
    with pytest.raises(StorageError) as caught:
        seen(store)
    assert "it cannot be copied: [Errno 28] No space left on device" in str(caught.value)
    assert "TMPDIR says where it is made" in str(caught.value)


def test_a_store_that_changes_while_it_is_copied_is_not_recorded(store: Path, monkeypatch: pytest.MonkeyPatch):
    import shutil

    copytree = shutil.copytree

    def busy(*arguments: Any, **options: Any) -> None:
        copytree(*arguments, **options)
        (store / "chroma.sqlite3-journal").write_bytes(b"x")

    monkeypatch.setattr("shutil.copytree", busy)
    with pytest.raises(StorageError, match="the store changed while it was copied"):
        seen(store)

"""FAISS: which kinds are taken apart, what beside the index counts, and that nothing is loaded or changed."""

from __future__ import annotations

import functools
import pickle
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core.sections import Retrieval
from ftlineage.errors import BadArgumentError, BadInputError, PathNotFoundError
from ftlineage.sources.retrieval import observe_retrieval
from tests.unit.sources.retrieval.stores import damage, need, tree

faiss = need("faiss")
np = need("numpy")

WIDTH = 8
VECTORS = np.random.default_rng(0).random((300, WIDTH), dtype=np.float32) - np.float32(0.5)
IDS = np.arange(1000, 1300)


@functools.cache
def trained(spec: str) -> Any:
    """An empty index as saved; training is the slow part."""
    index = faiss.index_factory(WIDTH, spec)
    index.train(VECTORS)
    return faiss.serialize_index(index)


def build(spec: str, order: Any = None, **fields: Any) -> Any:
    """An index made by ``index_factory``, trained on the same vectors, filled in the given order."""
    index = faiss.deserialize_index(trained(spec))
    order = np.arange(len(VECTORS)) if order is None else order
    if spec.startswith(("IDMap", "IVF")) and not spec.endswith("RFlat"):
        for part in np.array_split(order, 7):
            index.add_with_ids(VECTORS[part], IDS[part])
    else:
        index.add(VECTORS[order])
    for name, value in fields.items():
        faiss.ParameterSpace().set_index_parameter(index, name, value)
    return index


def saved(index: Any, path: Path) -> Path:
    faiss.write_index(index, str(path))
    return path


def seen(source: Any, **options: Any) -> Retrieval:
    return observe_retrieval("kb", source, **options)


BY_ID = [
    "IDMap,Flat",
    "IDMap2,HNSW8",
    "IVF4,Flat",
    "IVF4,SQ8",
    "IVF4,PQ2x4",
    "IDMap,PCA4,Flat",
    "IDMap,PQ2x4",
    "IDMap,SQ8",
]
NAMES = ["IDMap,Flat", "IDMap,HNSW8,Flat", "IVF4,Flat", "IVF4,SQ", "IVF4,PQ2x4"]


@pytest.mark.parametrize("spec", BY_ID)
def test_with_ids_the_order_of_adding_does_not_count(spec: str, tmp_path: Path):
    shuffled = np.random.default_rng(1).permutation(len(VECTORS))
    one, other = (
        seen(saved(build(spec), tmp_path / "a.faiss")),
        seen(saved(build(spec, shuffled), tmp_path / "b.faiss")),
    )
    assert one.digest == other.digest
    assert one.count == 300


@pytest.mark.parametrize("spec", [*BY_ID, "Flat", "HNSW8", "SQ8", "PQ2x4", "NSG8", "L2norm,Flat"])
def test_in_memory_and_on_disk_are_the_same(spec: str, tmp_path: Path):
    index = build(spec)
    before = faiss.serialize_index(index).tobytes()
    live = seen(index)
    assert live == seen(saved(index, tmp_path / "a.faiss"))
    assert live.kind == "faiss"
    assert faiss.serialize_index(index).tobytes() == before


@pytest.mark.parametrize("spec", [*BY_ID, "Flat", "HNSW8", "IVF4,Flat,RFlat", "LSH"])
def test_one_changed_vector_is_seen(spec: str, monkeypatch: pytest.MonkeyPatch):
    index, other = faiss.deserialize_index(trained(spec)), faiss.deserialize_index(trained(spec))
    changed = VECTORS.copy()
    changed[17] = -changed[17]
    for target, vectors in ((index, VECTORS), (other, changed)):
        if spec.startswith("IDMap"):
            target.add_with_ids(vectors, IDS)
        else:
            target.add(vectors)
    assert seen(index).digest != seen(other).digest


def test_without_ids_the_position_is_the_id():
    assert seen(build("Flat")).digest != seen(build("Flat", np.arange(300)[::-1])).digest


def test_ids_metric_and_search_settings_count():
    digests = {
        seen(index).digest
        for index in (
            build("IVF4,Flat"),
            build("IVF4,Flat", nprobe=3),
            build("IDMap,Flat"),
            build("Flat"),
            faiss.index_factory(WIDTH, "Flat", faiss.METRIC_INNER_PRODUCT),
            build("HNSW8"),
            build("HNSW8", efSearch=77),
            build("HNSW16"),
        )
    }
    assert len(digests) == 8


def test_training_counts():
    one, other = faiss.index_factory(WIDTH, "IVF4,Flat"), faiss.index_factory(WIDTH, "IVF4,Flat")
    one.train(VECTORS)
    other.train(VECTORS[:100])
    assert seen(one).digest != seen(other).digest


def test_the_graph_of_hnsw_does_not_count(tmp_path: Path):
    faiss.omp_set_num_threads(2)
    try:
        digests = {seen(build("HNSW8")).digest for _ in range(3)}
    finally:
        faiss.omp_set_num_threads(1)
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("spec", "version"),
    [
        ("IDMap,Flat", "IDMap,Flat"),
        ("IDMap2,HNSW8", "IDMap,HNSW8,Flat"),
        ("IVF4,SQ8", "IVF4,SQ"),
        ("PCA4,PQ2x4", "PreTransform,PQ2x4"),
        ("NSG8", "NSG8,Flat"),
        ("IVF4,Flat,RFlat", "IndexRefineFlat"),
    ],
)
def test_the_version_says_what_kind_of_index(spec: str, version: str):
    assert seen(build(spec)).version == version


@pytest.mark.parametrize("spec", ["IVF4,Flat,RFlat", "LSH", "PQ4x4fs"])
def test_kinds_that_cannot_be_taken_apart_are_covered_by_their_bytes(spec: str, tmp_path: Path):
    assert seen(build(spec)) == seen(saved(build(spec), tmp_path / "a.index"))
    assert seen(build(spec)).digest != seen(build(spec, np.arange(300)[::-1])).digest


def test_binary_indexes(tmp_path: Path):
    index = faiss.IndexBinaryFlat(16)
    index.add(np.arange(20, dtype=np.uint8).reshape(10, 2))
    faiss.write_index_binary(index, str(tmp_path / "b.faiss"))
    on_disk = seen(tmp_path / "b.faiss")
    assert (on_disk.kind, on_disk.version, on_disk.count) == ("faiss", "IndexBinaryFlat", 10)
    assert seen(index).digest == on_disk.digest


def test_an_index_whose_lists_lie_in_another_file_is_not_changed(tmp_path: Path):
    index = build("IVF4,Flat")
    expected = seen(index).digest
    lists = faiss.OnDiskInvertedLists(index.nlist, index.code_size, str(tmp_path / "lists.ivfdata"))
    lists.merge_from(index.invlists, 0)
    index.replace_invlists(lists)
    saved(index, tmp_path / "a.faiss")
    before = tree(tmp_path)
    assert seen(tmp_path / "a.faiss").digest == expected
    assert seen(index).digest == expected
    assert tree(tmp_path) == before


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle beside an index was loaded",))


def test_the_document_store_counts_and_is_never_loaded(tmp_path: Path):
    saved(build("Flat"), tmp_path / "index.faiss")
    alone = seen(tmp_path).digest
    (tmp_path / "index.pkl").write_bytes(pickle.dumps(_Bomb()))
    with_store = seen(tmp_path).digest
    assert with_store != alone
    assert seen(tmp_path / "index.faiss").digest == with_store
    (tmp_path / "notes.txt").write_text("of the folder, not of the index alone")
    assert seen(tmp_path / "index.faiss").digest == with_store
    assert seen(tmp_path).digest != with_store
    (tmp_path / "index.pkl").write_bytes(pickle.dumps([1]))
    assert seen(tmp_path / "index.faiss").digest not in {alone, with_store}


def test_llama_index_folders_are_known(tmp_path: Path):
    saved(build("Flat"), tmp_path / "default__vector_store.json")
    (tmp_path / "docstore.json").write_text("{}")
    assert (seen(tmp_path).kind, seen(tmp_path).count) == ("faiss", 300)


def test_several_indexes_in_a_folder(tmp_path: Path):
    saved(build("Flat"), tmp_path / "a.faiss")
    saved(build("IVF4,Flat"), tmp_path / "b.faiss")
    (tmp_path / "a.pkl").write_bytes(b"documents of a")
    with pytest.raises(BadArgumentError) as caught:
        seen(tmp_path)
    assert str(caught.value) == (
        "retrieval source: which index is meant? It holds a, b. Name one with #NAME at the end, or collection=NAME"
    )
    assert seen(f"{tmp_path}#b").version == "IVF4,Flat"
    assert seen(f"{tmp_path}#a").digest == seen(tmp_path / "a.faiss").digest
    with pytest.raises(BadArgumentError, match="there is no index 'c'; there is a, b"):
        seen(tmp_path, collection="c")


@pytest.mark.parametrize("spec", ["Flat", "IVF4,Flat", "HNSW8", "IDMap,Flat", "PQ2x4"])
@pytest.mark.parametrize("how", ["half", "noise"])
def test_a_broken_index_is_an_error_or_other_content(spec: str, how: str, tmp_path: Path):
    path = saved(build(spec), tmp_path / "a.faiss")
    damage(path, how)
    with pytest.raises(BadInputError, match="FAISS cannot read it"):
        seen(path, kind="faiss")


def test_a_small_header_that_promises_too_much_is_refused(tmp_path: Path):
    path = saved(build("Flat"), tmp_path / "a.faiss")
    data = bytearray(path.read_bytes())
    data[8:16] = (300_000).to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises(BadInputError, match=r"FAISS cannot read it|holds"):
        seen(path)


def test_what_is_no_index(tmp_path: Path):
    (tmp_path / "a.faiss").write_text("Index of documents")
    assert seen(tmp_path / "a.faiss").kind == "folder"
    (tmp_path / "empty.faiss").touch()
    with pytest.raises(BadInputError, match="FAISS cannot read it"):
        seen(tmp_path / "empty.faiss", kind="faiss")
    with pytest.raises(PathNotFoundError):
        seen(tmp_path / "nowhere.faiss")
    with pytest.raises(BadArgumentError, match=r"a FAISS file is one index, so 'x' means nothing"):
        seen(saved(build("Flat"), tmp_path / "b.faiss"), collection="x")
    with pytest.raises(BadArgumentError, match=r"a FAISS index in memory is one index, so 'x' means nothing"):
        seen(build("Flat"), collection="x")

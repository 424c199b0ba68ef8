"""What must hold for every engine on disk: content decides, order and opening do not."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from ftlineage.core.sections import Retrieval
from ftlineage.errors import BadArgumentError, BadInputError, MissingExtraError
from ftlineage.sources.retrieval import observe_retrieval
from tests.unit.sources.retrieval.stores import BUILDERS, CHANGES, ENTRIES, tree

ENGINES = sorted(BUILDERS)

# One digest of each kind. If one changes, cards in the world can no longer be compared with what is
# read today: give the engine's algorithm a new name in the same commit.
GOLDEN = {
    "faiss": ("faiss-v1", "sha256:c21e0564f0a502152cfa207606edf568d19cd617d5ac77afb567bc3c4821bf23"),
    "lancedb": ("lancedb-v1", "sha256:3fe1ae5e1dfadde57346b6cfd8c7f7905f2f0e1a371ac348aeed080c30e862cd"),
    "chroma": ("chroma-v1", "sha256:096ddd83193ef9413adaeca0283eb209afc3f08026f531a215c4539402d8769c"),
    "qdrant": ("qdrant-folder-v1", "sha256:e5540199d0d98861ad1fdf539ffdb539743f06e8f6ea5bfd0f459579cf53590a"),
    "folder": ("folder-v1", "sha256:656d5398eea8530afe05ed76f5f316ed5aa10cf3a23d3f9745ddc902516be78d"),
}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {}


@pytest.fixture
def store(shelf: dict[str, Path], engine: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine's store with all entries, built once."""
    if engine not in shelf:
        shelf[engine] = BUILDERS[engine](tmp_path_factory.mktemp(engine) / "store", ENTRIES, 100)
    return shelf[engine]


def digest(store: Path) -> str:
    return observe_retrieval("kb", store).digest


@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_recorded(store: Path, engine: str):
    found = observe_retrieval("kb", str(store), chunking={"size": 512})
    assert (found.name, found.kind, found.count, found.evidence) == ("kb", engine, 12, "observed")
    assert (found.algorithm, found.digest) == GOLDEN[engine]
    assert found.chunking == {"size": 512}


@pytest.mark.parametrize("engine", ENGINES)
def test_reading_changes_nothing_and_is_repeatable(store: Path, engine: str):
    before = tree(store)
    assert digest(store) == digest(store)
    assert tree(store) == before
    assert sorted(path.name for path in store.parent.iterdir()) == ["store"]


@pytest.mark.parametrize("engine", ENGINES)
def test_order_and_batches_of_storing_do_not_count(store: Path, engine: str, tmp_path: Path):
    assert digest(BUILDERS[engine](tmp_path / "store", ENTRIES[::-1], 5)) == digest(store)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("change", sorted(CHANGES))
def test_one_changed_thing_changes_the_digest(store: Path, engine: str, change: str, tmp_path: Path):
    other = observe_retrieval("kb", BUILDERS[engine](tmp_path / "store", CHANGES[change](ENTRIES), 100))
    assert other.digest != digest(store)
    assert other.count == len(CHANGES[change](ENTRIES))


@pytest.mark.parametrize("engine", ENGINES)
def test_place_and_name_do_not_count(store: Path, engine: str, tmp_path: Path):
    moved = tmp_path / "elsewhere ü # 100%"
    shutil.copytree(store, moved)
    assert digest(moved) == digest(store)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_read_only_store_is_read(store: Path, engine: str, tmp_path: Path):
    moved = tmp_path / "store"
    shutil.copytree(store, moved)
    for path in (*moved.rglob("*"), moved):
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert digest(moved) == digest(store)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_unknown_collection_is_named(store: Path, engine: str):
    with pytest.raises(BadArgumentError, match=r"^collection: .*'nowhere'"):
        observe_retrieval("kb", f"{store}#nowhere")
    with pytest.raises(BadArgumentError, match=r"^collection: .*'nowhere'"):
        observe_retrieval("kb", store, collection="nowhere")


@pytest.mark.parametrize(
    ("engine", "module", "package"),
    [
        ("faiss", "faiss", "faiss-cpu"),
        ("lancedb", "lancedb", "lancedb"),
        ("chroma", "chromadb", "chromadb"),
        ("qdrant", "pyarrow", "pyarrow"),
    ],
)
def test_a_missing_library_is_named(
    store: Path, engine: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError) as caught:
        observe_retrieval("kb", store)
    assert str(caught.value) == (
        f"{package} is needed for reading a {engine} index and is not installed. "
        f"Install it: pip install 'ftlineage[{engine}]'"
    )


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "folder"])
def test_a_folder_of_another_kind_is_refused(engine: str, tmp_path: Path):
    (tmp_path / "note.txt").write_text("hello")
    with pytest.raises((BadInputError, BadArgumentError)) as caught:
        observe_retrieval("kb", tmp_path, kind=engine)
    assert "it holds no" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_kinds_differ_in_digest(tmp_path: Path):
    """The same files as an index and as plain documents are two things."""
    store = BUILDERS["faiss"](tmp_path / "store", ENTRIES, 100)
    as_files: Retrieval = observe_retrieval("kb", store, kind="folder")
    assert as_files.kind == "folder"
    assert as_files.count == 2
    assert as_files.digest != observe_retrieval("kb", store).digest

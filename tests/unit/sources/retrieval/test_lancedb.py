"""LanceDB: versions, several tables, open tables, and broken files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftlineage.errors import BadArgumentError, BadInputError
from ftlineage.sources.retrieval import observe_retrieval
from tests.unit.sources.retrieval.stores import ENTRIES, build_lancedb, damage, need, tree

lancedb = need("lancedb")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return build_lancedb(tmp_path / "store", ENTRIES, 100)


def test_the_version_is_the_tables_own(store: Path):
    table = lancedb.connect(str(store)).open_table("docs")
    first = observe_retrieval("kb", store)
    table.delete("id = 3")
    second = observe_retrieval("kb", store)
    assert (first.version, first.count, second.version, second.count) == ("1", 12, "2", 11)
    table.checkout(1)
    assert observe_retrieval("kb", table) == first
    table.checkout_latest()
    assert observe_retrieval("kb", table) == second


def test_rewriting_raises_the_version_and_keeps_the_digest(store: Path):
    before = observe_retrieval("kb", store)
    table = lancedb.connect(str(store)).open_table("docs")
    table.add([{"id": 77, "vector": [0.0] * 4, "document": "d", "page": 1, "lang": "en"}])
    table.delete("id = 77")
    table.optimize()
    after = observe_retrieval("kb", store)
    assert after.digest == before.digest
    assert int(after.version or 0) > int(before.version or 0)


def test_several_tables(store: Path):
    database = lancedb.connect(str(store))
    database.create_table("other", [{"id": 1}])
    with pytest.raises(
        BadArgumentError, match=r"^retrieval source: which table is meant\? It holds docs, other\. Name"
    ):
        observe_retrieval("kb", store)
    expected = observe_retrieval("kb", f"{store}#docs")
    assert expected.count == 12
    assert observe_retrieval("kb", store, collection="docs") == expected
    assert observe_retrieval("kb", store / "docs.lance") == expected
    assert observe_retrieval("kb", database, collection="docs") == expected
    assert observe_retrieval("kb", database.open_table("docs")) == expected
    with pytest.raises(BadArgumentError, match="a Lance table is one index, so 'x' means nothing"):
        observe_retrieval("kb", database.open_table("docs"), collection="x")
    with pytest.raises(BadArgumentError, match="there is no table 'x'; there is docs, other"):
        observe_retrieval("kb", database, collection="x")


def test_an_index_over_the_vectors_does_not_count(store: Path):
    before = observe_retrieval("kb", store)
    lancedb.connect(str(store)).open_table("docs").create_index("id", config=lancedb.index.BTree())
    assert observe_retrieval("kb", store).digest == before.digest


def test_an_empty_table(tmp_path: Path):
    pa: Any = need("pyarrow")
    schema = pa.schema([("id", pa.int64()), ("vector", pa.list_(pa.float32(), 4))])
    lancedb.connect(str(tmp_path / "store")).create_table("docs", schema=schema)
    assert observe_retrieval("kb", tmp_path / "store").count == 0


@pytest.mark.parametrize("how", ["half", "empty", "noise"])
@pytest.mark.parametrize("pattern", ["data/*.lance", "_versions/*.manifest"])
def test_a_broken_table_is_refused_and_left_alone(store: Path, pattern: str, how: str):
    damage(next((store / "docs.lance").glob(pattern)), how)
    before = tree(store)
    with pytest.raises(BadInputError, match="LanceDB cannot read it: ") as caught:
        observe_retrieval("kb", store)
    assert ".cargo" not in str(caught.value)
    assert tree(store) == before

"""Objects that say their own version and digest, and what is recognised as what."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ftlineage.core import codec
from ftlineage.core.sections import Retrieval
from ftlineage.errors import BadArgumentError, BadReferenceError
from ftlineage.sources.retrieval import KINDS, observe_retrieval


class SearchService:
    version = 7
    count = 3

    def digest(self) -> str:
        return "etag-1234"


def test_an_object_is_taken_at_its_word():
    assert codec.builtins(observe_retrieval("kb", SearchService())) == {
        "name": "kb",
        "kind": "SearchService",
        "version": "7",
        "digest": "etag-1234",
        "count": 3,
        "embedding_model": None,
        "chunking": None,
        "evidence": "declared",
        "algorithm": None,
    }
    assert observe_retrieval("kb", SearchService(), kind="elasticsearch").kind == "elasticsearch"
    assert observe_retrieval("kb", SearchService(), kind="qdrant").kind == "qdrant"


@pytest.mark.parametrize("source", [object(), SimpleNamespace(version="1"), SimpleNamespace(digest="x"), 5, None, {}])
def test_what_an_unknown_object_needs_is_said(source: Any):
    with pytest.raises(BadArgumentError) as caught:
        observe_retrieval("kb", source)
    assert str(caught.value) == (
        f"retrieval source: {type(source).__name__} is no known index, and it needs the attributes .version and "
        ".digest (text, or methods that return text)."
    )


def _raise() -> str:
    raise ConnectionError("down")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"version": None, "digest": "x"}, "SimpleNamespace.version: 'None' is not a short printable text."),
        ({"version": "1", "digest": b"x"}, "SimpleNamespace.digest: \"b'x'\" is not a short printable text."),
        ({"version": "1", "digest": ""}, "SimpleNamespace.digest: '' is not a short printable text."),
        ({"version": "1", "digest": "a\x1b[2J"}, "SimpleNamespace.digest: 'a\\x1b[2J' is not a short printable text."),
        ({"version": True, "digest": "x"}, "SimpleNamespace.version: 'True' is not a short printable text."),
        ({"version": "/home/x", "digest": "x"}, "SimpleNamespace.version: '/home/x' is not a short printable text."),
        (
            {"version": "1", "digest": "x" * 513},
            f"SimpleNamespace.digest: '{'x' * 40}' is not a short printable text.",
        ),
        ({"version": "1", "digest": "x", "count": -1}, "SimpleNamespace.count: '-1' is not a count of entries."),
        ({"version": "1", "digest": "x", "count": "many"}, "SimpleNamespace.count: 'many' is not a count of entries."),
        (
            {"version": "1", "digest": _raise},
            "SimpleNamespace.digest: the method raised ConnectionError: down.",
        ),
    ],
)
def test_answers_that_no_card_can_hold(fields: dict[str, Any], message: str):
    with pytest.raises(BadArgumentError) as caught:
        observe_retrieval("kb", SimpleNamespace(**fields))
    assert str(caught.value) == message


def test_kinds_are_the_documented_ones():
    assert KINDS == ("faiss", "lancedb", "chroma", "qdrant", "pgvector", "folder")


def test_usage_errors(tmp_path: Path):
    (tmp_path / "a.md").write_text("x")
    with pytest.raises(BadArgumentError, match=r"^retrieval name: it is empty\.$"):
        observe_retrieval(" ", tmp_path)
    with pytest.raises(
        BadArgumentError, match="kind: 'milvus' is none of faiss, lancedb, chroma, qdrant, pgvector, folder"
    ):
        observe_retrieval("kb", tmp_path, kind="milvus")
    with pytest.raises(BadArgumentError, match="chunking: give a dictionary of plain values"):
        observe_retrieval("kb", tmp_path, chunking=512)  # type: ignore[arg-type]
    with pytest.raises(BadArgumentError, match="the source names 'a' and collection 'b'"):
        observe_retrieval("kb", f"{tmp_path}#a", collection="b")


def test_other_addresses_are_refused_without_showing_secrets():
    with pytest.raises(BadReferenceError) as caught:
        observe_retrieval("kb", "https://user:secret@search.example/index?key=abc")
    assert str(caught.value) == (
        "'search.example/index' is not a reference: give a path, postgresql://host/database#table, or an open client "
        "of the library."
    )


def test_paths_in_chunking_lose_their_folders(tmp_path: Path):
    (tmp_path / "a.md").write_text("x")
    found = observe_retrieval("kb", tmp_path, chunking={"splitter": Path("/home/me/split.py"), "size": 512})
    assert found.chunking == {"splitter": "split.py", "size": 512}

    found = observe_retrieval("kb", tmp_path, chunking={"command": "cut --rules=/home/me/rules.yaml", "api_key": "x"})
    assert found.chunking == {"command": "cut --rules=rules.yaml", "api_key": "[secret]"}


def test_a_section_reads_back(tmp_path: Path):
    (tmp_path / "a.md").write_text("x")
    found = observe_retrieval("kb", tmp_path, chunking={"size": 1})
    assert codec.convert(codec.builtins(found), Retrieval) == found

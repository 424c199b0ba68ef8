"""Embedding models: pinned on the Hub, digested in a folder, or as declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftlineage.core.sections import EmbeddingModel
from ftlineage.errors import BadArgumentError, PathNotFoundError, RepositoryNotFoundError, RevisionNotFoundError
from ftlineage.sources.retrieval import observe_retrieval
from ftlineage.testing.hub import LocalHub

SHA = "a" * 40


def seen(tmp_path: Path, given: Any) -> EmbeddingModel | None:
    (tmp_path / "docs").mkdir(exist_ok=True)
    (tmp_path / "docs" / "a.md").write_text("x")
    return observe_retrieval("kb", tmp_path / "docs", embedding_model=given).embedding_model


def test_nothing_said(tmp_path: Path):
    assert seen(tmp_path, None) is None


def test_a_commit_needs_no_hub(tmp_path: Path):
    assert seen(tmp_path, f"org/minilm@{SHA}") == EmbeddingModel(model="org/minilm", revision=SHA)
    assert seen(tmp_path, {"model": "org/minilm", "revision": SHA}) == EmbeddingModel(model="org/minilm", revision=SHA)


def test_a_name_is_resolved_to_a_commit(tmp_path: Path, hub: LocalHub):
    first = hub.commit("org/minilm", {"config.json": b"{}"})
    hub.tag("org/minilm", "v1", revision=first)
    second = hub.commit("org/minilm", {"config.json": b'{"a": 1}'})
    assert seen(tmp_path, "org/minilm") == EmbeddingModel(model="org/minilm", revision=second)
    assert seen(tmp_path, "org/minilm@v1") == EmbeddingModel(model="org/minilm", revision=first)
    assert seen(tmp_path, {"model": "org/minilm"}) == EmbeddingModel(model="org/minilm", revision=second)
    named = {"model": "org/minilm", "revision": "v1"}
    assert seen(tmp_path, named) == EmbeddingModel(model="org/minilm", revision=first)
    with pytest.raises(RevisionNotFoundError):
        seen(tmp_path, "org/minilm@v9")


def test_a_model_that_is_not_on_the_hub_is_refused_with_a_way_out(tmp_path: Path, hub: LocalHub):
    with pytest.raises(RepositoryNotFoundError, match="For a model behind an API give"):
        seen(tmp_path, "text-embedding-large")
    declared = EmbeddingModel(model="text-embedding-large")
    assert seen(tmp_path, declared) == declared
    assert seen(tmp_path, {"model": "text-embedding-large", "revision": None}) == declared
    with_digest = {"model": "text-embedding-large", "digest": "2026-01"}
    assert seen(tmp_path, with_digest) == EmbeddingModel(model="text-embedding-large", digest="2026-01")


def test_a_folder_is_recorded_by_name_and_digest(tmp_path: Path):
    folder = tmp_path / "my-embedder"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"weights")
    found = seen(tmp_path, folder)
    assert found is not None
    assert (found.model, found.revision) == ("my-embedder", None)
    assert found == seen(tmp_path, str(folder))
    (folder / ".cache").write_text("not content")
    assert found == seen(tmp_path, folder)
    (folder / "model.onnx").write_bytes(b"Weights")
    assert found != seen(tmp_path, folder)
    with pytest.raises(PathNotFoundError):
        seen(tmp_path, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (5, "embedding_model: int is neither a name, a folder nor an EmbeddingModel."),
        ({"name": "x"}, "embedding_model: 'name' is none of model, revision and digest."),
        ({"revision": SHA}, "embedding_model: the dictionary has no text under 'model'."),
        (
            EmbeddingModel(model="org/x", revision="main"),
            "embedding_model: 'main' is no commit; give 'org/name@main' to have it resolved.",
        ),
        (
            EmbeddingModel(model="/srv/models/x"),
            "embedding_model: a card holds names, not paths; give the folder as Path.",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, given: Any, message: str):
    with pytest.raises(BadArgumentError) as caught:
        seen(tmp_path, given)
    assert str(caught.value) == message

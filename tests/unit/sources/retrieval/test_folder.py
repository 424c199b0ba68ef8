"""Plain folders and single files of documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlineage.errors import BadArgumentError, BadInputError, PathNotFoundError, UnsafePathError
from ftlineage.sources.retrieval import observe_retrieval


def digest(path: Path) -> str:
    return observe_retrieval("kb", path).digest


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text("alpha")
    (folder / "sub" / "b.md").write_text("beta")
    return folder


def test_names_and_bytes_count(docs: Path):
    first = digest(docs)
    assert observe_retrieval("kb", docs).count == 2
    (docs / "a.md").rename(docs / "c.md")
    assert digest(docs) != first
    (docs / "c.md").rename(docs / "a.md")
    assert digest(docs) == first
    (docs / "a.md").write_text("Alpha")
    assert digest(docs) != first


def test_hidden_files_and_folders_do_not_count(docs: Path):
    first = digest(docs)
    (docs / ".git").mkdir()
    (docs / ".git" / "HEAD").write_text("x")
    (docs / "sub" / ".DS_Store").write_text("x")
    (docs / "empty").mkdir()
    assert digest(docs) == first


def test_one_file(docs: Path, tmp_path: Path):
    found = observe_retrieval("kb", docs / "a.md")
    assert (found.kind, found.count) == ("folder", 1)
    (tmp_path / "renamed.txt").write_text("alpha")
    assert digest(tmp_path / "renamed.txt") == found.digest
    (tmp_path / "renamed.txt").write_text("alphA")
    assert digest(tmp_path / "renamed.txt") != found.digest


def test_a_link_to_a_folder_is_the_folder(docs: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(docs)
    assert digest(tmp_path / "link") == digest(docs)


def test_what_is_refused(docs: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".hidden").write_text("x")
    with pytest.raises(BadInputError, match="the folder holds no documents"):
        digest(tmp_path / "empty")
    with pytest.raises(PathNotFoundError, match=r"nowhere: no such file or folder"):
        digest(tmp_path / "nowhere")
    with pytest.raises(BadArgumentError, match="a plain folder is one index, so 'x' means nothing"):
        observe_retrieval("kb", docs, collection="x")
    (tmp_path / "outside.txt").write_text("secret")
    (docs / "out.md").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(UnsafePathError, match="the symbolic link leaves the folder"):
        digest(docs)

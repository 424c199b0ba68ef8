"""LocalHub through its Python side: commits, references, what survives a restart, what is refused."""

from __future__ import annotations

import socket

import pytest

from ftlineage.errors import (
    BadArgumentError,
    PathNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from ftlineage.testing.hub import LocalHub

REPO = "acme/tiny"


@pytest.fixture
def local(tmp_path):
    with LocalHub(tmp_path / "root") as local:
        yield local


def test_commits_build_on_each_other(local, tmp_path):
    (tmp_path / "weights").write_bytes(b"w" * 10)
    first = local.commit(REPO, {"a.txt": "text", "b/c.txt": b"bytes", "w.safetensors": tmp_path / "weights"})
    second = local.commit(REPO, {"a.txt": None, "d.txt": "new"}, message="Title\n\nMore", author="ann")
    assert sorted(local.files(REPO)) == [".gitattributes", "b/c.txt", "d.txt", "w.safetensors"]
    assert sorted(local.files(REPO, revision=first)) == [".gitattributes", "a.txt", "b/c.txt", "w.safetensors"]
    assert local.read(REPO, "w.safetensors") == b"w" * 10
    assert [(commit.sha, commit.title, commit.author) for commit in local.history(REPO)][:2] == [
        (second, "Title", "ann"),
        (first, "Update", "local"),
    ]
    assert local.history(REPO)[0].description == "More"
    assert local.history(REPO)[-1].title == "initial commit"


def test_lfs_is_decided_by_name_size_and_the_repositorys_own_rule(local):
    big = b"\0" * (10 * 1024 * 1024)
    local.commit(REPO, {"w.safetensors": b"w", "big.txt": big, "small.txt": big[1:], "e.bin": b"", "d/x.parquet": b"p"})
    assert {path for path, entry in local.files(REPO).items() if entry.lfs} == {
        "w.safetensors",
        "big.txt",
        "d/x.parquet",
    }
    rule = "*.txt filter=lfs diff=lfs merge=lfs -text\nonly/*.json filter=lfs\n"
    local.commit(
        "acme/own", {".gitattributes": rule, "a.txt": "1", "only/a.json": "2", "b.json": "3", "w.safetensors": "4"}
    )
    assert {path for path, entry in local.files("acme/own").items() if entry.lfs} == {"a.txt", "only/a.json"}


def test_references_move_and_go(local):
    one = local.commit(REPO, {"a": "1"})
    assert local.tag(REPO, "v1") == one
    two = local.commit(REPO, {"a": "2"}, branch="next")
    assert (local.head(REPO), local.head(REPO, "next"), local.head(REPO, "v1")) == (one, two, one)
    assert local.branch(REPO, "main", revision="next") == two
    local.delete_ref(REPO, "next")
    with pytest.raises(RevisionNotFoundError):
        local.head(REPO, "next")
    local.branch(REPO, "main", revision=one)
    local.forget_commit(REPO, two)
    with pytest.raises(RevisionNotFoundError):
        local.files(REPO, revision=two)


def test_repository_types_do_not_mix(local):
    local.commit(REPO, {"a": "model"})
    local.commit(REPO, {"a": "data"}, repo_type="dataset")
    assert local.read(REPO, "a") == b"model"
    assert local.read(REPO, "a", repo_type="dataset") == b"data"
    local.delete_repo(REPO)
    with pytest.raises(RepositoryNotFoundError):
        local.head(REPO)
    assert local.read(REPO, "a", repo_type="dataset") == b"data"


def test_everything_survives_a_restart(tmp_path):
    with LocalHub(tmp_path / "root") as local:
        sha = local.commit(REPO, {"a.bin": b"x" * 100})
        local.tag(REPO, "v1")
        local.create_repo(REPO, private=True, gated="auto")
    with LocalHub(tmp_path / "root") as again:
        assert (again.head(REPO), again.head(REPO, "v1"), again.read(REPO, "a.bin")) == (sha, sha, b"x" * 100)
        references = again._get(REPO, "model").references
        assert (references.private, references.gated) == (True, "auto")
        assert again.commit(REPO, {"b": "1"}) != sha


def test_temporary_root_is_removed():
    with LocalHub() as local:
        root = local.root
        local.commit(REPO, {"a": "1"})
        assert root.is_dir()
    assert not root.exists()


def test_upload_folder_leaves_out_what_is_no_content(local, tmp_path):
    for path in (
        "config.json",
        "sub/a.txt",
        ".git/config",
        ".cache/huggingface/x",
        "__pycache__/m.pyc",
        ".gitattributes",
    ):
        target = tmp_path / "model" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path)
    local.commit(REPO, {"kept.txt": "1"})
    sha = local.upload_folder(REPO, tmp_path / "model", message="Upload")
    assert sorted(local.files(REPO, revision=sha)) == [".gitattributes", "config.json", "kept.txt", "sub/a.txt"]
    with pytest.raises(PathNotFoundError):
        local.upload_folder(REPO, tmp_path / "none")


@pytest.mark.parametrize(
    "repo", ["", "name", "a/b/c", "../x/y", "a/..", "/a", "a/", "a b/c", "a/b\n", "a/b--c", "a/b.git", "a/b..c"]
)
def test_names_that_are_no_repositories(local, repo):
    with pytest.raises(BadArgumentError, match="is not namespace/name"):
        local.commit(repo, {"a": "1"})


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", ".git/config", "a\\b", "", "a//b", "a\x00b"])
def test_paths_that_are_no_files_of_a_repository(local, path):
    before = local.commit(REPO, {"a": "1"})
    with pytest.raises(BadArgumentError, match="cannot be a file of a repository"):
        local.commit(REPO, {"ok": "1", path: "x"})
    assert local.head(REPO) == before


def test_reading_what_is_not_there(local):
    local.commit(REPO, {"a": "1"})
    with pytest.raises(PathNotFoundError):
        local.read(REPO, "b")


def test_only_this_machine_can_connect(local):
    host = local.endpoint.removeprefix("http://").partition(":")[0]
    assert host == "127.0.0.1"
    port = int(local.endpoint.rpartition(":")[2])
    with socket.socket() as other:
        # Bound to one address: the same port on all others is free.
        other.bind(("127.0.0.2", port))


def test_stop_and_start_keep_the_address(local):
    before = local.endpoint
    local.stop()
    local.stop()
    local.start()
    assert local.endpoint == before


def test_environment_for_a_new_process(local, tmp_path):
    assert local.environ(home=tmp_path / "home", offline=True) == {
        "HF_ENDPOINT": local.endpoint,
        "HF_TOKEN": "hf_localhub",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_CACHE": str(tmp_path / "home" / "hub"),
        "HF_DATASETS_CACHE": str(tmp_path / "home" / "datasets"),
        "HF_MODULES_CACHE": str(tmp_path / "home" / "modules"),
    }

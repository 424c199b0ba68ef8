"""Contract: every read route of LocalHub, asked by the official client."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = "acme/tiny"
WEIGHTS = bytes(range(256)) * 40
FILES = {
    "config.json": b'{"a": 1}\n',
    "model.safetensors": WEIGHTS,
    "sub/deep/x.txt": b"x",
    "sub/y.txt": b"y",
    "with space+plus.txt": b"odd name",
}


@pytest.fixture
def sha(hub):
    return hub.commit(REPO, FILES, message="Add model")


@pytest.fixture
def api(hub):
    from huggingface_hub import HfApi

    return HfApi()


def test_info_at_a_branch_and_at_a_commit(hub, api, sha):
    info = api.model_info(REPO, files_metadata=True, timeout=5)
    assert (info.id, info.sha, info.author, info.private, info.gated) == (REPO, sha, "acme", False, False)
    assert info.last_modified == dt.datetime(2026, 1, 1, 0, 2, tzinfo=dt.UTC)
    by_path = {sibling.rfilename: sibling for sibling in info.siblings}
    assert sorted(by_path) == sorted([".gitattributes", *FILES])
    weights = by_path["model.safetensors"]
    assert (weights.size, weights.lfs.sha256) == (len(WEIGHTS), hashlib.sha256(WEIGHTS).hexdigest())
    assert by_path["config.json"].lfs is None
    hub.commit(REPO, {"more": b""})
    assert api.model_info(REPO, revision=sha).sha == sha
    assert len(api.model_info(REPO, revision=sha).siblings) == 6
    assert api.model_info(REPO, revision=sha).siblings[0].size is None


def test_info_with_only_what_is_asked_for(api, sha):
    info = api.model_info(REPO, expand=["sha"])
    assert (info.sha, info.siblings) == (sha, None)


def test_info_of_datasets_and_spaces(hub, api):
    data = hub.commit("acme/rows", {"a.csv": b""}, repo_type="dataset")
    space = hub.commit("acme/app", {"app.py": b""}, repo_type="space")
    assert api.dataset_info("acme/rows").sha == data
    assert api.space_info("acme/app").sha == space
    assert api.repo_info("acme/rows", repo_type="dataset").sha == data


def test_existence(api, sha):
    assert api.repo_exists(REPO)
    assert not api.repo_exists("acme/none")
    assert api.revision_exists(REPO, "main")
    assert not api.revision_exists(REPO, "none")
    assert api.file_exists(REPO, "sub/y.txt")
    assert not api.file_exists(REPO, "none.txt")


def test_references(hub, api, sha):
    hub.tag(REPO, "v1")
    hub.branch(REPO, "feature/x")
    refs = api.list_repo_refs(REPO)
    assert {(ref.name, ref.ref, ref.target_commit) for ref in [*refs.branches, *refs.tags]} == {
        ("main", "refs/heads/main", sha),
        ("feature/x", "refs/heads/feature/x", sha),
        ("v1", "refs/tags/v1", sha),
    }
    assert refs.pull_requests is None
    assert api.list_repo_refs(REPO, include_pull_requests=True).pull_requests == []
    assert api.model_info(REPO, revision="feature/x").sha == sha


def test_history(hub, api, sha):
    newer = hub.commit(REPO, {"a": b"1"}, message="Newer\n\nWith a reason", author="ann")
    commits = api.list_repo_commits(REPO)
    assert [commit.commit_id for commit in commits][:2] == [newer, sha]
    assert (commits[0].title, commits[0].message, commits[0].authors) == ("Newer", "With a reason", ["ann"])
    assert api.list_repo_commits(REPO, revision=sha)[0].commit_id == sha


def test_tree_flat_recursive_and_below_a_folder(api, sha):
    from huggingface_hub.hf_api import RepoFolder

    flat = list(api.list_repo_tree(REPO))
    assert [item.path for item in flat if isinstance(item, RepoFolder)] == ["sub"]
    assert len(flat) == 5
    everything = {item.path for item in api.list_repo_tree(REPO, recursive=True)}
    assert everything == {".gitattributes", *FILES, "sub", "sub/deep"}
    assert {item.path for item in api.list_repo_tree(REPO, "sub")} == {"sub/deep", "sub/y.txt"}


def test_tree_in_pages(tmp_path):
    from huggingface_hub import HfApi

    from ftlineage.testing.hub import LocalHub

    with LocalHub(tmp_path, page_size=7) as hub:
        hub.commit(REPO, {f"f{number:02}": b"" for number in range(20)})
        api = HfApi(endpoint=hub.endpoint)
        paths = [item.path for item in api.list_repo_tree(REPO, recursive=True)]
        assert paths == [".gitattributes", *(f"f{number:02}" for number in range(20))]
        assert len(hub.requests) == 3
        for number in range(10):
            hub.commit(REPO, {"x": str(number)})
        assert len(api.list_repo_commits(REPO)) == 12


def test_tree_says_which_commit_changed_a_path_last(hub, api, sha):
    later = hub.commit(REPO, {"sub/y.txt": b"changed"}, message="Change y")
    last = {item.path: item.last_commit.oid for item in api.list_repo_tree(REPO, recursive=True, expand=True)}
    assert (last["sub/y.txt"], last["sub"]) == (later, later)
    assert (last["sub/deep"], last["config.json"]) == (sha, sha)


def test_paths_info_leaves_out_what_is_missing(api, sha):
    found = api.get_paths_info(REPO, ["config.json", "sub", "none", "model.safetensors"], revision=sha)
    assert [item.path for item in found] == ["config.json", "sub", "model.safetensors"]
    assert found[2].lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    expanded = api.get_paths_info(REPO, "config.json", expand=True)
    assert expanded[0].last_commit.oid == sha


def test_files_of_any_name_and_their_metadata(hub, sha):
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    for path, data in FILES.items():
        assert Path(hf_hub_download(REPO, path, revision="main")).read_bytes() == data
        meta = get_hf_file_metadata(hf_hub_url(REPO, path, revision="main"))
        entry = hub.files(REPO)[path]
        assert (meta.commit_hash, meta.etag, meta.size) == (sha, entry.etag, len(data))


def test_ranges(hub, sha):
    from huggingface_hub.utils import get_session

    url = f"{hub.endpoint}/{REPO}/resolve/main/model.safetensors"
    size = len(WEIGHTS)

    def ask(value):
        reply = get_session().get(url, headers={"Range": value})
        return reply.status_code, reply.content, reply.headers.get("Content-Range")

    assert ask("bytes=0-9") == (206, WEIGHTS[:10], f"bytes 0-9/{size}")
    assert ask("bytes=100-") == (206, WEIGHTS[100:], f"bytes 100-{size - 1}/{size}")
    assert ask("bytes=-5") == (206, WEIGHTS[-5:], f"bytes {size - 5}-{size - 1}/{size}")
    assert ask("bytes=0-999999999")[:2] == (206, WEIGHTS)
    assert ask(f"bytes={size}-") == (416, b'{"error":"Range Not Satisfiable"}', f"bytes */{size}")
    assert ask("bytes=nonsense") == (200, WEIGHTS, None)


def test_download_goes_on_after_a_dropped_connection(hub, sha):
    from huggingface_hub import hf_hub_download

    hub.faults.drop("model.safetensors", after_bytes=3000, times=1, method="GET")
    assert Path(hf_hub_download(REPO, "model.safetensors")).read_bytes() == WEIGHTS
    assert len(hub.requests.matching("model.safetensors", method="GET")) == 2


def test_snapshot_at_a_tag_of_a_dataset(hub):
    from huggingface_hub import snapshot_download

    sha = hub.commit("acme/rows", {"data/a.csv": b"x\n1\n"}, repo_type="dataset")
    hub.tag("acme/rows", "v1", repo_type="dataset")
    hub.commit("acme/rows", {"data/a.csv": b"x\n2\n"}, repo_type="dataset")
    folder = Path(snapshot_download("acme/rows", repo_type="dataset", revision="v1"))
    assert folder.name == sha
    assert (folder / "data/a.csv").read_bytes() == b"x\n1\n"


def test_checksums_of_the_client_agree(api, sha):
    from huggingface_hub import snapshot_download

    folder = Path(snapshot_download(REPO, revision=sha))
    result = api.verify_repo_checksums(REPO, revision=sha)
    assert (result.checked_count, result.mismatches, result.missing_paths, result.extra_paths) == (6, [], [], [])
    (folder / "config.json").resolve().write_bytes(b"x")
    assert [item["path"] for item in api.verify_repo_checksums(REPO, revision=sha).mismatches] == ["config.json"]


def test_command_that_verifies_the_cache(hub, sha):
    from huggingface_hub import snapshot_download

    folder = Path(snapshot_download(REPO, revision=sha))
    command = [sys.executable, "-m", "huggingface_hub.cli.hf", "cache", "verify", REPO, "--revision", sha]
    environ = {**os.environ, **hub.environ()}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    (folder / "sub/y.txt").resolve().write_bytes(b"?")
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "sub/y.txt" in done.stdout + done.stderr


def test_file_system_reads_and_globs(hub, sha):
    from huggingface_hub import HfFileSystem

    files = HfFileSystem(skip_instance_cache=True)
    assert files.read_bytes(f"{REPO}@{sha}/sub/y.txt") == b"y"
    assert files.glob(f"{REPO}@{sha}/**/*.txt") == [
        f"{REPO}@{sha}/{path}" for path in ("sub/deep/x.txt", "sub/y.txt", "with space+plus.txt")
    ]
    with files.open(f"{REPO}/model.safetensors", "rb", block_size=1000) as file:
        file.seek(5000)
        assert file.read(10) == WEIGHTS[5000:5010]


def test_listing_repositories(hub, api, sha):
    hub.commit("acme/other", {"a": b""})
    hub.commit("beta/tiny", {"a": b""})
    hub.create_repo("acme/secret", private=True)
    assert [model.id for model in api.list_models(author="acme")] == ["acme/other", "acme/secret", REPO]
    assert [model.id for model in api.list_models(search="tiny", token=False)] == [REPO, "beta/tiny"]
    assert [model.id for model in api.list_models(author="acme", token=False)] == ["acme/other", REPO]


def test_who_am_i(hub, api):
    from huggingface_hub.errors import HfHubHTTPError

    hub.add_token("hf_ann", user="ann")
    assert (api.whoami()["name"], api.whoami(token="hf_ann")["name"]) == ("local", "ann")
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        api.whoami(token="hf_unknown")


def test_missing_things_are_told_apart(hub, api, sha):
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        GatedRepoError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    with pytest.raises(RepositoryNotFoundError):
        api.model_info("acme/none")
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("none")
    with pytest.raises(RevisionNotFoundError):
        api.model_info(REPO, revision="none")
    with pytest.raises(RemoteEntryNotFoundError):
        hf_hub_download(REPO, "none.json")
    with pytest.raises(RemoteEntryNotFoundError):
        list(api.list_repo_tree(REPO, "none"))
    hub.create_repo(REPO, gated="auto")
    assert api.model_info(REPO, token=False).gated == "auto"
    hub.add_token("hf_denied", repos=[])
    for token in (False, "hf_denied"):
        with pytest.raises(GatedRepoError):
            hf_hub_download(REPO, "config.json", token=token)


def test_a_missing_file_is_remembered_by_the_client(hub, sha):
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import RemoteEntryNotFoundError
    from huggingface_hub.file_download import _CACHED_NO_EXIST, hf_hub_download

    with pytest.raises(RemoteEntryNotFoundError):
        hf_hub_download(REPO, "none.json", revision=sha)
    assert try_to_load_from_cache(REPO, "none.json", revision=sha) is _CACHED_NO_EXIST


def test_unknown_routes_say_so(hub):
    from huggingface_hub.utils import get_session

    reply = get_session().get(f"{hub.endpoint}/api/nothing")
    assert (reply.status_code, reply.json()) == (404, {"error": "LocalHub has no route GET /api/nothing"})


def test_request_log_tells_pinned_from_floating(hub, api, sha):
    from huggingface_hub import hf_hub_download

    hub.requests.clear()
    api.model_info(REPO, revision=sha)
    hf_hub_download(REPO, "config.json", revision=sha)
    api.list_repo_refs(REPO)
    assert hub.requests.floating() == []
    api.model_info(REPO)
    hf_hub_download(REPO, "sub/y.txt", revision="main")
    floating = hub.requests.floating(REPO)
    assert [(request.method, request.revision) for request in floating] == [
        ("GET", "main"),
        ("HEAD", "main"),
        ("GET", "main"),
    ]
    assert hub.requests.floating("acme/other") == []
    assert floating[0].user == "local"
    assert hub.requests[-1].repo_type == "model"
    assert len(hub.requests[:2]) == 2
    assert f"200 GET    /api/models/{REPO}" in repr(hub.requests)

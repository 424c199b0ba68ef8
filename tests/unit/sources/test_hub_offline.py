"""Offline, a commit named in full is taken from the cache; a branch name proves nothing and is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftlineage.errors import DigestMismatchError, NotCachedError, UnsafePathError
from ftlineage.sources.hub import check_files, download_snapshot, fetch_files, resolve_revision
from ftlineage.sources.hub_cache import HubFile, cached_ref, identify_snapshot, snapshot_folder

REPO = "acme/tiny"
WEIGHTS = bytes(range(256)) * 20


@pytest.fixture
def sha(hub):
    """A commit whose files were loaded one by one: the cache has links, and no list of the commit."""
    sha = hub.commit(REPO, {"config.json": b"{}", "model.safetensors": WEIGHTS, "unused.bin": b"\x00"})
    download_snapshot(resolve_revision(REPO), allow_patterns=["*.json", "*.safetensors"])
    return sha


@pytest.fixture
def offline(hub, sha):
    with hub.activate(offline=True):
        hub.requests.clear()
        yield sha
    assert len(hub.requests) == 0, hub.requests


def test_cached_commit_is_accepted_with_the_digests_its_links_carry(offline):
    commit = resolve_revision(REPO, offline)
    assert (commit.sha, commit.requested, commit.cached) == (offline, offline, True)
    assert [(file.path, file.size) for file in commit.files] == [("config.json", 2), ("model.safetensors", 5120)]
    config, weights = commit.files
    assert (len(config.blob_id or ""), config.lfs_sha256) == (40, None)
    assert (len(weights.lfs_sha256 or ""), weights.blob_id) == (64, None)
    assert len(check_files(commit, ["config.json", "model.safetensors"])) == 2


def test_cached_listing_gives_the_whole_commit(hub, sha):
    from huggingface_hub import snapshot_download

    online = resolve_revision(REPO)
    snapshot_download(REPO, revision=sha, allow_patterns=["*.json"])
    with hub.activate(offline=True):
        commit = resolve_revision(REPO, sha)
    # The client's own reader drops the LFS digest; the file has it.
    assert commit.files == online.files


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format_version": 2, "files": {}}', b'{"format_version": 1}'])
def test_damaged_listing_counts_as_absent(hub, offline, damage):
    trees = snapshot_folder(REPO, offline).parents[1] / "trees"
    trees.mkdir(exist_ok=True)
    (trees / f"{offline}.json").write_bytes(damage)
    assert [file.path for file in resolve_revision(REPO, offline).files] == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("requested", [None, "main"])
def test_t06_branch_offline_is_refused_although_the_cache_remembers_one(hub, sha, requested):
    from huggingface_hub import resolve_revision as client_resolve
    from huggingface_hub import snapshot_download

    snapshot_download(REPO)
    hub.commit(REPO, {"config.json": b"{ }"})
    with hub.activate(offline=True):
        assert client_resolve(REPO).resolved == sha  # the trap: stale, and silent
        with pytest.raises(NotCachedError) as caught:
            resolve_revision(REPO, requested)
        assert str(caught.value) == (
            "offline, and the cache does not hold the Hub's present 'main' of acme/tiny. "
            f"It stood at {sha} when last downloaded; to load that, ask for acme/tiny@{sha}"
        )
        accepted = resolve_revision(REPO, requested, allow_cached_ref=True)
    assert (accepted.sha, accepted.requested, accepted.cached) == (sha, requested, True)


def test_nothing_cached(offline):
    with pytest.raises(NotCachedError, match=r"does not hold commit a{40} of acme/tiny"):
        resolve_revision(REPO, "a" * 40)
    with pytest.raises(NotCachedError, match="Run once with the network"):
        resolve_revision("acme/other")
    with pytest.raises(NotCachedError):
        resolve_revision("acme/other", allow_cached_ref=True)


def test_missing_file_offline_is_named(offline):
    commit = resolve_revision(REPO, offline)
    with pytest.raises(NotCachedError, match=r"does not hold unused\.bin at"):
        fetch_files(commit, ["unused.bin"])


def test_t11_damage_is_found_without_the_network(offline):
    commit = resolve_revision(REPO, offline)
    (commit.folder / "model.safetensors").resolve().write_bytes(WEIGHTS[:-1] + b"?")
    with pytest.raises(DigestMismatchError, match=r"^model\.safetensors is not"):
        check_files(commit, ["model.safetensors"])


def test_planted_file_has_nothing_that_vouches_for_it(offline):
    folder = snapshot_folder(REPO, offline)
    (folder / "chat_template.jinja").write_text("planted")
    commit = resolve_revision(REPO, offline)
    assert commit.files[0] == HubFile(path="chat_template.jinja", size=7)
    with pytest.raises(UnsafePathError, match="nothing vouches for it"):
        check_files(commit, ["chat_template.jinja"])


@pytest.mark.parametrize("text", ["", "main", "zz", "F" * 40, "\xff"])
def test_reference_that_is_no_commit_is_ignored(offline, text):
    refs = snapshot_folder(REPO, offline).parents[1] / "refs"
    refs.mkdir(exist_ok=True)
    (refs / "odd").write_text(text, encoding="latin-1")
    assert cached_ref(REPO, "odd") is None
    with pytest.raises(NotCachedError):
        resolve_revision(REPO, "odd", allow_cached_ref=True)


def test_reference_outside_the_cache_is_not_read(offline, tmp_path):
    (tmp_path / "sha").write_text("a" * 40)
    assert cached_ref(REPO, str(tmp_path / "sha")) is None
    assert cached_ref(REPO, "../../../sha") is None


def test_snapshot_folder_says_which_commit_it_is(offline, tmp_path):
    folder = snapshot_folder(REPO, offline)
    found = identify_snapshot(folder)
    assert found is not None
    assert (found.repo, found.repo_type, found.sha) == (REPO, "model", offline)
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert identify_snapshot(link) == found
    elsewhere = tmp_path / "models--acme--tiny" / "snapshots" / offline
    elsewhere.mkdir(parents=True)
    assert identify_snapshot(elsewhere) is None
    assert identify_snapshot(folder.parent) is None


def test_variable_closes_the_network_in_a_new_process(hub, sha):
    code = (
        "import sys; from ftlineage.sources.hub import resolve_revision\n"
        "print(resolve_revision('acme/tiny', sys.argv[1]).cached)"
    )
    environ = {**os.environ, **hub.environ(offline=True), "PYTHONPATH": str(Path.cwd())}
    hub.requests.clear()
    done = subprocess.run([sys.executable, "-c", code, sha], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    assert len(hub.requests) == 0

"""Which commit a revision is: asked of the Hub, never taken from the client's memory."""

from __future__ import annotations

import hashlib

import pytest

from ftlineage.errors import (
    BadReferenceError,
    HubAnswerMalformedError,
    RevisionMismatchError,
    RevisionNotFoundError,
)
from ftlineage.sources.hub import HubFile, resolve_revision

REPO = "acme/tiny"
WEIGHTS = b"\x01" * 3000


@pytest.fixture
def sha(hub):
    return hub.commit(REPO, {"config.json": b"{}", "model.safetensors": WEIGHTS})


def test_head_is_resolved_with_digests_of_all_files(hub, sha):
    commit = resolve_revision(REPO)
    assert (commit.repo, commit.repo_type, commit.requested, commit.sha, commit.cached) == (
        REPO,
        "model",
        None,
        sha,
        False,
    )
    assert commit.files[1:] == (
        HubFile(path="config.json", size=2, blob_id="9e26dfeeb6e641a33dae4961196235bdb965b21b"),
        HubFile(
            path="model.safetensors",
            size=3000,
            lfs_sha256=hashlib.sha256(WEIGHTS).hexdigest(),
            blob_id=hub.files(REPO)["model.safetensors"].blob_id,
        ),
    )
    assert len(hub.requests) == 1, hub.requests


@pytest.mark.parametrize("name", ["v1", "next", "refs/heads/next", "refs/pr/1"])
def test_names_resolve_to_the_commit_they_stand_at(hub, sha, name):
    hub.tag(REPO, "v1")
    hub.branch(REPO, "next")
    hub._get(REPO, "model").set_ref("refs/pr/1", sha)
    hub.commit(REPO, {"config.json": b"{ }"})
    commit = resolve_revision(REPO, name)
    assert (commit.sha, commit.requested) == (sha, name)


def test_datasets_and_spaces_resolve_too(hub):
    data = hub.commit("acme/rows", {"train.csv": b"a\n1\n"}, repo_type="dataset")
    space = hub.commit("acme/app", {"app.py": b""}, repo_type="space")
    assert resolve_revision("acme/rows", repo_type="dataset").sha == data
    assert resolve_revision("acme/app", "main", repo_type="space").sha == space


def test_full_commit_is_asked_of_the_hub_and_not_believed(hub, sha):
    # Trap T6: the client's own resolver takes any 40 hex digits without a request.
    assert resolve_revision(REPO, sha).sha == sha
    assert hub.requests[-1].path == f"/api/models/{REPO}/revision/{sha}?blobs=true"
    with pytest.raises(RevisionNotFoundError, match=r"^acme/tiny has no revision 'f{40}'\.$"):
        resolve_revision(REPO, "f" * 40)


def test_commit_that_was_pushed_away_is_missing(hub, sha):
    first = hub.history(REPO)[-1].sha
    hub.branch(REPO, "main", revision=first)
    assert resolve_revision(REPO, sha).sha == sha
    hub.forget_commit(REPO, sha)
    with pytest.raises(RevisionNotFoundError):
        resolve_revision(REPO, sha)


@pytest.mark.parametrize("short", [7, 39])
def test_short_commit_ids_are_no_pin(hub, sha, short):
    with pytest.raises(RevisionNotFoundError):
        resolve_revision(REPO, sha[:short])


def test_t02_resolved_revision_of_the_client_is_taken_at_its_commit(hub, sha):
    from huggingface_hub import resolve_revision as client_resolve

    resolved = client_resolve(REPO)
    hub.commit(REPO, {"config.json": b"{ }"})
    # The trap: the value equals "main" wherever it is printed or compared.
    assert (resolved, f"{resolved}") == ("main", "main")
    commit = resolve_revision(REPO, resolved)
    assert (commit.sha, commit.requested) == (sha, "main")
    assert type(commit.requested) is str


def test_t03_files_are_those_of_the_commit_although_the_head_moved(hub, sha):
    hub.faults.after(f"/api/models/{REPO}", lambda: hub.commit(REPO, {"added.json": b"{}"}))
    commit = resolve_revision(REPO)
    assert commit.sha == sha != hub.head(REPO)
    assert [file.path for file in commit.files] == [".gitattributes", "config.json", "model.safetensors"]


def test_head_that_moves_between_two_calls_gives_two_answers(hub, sha):
    first = resolve_revision(REPO)
    moved = hub.commit(REPO, {"config.json": b"{ }"})
    assert (first.sha, resolve_revision(REPO).sha) == (sha, moved)


def _answer(hub, document):
    hub.faults.rewrite("/api/models/", lambda _body: document)


@pytest.mark.parametrize(
    "value", [b"null", b'"main"', b'"ABCDEF"', b"17", b'"%s"' % (b"F" * 40), b'"%s "' % (b"a" * 40)]
)
def test_answer_without_a_commit_id_is_no_answer(hub, sha, value):
    _answer(hub, b'{"id":"acme/tiny","sha":%s,"siblings":[]}' % value)
    with pytest.raises(HubAnswerMalformedError, match="is no commit id"):
        resolve_revision(REPO)


@pytest.mark.parametrize("body", [b"<html>log in</html>", b"[]", b"{}", b"", b"\xff\xfe", b"null", b"[1"])
def test_garbage_is_no_answer(hub, sha, body):
    _answer(hub, body)
    with pytest.raises(HubAnswerMalformedError) as caught:
        resolve_revision(REPO)
    assert caught.value.endpoint == hub.endpoint


def test_hub_that_answers_with_another_commit_is_caught(hub, sha):
    other = hub.commit(REPO, {"config.json": b"{ }"})
    hub.faults.rewrite(sha, lambda body: body.replace(sha.encode(), other.encode()))
    with pytest.raises(RevisionMismatchError) as caught:
        resolve_revision(REPO, sha)
    assert (caught.value.asked, caught.value.got) == (sha, other)


@pytest.mark.parametrize("path", ["../../evil.json", "/etc/passwd", "a\\\\b", "a/../b"])
def test_paths_that_leave_the_folder_are_refused(hub, sha, path):
    hub.faults.rewrite("/api/models/", lambda body: body.replace(b"config.json", path.encode()))
    with pytest.raises(HubAnswerMalformedError, match="the commit holds"):
        resolve_revision(REPO)


@pytest.mark.parametrize("repo", ["", "a/b/c", "acme/..", "-x", "acme/x y", "acme//x"])
def test_names_that_cannot_be_repositories_are_usage_errors(hub, repo):
    with pytest.raises(BadReferenceError):
        resolve_revision(repo)
    assert len(hub.requests) == 0


@pytest.mark.parametrize("revision", ["", "  "])
def test_empty_revision_is_a_usage_error(hub, revision):
    with pytest.raises(BadReferenceError, match="the revision is empty"):
        resolve_revision(REPO, revision)


@pytest.mark.parametrize("revision", ["main/../x", "a?b=c", "a#b", "ä", "main\nX-Evil: 1"])
def test_strange_revisions_are_quoted_and_unknown(hub, sha, revision):
    with pytest.raises(RevisionNotFoundError):
        resolve_revision(REPO, revision)

"""Every way the Hub can fail to answer is one clear error, and none of them is a commit."""

from __future__ import annotations

import time

import pytest

from ftlineage.errors import (
    GatedRepositoryError,
    HubRefusedError,
    HubUnreachableError,
    RepositoryNotFoundError,
    UndecidedError,
)
from ftlineage.sources.hub import download_snapshot, resolve_revision

REPO = "acme/tiny"
INFO = f"/api/models/{REPO}"


@pytest.fixture
def sha(hub):
    return hub.commit(REPO, {"config.json": b"{}", "model.safetensors": b"\x01" * 3000})


@pytest.fixture
def warm(hub, sha):
    """A cache that knows ``main``, which the client's own resolver would fall back to."""
    from huggingface_hub import snapshot_download

    snapshot_download(REPO)
    hub.requests.clear()
    return sha


def test_missing_repository(hub):
    with pytest.raises(RepositoryNotFoundError) as caught:
        resolve_revision("acme/none")
    assert str(caught.value) == (
        f"no model repository acme/none at {hub.endpoint}, or it is private and the token does not open it."
    )


def test_missing_dataset_says_dataset(hub):
    with pytest.raises(RepositoryNotFoundError, match="no dataset repository acme/none"):
        resolve_revision("acme/none", repo_type="dataset")


def test_private_repository_needs_a_token_that_opens_it(hub, sha):
    hub.create_repo(REPO, private=True)
    hub.add_token("hf_stranger", repos=[])
    hub.add_token("hf_friend", repos=[REPO])
    for token in (False, "hf_stranger"):
        with pytest.raises(RepositoryNotFoundError):
            resolve_revision(REPO, token=token)
    assert resolve_revision(REPO, token="hf_friend").sha == sha


def test_gated_repository_resolves_and_its_files_do_not(hub, sha):
    hub.create_repo(REPO, gated="manual")
    commit = resolve_revision(REPO, token=False)
    assert commit.sha == sha
    with pytest.raises(GatedRepositoryError) as caught:
        download_snapshot(commit, token=False)
    assert str(caught.value) == (
        "acme/tiny is gated: its files need an accepted access request and a token. "
        "Ask for access on its page, then run `hf auth login`"
    )
    assert not list(commit.folder.glob("*"))


def test_token_that_is_not_valid(hub, sha):
    with pytest.raises(HubRefusedError) as caught:
        resolve_revision(REPO, token="hf_wrong")
    assert caught.value.status == 401
    assert "hf auth login" in str(caught.value)


def test_token_without_permission(hub, sha):
    hub.faults.status(INFO, 403)
    with pytest.raises(HubRefusedError, match="answered 403") as caught:
        resolve_revision(REPO)
    assert "may not read" in caught.value.hint


@pytest.mark.parametrize(
    ("headers", "hint"),
    [
        ({"Retry-After": "17"}, "Try again in 17 seconds"),
        ({"RateLimit": '"api";r=0;t=55'}, "Try again in 55 seconds"),
        ({}, "Too many requests: try again later"),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, "Too many requests: try again later"),
    ],
)
def test_too_many_requests(hub, sha, headers, hint):
    hub.faults.status(INFO, 429, headers=headers)
    with pytest.raises(HubRefusedError) as caught:
        resolve_revision(REPO)
    assert (caught.value.status, caught.value.hint) == (429, hint)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_t06_hub_that_is_down_is_not_the_cached_commit(hub, warm, status):
    from huggingface_hub import resolve_revision as client_resolve

    hub.faults.status(INFO, status)
    # The trap: the client answers with what it remembers.
    assert client_resolve(REPO).resolved == warm
    with pytest.raises(HubRefusedError, match=f"answered {status} for acme/tiny"):
        resolve_revision(REPO)
    with pytest.raises(HubRefusedError):
        resolve_revision(REPO, warm)


@pytest.mark.parametrize("status", [400, 404, 410, 418, 451])
def test_other_refusals_keep_their_status(hub, sha, status):
    hub.faults.status(INFO, status)
    with pytest.raises(HubRefusedError) as caught:
        resolve_revision(REPO)
    assert caught.value.status == status


@pytest.mark.parametrize("status", [204, 301, 304])
def test_success_without_content_is_no_answer(hub, sha, status):
    hub.faults.status(INFO, status, body=b"")
    with pytest.raises(UndecidedError):
        resolve_revision(REPO)


def test_t09_hub_that_hangs_is_given_up_in_time(hub, sha):
    hub.faults.hang(INFO)
    start = time.monotonic()
    with pytest.raises(HubUnreachableError, match=r"no answer within 0\.3 seconds"):
        resolve_revision(REPO, timeout=0.3)
    assert time.monotonic() - start < 3


def test_t09_slow_hub_is_waited_for(hub, sha):
    hub.faults.delay(INFO, 0.3)
    assert resolve_revision(REPO, timeout=5).sha == sha


def test_t10_refused_connection(hub, warm):
    hub.stop()
    with pytest.raises(HubUnreachableError) as caught:
        resolve_revision(REPO)
    assert (caught.value.repo, caught.value.endpoint) == (REPO, hub.endpoint)
    assert "HF_HUB_OFFLINE=1" in caught.value.hint


def test_password_in_the_address_is_not_told(hub, sha, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint.replace("//", "//ann:hunter2@"))
    hub.faults.status(INFO, 500)
    with pytest.raises(HubRefusedError) as caught:
        resolve_revision(REPO)
    assert "hunter2" not in str(caught.value)
    assert caught.value.endpoint == hub.endpoint
    hub.stop()
    with pytest.raises(HubUnreachableError) as gone:
        resolve_revision(REPO)
    assert "hunter2" not in str(gone.value)


@pytest.mark.parametrize("after", [0, 10])
def test_t10_connection_dropped_in_the_middle(hub, warm, after):
    hub.faults.drop(INFO, after_bytes=after)
    with pytest.raises(HubUnreachableError):
        resolve_revision(REPO)


def test_t09_download_from_a_hub_that_hangs_is_given_up_in_time(hub, sha):
    # The client alone retries for minutes; one request of our own finds out first.
    commit = resolve_revision(REPO)
    fault = hub.faults.hang("/resolve/")
    start = time.monotonic()
    with pytest.raises(HubUnreachableError, match=r"no answer within 0\.3 seconds"):
        download_snapshot(commit, timeout=0.3)
    assert time.monotonic() - start < 3
    assert fault.hits == 1


def test_download_from_a_hub_that_went_away(hub, sha):
    commit = resolve_revision(REPO)
    hub.stop()
    with pytest.raises(HubUnreachableError):
        download_snapshot(commit)


def test_download_that_is_refused_can_be_done_again(hub, sha):
    commit = resolve_revision(REPO)
    fault = hub.faults.status("/resolve/", 503, times=1, method="GET")
    with pytest.raises(HubRefusedError, match="answered 503"):
        download_snapshot(commit)
    assert fault.hits == 1
    assert (download_snapshot(commit) / "config.json").read_bytes() == b"{}"


def test_download_goes_on_after_a_dropped_connection(hub, sha):
    commit = resolve_revision(REPO)
    hub.faults.drop("model.safetensors", after_bytes=1000, times=1, method="GET")
    assert (download_snapshot(commit) / "model.safetensors").read_bytes() == b"\x01" * 3000

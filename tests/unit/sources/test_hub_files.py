"""Files of a commit: pinned downloads, and digests that a damaged or planted byte does not survive."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ftlineage.errors import DigestMismatchError, HubUnreachableError, RevisionMismatchError, UnsafePathError
from ftlineage.sources.hub import check_files, download_snapshot, extra_files, fetch_files, resolve_revision

REPO = "acme/tiny"
WEIGHTS = bytes(range(256)) * 20
FILES = {"config.json": b'{"a": 1}\n', "model.safetensors": WEIGHTS, "nested/notes.txt": b"hello\n"}


@pytest.fixture
def commit(hub):
    hub.commit(REPO, FILES)
    return resolve_revision(REPO)


def test_snapshot_is_pinned_and_complete(hub, commit):
    moved = hub.commit(REPO, {"config.json": b"{}"})
    hub.requests.clear()
    folder = download_snapshot(commit)
    assert folder.name == commit.sha != moved
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert hub.requests.floating(REPO) == []
    assert len(hub.requests.matching("/resolve/", method="GET")) == 4


def test_patterns_choose_files(commit):
    folder = download_snapshot(commit, allow_patterns=["*.json", "nested/*"])
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert names == ["config.json", "nested/notes.txt"]


def test_nothing_is_asked_for_what_the_cache_has(hub, commit):
    download_snapshot(commit)
    hub.requests.clear()
    download_snapshot(commit)
    assert len(hub.requests) == 0


def test_records_hold_size_and_sha256(commit):
    download_snapshot(commit)
    records = check_files(commit, FILES)
    assert [(record.path, record.size, record.sha256) for record in records] == [
        (path, len(data), hashlib.sha256(data).hexdigest()) for path, data in sorted(FILES.items())
    ]


def test_bytes_are_reported_while_hashing(commit):
    download_snapshot(commit)
    seen: list[int] = []
    check_files(commit, FILES, update=seen.append)
    assert sum(seen) == sum(map(len, FILES.values()))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_t11_flipped_byte_in_the_cache_is_found(commit, name):
    from huggingface_hub import snapshot_download

    blob = (download_snapshot(commit) / name).resolve()
    data = bytearray(blob.read_bytes())
    data[3] ^= 1
    blob.write_bytes(data)
    # The trap: the client serves the damaged file.
    assert (Path(snapshot_download(REPO, revision=commit.sha)) / name).read_bytes() == data
    with pytest.raises(DigestMismatchError) as caught:
        check_files(commit, [name])
    assert caught.value.path == name
    algorithm = "git blob" if name == "config.json" else "sha256"
    assert caught.value.expected.startswith(algorithm)
    assert caught.value.actual.startswith(algorithm)
    assert caught.value.hint == "Remove the damaged copy and load again: hf cache rm model/acme/tiny"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_t11_byte_corrupted_on_the_way_is_found(hub, commit, name):
    hub.faults.corrupt(f"/{name}", at=2)
    with pytest.raises(DigestMismatchError, match=f"^{name} is not what it should be"):
        download_snapshot(commit)


def test_file_that_arrives_short_is_found(hub, commit):
    hub.faults.truncate("/model.safetensors", 100)
    with pytest.raises(HubUnreachableError, match="Consistency check failed"):
        download_snapshot(commit)


def test_server_that_serves_another_commit_is_found(hub, commit):
    other = hub.commit(REPO, {"config.json": b"{}"})
    hub._get(REPO, "model")._read[commit.sha] = hub._get(REPO, "model").commit(other)
    with pytest.raises(RevisionMismatchError) as caught:
        fetch_files(commit, ["config.json"])
    assert (caught.value.asked, caught.value.got) == (commit.sha, other)


def test_file_that_is_no_part_of_the_commit_is_refused(commit):
    folder = download_snapshot(commit)
    (folder / "chat_template.jinja").write_text("planted")
    assert extra_files(commit) == ["chat_template.jinja"]
    with pytest.raises(UnsafePathError, match="is not part of that commit"):
        check_files(commit, ["chat_template.jinja"])


def test_files_of_a_cache_that_shares_blobs_between_repositories(commit):
    # With Xet, `blobs/<etag>` is itself a link into a store beside all repositories.
    folder = download_snapshot(commit)
    blob = (folder / "model.safetensors").resolve()
    store = folder.parents[2] / "blobs" / "ab" / ("ab" + "0" * 62)
    store.parent.mkdir(parents=True)
    blob.rename(store)
    blob.symlink_to(store)
    records = check_files(commit, ["model.safetensors"])
    assert records[0].sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    blob.unlink()
    blob.symlink_to("/etc/hostname")
    with pytest.raises(UnsafePathError, match="leaves the folder"):
        check_files(commit, ["model.safetensors"])

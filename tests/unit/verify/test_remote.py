"""Versions on the Hub: judged at one commit by the Hub's digests, and undecided when it gives none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlineage.core import codec
from ftlineage.core.finding import Report
from ftlineage.core.sections import FileRecord, Preprocessing, Preprocessor
from ftlineage.errors import (
    BadArgumentError,
    GatedRepositoryError,
    HubAnswerMalformedError,
    HubRefusedError,
    HubUnreachableError,
    NotCachedError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    UndecidedError,
)
from ftlineage.testing.hub import LocalHub
from ftlineage.verify.remote import MAX_PLAIN_BYTES, open_hub_version
from ftlineage.verify.runner import verify
from tests import sealed

REPO = "acme/bot"
INFO = f"/api/models/{REPO}"
WEIGHTS = "adapter_model.safetensors"
CARD = "lineage.json"


@pytest.fixture(autouse=True)
def _no_caches() -> None:
    """The hub's own, instead of the empty variables that folders are verified with."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return sealed.sealed(tmp_path / "out")


@pytest.fixture
def sha(hub: LocalHub, folder: Path) -> str:
    made = hub.upload_folder(REPO, folder)
    hub.requests.clear()
    return made


def found(report: Report) -> list[tuple[str, str | None]]:
    return [(one.code, one.path) for one in report.findings if one.severity == "error"]


def test_a_published_version_is_fine_and_no_weights_are_read(hub: LocalHub, sha: str) -> None:
    report = verify(f"hf://{REPO}")
    assert report
    assert report.target == f"hf://{REPO}@{sha}"
    assert report.counts["files"] == 4
    assert hub.requests.floating() == [hub.requests[0]]
    read = {item.path.rpartition("/")[2] for item in hub.requests.matching("/resolve/")}
    assert read == {CARD, "adapter_config.json", "tokenizer.json", "chat_template.jinja"}


def test_nothing_is_written_to_the_cache(hub: LocalHub, sha: str) -> None:
    from ftlineage.sources.hub_cache import snapshot_folder

    assert verify(f"hf://{REPO}@{sha}")
    assert not snapshot_folder(REPO, sha).exists()


@pytest.mark.parametrize("target", ["hf://", "hf://bot", "hf://acme/bot@", "hf://a/b/c", "hf://acme/bot x"])
def test_what_is_no_reference_is_said_before_the_hub_is_asked(hub: LocalHub, target: str) -> None:
    with pytest.raises(BadArgumentError, match="not of the form hf://org/repo or hf://org/repo@revision"):
        open_hub_version(target)
    assert len(hub.requests) == 0


# --- half uploads, tampering ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({WEIGHTS: None}, [("adapter.missing", WEIGHTS)]),
        ({WEIGHTS: b"other weights"}, [("adapter.changed", WEIGHTS)]),
        ({CARD: None}, [("card.missing", CARD)]),
        ({CARD: b"{"}, [("card.malformed", CARD)]),
        ({"adapter_config.json": b"{}"}, [("adapter.changed", "adapter_config.json")]),
        ({"tokenizer.json": b'{"model": {"vocab": {"a": 1, "b": 0}}}'}, [("preprocessing.changed", "tokenizer.json")]),
        # A symbolic link in Git is a small file that holds the name it points at.
        ({"tokenizer.json": b"../../etc/passwd"}, [("preprocessing.changed", "tokenizer.json")]),
        ({"modeling.py": b"import os"}, [("adapter.unlisted", "modeling.py")]),
        ({"more.safetensors": b"x"}, [("adapter.unlisted", "more.safetensors")]),
        ({"adapter_model.bin": b"x"}, [("adapter.unsafe-format", "adapter_model.bin")]),
        ({"README.md": b"# Other", "training_args.bin": b"x", ".gitignore": b"x"}, []),
    ],
)
def test_what_is_on_the_hub_is_judged_as_a_folder_is(hub: LocalHub, sha: str, changes, expected) -> None:
    hub.commit(REPO, changes)
    assert found(verify(f"hf://{REPO}")) == expected
    assert verify(f"hf://{REPO}@{sha}")


def test_a_renamed_file_is_one_finding(hub: LocalHub, sha: str, folder: Path) -> None:
    hub.commit(REPO, {WEIGHTS: None, "weights.safetensors": folder / WEIGHTS})
    (finding,) = [one for one in verify(f"hf://{REPO}").findings if one.severity == "error"]
    assert (finding.code, finding.path, finding.actual) == ("adapter.missing", WEIGHTS, "weights.safetensors")


def test_hints_speak_of_the_repository(hub: LocalHub, sha: str) -> None:
    hub.commit(REPO, {WEIGHTS: b"other"})
    finding = verify(f"hf://{REPO}").findings[0]
    assert finding.hint == (
        "Publish the version again from its folder, or serve an earlier commit: ftlineage push DIR acme/bot"
    )
    hub.commit(REPO, {CARD: None})
    hint = "Publish it from a folder that has a lineage.json: ftlineage push DIR acme/bot"
    assert verify(f"hf://{REPO}").findings[0].hint == hint
    hub.commit(REPO, {"lineage.partial.json": b"{}"})
    assert "the run that wrote it was never sealed" in str(verify(f"hf://{REPO}").findings[0].hint)


def test_weights_in_plain_git_are_read_if_they_are_small(hub: LocalHub, folder: Path) -> None:
    hub.commit(REPO, {".gitattributes": b""})
    hub.upload_folder(REPO, folder)
    assert not hub.files(REPO)[WEIGHTS].lfs
    assert verify(f"hf://{REPO}")
    hub.commit(REPO, {WEIGHTS: b"x" * 640})
    assert found(verify(f"hf://{REPO}")) == [("adapter.changed", WEIGHTS)]


def test_a_large_file_in_plain_git_is_refused_unread(hub: LocalHub, sha: str) -> None:
    def enlarge(body: bytes) -> bytes:
        document = codec.parse(body)
        (sibling,) = [one for one in document["siblings"] if one["rfilename"] == WEIGHTS]
        del sibling["lfs"]
        sibling["size"] = MAX_PLAIN_BYTES + 1
        return codec.compact_text(document).encode()

    hub.faults.rewrite(INFO, enlarge)
    (finding,) = [one for one in verify(f"hf://{REPO}").findings if one.severity == "error"]
    assert finding.message == (
        "adapter_model.safetensors is not what the card says: it cannot be read: 10485761 bytes in plain Git, "
        "for which the Hub has no SHA-256; store it through LFS"
    )
    assert not hub.requests.matching(WEIGHTS)


def test_a_configuration_in_lfs_is_read_all_the_same(hub: LocalHub, folder: Path) -> None:
    hub.commit(REPO, {".gitattributes": b"*.json filter=lfs diff=lfs merge=lfs -text\n"})
    hub.upload_folder(REPO, folder)
    assert hub.files(REPO)["adapter_config.json"].lfs
    assert verify(f"hf://{REPO}")


@pytest.mark.parametrize("name", ["a\\b.json", "a\nb.json", "../x.json", "C:x.json"])
def test_names_no_card_may_hold_are_findings(hub: LocalHub, sha: str, name: str) -> None:
    def smuggle(body: bytes) -> bytes:
        document = codec.parse(body)
        document["siblings"].append({"rfilename": name, "size": 1, "blobId": "0" * 40})
        return codec.compact_text(document).encode()

    hub.faults.rewrite(INFO, smuggle)
    report = verify(f"hf://{REPO}")
    assert [one.code for one in report.findings if one.severity == "error"] == ["path.unsafe"]


# --- one commit ----------------------------------------------------------------------------------


def test_a_branch_that_moves_in_between_changes_nothing(hub: LocalHub, sha: str) -> None:
    hub.faults.after(INFO, lambda: hub.commit(REPO, {WEIGHTS: b"other", CARD: b"{}"}))
    report = verify(f"hf://{REPO}")
    assert report
    assert report.target.endswith(sha) and hub.head(REPO) != sha  # noqa: PT018 - two sides of one fact


def test_a_commit_that_goes_away_in_between_is_undecided(hub: LocalHub, sha: str) -> None:
    def force_push() -> None:
        hub.branch(REPO, "main", revision=hub.history(REPO)[1].sha)
        hub.forget_commit(REPO, sha)

    hub.faults.after(INFO, force_push)
    with pytest.raises(RevisionNotFoundError):
        verify(f"hf://{REPO}")


def test_a_repository_that_goes_away_in_between_is_undecided(hub: LocalHub, sha: str) -> None:
    hub.faults.after(f"resolve/{sha}/{CARD}", lambda: hub.delete_repo(REPO))
    with pytest.raises(RepositoryNotFoundError):
        verify(f"hf://{REPO}")


# --- the Hub does not answer soundly -------------------------------------------------------------


@pytest.mark.parametrize("where", [INFO, f"/{CARD}", "/tokenizer.json"])
@pytest.mark.parametrize("status", [401, 403, 404, 416, 429, 500, 503])
def test_no_status_is_a_verdict(hub: LocalHub, sha: str, where: str, status: int) -> None:
    hub.faults.status(where, status)
    with pytest.raises(UndecidedError) as caught:
        verify(f"hf://{REPO}")
    assert isinstance(caught.value, HubRefusedError | RepositoryNotFoundError)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (
            lambda faults: faults.corrupt("/tokenizer.json", at=3),
            "what arrived as tokenizer.json is not what the commit",
        ),
        (lambda faults: faults.truncate("/tokenizer.json", 5), "tokenizer.json has 38 bytes and only 5 arrived"),
        (lambda faults: faults.rewrite("/tokenizer.json", lambda body: body * 9), "has 38 bytes and more arrived"),
        (lambda faults: faults.corrupt(f"/{CARD}", at=40), "what arrived as lineage.json is not what the commit holds"),
        (lambda faults: faults.status(f"/{CARD}", 200, body=b"<html>login"), "bytes and only 11 arrived"),
        (lambda faults: faults.status(INFO, 200, body=b"<html>"), "it cannot be read"),
        (lambda faults: faults.status(INFO, 200, body=b'{"id":"acme/bot","sha":"main"}'), "'main' is no commit id"),
    ],
)
def test_bytes_that_are_not_the_commits_are_the_lines_fault(hub: LocalHub, sha: str, damage, sentence: str) -> None:
    damage(hub.faults)
    with pytest.raises(HubAnswerMalformedError) as caught:
        verify(f"hf://{REPO}")
    assert sentence in caught.value.sentence


def test_digests_the_hub_leaves_out_are_not_guessed(hub: LocalHub, sha: str) -> None:
    hub.faults.rewrite(INFO, lambda body: body.replace(b'"blobId"', b'"blobby"').replace(b'"lfs"', b'"lsf"'))
    with pytest.raises(HubAnswerMalformedError, match=r"gives no size or digest for 'lineage\.json'"):
        verify(f"hf://{REPO}")


def test_wrong_digests_of_the_hub_are_a_finding_never_a_yes(hub: LocalHub, sha: str) -> None:
    entry = hub.files(REPO)[WEIGHTS]
    hub.faults.rewrite(INFO, lambda body: body.replace(entry.sha256.encode(), b"0" * 64))
    assert found(verify(f"hf://{REPO}")) == [("adapter.changed", WEIGHTS)]


def test_another_commit_than_the_one_asked_for_is_undecided(hub: LocalHub, sha: str) -> None:
    hub.faults.rewrite(INFO, lambda body: body.replace(sha.encode(), b"1" * 40))
    with pytest.raises(HubAnswerMalformedError, match=f"asked for commit {sha}, it spoke of {'1' * 40}"):
        verify(f"hf://{REPO}@{sha}")


@pytest.mark.parametrize("where", [INFO, "/tokenizer.json"])
def test_a_hub_that_hangs_is_given_up(hub: LocalHub, sha: str, where: str) -> None:
    hub.faults.hang(where)
    with pytest.raises(HubUnreachableError, match=r"no answer within 0\.3 seconds"):
        open_hub_version(f"hf://{REPO}", timeout=0.3).read("tokenizer.json", 1000)


def test_a_line_that_breaks_in_a_body_is_undecided(hub: LocalHub, sha: str) -> None:
    hub.faults.drop("/tokenizer.json", after_bytes=4)
    with pytest.raises(HubUnreachableError):
        verify(f"hf://{REPO}")


def test_a_gated_repository_is_undecided(hub: LocalHub, sha: str) -> None:
    hub.create_repo(REPO, gated="manual")
    with pytest.raises(GatedRepositoryError):
        open_hub_version(f"hf://{REPO}", token=False).read(CARD, 10**6)


# --- offline -------------------------------------------------------------------------------------


def test_offline_the_cached_commit_is_verified_by_its_bytes(hub: LocalHub, sha: str) -> None:
    from huggingface_hub import snapshot_download

    snapshot = Path(snapshot_download(REPO))
    with hub.activate(offline=True):
        report = verify(f"hf://{REPO}@{sha}")
        assert report
        assert (report.target, report.counts["tensors"]) == (f"hf://{REPO}@{sha}", 4)
        with pytest.raises(NotCachedError, match="the Hub's present 'main'"):
            verify(f"hf://{REPO}")
        blob = (snapshot / WEIGHTS).resolve()
        blob.chmod(0o644)
        blob.write_bytes(blob.read_bytes()[:-1] + b"\x00")
        assert found(verify(f"hf://{REPO}@{sha}")) == [("adapter.changed", WEIGHTS)]


@pytest.mark.parametrize("patterns", [[CARD], ["*.json"], ["adapter_*"]])
def test_offline_what_the_cache_lacks_is_undecided(hub: LocalHub, sha: str, patterns: list[str]) -> None:
    from huggingface_hub import snapshot_download

    snapshot_download(REPO, allow_patterns=patterns)
    with hub.activate(offline=True), pytest.raises(NotCachedError):
        verify(f"hf://{REPO}@{sha}")


def test_offline_a_commit_that_is_nowhere_is_undecided(hub: LocalHub, sha: str) -> None:
    with hub.activate(offline=True), pytest.raises(NotCachedError):
        verify(f"hf://{REPO}@{sha}")


def test_a_check_that_must_read_a_file_of_lfs_passes_the_hubs_silence_on(hub: LocalHub, folder: Path) -> None:
    recorded = FileRecord(path="tokenizer.json", size=1, sha256="0" * 64)  # without traces of the process
    tokenizer = Preprocessor(kind="tokenizer", class_="Tokenizer", files=[recorded])
    sealed.seal(folder, preprocessing=Preprocessing(processors=[tokenizer]))
    hub.commit(REPO, {".gitattributes": b"tokenizer.json filter=lfs diff=lfs merge=lfs -text\n"})
    hub.upload_folder(REPO, folder)
    hub.requests.clear()
    verify(f"hf://{REPO}")
    assert hub.requests.matching("/tokenizer.json")
    hub.faults.status("/tokenizer.json", 500)
    with pytest.raises(HubRefusedError):
        verify(f"hf://{REPO}")

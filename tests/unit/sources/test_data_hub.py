"""Datasets on the Hub: the commit that was resolved is the one that is loaded, or nothing is."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa  # noqa: TID253 - what is tested
import pyarrow.parquet as pq  # noqa: TID253 - what is tested
import pytest

from ftlineage.core.sections import DataSource, FileRecord
from ftlineage.errors import (
    BadArgumentError,
    BadInputError,
    BadReferenceError,
    DigestMismatchError,
    GatedRepositoryError,
    HubRefusedError,
    HubUnreachableError,
    NotCachedError,
    RepositoryNotFoundError,
    RevisionMismatchError,
    RevisionNotFoundError,
)
from ftlineage.sources.data import fingerprint_source, load_data
from ftlineage.sources.data_hub import HubData, load_hub_data, parse_hub_data
from ftlineage.testing.hub import LocalHub

NAME = "hf://datasets/acme/tickets"
OLD, NEW = '{"text": "old", "label": 1}\n', '{"text": "new", "label": 2}\n{"text": "newer", "label": 3}\n'


@pytest.fixture
def two(hub: LocalHub) -> tuple[str, str]:
    """Two commits of one dataset."""
    files: dict[str, bytes | str | Path | None] = {
        "train.jsonl": OLD,
        "README.md": "---\nlicense: mit\n---\n# Tickets\n",
    }
    first = hub.commit("acme/tickets", files, repo_type="dataset")
    return first, hub.commit("acme/tickets", {"train.jsonl": NEW}, repo_type="dataset")


def texts(loaded: Any) -> list[str]:
    return [row["text"] for row in loaded.rows]


def cache(hub: LocalHub, *parts: str) -> Path:
    return hub.root.joinpath("client", *parts)


def prepared(hub: LocalHub, sha: str) -> Path:
    return cache(hub, "datasets", "acme___tickets", "default", "0.0.0", sha)


def test_a_dataset_is_recorded_with_its_commit(hub: LocalHub, two: tuple[str, str]) -> None:
    loaded = load_data(NAME, name="tickets")
    record = FileRecord(path="train.jsonl", size=len(NEW), sha256=hashlib.sha256(NEW.encode()).hexdigest())
    assert loaded.section.source == DataSource(
        kind="hub", id="acme/tickets", commit=two[1], config="default", split="train", files=[record]
    )
    assert loaded.section.license == "mit"
    assert texts(loaded) == ["new", "newer"]
    assert loaded.section.fingerprint == fingerprint_source(loaded.rows).fingerprint
    local = cache(hub, "a.jsonl")
    local.write_text(NEW)
    assert fingerprint_source(local).fingerprint == loaded.section.fingerprint


@pytest.mark.parametrize("how", ["name", "argument", "tag"])
def test_an_earlier_commit(hub: LocalHub, two: tuple[str, str], how: str) -> None:
    hub.tag("acme/tickets", "v1", revision=two[0], repo_type="dataset")
    revision = "v1" if how == "tag" else two[0]
    arguments: dict[str, Any] = {"revision": revision} if how == "argument" else {}
    loaded = load_data(NAME if how == "argument" else f"{NAME}@{revision}", name="x", **arguments)
    assert (loaded.section.source.requested, loaded.section.source.commit) == (revision, two[0])
    assert texts(loaded) == ["old"]


def test_the_head_moves_between_resolving_and_loading(hub: LocalHub, two: tuple[str, str]) -> None:
    def push() -> None:
        hub.commit("acme/tickets", {"train.jsonl": '{"text": "newest", "label": 4}\n'}, repo_type="dataset")

    with hub.faults.before("/resolve/", push) as fault:
        loaded = load_data(NAME, name="x")
    assert fault.hits == 1
    assert hub.head("acme/tickets", repo_type="dataset") != two[1]
    assert (loaded.section.source.commit, texts(loaded)) == (two[1], ["new", "newer"])


# --- trap T5: datasets gives what it has, whatever was asked for ---------------------------------


def test_t05_offline_substitution_is_refused(hub: LocalHub, two: tuple[str, str]) -> None:
    load_data(f"{NAME}@{two[1]}", name="x")
    load_data(f"{NAME}@{two[0]}", name="x")
    shutil.rmtree(prepared(hub, two[1]))  # its raw files are still there, and datasets does not look at them
    with hub.activate(offline=True):
        import datasets

        substituted = datasets.load_dataset("acme/tickets", revision=two[1], split="train")
        assert substituted["text"] == ["old"], "the trap is gone: this test can go too"
        with pytest.raises(RevisionMismatchError) as caught:
            load_data(f"{NAME}@{two[1]}", name="x")
    assert (caught.value.asked, caught.value.got) == (two[1], two[0])


def test_t05_substitution_after_an_error_is_refused(hub: LocalHub, two: tuple[str, str]) -> None:
    load_data(f"{NAME}@{two[0]}", name="x")
    with hub.faults.status("/tree/", 403) as fault, pytest.raises(RevisionMismatchError) as caught:
        load_data(NAME, name="x")
    assert fault.hits > 0, "datasets lists the data files itself"
    assert (caught.value.asked, caught.value.got) == (two[1], two[0])


def test_a_hub_that_fails_is_believed_at_once(hub: LocalHub, two: tuple[str, str]) -> None:
    """The client itself asks six times, for 23 seconds."""
    load_data(f"{NAME}@{two[0]}", name="x")
    with hub.faults.status("/resolve/", 503) as fault, pytest.raises(HubRefusedError):
        load_data(NAME, name="x")
    assert fault.hits == 1


def test_t05_offline_the_commit_that_was_asked_for_is_found(hub: LocalHub, two: tuple[str, str]) -> None:
    """``datasets`` would give the one it built last, even though it has the other."""
    load_data(f"{NAME}@{two[1]}", name="x")
    load_data(f"{NAME}@{two[0]}", name="x")
    with hub.activate(offline=True):
        for sha, expected in zip(two, (["old"], ["new", "newer"]), strict=True):
            loaded = load_data(f"{NAME}@{sha}", name="x")
            assert (loaded.section.source.commit, texts(loaded)) == (sha, expected)
            assert loaded.section.license == "mit"


def test_offline_a_branch_means_nothing(hub: LocalHub, two: tuple[str, str]) -> None:
    load_data(f"{NAME}@{two[1]}", name="x")
    with hub.activate(offline=True), pytest.raises(NotCachedError):
        load_data(NAME, name="x")
    with hub.activate(offline=True), pytest.raises(NotCachedError):
        load_data(f"{NAME}@{two[0]}", name="x")


# --- files ---------------------------------------------------------------------------------------


def test_t11_a_damaged_download_makes_no_rows(hub: LocalHub, two: tuple[str, str]) -> None:
    load_data(NAME, name="x")
    raw = cache(hub, "hub", "datasets--acme--tickets", "snapshots", two[1], "train.jsonl")
    blob = raw.resolve()
    blob.write_text(NEW.replace("new", "nex"))
    shutil.rmtree(prepared(hub, two[1]))
    with pytest.raises(DigestMismatchError, match=r"train\.jsonl is not what it should be"):
        load_data(NAME, name="x")
    assert not prepared(hub, two[1]).exists()


def test_rows_made_earlier_do_when_the_raw_files_were_removed(hub: LocalHub, two: tuple[str, str]) -> None:
    before = load_data(NAME, name="x").section
    raw = cache(hub, "hub", "datasets--acme--tickets", "snapshots", two[1], "train.jsonl")
    raw.resolve().unlink()
    raw.unlink()
    after = load_data(NAME, name="x").section
    assert after.fingerprint == before.fingerprint
    assert after.source.files == []


def test_large_files_and_several_splits_and_configurations(hub: LocalHub, tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": range(5)}), tmp_path / "a.parquet")
    readme = (
        "---\nlicense:\n- mit\n- apache-2.0\nconfigs:\n"
        "- config_name: small\n  data_files:\n  - split: train\n    path: small/*\n"
        "- config_name: full\n  data_files:\n"
        "  - split: train\n    path: full/*\n  - split: test\n    path: test.parquet\n---\n"
    )
    files: dict[str, bytes | str | Path | None] = {
        "README.md": readme,
        "small/a.parquet": tmp_path / "a.parquet",
        "full/a.parquet": tmp_path / "a.parquet",
        "full/b.parquet": tmp_path / "a.parquet",
        "test.parquet": tmp_path / "a.parquet",
    }
    hub.commit("acme/many", files, repo_type="dataset")
    loaded = load_data("hf://datasets/acme/many:full/train", name="x")
    assert (loaded.section.source.config, loaded.section.source.split) == ("full", "train")
    assert [record.path for record in loaded.section.source.files] == ["full/a.parquet", "full/b.parquet"]
    assert (loaded.section.rows, loaded.section.license) == (10, "mit, apache-2.0")
    assert load_data("hf://datasets/acme/many:small", name="x").section.rows == 5
    part = load_data("hf://datasets/acme/many", name="x", config="full", split="train[:3]").section
    assert (part.rows, part.source.split) == (3, "train[:3]")
    for reference, reason in (
        ("hf://datasets/acme/many", "it has several configurations (small, full), and none was named"),
        ("hf://datasets/acme/many:tiny", "it has no configuration 'tiny'; there is small, full"),
        ("hf://datasets/acme/many:full", "it has several splits (train, test)"),
        ("hf://datasets/acme/many:full/dev", "it has no split 'dev'; there is train, test"),
        ("hf://datasets/acme/many:full/dev[:3]", "Unknown split \"dev\". Should be one of ['train', 'test']"),
    ):
        with pytest.raises(BadInputError) as caught:
            load_data(reference, name="x")
        assert (caught.value.path, caught.value.reason) == ("acme/many", reason)


@pytest.mark.filterwarnings("ignore:Repo card metadata block was not found")
def test_repositories_that_hold_no_rows(hub: LocalHub) -> None:
    hub.commit("acme/empty", {"README.md": "nothing"}, repo_type="dataset")
    hub.commit("acme/broken", {"train.jsonl": '{"a":\n'}, repo_type="dataset")
    with pytest.raises(BadInputError) as caught:
        load_data("hf://datasets/acme/empty", name="x")
    assert str(caught.value) == "acme/empty: it holds no data files that datasets can read."
    with pytest.raises(BadInputError, match=r"^acme/broken: its files cannot be read: JSON parse error: Invalid value"):
        load_data("hf://datasets/acme/broken", name="x")


# --- the Hub says no -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "error", "status"),
    [
        ("nobody/nothing", RepositoryNotFoundError, None),
        ("acme/tickets@v9", RevisionNotFoundError, None),
        ("acme/tickets", HubRefusedError, 503),
    ],
)
def test_no_commit_no_rows(
    hub: LocalHub, two: tuple[str, str], reference: str, error: type[Exception], status: int | None
) -> None:
    load_data(NAME, name="x")  # what is cached must not help
    if status is not None:
        hub.faults.status("/api/datasets/", status)
    with pytest.raises(error):
        load_data(f"hf://datasets/{reference}", name="x")


def test_no_hub_no_rows(hub: LocalHub, two: tuple[str, str]) -> None:
    load_data(NAME, name="x")
    hub.stop()
    with pytest.raises(HubUnreachableError):
        load_data(NAME, name="x")


def test_gated_files(hub: LocalHub, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    hub.create_repo("acme/tickets", repo_type="dataset", gated="manual")
    hub.add_token("hf_other", repos=[])
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    with pytest.raises(GatedRepositoryError):
        load_data(NAME, name="x")


# --- references ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b", HubData(repo="a/b")),
        ("b", HubData(repo="b")),
        ("a/b.c-d_e@v1.0", HubData(repo="a/b.c-d_e", revision="v1.0")),
        ("a/b@refs/pr/1:c/d", HubData(repo="a/b", revision="refs/pr/1", config="c", split="d")),
        ("a/b:c", HubData(repo="a/b", config="c")),
        ("a/b:/d", HubData(repo="a/b", split="d")),
        ("a/b:c/train[:10%]", HubData(repo="a/b", config="c", split="train[:10%]")),
    ],
)
def test_references(text: str, expected: HubData) -> None:
    assert parse_hub_data(f"hf://datasets/{text}") == expected


@pytest.mark.parametrize("text", ["hf://a/b", "hf://datasets/", "hf://datasets/a/b/c", "hf://datasets/a/b@", "a/b"])
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(BadReferenceError):
        parse_hub_data(text)


def test_a_reference_and_an_argument_that_disagree() -> None:
    assert parse_hub_data("hf://datasets/a/b:c", config="c", split="d").split == "d"
    with pytest.raises(BadArgumentError) as caught:
        parse_hub_data("hf://datasets/a/b@v1", revision="v2")
    assert str(caught.value) == "revision: it is 'v2', and 'v1' in hf://datasets/a/b@v1."


def test_a_hub_that_hangs_is_asked_once_even_without_a_readme(hub: LocalHub) -> None:
    hub.commit("acme/bare", {"train.jsonl": OLD}, repo_type="dataset")

    with hub.faults.hang("resolve"), pytest.raises(HubUnreachableError):
        load_hub_data(HubData(repo="acme/bare"), timeout=0.3)

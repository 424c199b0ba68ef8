from __future__ import annotations

import multiprocessing
import os
import stat
import threading
from pathlib import Path

import pytest

from ftlineage.core.card import CARD_NAME
from ftlineage.errors import CardMissingError, DigestMismatchError, StorageError, UnsafePathError
from ftlineage.store import versions
from ftlineage.store.cards import read_card_file
from ftlineage.store.versions import keep_version, kept_folder
from tests.sealed import rewrite, sealed


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return sealed(tmp_path / "source")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def card_id(folder: Path) -> str:
    return read_card_file(folder).id


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def force(path: Path, data: bytes) -> None:
    """Write to a read-only file the way an intruder with the same user would."""
    path.parent.chmod(0o700)
    if path.exists():
        path.chmod(0o600)
    path.write_bytes(data)


def test_a_version_is_kept_under_its_card_id_and_closed(source, home):
    (source / "README.md").write_text("for people")
    (source / "training_args.bin").write_bytes(b"pickle")

    kept = keep_version(source, card_id(source), home)

    assert kept == home / "versions" / card_id(source).removeprefix("sha256:")
    assert kept == kept_folder(card_id(source), home)
    assert names(kept) == [
        "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "lineage.json", "tokenizer.json"
    ]  # fmt: skip
    assert all((kept / name).read_bytes() == (source / name).read_bytes() for name in names(kept))
    assert {stat.S_IMODE((kept / name).stat().st_mode) for name in names(kept)} == {0o444}
    assert stat.S_IMODE(kept.stat().st_mode) == 0o555
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_files_in_folders_and_links_of_a_cache_become_plain_files(tmp_path, home):
    folder = tmp_path / "models--acme--bot" / "snapshots" / ("a" * 40)
    sealed(tmp_path / "made")
    blobs = tmp_path / "models--acme--bot" / "blobs"
    blobs.mkdir(parents=True)
    folder.mkdir(parents=True)
    for name in names(tmp_path / "made"):
        (tmp_path / "made" / name).rename(blobs / name)
        (folder / name).symlink_to(Path("../../blobs") / name)

    kept = keep_version(folder, card_id(folder), home)

    assert not any(path.is_symlink() for path in kept.iterdir())


def test_keeping_twice_is_keeping_once(source, home):
    first = keep_version(source, card_id(source), home)
    state = (first / CARD_NAME).stat()

    assert keep_version(source, card_id(source), home) == first
    assert (first / CARD_NAME).stat().st_ino == state.st_ino


def test_the_path_is_absolute_whatever_the_home_is(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert keep_version(source, card_id(source), Path("here")).is_absolute()


def test_another_card_than_the_verified_one_is_refused(source, home):
    verified = card_id(source)
    rewrite(source, lambda document: document["data"].clear() or document["parents"].append({"relation": "continued"}))

    with pytest.raises(DigestMismatchError, match=r"lineage\.json is not what it should be"):
        keep_version(source, verified, home)


def test_a_card_that_only_claims_the_verified_id_is_refused(source, home):
    verified = card_id(source)
    card = (source / CARD_NAME).read_bytes()
    (source / CARD_NAME).write_bytes(card.replace(b'"main"', b'"next"'))

    assert card_id(source) == verified
    with pytest.raises(DigestMismatchError):
        keep_version(source, verified, home)


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json", "tokenizer.json"])
def test_bytes_that_changed_after_verification_are_not_kept(source, home, name):
    data = bytearray((source / name).read_bytes())
    data[-2] ^= 1
    (source / name).write_bytes(data)

    with pytest.raises(DigestMismatchError) as caught:
        keep_version(source, card_id(source), home)

    assert caught.value.path == name
    assert list((home / "versions").iterdir()) == []


def test_a_file_that_became_longer_is_not_even_read(source, home):
    with (source / "tokenizer.json").open("ab") as handle:
        handle.write(b" ")

    with pytest.raises(DigestMismatchError, match="found 39 bytes"):
        keep_version(source, card_id(source), home)


def test_a_folder_without_a_card_is_no_version(tmp_path, home):
    (tmp_path / "empty").mkdir()

    with pytest.raises(CardMissingError):
        keep_version(tmp_path / "empty", "sha256:" + "0" * 64, home)


def test_a_card_may_not_reach_outside(source, home):
    rewrite(source, lambda document: document["adapter"]["files"][0].update(path="../evil"))

    with pytest.raises(UnsafePathError, match=r"'\.\./evil' is refused"):
        keep_version(source, card_id(source), home)


def test_an_altered_copy_is_refused_and_named(source, home):
    kept = keep_version(source, card_id(source), home)
    force(kept / "tokenizer.json", b'{"model": {"vocab": {"a": 1, "b": 0}}}')

    with pytest.raises(DigestMismatchError) as caught:
        keep_version(source, card_id(source), home)

    assert caught.value.path == str(kept / "tokenizer.json")
    assert caught.value.hint.endswith(f"then remove {kept} and it is made again")


@pytest.mark.parametrize("change", ["added", "removed", "link"])
def test_a_copy_with_other_files_is_refused(source, home, tmp_path, change):
    kept = keep_version(source, card_id(source), home)
    kept.chmod(0o700)
    match change:
        case "added":
            (kept / "adapter_model.bin").write_bytes(b"pickle")
        case "removed":
            (kept / "tokenizer.json").unlink()
        case "link":
            kept.rename(tmp_path / "elsewhere")
            kept.symlink_to(tmp_path / "elsewhere")

    with pytest.raises((DigestMismatchError, UnsafePathError)):
        keep_version(source, card_id(source), home)


def test_a_disk_that_fails_leaves_nothing(source, home, monkeypatch):
    def fail(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(StorageError, match="No space left"):
        keep_version(source, card_id(source), home)
    assert list((home / "versions").iterdir()) == []


def test_what_a_killed_writer_left_is_removed_by_the_next(source, home):
    left = home / "versions" / ".stage-0123456789ab-dead"
    left.mkdir(parents=True)
    (left / "adapter_model.safetensors").write_bytes(b"half")
    left.chmod(0o555)

    kept = keep_version(source, card_id(source), home)

    assert [path.name for path in (home / "versions").iterdir()] == [kept.name]


def test_threads_at_once_get_one_whole_copy(source, home):
    expected = card_id(source)
    results: list[object] = []
    barrier = threading.Barrier(8)

    def keep() -> None:
        barrier.wait()
        try:
            results.append(keep_version(source, expected, home))
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            results.append(error)

    workers = [threading.Thread(target=keep) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert set(results) == {kept_folder(expected, home)}
    assert len(list((home / "versions").iterdir())) == 1


def _keep(source: Path, expected: str, home: Path) -> str:
    return str(keep_version(source, expected, home))


def test_processes_at_once_get_one_whole_copy(source, home):
    expected = card_id(source)

    with multiprocessing.get_context("spawn").Pool(3) as pool:
        results = pool.starmap(_keep, [(source, expected, home)] * 6)

    assert set(results) == {str(kept_folder(expected, home))}


def test_without_locks_the_second_writer_takes_what_the_first_made(source, home, monkeypatch):
    expected = card_id(source)
    place = kept_folder(expected, home)
    copy = versions._copy_file

    def slower(*arguments):
        copy(*arguments)
        if not place.exists():
            monkeypatch.setattr(versions, "_copy_file", copy)
            versions._copy(source, place, versions._listed(read_card_file(source)), (source / CARD_NAME).read_bytes())

    monkeypatch.setattr(versions, "_copy_file", slower)
    place.parent.mkdir(parents=True)

    versions._copy(source, place, versions._listed(read_card_file(source)), (source / CARD_NAME).read_bytes())

    assert [path.name for path in (home / "versions").iterdir()] == [place.name]

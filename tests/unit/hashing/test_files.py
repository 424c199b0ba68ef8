"""Files to digests: what is hashed, what is refused, and with which words."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from ftlineage.core.sections import FileRecord
from ftlineage.errors import PathNotFoundError, StorageError, UnsafePathError
from ftlineage.hashing import files
from ftlineage.hashing.files import file_sha256, list_files, list_folder, record_file, record_files, tree_digest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("size", [0, 1, files.CHUNK - 1, files.CHUNK, files.CHUNK + 1, 3 * files.CHUNK + 17])
def test_digest_is_that_of_the_bytes(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "x").write_bytes(data)
    seen: list[int] = []
    assert file_sha256(tmp_path / "x", update=seen.append) == sha(data)
    assert sum(seen) == size


def test_record_file_names_it_relative_with_slashes(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "ünï.json").write_bytes(b"{}")
    assert record_file(tmp_path / "a" / "b" / "ünï.json", tmp_path) == FileRecord(
        path="a/b/ünï.json", size=2, sha256=sha(b"{}")
    )


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_records_are_sorted_whatever_the_order_and_threads(tmp_path: Path, threads: int | None) -> None:
    paths = []
    for number in range(20):
        path = tmp_path / f"f{number:02}"
        path.write_bytes(bytes([number]) * (number * 1000))
        paths.append(path)
    done: list[int] = []
    records = record_files(reversed(paths), tmp_path, threads=threads, update=done.append)
    assert [record.path for record in records] == [path.name for path in paths]
    assert [record.sha256 for record in records] == [sha(path.read_bytes()) for path in paths]
    assert sum(done) == sum(record.size for record in records)


def test_threads_pass_on_the_first_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with pytest.raises(PathNotFoundError, match=r"^missing: no such file or folder\.$"):
        record_files([tmp_path / "a", tmp_path / "missing"], tmp_path, threads=2)


def test_tree_digest_binds_names_sizes_and_bytes() -> None:
    one = FileRecord(path="a", size=1, sha256=sha(b"1"))
    two = FileRecord(path="b", size=1, sha256=sha(b"2"))
    whole = tree_digest([one, two])
    assert whole == tree_digest([two, one])
    swapped = [
        FileRecord(path="a", size=1, sha256=two.sha256),
        FileRecord(path="b", size=1, sha256=one.sha256),
    ]
    assert len({whole, tree_digest(swapped), tree_digest([one]), tree_digest([])}) == 4


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (b"new\nline", "the name holds a control character"),
        (b"tab\t", "the name holds a control character"),
        ("flip\u202e".encode(), "the name holds a control character"),
        (b"\xff\xfe", "the name is not UTF-8"),
        (b"back\\slash", "the name holds a backslash, which is a separator on other systems"),
        (b"C:x", "the path is absolute"),
    ],
)
def test_names_that_cannot_stand_in_a_card_are_refused(tmp_path: Path, name: bytes, reason: str) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(b"")
    with pytest.raises(UnsafePathError) as caught:
        record_file(path, tmp_path)
    assert caught.value.reason == reason
    assert [type(error) for error in list_folder(tmp_path).refused] == [UnsafePathError]
    with pytest.raises(UnsafePathError):
        list_files(tmp_path)


# --- what is not a regular file ------------------------------------------------------------------


def test_a_named_pipe_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    begun = time.monotonic()
    for call in (lambda: file_sha256(tmp_path / "pipe"), lambda: record_file(tmp_path / "pipe", tmp_path)):
        with pytest.raises(UnsafePathError, match=r"^'pipe' is refused: it is a named pipe, not a regular file\.$"):
            call()
    assert time.monotonic() - begun < 2


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the full path may be longer than a socket's name can be
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("sock")
        for call in (lambda: file_sha256(Path("sock")), lambda: record_file(tmp_path / "sock", tmp_path)):
            with pytest.raises(UnsafePathError, match="it is a socket, not a regular file"):
                call()


def test_a_folder_in_a_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").mkdir()
    for call in (
        lambda: file_sha256(tmp_path / "adapter_config.json"),
        lambda: record_file(tmp_path / "adapter_config.json", tmp_path),
    ):
        with pytest.raises(UnsafePathError, match="it is a folder, not a regular file"):
            call()


def test_a_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafePathError, match="it is a device, not a regular file"):
        file_sha256(Path("/dev/zero"))


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError, match=r"^gone: no such file or folder\.$"):
        file_sha256(tmp_path / "gone")
    with pytest.raises(PathNotFoundError):
        list_files(tmp_path / "gone")


# --- symbolic links ------------------------------------------------------------------------------


def test_links_that_stay_inside_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "link").symlink_to("real")
    assert record_file(tmp_path / "link", tmp_path) == FileRecord(path="link", size=1, sha256=sha(b"x"))


def test_links_that_leave_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    (root / "link").symlink_to("../secret")
    with pytest.raises(UnsafePathError, match=r"^'link' is refused: the symbolic link leaves the folder\.$"):
        record_file(root / "link", root)


def test_a_file_behind_a_linked_folder_is_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "x").write_bytes(b"x")
    (root / "sub").symlink_to(outside)
    with pytest.raises(UnsafePathError, match="leaves the folder"):
        record_file(root / "sub" / "x", root)
    with pytest.raises(UnsafePathError, match="leaves the folder"):
        list_files(root)


def test_a_link_to_a_folder_inside_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"x")
    (tmp_path / "b").symlink_to("a")
    listing = list_folder(tmp_path)
    assert listing.files == ("a/x",)
    assert [str(error) for error in listing.refused] == ["'b' is refused: it is a folder, not a regular file."]


def test_link_loops_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(UnsafePathError, match="the symbolic link loops"):
        record_file(tmp_path / "a", tmp_path)
    (tmp_path / "self").symlink_to(tmp_path)
    assert len(list_folder(tmp_path).refused) == 3


def test_a_link_to_nothing_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("gone")
    with pytest.raises(PathNotFoundError, match=r"^a: no such file"):
        record_file(tmp_path / "a", tmp_path)


def hub_cache(tmp_path: Path, *, repository: str = "models--acme--base", commit: str = COMMIT) -> Path:
    snapshot = tmp_path / repository / "snapshots" / commit
    blobs = tmp_path / repository / "blobs"
    (snapshot / "sub").mkdir(parents=True)
    blobs.mkdir()
    (blobs / "e1").write_bytes(b"one")
    (blobs / "e2").write_bytes(b"two")
    (snapshot / "config.json").symlink_to("../../blobs/e1")
    (snapshot / "sub" / "config.json").symlink_to("../../../blobs/e2")
    return snapshot


def test_a_hub_cache_snapshot_works(tmp_path: Path) -> None:
    snapshot = hub_cache(tmp_path)
    records = record_files(list_files(snapshot), snapshot)
    assert [(record.path, record.sha256) for record in records] == [
        ("config.json", sha(b"one")),
        ("sub/config.json", sha(b"two")),
    ]
    # An adapter kept in a subfolder of a repository.
    assert record_file(snapshot / "sub" / "config.json", snapshot / "sub").sha256 == sha(b"two")


@pytest.mark.parametrize("odd", [{"repository": "plain"}, {"commit": "main"}])
def test_only_a_real_hub_cache_may_link_to_blobs(tmp_path: Path, odd: dict[str, str]) -> None:
    snapshot = hub_cache(tmp_path, **odd)
    with pytest.raises(UnsafePathError, match="leaves the folder"):
        list_files(snapshot)


def test_another_repositorys_blobs_are_refused(tmp_path: Path) -> None:
    snapshot = hub_cache(tmp_path)
    other = tmp_path / "models--evil--base" / "blobs"
    other.mkdir(parents=True)
    (other / "e3").write_bytes(b"evil")
    (snapshot / "evil.json").symlink_to("../../../models--evil--base/blobs/e3")
    with pytest.raises(UnsafePathError, match=r"'evil\.json' is refused: the symbolic link leaves the folder"):
        list_files(snapshot)


# --- files that move under us --------------------------------------------------------------------


def test_a_file_that_grows_while_it_is_read_has_no_digest(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a" * files.CHUNK * 2)

    def grow(_amount: int) -> None:
        with path.open("ab") as out:
            out.write(b"b")

    with pytest.raises(StorageError, match=r"^x: the file changed while it was read\. Wait until nothing writes to it"):
        file_sha256(path, update=grow)


def test_a_file_that_shrinks_while_it_is_read_has_no_digest(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a" * files.CHUNK * 2)
    with pytest.raises(StorageError, match="the file changed while it was read"):
        file_sha256(path, update=lambda _amount: os.truncate(path, 10))


def test_a_file_replaced_while_it_is_read_has_no_digest(tmp_path: Path) -> None:
    path, other = tmp_path / "x", tmp_path / "y"
    path.write_bytes(b"a" * files.CHUNK * 2)

    def replace(_amount: int) -> None:
        other.write_bytes(b"a" * files.CHUNK * 2)
        other.replace(path)

    with pytest.raises(StorageError, match="the file changed while it was read"):
        record_file(path, tmp_path, update=replace)


# --- listing -------------------------------------------------------------------------------------


def test_listing_is_sorted_and_skips_what_it_is_told(tmp_path: Path) -> None:
    for name in ("b", "a/2", "a/1", ".git/x", "A"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    listing = list_folder(tmp_path, keep=lambda name: name != "b", enter=lambda name: name != ".git")
    assert listing.files == ("A", "a/1", "a/2")
    assert list_files(tmp_path) == [tmp_path / name for name in (".git/x", "A", "a/1", "a/2", "b")]


def test_hashing_from_many_threads_at_once_reads_the_right_places(tmp_path: Path) -> None:
    data = os.urandom(4 * files.CHUNK)
    (tmp_path / "x").write_bytes(data)
    found: dict[int, str] = {}
    with files.open_regular(tmp_path / "x") as file:

        def work(part: int) -> None:
            found[part] = files.hash_range(file, part * files.CHUNK, (part + 1) * files.CHUNK)

        threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {part: sha(data[part * files.CHUNK : (part + 1) * files.CHUNK]) for part in range(4)}


# --- systems that fail or lack something ---------------------------------------------------------


def test_without_positioned_reads_the_digests_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "preadv")
    data = os.urandom(3 * files.CHUNK + 5)
    (tmp_path / "x").write_bytes(data)
    assert file_sha256(tmp_path / "x") == sha(data)


def test_a_disk_that_fails_while_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"x")

    def broken(*_arguments: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "preadv", broken)
    with pytest.raises(StorageError, match=r"^x: input/output error\.$"):
        file_sha256(tmp_path / "x")


def test_a_folder_that_may_not_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def broken(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", broken)
    with pytest.raises(StorageError, match=r"^closed: permission denied\.$"):
        list_files(tmp_path)

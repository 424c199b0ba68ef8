import subprocess
import sys
import time
from pathlib import Path

import pytest

from ftlineage.errors import OutputNotWritableError, StorageError
from ftlineage.store.atomic import write_bytes
from tests.unit.store.disks import fill, read_only, small_disk


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "card"
    write_bytes(path, b"old")
    write_bytes(path, b"new and longer")
    assert path.read_bytes() == b"new and longer"
    assert [entry.name for entry in tmp_path.iterdir()] == ["card"]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    with small_disk(tmp_path / "disk", kilobytes=64) as disk:
        write_bytes(disk / "card", b"old")
        fill(disk)
        with pytest.raises(StorageError) as caught:
            write_bytes(disk / "card", b"new" * 100_000)
        assert caught.value.cause == "No space left on device"
        assert caught.value.hint == "Free some space and run again; nothing that stood there before was changed"
        assert (disk / "card").read_bytes() == b"old"
        assert not list(disk.glob(".*.tmp"))


def test_a_read_only_folder_is_named(tmp_path):
    write_bytes(tmp_path / "card", b"old")
    with read_only(tmp_path):
        with pytest.raises(OutputNotWritableError) as caught:
            write_bytes(tmp_path / "card", b"new")
        assert caught.value.cause == "Read-only file system"
        assert (tmp_path / "card").read_bytes() == b"old"


def test_a_folder_in_the_way_is_an_error_of_ours(tmp_path):
    (tmp_path / "card").mkdir()
    with pytest.raises(OutputNotWritableError, match="Is a directory"):
        write_bytes(tmp_path / "card", b"new")


_WRITER = """
import sys
from pathlib import Path
from ftlineage.store.atomic import write_bytes
path = Path(sys.argv[1])
print("ready", flush=True)
count = 0
while True:
    count += 1
    write_bytes(path, bytes([count % 256]) * 300_000)
"""


def test_a_reader_never_sees_a_part_whenever_the_writer_is_killed(tmp_path):
    path = tmp_path / "card"
    for number in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, cwd=Path.cwd()
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.02 + 0.013 * number)
            writer.kill()
        data = path.read_bytes()
        assert len(data) == 300_000
        assert len(set(data)) == 1

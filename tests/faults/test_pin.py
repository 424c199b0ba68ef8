"""Pins under adversity: whatever happens, a file is whole, as it was or pinned, and unpinning gives it back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ftlineage.drift.rewrite.files import read_source, write_source
from tests.integration.cli import environment
from tests.integration.pin_place import FILES, Place, pin_place
from tests.unit.store.disks import fill, read_only, small_disk


@pytest.fixture
def place(tmp_path: Path):
    with pin_place(tmp_path) as found:
        yield found


def is_clean(place: Place) -> bool:
    """As it was, with nothing left behind."""
    return place.is_untouched() and not (place.folder / "ftlineage.lock").exists() and not litter(place)


def litter(place: Place) -> list[Path]:
    return list(place.folder.rglob(".*.tmp"))


# --- the Hub -------------------------------------------------------------------------------------


def test_a_hub_that_is_down_writes_nothing(place):
    place.hub.stop()
    done = place.run("pin")
    assert (done.code, done.out) == (3, "")
    assert "did not answer" in done.err
    assert is_clean(place)


def test_a_hub_that_goes_away_midway_writes_nothing(place):
    place.hub.faults.status("/api/datasets/", 503)
    code, document = place.json("pin")
    assert (code, document["verdict"]) == (3, "undecided")
    assert is_clean(place)
    place.hub.faults.clear()
    before = len(place.hub.requests.matching("/api/models/"))
    assert place.run("pin").code == 0
    assert len(place.hub.requests.matching("/api/models/")) == before  # what was learned was kept


def test_an_answer_that_is_no_commit_writes_nothing(place):
    place.hub.faults.status("/api/models/", 200, body=b"<html>Please log in</html>")
    assert place.run("pin").code == 3
    assert is_clean(place)


# --- files ---------------------------------------------------------------------------------------


def test_a_read_only_file_is_refused_and_the_others_are_pinned(place):
    (place.folder / "train.py").chmod(0o444)
    code, document = place.json("pin")
    assert (code, document["counts"]["pinned"]) == (1, 3)
    assert {(one["path"], one["reason"]) for one in document["refused"]} == {("train.py", "the file is read-only")}
    assert place.text("train.py") == FILES["train.py"]


def test_on_a_read_only_disk_nothing_is_pinned(place):
    with read_only(place.folder):
        code, document = place.json("pin")
    assert (code, document["pinned"]) == (1, [])
    assert {one["reason"] for one in document["refused"]} == {"the file is read-only"}
    assert is_clean(place)


def test_a_full_disk_leaves_every_file_whole(tmp_path):
    with small_disk(tmp_path / "disk", kilobytes=128) as disk, pin_place(tmp_path, disk / "project") as place:
        (place.folder / "large.py").write_text(FILES["train.py"] + "# x\n" * 12_000)
        fill(disk)
        (disk / "filler-1").unlink(missing_ok=True)
        assert place.run("pin").code == 3
        assert place.is_untouched()
        (disk / "filler-4096").unlink()
        (disk / "filler-4096").write_bytes(b"x" * 40_000)  # room for the small files, not for the large one
        done = place.run("pin")
        assert done.code == 3, done.out
        assert "No space left on device" in done.err
        assert place.text("large.py") == FILES["train.py"] + "# x\n" * 12_000
        (disk / "filler-4096").unlink()
        assert place.run("unpin").code == 0
        assert place.is_untouched()
        assert litter(place) == []


def test_a_file_edited_while_the_hub_is_asked_keeps_the_edit(place):
    place.hub.faults.after("/api/models/", lambda: place.write("train.py", "# Edited.\n" + FILES["train.py"]))
    assert place.run("pin").code == 0
    assert place.text("train.py").startswith("# Edited.\n")
    assert place.text("train.py").count(" @ 2026-01-01") == 3
    place.run("unpin")
    assert place.text("train.py") == "# Edited.\n" + FILES["train.py"]


def test_a_file_edited_at_the_last_moment_is_left_alone(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    source = read_source(str(path), "a.py")
    assert not isinstance(source, str)
    path.write_text("x = 2\n")
    assert not write_source(source, "x = 3\n")
    path.unlink()
    assert not write_source(source, "x = 3\n")
    assert not path.exists()


@pytest.mark.parametrize("data", ["# caf\xe9\n".encode("latin-1"), "\ufeff# utf-16\n".encode("utf-16-le")])
def test_text_that_is_not_utf_8_is_left_as_it_is(place, data):
    line = b'from transformers import AutoModel\nAutoModel.from_pretrained("northwind/base")\n'
    whole = data + (line if b"\0" not in data else line.decode().encode("utf-16-le"))
    (place.folder / "odd.py").write_bytes(whole)
    code, document = place.json("pin", "odd.py")
    assert [one["reason"] for one in document["refused"]] in ([], ["the file is not UTF-8, and is left as it is"])
    assert code == (1 if document["refused"] else 0)
    assert (place.folder / "odd.py").read_bytes() == whole


def test_marks_and_line_breaks_stay(place):
    text = "\ufefffrom transformers import AutoModel\r\nm = AutoModel.from_pretrained('northwind/base')\r\n".encode()
    (place.folder / "odd.py").write_bytes(text)
    assert place.run("pin", "odd.py").code == 0
    pinned = (place.folder / "odd.py").read_bytes()
    assert pinned.startswith(b"\xef\xbb\xbf")
    assert pinned.endswith(b'")  # default @ 2026-01-01\r\n')
    place.run("unpin")
    assert (place.folder / "odd.py").read_bytes() == text


def test_a_lock_that_cannot_be_read_stops_before_anything_is_written(place):
    place.write("ftlineage.lock", "ftlineage = 7\n")
    assert place.run("pin").code == 2
    assert place.is_untouched()
    assert place.text("ftlineage.lock") == "ftlineage = 7\n"


# --- killed --------------------------------------------------------------------------------------

# Ends the process in the moment before a file takes its place.
_KILLED = """
import os, sys
left = int(sys.argv[1])
def hook(event, arguments):
    global left
    if event == "os.rename":
        left -= 1
        if left < 0:
            os._exit(9)
sys.addaudithook(hook)
from ftlineage.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_a_run_that_is_killed_leaves_whole_files_that_can_be_unpinned(place, renames):
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(renames), "pin", "--adapters"],
        cwd=place.folder,
        env=environment(**place.variables),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 9
    changed = [name for name, text in FILES.items() if place.text(name) != text]
    assert len(changed) == max(0, renames - 1)  # the lock is the first
    assert place.run("unpin").code == 0
    assert place.is_untouched()
    assert place.run("pin").code == 0
    assert place.run("check", "--pinned").code == 0

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ftlineage.errors import OutputNotWritableError, StorageError
from ftlineage.store.publish import JOURNAL, STAGE_PREFIX, interrupted, publish, staging
from tests.unit.store.disks import fill, read_only, small_disk


def _seal(out: Path, text: str, *, names=("weights", "sub/weights"), retired=(), keep=()):
    with staging(out) as stage:
        for name in (*names, "lineage.json"):
            (stage / name).parent.mkdir(exist_ok=True, parents=True)
            (stage / name).write_text(text)
        publish(stage, out, retired=retired, keep=keep)


def _state(out: Path) -> dict[str, str]:
    return {path.relative_to(out).as_posix(): path.read_text() for path in sorted(out.rglob("*")) if path.is_file()}


def test_a_version_replaces_another_with_its_files(tmp_path):
    _seal(tmp_path, "one", names=("weights", "only-in-one"))
    _seal(tmp_path, "two", retired=("weights", "only-in-one"))
    assert _state(tmp_path) == {"lineage.json": "two", "sub/weights": "two", "weights": "two"}


def test_a_readme_that_people_edit_is_kept(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    _seal(tmp_path, "one", names=("weights", "README.md"), keep=("README.md",))
    assert _state(tmp_path)["README.md"] == "mine"


def test_publishing_ends_the_unfinished_run(tmp_path):
    (tmp_path / "lineage.partial.json").write_text("{}")
    _seal(tmp_path, "one")
    assert not (tmp_path / "lineage.partial.json").exists()


def test_a_full_disk_while_staging_leaves_the_old_version(tmp_path):
    with small_disk(tmp_path / "disk", kilobytes=256) as disk:
        _seal(disk, "one")
        before = _state(disk)
        fill(disk)
        with pytest.raises(StorageError, match="No space left on device"), staging(disk) as stage:
            (stage / "weights").write_bytes(b"x" * 1_000_000)
        for filler in disk.glob("filler-*"):
            filler.unlink()
        assert _state(disk) == before


def test_a_read_only_output_is_refused_and_unchanged(tmp_path):
    _seal(tmp_path, "one")
    before = _state(tmp_path)
    with read_only(tmp_path), pytest.raises(OutputNotWritableError, match="Read-only file system"):
        _seal(tmp_path, "two")
    assert _state(tmp_path) == before


def test_stages_of_dead_processes_are_cleaned_and_of_living_ones_kept(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        gone.wait()
    dead = tmp_path / f"{STAGE_PREFIX}{gone.pid}-00"
    living = tmp_path / f"{STAGE_PREFIX}{os.getpid()}-00"
    dead.mkdir()
    living.mkdir()
    _seal(tmp_path, "one")
    assert not dead.exists()
    assert living.exists()


def test_what_a_killed_publish_left_is_gone_after_the_next(tmp_path):
    _seal(tmp_path, "one")
    (tmp_path / "lineage.json").unlink()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "weights").write_text("zero")
    (tmp_path / JOURNAL).write_text('["old/weights", "sub/weights", "weights"]')
    assert interrupted(tmp_path) == ["old/weights", "sub/weights", "weights"]
    _seal(tmp_path, "two", names=("weights",))
    assert _state(tmp_path) == {"lineage.json": "two", "weights": "two"}
    assert not (tmp_path / "old").exists()
    assert interrupted(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{}", "[1, null]", "not json"])
def test_a_damaged_journal_names_nothing(tmp_path, text):
    (tmp_path / JOURNAL).write_text(text)
    assert interrupted(tmp_path) == []


def test_halves_of_atomic_writes_that_were_killed_are_cleaned(tmp_path):
    for name in (".lineage.json.0123456789ab.tmp", f".{JOURNAL}.0123456789ab.tmp", ".mine.tmp"):
        (tmp_path / name).write_text("half")
    _seal(tmp_path, "one")
    assert [path.name for path in tmp_path.glob(".*")] == [".mine.tmp"]


def test_nothing_is_removed_that_no_version_could_have_listed(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    outside = tmp_path / "outside"
    for kept in (outside, out / "README.md", out / ".hidden", out / "training_args.bin"):
        kept.write_text("kept")
    hostile = ("../outside", str(outside), "README.md", ".hidden", "training_args.bin", "sub/../../outside")
    _seal(out, "one", names=("weights",), retired=hostile)
    assert outside.read_text() == "kept"
    assert set(_state(out)) == {".hidden", "README.md", "lineage.json", "training_args.bin", "weights"}


_WRITER = """
import sys
from pathlib import Path
from tests.unit.store.test_publish import _seal
out = Path(sys.argv[1])
print("ready", flush=True)
count = 0
while True:
    count += 1
    names = [f"weights-{n}" for n in range(20)]
    _seal(out, str(count), names=names, retired=names)
"""


def test_whenever_the_process_is_killed_a_card_stands_only_beside_its_own_files(tmp_path):
    with_card = 0
    # On a busy machine nothing is whole for a while: then it is given longer.
    for pause in (*(0.004 * number + 0.001 for number in range(25)), 0.25, 0.5, 1, 2, 4, 8):
        if pause >= 0.25 and with_card > 0:
            break
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path.cwd()
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(pause)
            writer.kill()
        state = {name: text for name, text in _state(tmp_path).items() if not name.startswith(".")}
        if "lineage.json" in state:
            with_card += 1
            assert set(state.values()) == {state["lineage.json"]}
            assert len(state) == 21
    # Both outcomes must have been seen, or the loop proves nothing about the moment between them.
    assert with_card > 0

"""lock, check and update as they are typed."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from ftlineage.drift.lockfile import Key, read_lock
from ftlineage.drift.reference import Kind
from tests.integration.cli import COMMAND, environment
from tests.integration.lock_desk import BASE, CODE, ROWS, desk_at
from tests.unit.store.disks import fill, small_disk

KINDS: tuple[Kind, ...] = ("model", "tokenizer")


@pytest.fixture
def desk(tmp_path):
    with desk_at(tmp_path) as desk:
        yield desk


# --- lock ----------------------------------------------------------------------------------------


def test_lock_asks_each_repository_and_revision_once_and_then_nothing(desk):
    (desk.folder / "eval.py").write_text(CODE)
    done = desk.run("lock")
    assert (done.code, done.out) == (0, "ok: ftlineage.lock holds 3 references (3 added)\n")
    assert desk.asked() == [f"{BASE}@main", f"{ROWS}@main"]
    assert [(one.kind, one.id, one.wished, one.used) for one in read_lock(desk.lock).entries] == [
        ("model", BASE, None, ("eval.py:4", "train.py:4")),
        ("tokenizer", BASE, None, ("eval.py:5", "train.py:5")),
        ("dataset", ROWS, None, ("eval.py:6", "train.py:6")),
    ]
    before = desk.lock.read_bytes()
    assert desk.run("lock").out == "ok: ftlineage.lock holds 3 references (3 unchanged)\n"
    assert len(desk.hub.requests) == 0
    assert desk.lock.read_bytes() == before


def test_entries_stay_though_the_hub_has_moved_on(desk):
    desk.run("lock")
    before = read_lock(desk.lock).entries
    desk.hub.commit(BASE, {"model.safetensors": "other weights"})
    (desk.folder / "train.py").write_text(f"# a line more\n{CODE}")
    desk.run("lock")
    after = read_lock(desk.lock).entries
    assert [one.sha for one in after] == [one.sha for one in before]
    assert [one.resolved_at for one in after] == [one.resolved_at for one in before]
    assert after[0].used == ("train.py:5",)


def test_lock_says_what_the_lock_holds_as_json(desk):
    code, report = desk.json("lock")
    assert (code, report["ok"], report["verdict"], report["target"]) == (0, True, "ok", "ftlineage.lock")
    assert report["entries"][0] == {"ref": BASE, "kind": "model", "wished": None, "locked": desk.hub.head(BASE)}
    assert report["counts"]["added"] == 3


def test_a_missing_repository_is_a_finding_and_the_rest_is_locked(desk):
    (desk.folder / "more.py").write_text(CODE.replace(BASE, "tiny-corp/none").replace(ROWS, "tiny-corp/none"))
    code, report = desk.json("lock")
    assert code == 1
    assert [(one["code"], one["section"], one["path"]) for one in report["findings"]] == [
        ("reference.missing", "dataset", "more.py:6"),
        ("reference.missing", "model", "more.py:4"),
    ]
    assert "no model repository tiny-corp/none" in report["findings"][1]["message"]
    assert {one.id for one in read_lock(desk.lock).entries} == {BASE, ROWS}


def test_a_missing_revision_is_a_finding(desk):
    (desk.folder / "train.py").write_text(CODE.replace(f'"{ROWS}"', f'"{ROWS}", revision="v9"'))
    done = desk.run("lock")
    assert done.code == 1
    said = f"error[reference.missing] train.py:6: {ROWS} cannot be locked: {ROWS} has no revision 'v9' hint:"
    assert said in " ".join(done.out.split())
    assert done.out.endswith("failed: ftlineage.lock holds 2 references (2 added); 1 could not be locked\n")


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_a_hub_that_answers_nonsense_leaves_the_old_lock_and_what_it_said_before_is_kept(desk, status):
    desk.run("lock")
    old = desk.lock.read_bytes()
    (desk.folder / "new.py").write_text(CODE.replace(BASE, "tiny-corp/second").replace(ROWS, "tiny-corp/third"))
    desk.hub.commit("tiny-corp/second", {"config.json": "{}"})
    desk.hub.commit("tiny-corp/third", {"rows.csv": "a\n"}, repo_type="dataset")
    desk.hub.requests.clear()
    with desk.hub.faults.status("/api/datasets/tiny-corp/third", status):
        done = desk.run("lock")
    assert done.code == 3
    assert done.out == ""
    assert desk.lock.read_bytes() == old
    assert "Run it again within an hour: 1 answer need not be asked for again" in " ".join(done.err.split())
    desk.asked()
    assert desk.run("lock").code == 0
    assert desk.asked() == ["tiny-corp/third@main"]
    assert len(read_lock(desk.lock).entries) == 6


def test_a_hub_that_hangs_is_given_up_in_time(desk):
    desk.hub.faults.hang("/api/")
    began = time.monotonic()
    done = desk.run("lock", "--timeout", "0.5")
    assert (done.code, done.out) == (3, "")
    assert "no answer within 0.5 seconds" in " ".join(done.err.split())
    assert time.monotonic() - began < 20
    assert not desk.lock.exists()


def test_without_a_hub_nothing_is_written(desk):
    desk.hub.stop()
    done = desk.run("lock")
    assert (done.code, done.out) == (3, "")
    assert not desk.lock.exists()
    code, report = desk.json("lock", HF_HUB_OFFLINE="1")
    assert (code, report["error"]["kind"]) == (3, "not-cached")


def test_a_branch_that_moves_between_two_answers_is_locked_at_one_commit(desk):
    (desk.folder / "eval.py").write_text(CODE.replace(f'"{BASE}"', f'"{BASE}", revision="main"'))
    desk.hub.faults.after(f"/api/models/{BASE}", lambda: desk.hub.commit(BASE, {"model.safetensors": "moved"}))
    desk.run("lock")
    assert len({one.sha for one in read_lock(desk.lock).entries if one.id == BASE}) == 1


def test_two_at_once_both_succeed_and_nothing_is_lost(desk):
    for name in ("one", "two"):
        (desk.folder / name).mkdir()
        (desk.folder / name / "load.py").write_text(CODE.replace(BASE, f"tiny-corp/{name}"))
        desk.hub.commit(f"tiny-corp/{name}", {"config.json": "{}"})
    (desk.folder / "train.py").unlink()
    desk.hub.faults.delay("/api/", 0.3)
    began = [
        subprocess.Popen([*COMMAND, "lock", name], cwd=desk.folder, env=environment(**desk.variables))
        for name in ("one", "two")
    ]
    assert [process.wait(60) for process in began] == [0, 0]
    entries = read_lock(desk.lock).entries
    assert [(one.kind, one.id) for one in entries] == [
        ("model", "tiny-corp/one"),
        ("tokenizer", "tiny-corp/one"),
        ("dataset", ROWS),
        ("model", "tiny-corp/two"),
        ("tokenizer", "tiny-corp/two"),
    ]
    assert entries[2].used == ("one/load.py:6", "two/load.py:6")


def test_killed_in_the_middle_it_goes_on_where_it_stopped(desk):
    old = "# what was there before\n" + 'ftlineage = "1"\n'
    desk.lock.write_text(old)
    desk.hub.faults.hang(f"/api/datasets/{ROWS}")
    process = subprocess.Popen([*COMMAND, "lock"], cwd=desk.folder, env=environment(**desk.variables))
    deadline = time.monotonic() + 30
    while not list((desk.folder.parent / "cache").rglob("*.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert desk.lock.read_text() == old
    desk.hub.faults.clear()
    desk.asked()
    assert desk.run("lock").code == 0
    assert desk.asked() == [f"{ROWS}@main"]
    assert list((desk.folder.parent / "cache").rglob("*.jsonl")) == []


def test_a_full_disk_leaves_the_old_lock(tmp_path):
    with small_disk(tmp_path / "disk", kilobytes=64) as disk, desk_at(tmp_path) as desk:
        (disk / "train.py").write_text(CODE)
        old = 'ftlineage = "1"\n'
        (disk / "ftlineage.lock").write_text(old)
        fill(disk)
        done = desk.run("lock", str(disk), "--lock", str(disk / "ftlineage.lock"))
        assert done.code == 3
        assert "No space left on device" in done.err
        assert (disk / "ftlineage.lock").read_text() == old
        assert [path.name for path in disk.iterdir() if path.suffix == ".tmp"] == []


def test_a_lock_that_cannot_be_read_is_a_usage_error_and_stays(desk):
    desk.lock.write_text("ftlineage = '7'\n")
    for command in ("lock", "check", "drift", "update"):
        code, report = desk.json(command)
        assert (code, report["error"]["kind"]) == (2, "lock-too-new")
    desk.lock.write_text("<<<<<<< HEAD\n")
    done = desk.run("check")
    assert done.code == 2
    assert "ftlineage.lock is no sound lock file, at its TOML:" in " ".join(done.err.split())
    assert desk.lock.read_text() == "<<<<<<< HEAD\n"


def test_from_a_folder_below_only_that_folder_is_looked_at(desk):
    desk.run("lock")
    below = desk.folder / "below"
    below.mkdir()
    (below / "more.py").write_text(CODE)
    from tests.integration.cli import run

    done = run(["lock"], cwd=below, **desk.variables)
    assert (done.code, done.out) == (0, "ok: ../ftlineage.lock holds 3 references (3 unchanged)\n")
    assert read_lock(desk.lock).entries[0].used == ("below/more.py:4", "train.py:4")


# --- check ---------------------------------------------------------------------------------------


def test_check_passes_where_every_reference_is_locked_and_asks_nobody(desk):
    desk.run("lock")
    desk.hub.requests.clear()
    before = sorted((path.name, path.stat().st_mtime_ns) for path in desk.folder.iterdir())
    done = desk.run("check", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.code == 0
    assert done.out.startswith("ok: ftlineage.lock answers 3 references (")
    assert len(desk.hub.requests) == 0
    assert sorted((path.name, path.stat().st_mtime_ns) for path in desk.folder.iterdir()) == before


def test_check_without_a_lock(desk):
    done = desk.run("check")
    assert done.code == 1
    assert done.out.splitlines() == [
        "error[lock.missing] there is no lock file, and 3 references to lock",
        "  hint: Make it and commit it: ftlineage lock",
        "failed: ftlineage.lock does not answer the code: 1 error in 3 references",
    ]
    assert not desk.lock.exists()


def test_check_names_what_is_not_locked_and_notes_what_is_not_used(desk):
    desk.run("lock")
    (desk.folder / "train.py").write_text(CODE.replace(ROWS, "tiny-corp/new"))
    code, report = desk.json("check")
    assert code == 1
    assert [(one["code"], one["severity"], one["path"]) for one in report["findings"]] == [
        ("lock.incomplete", "error", "train.py:6"),
        ("lock.stale", "note", None),
    ]
    assert report["findings"][0]["message"] == "train.py:6: tiny-corp/new (dataset) is not in the lock file"
    assert report["references"][0]["ref"] == "tiny-corp/new"
    (desk.folder / "train.py").write_text("")
    assert desk.run("check").code == 0


def test_check_compares_pinned_commits_and_their_remarks(desk):
    desk.run("lock")
    sha, day = desk.hub.head(BASE), "2026-01-01"
    call = f'AutoModelForCausalLM.from_pretrained("{BASE}", revision="%s")  # %s @ {day}'
    plain = CODE.splitlines()[3].partition(" = ")[2]

    def checked(commit, wish):
        (desk.folder / "train.py").write_text(CODE.replace(plain, call % (commit, wish)))
        code, report = desk.json("check")
        return code, [(one["code"], one["path"]) for one in report["findings"]], report["references"]

    assert checked(sha, "default") == (0, [], [])
    code, findings, references = checked("f" * 40, "default")
    assert (code, findings) == (1, [("FLOAT009", "train.py:4")])
    assert (references[0]["rule"], references[0]["status"]) == ("FLOAT009", "pinned")
    code, findings, references = checked(sha, "v3")
    assert (code, findings[0], references[0]["rule"]) == (1, ("FLOAT010", "train.py:4"), "FLOAT010")


def test_check_can_demand_pins(desk):
    desk.run("lock")
    code, report = desk.json("check", "--pinned")
    assert code == 1
    assert {one["code"] for one in report["findings"]} == {"lock.unpinned"}
    assert len(report["findings"]) == 3


def test_usage_errors(desk):
    assert desk.run("check", "nowhere").code == 2
    assert desk.run("lock", "nowhere").code == 2
    assert desk.run("lock", "--timeout", "0").code == 2
    assert desk.run("update").code == 2
    assert desk.run("drift", "nowhere").code == 2
    done = desk.run("drift")
    assert (done.code, done.out) == (2, "")
    assert "Make it: ftlineage lock" in done.err


# --- update --------------------------------------------------------------------------------------


def test_update_moves_model_and_tokenizer_of_one_id_together_and_nothing_else(desk):
    desk.run("lock")
    before = read_lock(desk.lock).by_key()
    head = desk.hub.commit(BASE, {"model.safetensors": "other", "README.md": "Other.\n"})
    desk.hub.commit(ROWS, {"train.jsonl": '{"a": 2}\n'}, repo_type="dataset")
    desk.asked()
    done = desk.run("update", BASE)
    assert done.code == 0
    short = before[Key("model", BASE, None)].sha[:12]
    assert done.out.splitlines() == [
        f"{BASE} ({kind}): {short} -> {head[:12]}, it changes weights (model.safetensors), docs (README.md)"
        for kind in KINDS
    ] + ["ok: ftlineage.lock: 2 entries of 2 moved"]
    assert desk.asked() == [f"{BASE}@main"]
    after = read_lock(desk.lock).by_key()
    assert [after[Key(kind, BASE, None)].sha for kind in KINDS] == [head, head]
    assert after[Key("dataset", ROWS, None)] == before[Key("dataset", ROWS, None)]
    assert desk.run("check").code == 0


def test_update_takes_the_newest_commit_that_is_old_enough(desk):
    desk.run("lock")
    second = desk.hub.commit(BASE, {"model.safetensors": "second"})
    assert desk.run("update", "--min-age", "3000").out.splitlines()[-1] == "ok: ftlineage.lock: nothing to move"
    young = desk.run("update", "--min-age", "3000", "-q")
    assert (young.code, young.out) == (0, "")
    assert f"{BASE}: {second[:12]} on main is too young" in desk.run("update", "--min-age", "3000").out
    code, report = desk.json("update", "--min-age", "1")
    assert code == 0
    assert {(one["ref"], one["now"], one["class"]) for one in report["entries"]} == {(BASE, second, "weights")}


def test_update_of_an_id_that_is_not_locked_names_the_nearest(desk):
    desk.run("lock")
    done = desk.run("update", "tiny-corp/bace")
    assert done.code == 2
    assert f"Did you mean {BASE}?" in done.err


def test_update_without_a_hub_changes_nothing_and_a_deleted_repository_stays_locked(desk):
    desk.run("lock")
    old = desk.lock.read_bytes()
    desk.hub.delete_repo(ROWS, repo_type="dataset")
    done = desk.run("update")
    assert done.code == 1
    assert f"error[reference.missing] {ROWS} stays where it was locked" in done.out
    assert desk.lock.read_bytes() == old
    desk.hub.stop()
    assert desk.run("update").code == 3
    assert desk.lock.read_bytes() == old


def test_a_lock_held_by_another_process_is_waited_for(desk):
    import fcntl

    descriptor = os.open(desk.folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    process = subprocess.Popen([*COMMAND, "lock"], cwd=desk.folder, env=environment(**desk.variables))
    time.sleep(2)
    assert process.poll() is None
    os.close(descriptor)
    assert process.wait(30) == 0
    assert desk.lock.exists()

from __future__ import annotations

import datetime as dt

import pytest

from ftlineage.drift.classify import DriftClass, FileFact
from ftlineage.drift.lockfile import MOST_LISTED, group_files, make_lock
from ftlineage.drift.locking import Ref
from ftlineage.drift.moved import compare_files, held_entry, look
from ftlineage.drift.passage import Passage, Way, passages
from ftlineage.drift.resolve import resolve_all
from ftlineage.drift.rewrite.undo import Kept
from ftlineage.drift.told import findings
from ftlineage.drift.update import apply, choose, movable, ref_of
from ftlineage.sources.hub_history import History, Mark, list_commits, list_refs
from tests.unit.drift.lock_sample import A, B, C, answer, entry

BASE = "tiny-corp/base"
SHARDS = [FileFact(f"{number}.parquet", number, f"sha256:{number:064x}") for number in range(MOST_LISTED + 5)]


def test_a_folded_class_is_compared_by_its_digest():
    files, folded = group_files([*SHARDS, FileFact("README.md", 1, f"git:{A}")], "dataset")
    known = entry("tiny-corp/rows", kind="dataset", files=files, folded=folded)

    def drift(now):
        return compare_files(known.facts(), known.folded, now, kind="dataset")

    page = FileFact("README.md", 1, f"git:{A}")
    assert drift([*reversed(SHARDS), page]).class_ is DriftClass.NONE
    assert drift([*SHARDS, page._replace(digest=f"git:{B}")]).class_ is DriftClass.DOCS
    moved = drift([*SHARDS[1:], page])
    assert (moved.class_, [file.path for file in moved.files]) == (DriftClass.DATA, ["*"])


def test_a_lock_that_was_edited_is_found_though_nothing_moved(hub):
    sha = hub.commit(BASE, {"model.safetensors": "w"})
    (move,) = look([held_entry(entry(sha=sha))]).moves
    assert (move.has_moved, move.drift.class_) == (False, DriftClass.WEIGHTS)
    (finding,) = findings(look([held_entry(entry(sha=sha))]), hint="{id}")
    assert finding.message.startswith(f"the lock file does not hold what commit {sha[:12]} of {BASE} holds: it changes")


def test_a_commit_without_a_change_is_no_drift(hub):
    sha = hub.commit(BASE, {"model.safetensors": "w"})
    held = resolve_all([Ref("model", BASE, "main")]).answers[Ref("model", BASE, "main")]
    files, _ = group_files(held.files, "model")
    new = hub.commit(BASE, {}, message="Nothing")
    seen = look([held_entry(entry(sha=sha, files=files))])
    assert (seen.moves[0].now, seen.moves[0].drift.class_) == (new, DriftClass.NONE)
    assert findings(seen, hint="") == []


@pytest.fixture
def long_history(tmp_path):
    from ftlineage.testing.hub import LocalHub

    with LocalHub(tmp_path / "localhub", page_size=2) as hub, hub.activate():
        shas = [hub.commit(BASE, {"a": str(number)}) for number in range(9)]
        yield hub, shas


def test_histories_are_read_page_by_page_and_no_further_than_needed(long_history):
    hub, shas = long_history
    found = list_commits(BASE, "main", until=lambda mark: mark.sha == shas[6])
    assert [mark.sha for mark in found.commits] == [shas[8], shas[7], shas[6], shas[5]]
    assert not found.complete
    assert len(hub.requests.matching("/commits/")) == 2
    whole = list_commits(BASE, "main")
    assert (len(whole.commits), whole.complete) == (10, True)
    assert whole.commits[0] == Mark(shas[8], "2026-01-01T00:10:00Z")


def test_a_list_that_is_cut_off_says_nothing_of_what_it_lacks(long_history, monkeypatch):
    _, shas = long_history
    monkeypatch.setattr("ftlineage.sources.hub_history.MOST_COMMITS", 4)
    way = Way(Ref("model", BASE, "main"), shas[0], shas[8])
    assert passages([way]) == {way: Passage(commits=None, rewritten=None)}


@pytest.mark.parametrize("body", [b"{}", b"3", b'["x"]', b'[{"id": "short"}]'])
def test_a_list_of_commits_that_is_none_tells_nothing(hub, body):
    sha = hub.commit(BASE, {"a": "a"})
    hub.faults.status("/commits/", 200, body=body)
    assert passages([Way(Ref("model", BASE, "main"), A, sha)]) == {}


def test_branches_and_tags_are_told_apart(hub):
    sha = hub.commit(BASE, {"a": "a"})
    hub.tag(BASE, "v1")
    hub.branch(BASE, "dev")
    refs = list_refs(BASE)
    assert (refs.branches, refs.tags) == ({"main": sha, "dev": sha}, {"v1": sha})


# --- update --------------------------------------------------------------------------------------

MONDAY = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("dates", "locked", "chosen"),
    [
        (["2026-11-01T00:00:00Z", "2026-10-30T00:00:00Z"], C, A),
        (["2026-11-03T00:00:00Z", "2026-10-30T00:00:00Z"], C, B),
        (["2026-11-03T00:00:00Z", "2026-11-03T00:00:00Z"], C, None),
        (["2026-11-03T00:00:00Z", "2026-11-03T00:00:00Z"], B, B),
        ([None, "2026-11-02T00:00:00Z"], C, B),
    ],
)
def test_the_newest_commit_that_is_old_enough_is_chosen(dates, locked, chosen):
    history = History(tuple(Mark(sha, date) for sha, date in zip((A, B), dates, strict=True)), complete=True)
    assert choose(history, {locked}, MONDAY) == chosen


def test_update_replaces_what_moved_and_nothing_else():
    still, moving = entry("tiny-corp/still"), entry(BASE, kind="tokenizer", used=("a.py:1",))
    alone = entry("tiny-corp/alone", wished=A)
    pin = Kept(path="a.json", now=A, was="main")
    lock = make_lock([still, moving, alone], [pin])
    assert alone not in movable(lock)
    assert movable(lock, [BASE]) == [moving]
    after, moved = apply(lock, movable(lock), {ref_of(moving): answer(B), ref_of(still): answer(A)})
    assert [(one.before.id, one.after.sha, one.after.used, one.drift.class_) for one in moved] == [
        (BASE, B, ("a.py:1",), DriftClass.WEIGHTS)
    ]
    assert {one.id: one for one in after.entries} == {
        "tiny-corp/still": still,
        "tiny-corp/alone": alone,
        BASE: moved[0].after,
    }
    assert after.pins == (pin,)

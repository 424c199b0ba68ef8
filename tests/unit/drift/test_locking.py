from __future__ import annotations

from ftlineage.drift.lockfile import Key, Lock, make_lock
from ftlineage.drift.locking import Ref, build, plan
from tests.unit.drift.lock_sample import A, B, C, answer, entry, seen

BASE = "tiny-corp/base"


def everywhere(_path: str) -> bool:
    return True


def planned(references, lock=None, looked_at=everywhere):
    return plan(references, lock or Lock(), looked_at=looked_at)


def test_each_repository_and_revision_is_asked_once():
    found = planned(
        [
            seen(),
            seen(kind="tokenizer", line=4),
            seen(revision="main", line=5),
            seen(path="eval.py"),
            seen(revision="v1", line=6),
            seen("tiny-corp/rows", kind="dataset", line=7),
            seen(BASE, kind="dataset", line=8),
        ]
    )
    assert found.missing() == [
        Ref("dataset", BASE, "main"),
        Ref("dataset", "tiny-corp/rows", "main"),
        Ref("model", BASE, "main"),
        Ref("model", BASE, "v1"),
    ]
    lock, left = build(found, {ref: answer() for ref in found.missing()})
    assert left == []
    assert [entry.key for entry in lock.entries] == [
        Key("dataset", BASE, None),
        Key("model", BASE, None),
        Key("model", BASE, "main"),
        Key("model", BASE, "v1"),
        Key("tokenizer", BASE, None),
        Key("dataset", "tiny-corp/rows", None),
    ]
    assert lock.by_key()[Key("model", BASE, None)].used == ("eval.py:3", "train.py:3")


def test_an_entry_that_still_answers_stays_whole_and_only_its_places_change():
    old = entry(used=("old.py:1",), committed_at="2026-09-09T09:09:09Z")
    found = planned([seen(line=30)], make_lock([old]))
    assert found.missing() == []
    lock, _ = build(found, {})
    (kept,) = lock.entries
    assert kept.used == ("train.py:30",)
    assert (kept.sha, kept.resolved_at, kept.committed_at, kept.files) == (
        old.sha,
        old.resolved_at,
        old.committed_at,
        old.files,
    )


def test_a_new_kind_of_a_locked_repository_gets_the_locked_commit():
    found = planned([seen(), seen(kind="tokenizer", line=4), seen(revision="main", line=5)], make_lock([entry()]))
    assert found.missing() == []
    lock, _ = build(found, {})
    assert {one.sha for one in lock.entries} == {A}
    assert len(lock.entries) == 3


def test_what_a_lock_cannot_answer_is_left_out():
    found = planned(
        [
            seen(None, status="dynamic", rule=None),
            seen("./out", status="local", rule=None),
            seen(kind="code", rule="FLOAT006"),
            seen(rule="FLOAT008"),
        ]
    )
    assert (found.kept, found.wanted) == ((), ())


def test_a_pinned_reference_is_locked_at_its_commit_under_the_wish_of_its_remark():
    found = planned([seen(revision=A, wish="v1"), seen(BASE, B, kind="dataset", wish="default"), seen("x/y", C)])
    assert [(want.key, want.pinned) for want in found.wanted] == [
        (Key("model", BASE, "v1"), A),
        (Key("dataset", BASE, None), B),
        (Key("model", "x/y", C), C),
    ]
    assert [want.ref.revision for want in found.wanted] == [A, B, C]


def test_a_pin_without_a_remark_belongs_to_the_entry_that_holds_its_commit():
    found = planned([seen(revision=A)], make_lock([entry(wished="v1")]))
    assert [kept.key for kept in found.kept] == [Key("model", BASE, "v1")]
    assert found.wanted == ()


def test_code_that_pins_another_commit_counts_more_than_the_lock():
    found = planned([seen(revision=B, wish="main")], make_lock([entry(wished="main")]))
    lock, _ = build(found, {Ref("model", BASE, B): answer(B)})
    (one,) = lock.entries
    assert (one.wished, one.sha) == ("main", B)


def test_two_pins_of_one_wish_are_both_locked():
    found = planned([seen(revision=A, wish="main", line=1), seen(revision=B, wish="main", line=2)])
    assert {want.key.wished: want.pinned for want in found.wanted} == {"main": A, B: B}


def test_places_outside_the_scan_stay_and_unused_entries_go():
    lock = make_lock(
        [
            entry(used=("other/a.py:1", "src/b.py:2")),
            entry("tiny-corp/gone", used=("src/c.py:3",)),
            entry("tiny-corp/kept", used=("other/d.py:4", "src/d.py:5")),
        ]
    )
    found = planned([seen(path="src/new.py", line=9)], lock, looked_at=lambda path: path.startswith("src/"))
    after, _ = build(found, {})
    assert {one.id: one.used for one in after.entries} == {
        BASE: ("other/a.py:1", "src/new.py:9"),
        "tiny-corp/kept": ("other/d.py:4",),
    }


def test_what_has_no_answer_is_given_back_and_never_guessed():
    found = planned([seen(), seen("tiny-corp/none", line=4)])
    lock, left = build(found, {Ref("model", BASE, "main"): answer()})
    assert [one.id for one in lock.entries] == [BASE]
    assert [want.key.id for want in left] == ["tiny-corp/none"]

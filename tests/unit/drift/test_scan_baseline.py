"""Baselines, what two references show together, and what is new since a revision."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ftlineage.drift.baseline import fingerprints, load_baseline, make_baseline, split
from ftlineage.drift.compare import Locked, against_lock, both_ways, lock_view
from ftlineage.drift.lockfile import Entry, Lock
from ftlineage.drift.reading import Seen
from ftlineage.drift.reference import Kind, Reference
from ftlineage.drift.since import added_since
from ftlineage.errors import BadArgumentError, BadInputError, PathNotFoundError

A, B = "a" * 40, "b" * 40


def seen(folder: Path = Path("/p"), path="a.py", line=1, *, touches=None, wish=None, **changes) -> Seen:
    revision = changes.get("revision")
    values: dict[str, Any] = {
        "column": 1, "ref": "org/name", "kind": "model", "status": "pinned" if revision else "floating",
        "rule": None if revision else "FLOAT001", "revision": None, "message": "",
    }  # fmt: skip
    reference = Reference(path=path, line=line, **values | changes)
    return Seen(reference=reference, file=str(folder / path), touches=touches or ((line, line),), wish=wish)


def rules(found) -> list[str | None]:
    return [one.reference.rule for one in found]


# --- baseline ------------------------------------------------------------------------------------


def test_a_baseline_knows_its_references_wherever_they_move(tmp_path):
    before = [seen(tmp_path, line=3), seen(tmp_path, line=9), seen(tmp_path, "b.py", revision=A)]
    path = tmp_path / "deep" / "baseline.json"
    path.parent.mkdir()
    path.write_bytes(make_baseline(before, path.parent))
    assert json.loads(path.read_text()) == {
        "baseline": 1,
        "references": [{"path": "../a.py", "ref": "org/name", "kind": "model", "rule": "FLOAT001", "count": 2}],
    }
    moved = [seen(tmp_path, line=30), seen(tmp_path, line=90)]
    assert split(moved, load_baseline(path), path.parent) == ([], 2)
    third = seen(tmp_path, line=91)
    assert split([*moved, third], load_baseline(path), path.parent) == ([third], 2)


@pytest.mark.parametrize("changes", [{"path": "c.py"}, {"ref": "org/b"}, {"kind": "dataset"}, {"rule": "FLOAT002"}])
def test_another_path_id_kind_or_rule_is_new(tmp_path, changes):
    path = tmp_path / "baseline.json"
    path.write_bytes(make_baseline([seen(tmp_path)], tmp_path))
    other = seen(tmp_path, **changes)
    assert split([other], load_baseline(path), tmp_path) == ([other], 0)


def test_fingerprints_hold_while_lines_move_and_differ_for_repeats():
    first = fingerprints([seen(line=1).reference, seen(line=2).reference])
    assert first == fingerprints([seen(line=7).reference, seen(line=8).reference])
    assert len(set(first)) == 2
    assert fingerprints([seen(path="b.py").reference]) != first[:1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "no baseline of a scan: $: expected `object`, got `array`"),
        ('{"baseline": 1}', "no baseline of a scan: $: object missing required field `references`"),
        ('{"baseline": 2, "references": []}', "a baseline of version 2, only 1 is known"),
        ("{", "no baseline of a scan: $: not JSON"),
        ('{"baseline": 1, "references": [{"path": 1}]}', "no baseline of a scan: $.references[0].path: expected"),
    ],
)
def test_what_is_no_baseline_is_refused(tmp_path, text, reason):
    path = tmp_path / "baseline.json"
    with pytest.raises(PathNotFoundError, match="--write-baseline"):
        load_baseline(path)
    path.write_text(text)
    with pytest.raises(BadInputError) as raised:
        load_baseline(path)
    assert raised.value.reason.startswith(reason)


# --- together ------------------------------------------------------------------------------------


def test_pinned_here_and_floating_there():
    pinned = seen(path="b.py", line=7, revision=A)
    found = both_ways([seen(kind="tokenizer"), pinned, seen(ref="org/other"), seen(kind="dataset")])
    assert rules(found) == ["FLOAT001", "FLOAT008", None, "FLOAT001", "FLOAT001"]
    assert found[1].reference.message == "org/name floats here and is pinned to aaaaaaaaaaaa in b.py:7"
    assert found[1].reference.status == "floating"


def test_remote_code_and_unknown_ids_have_no_second_finding():
    code = seen(kind="code", rule="FLOAT006")
    unknown = seen(ref=None, status="dynamic", rule=None)
    assert rules(both_ways([code, unknown, seen(revision=A)])) == ["FLOAT006", None, None]


def lock(*entries: tuple[Kind, str | None, str]):
    return lock_view(
        Lock(
            entries=tuple(
                Entry(kind=kind, id="org/name", wished=wished, sha=sha, resolved_at="2026-08-20T00:00:00Z")
                for kind, wished, sha in entries
            )
        )
    )


def test_a_commit_that_the_lock_does_not_hold_disagrees():
    view = lock(("tokenizer", "main", A))
    assert view == {("model", "org/name"): [Locked(wished="main", sha=A)]}
    [one] = against_lock([seen(revision=B)], view)
    assert (one.reference.rule, one.reference.status) == ("FLOAT009", "pinned")
    assert one.reference.message == "org/name is pinned to bbbbbbbbbbbb, the lock file says aaaaaaaaaaaa"
    assert rules(against_lock([seen(revision=A), seen(revision=A.upper())], view)) == [None, None]
    assert rules(against_lock([seen(), seen(revision=B, ref="org/b"), seen(revision=B, kind="dataset")], view)) == [
        "FLOAT001", None, None,
    ]  # fmt: skip


def test_a_comment_that_names_another_wish_disagrees():
    view = lock(("model", "main", A), ("model", None, B))
    [one] = against_lock([seen(revision=A, wish="v1")], view)
    assert one.reference.rule == "FLOAT010"
    assert one.reference.message == "the comment beside aaaaaaaaaaaa of org/name says v1, the lock file says main"
    assert rules(against_lock([seen(revision=A, wish="main"), seen(revision=B, wish="default")], view)) == [None, None]


# --- since ---------------------------------------------------------------------------------------


def git(root: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "old.py").write_text("".join(f"line {number}\n" for number in range(1, 21)))
    (tmp_path / "odd näme\t.py").write_text("a\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    return tmp_path


def new_lines(root: Path, path: str, count: int, revision="main") -> list[int]:
    added = added_since(revision, [Path()], here=root)
    return [line for line in range(1, count + 1) if added.touches(seen(root, path, line))]


def test_added_and_changed_lines_are_new(repository):
    lines = (repository / "old.py").read_text().splitlines()
    lines[4] = "changed"
    (repository / "old.py").write_text("\n".join([*lines[:10], "added", *lines[10:]]) + "\n")
    assert new_lines(repository, "old.py", 21) == [5, 11]
    git(repository, "commit", "-qam", "two")
    assert new_lines(repository, "old.py", 21) == []
    assert new_lines(repository, "old.py", 21, "HEAD~1") == [5, 11]


def test_a_statement_that_lost_a_line_is_new(repository):
    lines = (repository / "old.py").read_text().splitlines(keepends=True)
    del lines[9]
    (repository / "old.py").write_text("".join(lines))
    added = added_since("main", [Path()], here=repository)
    assert added.touches(seen(repository, "old.py", 8, touches=((8, 11),)))
    assert not added.touches(seen(repository, "old.py", 8, touches=((8, 9),)))
    assert not added.touches(seen(repository, "old.py", 10, touches=((10, 12),)))


def test_renamed_untracked_and_oddly_named_files(repository):
    git(repository, "mv", "old.py", "new.py")
    with (repository / "new.py").open("a") as file:
        file.write("added\n")
    (repository / "untracked.py").write_text("a\nb\n")
    (repository / "odd näme\t.py").write_text("a\nb\n")
    assert new_lines(repository, "new.py", 21) == [21]
    assert new_lines(repository, "untracked.py", 2) == [1, 2]
    assert new_lines(repository, "odd näme\t.py", 2) == [2]


def test_what_the_branch_got_from_main_meanwhile_is_not_its_own(repository):
    git(repository, "switch", "-qc", "work")
    (repository / "mine.py").write_text("a\n")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "mine")
    git(repository, "switch", "-q", "main")
    (repository / "old.py").write_text("theirs\n")
    git(repository, "commit", "-qam", "theirs")
    git(repository, "switch", "-q", "work")
    assert new_lines(repository, "mine.py", 1) == [1]
    assert new_lines(repository, "old.py", 20) == []


def test_text_that_looks_like_a_header_is_text(repository):
    (repository / "old.py").write_text("++ b/other.py\n@@ -1 +1 @@\n")
    added = added_since("main", [Path()], here=repository)
    assert not added.touches(seen(repository, "other.py"))
    assert added.touches(seen(repository, "old.py"))


def test_a_folder_reached_through_a_link_is_the_same_folder(repository, tmp_path_factory):
    link = tmp_path_factory.mktemp("links") / "link"
    link.symlink_to(repository)
    (repository / "old.py").write_text("new\n")
    assert added_since("main", [Path()], here=link).touches(seen(link, "old.py"))


def test_unknown_revisions_and_folders_outside_of_git_are_refused(repository, tmp_path_factory):
    for revision in ("nowhere", "--output=x", ""):
        with pytest.raises(BadArgumentError, match="Git knows no such revision"):
            added_since(revision, [Path()], here=repository)
    outside = tmp_path_factory.mktemp("outside")
    with pytest.raises(BadArgumentError, match="lies in no Git repository"):
        added_since("main", [Path()], here=outside)

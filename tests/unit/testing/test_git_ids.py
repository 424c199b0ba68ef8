"""LocalHub's ids are Git's: the same files pushed through Git give the same trees and commits."""

from __future__ import annotations

import os
import subprocess

from ftlineage.testing.hub import LocalHub

FILES: dict[str, bytes] = {
    "a.txt": b"a\n",
    "a/b.txt": b"b\n",
    "a/c/d.json": b"{}",
    "a-b": b"sorts before a/ in Git",
    "ünïcode.txt": "ü".encode(),
    "empty": b"",
}


def git(folder, *arguments: str) -> str:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_NAME": "local" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "local@localhub.invalid" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_DATE": "1767225660 +0000" for who in ("AUTHOR", "COMMITTER")},
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, env=environ, timeout=30
    )
    return done.stdout.strip()


def test_commits_and_trees_have_gits_ids(tmp_path):
    with LocalHub(tmp_path / "hub") as hub:
        # Names that no file system holds as both file and folder are left to Git's index below.
        files = {path: data for path, data in FILES.items() if path != "a.txt"}
        sha = hub.commit("acme/x", {**files}, message="Title\n\nTwo lines\nof text")
        first = hub.history("acme/x")[-1]
        tree = hub.files("acme/x")
        attributes = hub.read("acme/x", ".gitattributes")
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "-q")
    (work / ".gitattributes").write_bytes(attributes)
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "initial commit")
    assert git(work, "rev-parse", "HEAD") == first.sha
    for path, data in files.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_bytes(data)
    git(work, "add", "-A")
    # One minute a commit: the second stands at 00:02.
    environment_date = "1767225720 +0000"
    message = "Title\n\nTwo lines\nof text\n"
    parent, root = git(work, "rev-parse", "HEAD"), git(work, "write-tree")
    done = subprocess.run(
        ["git", "commit-tree", root, "-p", parent],
        cwd=work,
        input=message,
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
        env={
            "PATH": os.environ["PATH"],
            **{f"GIT_{who}_NAME": "local" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "local@localhub.invalid" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_DATE": environment_date for who in ("AUTHOR", "COMMITTER")},
        },
    )
    assert done.stdout.strip() == sha
    for path, data in files.items():
        assert git(work, "hash-object", path) == tree[path].blob_id, (path, data)


def test_equal_pushes_give_equal_commits_everywhere(tmp_path):
    shas = []
    for name in ("one", "two"):
        with LocalHub(tmp_path / name) as hub:
            shas.append([hub.commit("acme/x", {"a": b"1"}), hub.commit("acme/x", {"a": b"2"})])
    assert shas[0] == shas[1]
    assert shas[0][0] != shas[0][1]


def test_a_clock_makes_times_real(tmp_path):
    with LocalHub(tmp_path, clock=lambda: 1_800_000_000.9) as hub:
        hub.commit("acme/x", {"a": b"1"})
        assert {commit.seconds for commit in hub.history("acme/x")} == {1_800_000_000}

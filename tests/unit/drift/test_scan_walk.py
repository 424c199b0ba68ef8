"""Which files a scan reads, and what they are to it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from ftlineage.drift import kinds
from ftlineage.drift.globs import compile_globs
from ftlineage.drift.walk import list_files
from ftlineage.errors import BadInputError, PathNotFoundError


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments], cwd=root, check=True)


def names(root: Path, *paths: str, **options) -> list[str]:
    return [file.shown for file in list_files([Path(path) for path in paths or (".",)], here=root, **options).files]


# --- kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.py", "python"),
        ("A.PY", "python"),
        ("a.ipynb", "notebook"),
        ("a.yml", "config"),
        ("_default_template_yaml", "config"),
        ("adapter_config.json", "config"),
        ("Dockerfile", "dockerfile"),
        ("Dockerfile.gpu", "dockerfile"),
        ("api.dockerfile", "dockerfile"),
        ("Makefile", "makefile"),
        ("rules.mk", "makefile"),
        ("run.slurm", "shell"),
        (".env", "shell"),
        (".env.example", "shell"),
        ("main.go", "urls"),
        ("uv.lock", None),
        ("package-lock.json", None),
        ("tokenizer.json", None),
        ("model.safetensors", None),
        ("README.md", None),
        ("data.parquet", None),
        ("ftlineage.lock", None),
    ],
)
def test_kind_by_name(name, kind):
    assert kinds.kind_by_name(PurePosixPath(name)) == kind
    assert kinds.may_be_read(PurePosixPath(name)) is (kind is not None)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"#!/usr/bin/env python3\nx", "python"),
        (b"#!/usr/bin/python\n", "python"),
        (b"#!/usr/bin/env -S python -u\n", "python"),
        (b"#!/bin/sh\n", "shell"),
        (b"#! /usr/bin/env bash\n", "shell"),
        (b"#!/usr/bin/perl\n", None),
        (b"# a comment\n\n---\ndataset_path: org/name\n", "config"),
        (b"- a\n", "config"),
        (b"Some prose: not settings\n", None),
        (b"\x7fELF\0\0", None),
        (b"", None),
    ],
)
def test_kind_by_content_of_a_file_without_suffix(head, kind):
    assert kinds.may_be_read(PurePosixPath("flores"))
    assert kinds.kind_by_content(head) == kind


def test_what_cannot_hold_a_reference_is_not_decoded():
    assert not kinds.can_hold_reference("urls", b"fetch('https://example.com')")
    assert kinds.can_hold_reference("urls", b"'https://huggingface.co/a/b/resolve/main/c'")
    assert not kinds.can_hold_reference("dockerfile", b"FROM scratch\n")
    assert kinds.can_hold_reference("dockerfile", b"# ftlineage: ignore[floating] x\n")
    assert kinds.can_hold_reference("urls", "huggingface.co".encode("utf-16"))


# --- globs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("tests", "tests/a.py", True),
        ("tests", "src/tests/a.py", True),
        ("tests", "src/mytests/a.py", False),
        ("tests/**", "tests/deep/a.py", True),
        ("tests/**", "src/tests/a.py", False),
        ("/tests", "src/tests/a.py", False),
        ("**/tests/", "src/tests/a.py", True),
        ("**/tests", "tests/a.py", True),
        ("*.ipynb", "deep/a.ipynb", True),
        ("src/*.py", "src/deep/a.py", False),
        ("src/*.py", "src/a.py", True),
        ("a?.py", "ab.py", True),
        ("a[!b].py", "ab.py", False),
        ("a[bc].py", "ab.py", True),
        ("a+(b).py", "a+(b).py", True),
        ("./src", "src/a.py", True),
    ],
)
def test_patterns_mean_what_they_mean_in_gitignore(pattern, path, matches):
    compiled = compile_globs([pattern])
    assert compiled is not None
    assert (compiled.fullmatch(path) is not None) is matches


def test_no_pattern_is_no_expression():
    assert compile_globs([]) is None


# --- walking -------------------------------------------------------------------------------------


def test_a_walk_skips_environments_caches_and_build_outputs(tmp_path):
    write(
        tmp_path, "b.py", "a.yaml", "src/c.sh", "build/kept.py", "env/pyvenv.cfg", "env/lib/x.py", ".git/hooks/x.py",
        "node_modules/m/x.js", "pkg/pyproject.toml", "pkg/build/out.py", "pkg/dist/out.py", "a.egg-info/x.py",
        "lib/python3/site-packages/x.py", "notes.md",
    )  # fmt: skip
    assert names(tmp_path) == ["a.yaml", "b.py", "build/kept.py", "pkg/pyproject.toml", "src/c.sh"]


def test_git_decides_in_a_repository(tmp_path):
    write(tmp_path, "tracked.py", "untracked.py", "ignored.py", "deep/ignored/x.py", "dist/tracked.py")
    (tmp_path / ".gitignore").write_text("ignored.py\nignored/\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "tracked.py", "dist/tracked.py")
    assert names(tmp_path) == ["dist/tracked.py", "tracked.py", "untracked.py"]
    assert names(tmp_path, "deep/ignored") == ["deep/ignored/x.py"]
    assert names(tmp_path, "ignored.py") == ["ignored.py"]
    assert names(tmp_path / "deep", "..") == ["../dist/tracked.py", "../tracked.py", "../untracked.py"]


def test_a_repository_within_a_repository_is_read_too(tmp_path):
    write(tmp_path, "a.py", "inner/b.py")
    git(tmp_path, "init", "-q")
    git(tmp_path / "inner", "init", "-q")
    assert names(tmp_path) == ["a.py", "inner/b.py"]


def test_a_file_named_twice_is_read_once_and_odd_names_stay_whole(tmp_path):
    write(tmp_path, "a b.py", "new\nline.py", "ünï.py")
    git(tmp_path, "init", "-q")
    found = ["a b.py", "new\nline.py", "ünï.py"]
    assert names(tmp_path) == found
    assert names(tmp_path, ".", "a b.py", str(tmp_path / "ünï.py")) == found


def test_names_that_are_no_utf8_are_read(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.py")).write_text("x")
    [found] = list_files([Path()], here=tmp_path).files
    assert (found.shown, found.path) == ("\\xff.py", str(tmp_path / os.fsdecode(b"\xff.py")))


def test_links_are_not_followed(tmp_path):
    write(tmp_path, "real/a.py", "elsewhere/b.py")
    (tmp_path / "real" / "loop").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "link.py").symlink_to(tmp_path / "elsewhere" / "b.py")
    (tmp_path / "real" / "dangling.py").symlink_to("nowhere")
    assert names(tmp_path, "real") == ["real/a.py"]
    git(tmp_path, "init", "-q")
    assert names(tmp_path, "real") == ["real/a.py"]
    assert names(tmp_path, "real/link.py") == ["real/link.py"]


def test_what_is_excluded_is_left_out_unless_it_is_named(tmp_path):
    write(tmp_path, "a.py", "b.py")
    left = str(tmp_path / "b.py")
    assert names(tmp_path, excluded=lambda path: path == left) == ["a.py"]
    assert names(tmp_path, "b.py", excluded=lambda path: path == left) == ["b.py"]
    assert names(tmp_path, "a.py", "b.py", excluded=lambda path: path == left, force_exclude=True) == ["a.py"]


def test_what_is_not_there_or_no_file_is_refused(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PathNotFoundError, match="nowhere: no such file or folder"):
        names(tmp_path, "nowhere")
    with pytest.raises(BadInputError, match="loop: too many levels of symbolic links"):
        names(tmp_path, "loop")
    with pytest.raises(BadInputError, match="pipe: neither a file nor a folder"):
        names(tmp_path, "pipe")
    assert names(tmp_path) == []

"""Which files a scan reads: what Git tracks or would track, or what a walk finds where there is no Git.

Decides that a file named by the user is always read, that a file met twice is read once, and that
symbolic links are not followed: what they point to is read where it is, loops have no end, and a
link may leave the tree. Skipped: version control, environments, caches, installed packages, build
outputs outside Git, and what the settings exclude.
"""

# ruff: noqa: PTH110, PTH112, PTH114, PTH116, PTH118 - path objects of 20,000 files take longer than all the rest
from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

import msgspec

from ftlineage.drift.kinds import may_be_read
from ftlineage.errors import BadInputError, PathNotFoundError
from ftlineage.sources import git

_SKIPPED = frozenset(
    {
        ".git", ".hg", ".svn", ".jj", "node_modules", "bower_components", "__pycache__", "__pypackages__", ".venv",
        ".tox", ".nox", ".eggs", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".ipynb_checkpoints",
        "site-packages", "dist-packages", ".terraform", ".next", ".cache", ".idea", ".gradle",
    }
)  # fmt: skip
_BUILT = frozenset({"build", "dist", "target", "_build"})
# Beside these, a folder named `build` is what a tool wrote.
_BUILDERS = ("pyproject.toml", "setup.py", "setup.cfg", "package.json", "Cargo.toml", "pom.xml", "conf.py")


class Candidate(msgspec.Struct, frozen=True):
    """One file to read: where it is, what reports call it, and whether the user named it."""

    path: str
    shown: str
    named: bool = False


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a scan in the order of their names, and what was left out with the reason."""

    files: tuple[Candidate, ...]
    skipped: tuple[tuple[str, str], ...]


def shown_path(path: str, here: str) -> str:
    """A path relative to a folder with ``/``; a path on another drive as it is.

    Bytes that are no UTF-8 are written out, since every report is UTF-8.
    """
    try:
        text = os.path.relpath(path, here)
    except ValueError:
        text = path
    return os.fsencode(text.replace(os.sep, "/")).decode("utf-8", "backslashreplace")


def list_files(
    paths: Iterable[Path], *, here: Path, excluded: Callable[[str], bool] = lambda _: False, force_exclude: bool = False
) -> Listing:
    """Every file that a scan of some paths reads.

    Args:
        paths: Files and folders, relative to ``here``.
        here: The folder that names in reports are relative to.
        excluded: Whether an absolute path is left out; not asked about files the user named.
        force_exclude: Ask about those too, since the caller named everything (pre-commit does).

    Raises:
        PathNotFoundError: A path does not exist.
        BadInputError: It is neither a file nor a folder, or cannot be opened.
    """
    root = str(here.absolute())
    found: dict[str, Candidate] = {}
    skipped: list[tuple[str, str]] = []
    for path in paths:
        start = os.path.normpath(os.path.join(root, path))
        if stat.S_ISDIR(_mode(start, str(path))):
            for name in _files_below(start, root, skipped):
                if not excluded(name):
                    found.setdefault(name, Candidate(name, shown_path(name, root)))
        elif not (force_exclude and excluded(start)):
            found[start] = Candidate(start, shown_path(start, root), named=True)
    files = sorted(found.values(), key=lambda file: file.shown)
    return Listing(files=tuple(files), skipped=tuple(sorted(set(skipped))))


def _mode(path: str, typed: str) -> int:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError as error:
        raise PathNotFoundError(path=typed) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInputError(path=typed, reason=str(reason).lower()) from error
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise BadInputError(path=typed, reason="neither a file nor a folder")
    if not os.access(path, os.R_OK):
        raise BadInputError(path=typed, reason="permission denied")
    return mode


def _files_below(start: str, root: str, skipped: list[tuple[str, str]]) -> Iterator[str]:
    listed = _git_files(start)
    # An ignored folder that the user names is meant.
    return _walked(start, root, skipped) if not listed else _of_git(start, listed, root, skipped)


def _git_files(folder: str) -> list[str]:
    """Tracked files and those Git would take, relative to the folder; none outside of Git."""
    answer = git.ask(Path(folder), ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])
    return [os.fsdecode(name) for name in answer.output.split(b"\0") if name] if answer.ok else []


def _of_git(start: str, names: list[str], root: str, skipped: list[tuple[str, str]]) -> Iterator[str]:
    for name in names:
        path = os.path.join(start, name)
        if not _SKIPPED.isdisjoint(PurePosixPath(name).parts):
            continue
        if name.endswith("/") or (os.path.isdir(path) and not os.path.islink(path)):  # a repository within
            yield from _files_below(os.path.normpath(path), root, skipped)
        elif may_be_read(PurePosixPath(name)) and not os.path.islink(path):
            yield path


def _walked(start: str, root: str, skipped: list[tuple[str, str]]) -> Iterator[str]:
    def failed(error: OSError) -> None:
        skipped.append((shown_path(error.filename, root), (error.strerror or "cannot be read").lower()))

    for folder, folders, names in os.walk(start, onerror=failed):
        built = any(name in names for name in _BUILDERS)
        folders[:] = sorted(name for name in folders if not _is_skipped(folder, name, built=built))
        for name in sorted(names):
            path = os.path.join(folder, name)
            if may_be_read(PurePosixPath(name)) and _is_plain(path):
                yield path


def _is_skipped(folder: str, name: str, *, built: bool) -> bool:
    if name in _SKIPPED or name.endswith(".egg-info") or (built and name in _BUILT):
        return True
    return os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))


def _is_plain(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:  # it went away since the folder was listed
        return False

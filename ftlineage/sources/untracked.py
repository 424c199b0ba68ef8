"""New files that Git does not track yet: which of them are code, and their digests.

Decides which untracked files belong to the code of a run: regular files of at most 1 MiB that look
like code or configuration that people write (``SUFFIXES``, ``NAMES``). JSON, text and CSV files are
taken for data and results, which change from run to run. Left out are ignored files, folders given
by the caller, folders that hold a lineage card, virtual environments, repositories inside this one,
and places where tools leave their runs. Refused: a list without end; past 1000 files it says so
and records none.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from ftlineage.core.card import CARD_NAME, PARTIAL_NAME
from ftlineage.core.sections import FileRecord
from ftlineage.core.words import clean
from ftlineage.errors import FtlineageError, PathNotFoundError
from ftlineage.hashing.files import file_sha256
from ftlineage.sources.git import ask, failure

MAX_FILE_BYTES = 1024 * 1024
MAX_UNTRACKED = 1000
# fmt: off
SUFFIXES = frozenset({
    ".bash", ".bzl", ".c", ".cc", ".cfg", ".cmake", ".cpp", ".cu", ".cuh", ".cxx", ".go", ".h", ".hpp", ".ini",
    ".ipynb", ".j2", ".java", ".jinja", ".jinja2", ".jl", ".js", ".lua", ".mjs", ".pl", ".proto", ".ps1", ".pxd",
    ".py", ".pyi", ".pyx", ".r", ".rs", ".scala", ".sh", ".sql", ".toml", ".ts", ".yaml", ".yml", ".zsh",
})
NAMES = frozenset({
    "Dockerfile", "Justfile", "Makefile", "Snakefile", "constraints.txt", "justfile", "makefile",
})
# Places of tools, by name at any depth: what lies there is made, not written.
_TOOL_FOLDERS = frozenset({
    "__pycache__", ".ftlineage", ".hydra", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".pytest_cache",
    ".ruff_cache", ".tox", ".venv", "lightning_logs", "mlartifacts", "mlruns", "node_modules", "runs",
    "site-packages", "venv", "wandb",
})
# fmt: on
# A folder that holds one of these is a version, a half-written one, or an environment.
_MARKS = (CARD_NAME, PARTIAL_NAME, "pyvenv.cfg", "conda-meta")


def untracked_sources(
    root: Path, settings: Mapping[str, str], exclude: Iterable[Path], missing: list[str]
) -> list[FileRecord]:
    """Records of new source files of a repository, sorted by path.

    Args:
        root: Top folder of the work tree.
        settings: Git's settings, names in lower case.
        exclude: Folders whose files do not count.
        missing: Gets a sentence for each thing that could not be observed.
    """
    if settings.get("status.showuntrackedfiles") in ("no", "false"):
        missing.append("untracked files: Git is set not to show them (status.showUntrackedFiles)")
        return []
    answer = ask(root, ["ls-files", "--others", "--exclude-standard", "-z", "--full-name"])
    if not answer.ok:
        missing.append(failure("git ls-files", answer))
        return []
    excluded = tuple(folder.resolve() for folder in exclude)
    names = []
    for name in _source_names(answer.output, root, excluded):
        names.append(name)
        if len(names) > MAX_UNTRACKED:
            missing.append(f"untracked files: more than {MAX_UNTRACKED} source files; commit them, or ignore them")
            return []
    return sorted(_records(root, names, missing), key=lambda record: record.path)


def _source_names(output: bytes, root: Path, excluded: tuple[Path, ...]) -> Iterator[bytes]:
    """Names that look like source and lie in no folder that is left out."""
    real_root = root.resolve()
    known: dict[PurePosixPath, bool] = {}

    def is_left_out(folder: PurePosixPath) -> bool:
        if folder == PurePosixPath():
            return False
        if folder not in known:
            place = real_root / folder
            known[folder] = (
                folder.name in _TOOL_FOLDERS
                or place in excluded
                or any((place / mark).exists() for mark in _MARKS)
                or is_left_out(folder.parent)
            )
        return known[folder]

    for name in output.split(b"\0"):
        if _is_source_name(name) and not is_left_out(PurePosixPath(os.fsdecode(name)).parent):
            yield name


def _is_source_name(path: bytes) -> bool:
    name = path.rpartition(b"/")[2].decode("ascii", "replace")
    _, dot, suffix = name.rpartition(".")
    if dot + suffix.lower() in SUFFIXES or name in NAMES:
        return True
    return name.startswith("requirements") and name.endswith(".txt")


def _records(root: Path, names: list[bytes], missing: list[str]) -> Iterator[FileRecord]:
    for name in names:
        path = root / os.fsdecode(name)
        try:
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE_BYTES:
                continue
            digest = file_sha256(path)
        except (FileNotFoundError, PathNotFoundError):  # gone since Git listed it
            continue
        except (OSError, FtlineageError):
            missing.append(f"untracked file {_shown(name)} could not be read")
            continue
        yield FileRecord(path=_shown(name), size=found.st_size, sha256=digest)


def _shown(name: bytes) -> str:
    r"""A name as text fit for a card; other bytes are written out (``caf\xe9.py``)."""
    return clean(name.decode("utf-8", "backslashreplace"))

"""The code of a run: the Git commit, changes to tracked files, new source files, the script.

Decides what identifies code beside its commit: SHA-256 of the patch ``git diff HEAD`` prints under
fixed settings, and digests of untracked source files. The same state gives the same values for
every user and clone. Which new files count is decided in ``untracked``, what the script is in ``script``.

Refused: guessing. Without Git, or where Git will not answer, the section is unrecorded with the
reason; where only a part cannot be had, ``incomplete`` says which.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ftlineage.core.digest import is_commit_sha
from ftlineage.core.sections import Code, Unrecorded
from ftlineage.sources.errors import PatchUnavailableError
from ftlineage.sources.git import DIFF, Answer, ask, failure, stream
from ftlineage.sources.repository_url import repository_name
from ftlineage.sources.script import code_folder, observe_script, running_script
from ftlineage.sources.untracked import untracked_sources

__all__ = ["code_folder", "observe_code", "observe_script", "read_patch", "running_script"]

MAX_PATCH_BYTES = 256 * 1024 * 1024
_WANTED_SETTINGS = r"^(remote\..*\.url|status\.showuntrackedfiles|extensions\.objectformat)$"
_SHA256_NAMES = "the repository names its commits by SHA-256, which cards cannot hold yet"


def observe_code(start: Path, *, exclude: Iterable[Path] = ()) -> Code | Unrecorded:
    """Record the repository a folder lies in.

    Args:
        start: A folder, or a file in it.
        exclude: Folders whose untracked files do not count: the run's output.

    Returns:
        The section, or why there is none: no Git, no repository, or Git refuses to read it.
    """
    found = _open(start)
    if isinstance(found, Unrecorded):
        return found
    missing: list[str] = []
    commit = _commit(found.root, found.settings, missing)
    dirty, diff = _difference(found, missing)
    return Code(
        repository=_repository(found.settings),
        commit=commit,
        dirty=dirty,
        diff=diff,
        untracked=untracked_sources(found.root, found.settings, exclude, missing),
        incomplete="; ".join(missing) or None,
    )


def read_patch(start: Path) -> bytes:
    """The patch whose SHA-256 is ``Code.diff``; empty when nothing differs from the commit.

    ``git apply`` on a checkout of the commit (with its submodules) gives the tracked files back.

    Raises:
        PatchUnavailableError: There is no repository, Git will not answer, or the patch is larger than 256 MiB.
    """
    found = _open(start)
    if isinstance(found, Unrecorded):
        raise PatchUnavailableError(reason=found.reason)
    parts: list[bytes] = []
    size = 0

    def take(chunk: bytes) -> None:
        nonlocal size
        size += len(chunk)
        if size > MAX_PATCH_BYTES:
            raise PatchUnavailableError(reason="it is larger than 256 MiB", hint="Commit large files, or ignore them")
        parts.append(chunk)

    answer = _diff(found, take)
    if not answer.ok:
        raise PatchUnavailableError(reason=failure("git diff", answer))
    return b"".join(parts)


# --- the repository ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Repository:
    root: Path
    index: Path
    settings: dict[str, str]


def _open(start: Path) -> _Repository | Unrecorded:
    folder = start if start.is_dir() else start.parent
    answer = ask(folder, ["rev-parse", "--show-toplevel", "--git-path", "index"])
    top, _, index = answer.line.rpartition("\n")
    if not answer.ok or not top:
        return Unrecorded(section="code", reason=_no_repository(answer))
    root = Path(top)
    settings = _settings(ask(root, ["config", "--null", "--get-regexp", _WANTED_SETTINGS]))
    return _Repository(root=root, index=folder / index, settings=settings)


def _no_repository(answer: Answer) -> str:
    if answer.code is None:
        return answer.error
    if "dubious ownership" in answer.error:
        return "Git refuses the repository because another user owns it (git config --global --add safe.directory)"
    if "not a git repository" in answer.error:
        return "not inside a Git repository"
    if "work tree" in answer.error:
        return "inside a Git repository that has no work tree"
    return f"Git cannot read the repository (exit {answer.code})"


def _settings(answer: Answer) -> dict[str, str]:
    """Settings by lower-case name; the last value of each wins, as in Git."""
    entries = (entry.partition("\n") for entry in os.fsdecode(answer.output).split("\0") if entry)
    return {_lower_name(name): value for name, _, value in entries}


def _lower_name(name: str) -> str:
    # The middle part of `remote.<name>.url` keeps its case; Git prints the others lower already.
    return name if name.startswith("remote.") else name.lower()


def _repository(settings: dict[str, str]) -> str | None:
    """The name of ``origin``, else of the first remote that is no local path."""
    urls = {name: url for name, url in settings.items() if name.startswith("remote.")}
    ordered = [urls.get("remote.origin.url"), *(urls[name] for name in sorted(urls))]
    return next((found for url in ordered if url and (found := repository_name(url)) is not None), None)


def _commit(root: Path, settings: dict[str, str], missing: list[str]) -> str | None:
    answer = ask(root, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
    if answer.ok and is_commit_sha(answer.line):
        return answer.line
    if answer.ok and settings.get("extensions.objectformat") == "sha256":
        missing.append(_SHA256_NAMES)
    elif answer.code == 1:
        missing.append("the repository has no commit yet")
    else:
        missing.append(failure("git rev-parse", answer))
    return None


# --- changes to tracked files ------------------------------------------------------------------


def _reference(root: Path) -> str:
    """What to compare with: HEAD, or before the first commit the empty tree."""
    if ask(root, ["rev-parse", "--verify", "--quiet", "HEAD"]).ok:
        return "HEAD"
    return ask(root, ["hash-object", "-t", "tree", os.devnull]).line


def _diff(repository: _Repository, take: Callable[[bytes], object]) -> Answer:
    """Run the fixed ``git diff`` on a copy of the index.

    ``git diff`` writes what it learns about file times into the index, under a lock that can make
    the user's own ``git commit`` of that moment fail; GIT_OPTIONAL_LOCKS does not keep it from that.
    The copy keeps its time: Git reads again every file that is not older than its index, and would
    otherwise miss a change made within the second of the last ``git add``.
    """
    with tempfile.TemporaryDirectory(prefix="ftlineage-") as folder:
        index = Path(folder) / "index"
        try:
            shutil.copy2(repository.index, index)
        except FileNotFoundError:  # nothing was ever added
            pass
        except OSError as error:
            return Answer(code=None, error=f"the index cannot be copied: {(error.strerror or '').lower()}")
        return stream(repository.root, [*DIFF, _reference(repository.root)], take, index=index)


def _difference(repository: _Repository, missing: list[str]) -> tuple[bool | None, str | None]:
    """Whether tracked files differ from the commit, and SHA-256 of the patch if they do."""
    state = hashlib.sha256()
    empty = state.hexdigest()
    answer = _diff(repository, state.update)
    if not answer.ok:
        missing.append(failure("git diff", answer))
        return None, None
    digest = state.hexdigest()
    return digest != empty, None if digest == empty else digest

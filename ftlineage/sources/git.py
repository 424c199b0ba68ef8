"""The ``git`` program as a reader of repositories: no locks, no prompts, no settings that change answers.

Decides under which environment and settings Git runs, so that one state of a repository gives the
same bytes for every user: variables that point Git elsewhere (set inside hooks) are dropped,
settings that alter a diff are overridden, and programs named in settings (external diff, text
conversion, file system monitor, pager) are not started. Clean filters do run: without them Git LFS
and line-end conversion would make every file look changed. Refused: waiting longer than a limit.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 30.0
_CHUNK = 1024 * 1024
_MAX_ERROR = 4096

# Kept of the caller's own variables: where the settings are, where Git is, where to stop looking.
_KEPT = ("GIT_CONFIG", "GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM")

# `core.abbrev` reaches the headers of submodules, which --full-index does not.
_SETTINGS = {
    "core.abbrev": "40",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.quotePath": "true",
    "diff.suppressBlankEmpty": "false",
}
DIFF = (
    "diff",
    "--binary",
    "--full-index",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-renames",
    "--no-indent-heuristic",
    "--diff-algorithm=myers",
    "--unified=3",
    "--inter-hunk-context=0",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "-O" + os.devnull,
    # What changed inside a submodule, not only that something did; the patch still applies.
    "--submodule=diff",
    "--ignore-submodules=untracked",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What Git said. ``code`` is None when it did not run to its end; ``error`` says why then."""

    code: int | None
    output: bytes = b""
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether Git ran and succeeded."""
        return self.code == 0

    @property
    def line(self) -> str:
        """The output without its final newline, as a file system name."""
        return os.fsdecode(self.output.removesuffix(b"\n"))


def ask(folder: Path, arguments: Iterable[str], *, timeout: float = TIMEOUT) -> Answer:
    """Run one Git command and keep its output; arguments as for :func:`stream`."""
    parts: list[bytes] = []
    answer = stream(folder, arguments, parts.append, timeout=timeout)
    return Answer(code=answer.code, output=b"".join(parts), error=answer.error)


def stream(
    folder: Path,
    arguments: Iterable[str],
    take: Callable[[bytes], object],
    *,
    index: Path | None = None,
    timeout: float = TIMEOUT,
) -> Answer:
    """Run one Git command and hand over its output piece by piece; nothing is kept of it.

    Args:
        folder: Where to run it.
        arguments: Subcommand and its arguments.
        take: Called with each piece of standard output.
        index: Another index file than the repository's.
        timeout: Seconds it may take.
    """
    settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command = ["git", "--no-pager", "--literal-pathspecs", *settings, *arguments]
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(index),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        return Answer(code=None, error="Git is not installed" if folder.is_dir() else "the folder does not exist")
    except OSError as error:
        return Answer(code=None, error=f"Git could not be started: {(error.strerror or type(error).__name__).lower()}")
    return _drain(process, take, timeout)


def repository_root(start: Path) -> Path | None:
    """The top folder of the work tree that a folder lies in, or None."""
    answer = ask(start if start.is_dir() else start.parent, ["rev-parse", "--show-toplevel"])
    return Path(answer.line) if answer.ok and answer.line else None


def failure(what: str, answer: Answer) -> str:
    """Why a command gave nothing, fit for a card: Git's own words may hold absolute paths."""
    return f"{what} failed: {answer.error}" if answer.code is None else f"{what} failed (exit {answer.code})"


def _drain(process: subprocess.Popen[bytes], take: Callable[[bytes], object], timeout: float) -> Answer:
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(timeout, stop)
    timer.daemon = True
    errors: list[bytes] = []
    reader = threading.Thread(target=_read_errors, args=(process, errors), daemon=True)
    with process:
        timer.start()
        reader.start()
        try:
            while chunk := process.stdout.read1(_CHUNK):  # type: ignore[union-attr]
                take(chunk)
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            timer.cancel()
        reader.join()
    if late.is_set():
        return Answer(code=None, error=f"Git took longer than {timeout:g} s")
    return Answer(code=code, error=b"".join(errors).decode("utf-8", "replace"))


def _read_errors(process: subprocess.Popen[bytes], errors: list[bytes]) -> None:
    """Read standard error to its end, so that Git never waits for a reader; keep its beginning."""
    kept = 0
    while chunk := process.stderr.read1(_CHUNK):  # type: ignore[union-attr]
        if kept < _MAX_ERROR:
            errors.append(chunk[: _MAX_ERROR - kept])
            kept += len(errors[-1])


def _environment(index: Path | None) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name.startswith(_KEPT)}
    return (
        own
        | ({"GIT_INDEX_FILE": str(index)} if index is not None else {})
        | {
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "LC_ALL": "C",
            "LANGUAGE": "C",
        }
    )

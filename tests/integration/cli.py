"""The command line as a user meets it: a process with an exit code and two streams, or a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "ftlineage")
TIMEOUT = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What a finished process left."""

    code: int
    out: str
    err: str


def environment(**changes: str) -> dict[str, str]:
    """The tests' own environment, with the package found from any folder and no colour settings of the developer."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **changes}


def run(arguments: Sequence[str], *, cwd: Path | None = None, **variables: str) -> Done:
    """Run ``ftlineage`` with both streams piped."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Done(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


def run_in_shell(script: str, *, cwd: Path | None = None, **variables: str) -> Done:
    """Run a line of bash in which ``$F`` is ``ftlineage``; for what only a shell can do to a stream."""
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=cwd,
        env=environment(F=" ".join(COMMAND), **variables),
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Done(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


def run_in_terminal(
    arguments: Sequence[str], *, columns: int, cwd: Path | None = None, **variables: str
) -> tuple[int, str]:
    """Run ``ftlineage`` on a pseudo-terminal and return its exit code and everything it showed."""
    ours, theirs = pty.openpty()
    try:
        # COLUMNS stays unset: the width must come from the terminal itself.
        os.set_blocking(ours, False)
        _set_columns(theirs, columns)
        with subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=cwd,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        ) as process:
            shown = _read_all(ours, process)
            return process.wait(TIMEOUT), shown.decode().replace("\r\n", "\n")
    finally:
        os.close(ours)
        os.close(theirs)


def _set_columns(terminal: int, columns: int) -> None:
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def _read_all(terminal: int, process: subprocess.Popen[bytes]) -> bytes:
    shown = b""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        readable, _, _ = select.select([terminal], [], [], 0.05)
        if readable:
            with contextlib.suppress(OSError):
                shown += os.read(terminal, 65536)
        elif ended:
            break
    return shown

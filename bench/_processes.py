"""Whole processes, timed: wall seconds and peak resident memory of each, taken in turn."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1_000_000
# The first round compiles bytecode and fills the page cache.
WARM_UP = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What one command took: the median of its rounds, and the most memory of any."""

    seconds: float
    peak: float


def environment(bytecode: Path, **more: str) -> dict[str, str]:
    """As installed packages run: output is buffered, bytecode is kept, but not among the sources."""
    unlike_users = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if name not in unlike_users}
    return {**kept, "PYTHONPYCACHEPREFIX": str(bytecode), "HF_HUB_OFFLINE": "1", **more}


def beside_python(command: str) -> str | None:
    """Where a program is: beside this Python, or on PATH."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return shutil.which(command, path=places)


def compare(commands: Mapping[str, Sequence[str]], rounds: int, variables: dict[str, str]) -> dict[str, Taken]:
    """Run the commands in turn, round after round, so that what else the machine does meets all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    peaks: dict[str, float] = dict.fromkeys(commands, 0.0)
    for number in range(WARM_UP + rounds):
        for name, command in commands.items():
            took, peak = measure(command, variables)
            peaks[name] = max(peaks[name], peak)
            if number >= WARM_UP:
                seconds[name].append(took)
    return {name: Taken(seconds=statistics.median(values), peak=peaks[name]) for name, values in seconds.items()}


def measure(command: Sequence[str], variables: dict[str, str]) -> tuple[float, float]:
    """Wall seconds and peak resident megabytes of one process; ends the program if it fails."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=variables)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed with {process.returncode}")
    scale = 1 if sys.platform == "darwin" else 1024
    return took, usage.ru_maxrss * scale / MEGABYTE

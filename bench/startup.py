"""What starting costs: whole processes, taken in turn, medians and ratios to an empty Python.

    python -m bench.startup
    python -m bench.startup --rounds 41 --peer "mlflow=/opt/mlflow/bin/mlflow --version"

Peers are found beside this Python and on PATH; those that are not installed are named and skipped.
Targets: ``--version`` at most 8 times an empty Python, ``verify`` of a tiny adapter at most 15 times.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

EMPTY = "empty Python"
TARGETS = {"ftlineage --version": 8.0, "ftlineage verify (tiny adapter)": 15.0}
# Warm-up rounds: the first run of each compiles bytecode and fills the page cache.
WARM_UP = 2
PEERS = {
    "hf version": ["hf", "version"],
    "gto --version": ["gto", "--version"],
    "dvc --version": ["dvc", "--version"],
    "model_signing --version": ["model_signing", "--version"],
    "mlflow --version": ["mlflow", "--version"],
    "wandb --version": ["wandb", "--version"],
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND", help="another program to time")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="ftlineage-bench-") as scratch:
        adapter = Path(scratch) / "adapter"
        subprocess.run([sys.executable, "-m", "bench.verify_input", str(adapter), "0"], check=True)
        commands = {**own_commands(adapter), **peer_commands(), **dict(named(text) for text in options.peer)}
        seconds = measured(commands, options.rounds)
    report(seconds, options.rounds)


def own_commands(adapter: Path) -> dict[str, list[str]]:
    python = sys.executable
    return {
        EMPTY: [python, "-c", ""],
        "import ftlineage": [python, "-c", "import ftlineage"],
        "ftlineage --version": [python, "-m", "ftlineage", "--version"],
        "ftlineage verify --help": [python, "-m", "ftlineage", "verify", "--help"],
        "ftlineage verify (tiny adapter)": [python, "-m", "ftlineage", "verify", str(adapter)],
        "ftlineage show (tiny adapter)": [python, "-m", "ftlineage", "show", str(adapter)],
    }


def peer_commands() -> dict[str, list[str]]:
    """Peers that are installed; the others are named."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    found = {name: shutil.which(command[0], path=places) for name, command in PEERS.items()}
    absent = [PEERS[name][0] for name, path in found.items() if path is None]
    if absent:
        print(f"not installed, skipped: {', '.join(absent)}")
    return {name: [path, *PEERS[name][1:]] for name, path in found.items() if path is not None}


def named(text: str) -> tuple[str, list[str]]:
    name, _, command = text.partition("=")
    return name, shlex.split(command)


def measured(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every command in every round; one that fails is named and left out."""
    # No network: a peer's telemetry or update check would be timed too.
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(WARM_UP + rounds):
        for name in list(seconds):
            begin = time.perf_counter()
            done = subprocess.run(commands[name], env=env, capture_output=True, check=False)
            took = time.perf_counter() - begin
            if done.returncode:
                print(
                    f"{name}: exit {done.returncode}, left out: {done.stderr.decode(errors='replace').strip()[-200:]}"
                )
                del seconds[name]
            elif turn >= WARM_UP:
                seconds[name].append(took)
    return seconds


def report(seconds: Mapping[str, Sequence[float]], rounds: int) -> None:
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    empty = middle[EMPTY]
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, medians of {rounds} rounds")
    print(f"{'process':<34} {'ms':>8} {'fastest':>8} {'to empty':>9}  target")
    for name, value in middle.items():
        ratio, target = value / empty, TARGETS.get(name)
        verdict = "" if target is None else f"<= {target:g}: {'met' if ratio <= target else 'MISSED'}"
        print(f"{name:<34} {value * 1000:>8.1f} {min(seconds[name]) * 1000:>8.1f} {ratio:>8.1f}x  {verdict}")


if __name__ == "__main__":
    main()

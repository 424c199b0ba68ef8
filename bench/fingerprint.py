"""Row fingerprints against hashing the same buffers and against peers: whole processes, taken in turn, medians.

    python -m bench.fingerprint                     200 MB of flat text and of chat
    python -m bench.fingerprint --size 500 --rounds 5

The floor is one-thread SHA-256 over the Arrow buffers of the mapped file, as they lie there. The last
column says whether a method notices that one word of the last row changed. Files are in the page cache.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench._fingerprint_methods import METHODS, available
from bench._processes import environment, measure

# Slower than the floor by far: one round says enough.
SLOW = {"hasher", "pandas", "mlflow"}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=200, metavar="MB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    options = parser.parse_args(arguments)
    methods = {name: label for name, label in available().items() if name in options.methods}
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, medians of {options.rounds} rounds")
    for name in options.methods:
        if name not in methods:
            print(f"left out: {METHODS[name][0]}, {METHODS[name][2]} is not installed")
    with tempfile.TemporaryDirectory(prefix="ftlineage-bench-") as scratch:
        folder = Path(scratch)
        # In a process of its own: a parent's peak memory counts as its children's.
        subprocess.run([sys.executable, "-m", "bench.fingerprint_input", scratch, str(options.size)], check=True)
        variables = environment(folder / "bytecode")
        print(f"\n{'table':<12} {'method':<38} {'seconds':>8} {'ratio':>6} {'peak MB':>8}  last row")
        for kind in ("flat", "chat"):
            table = Table(folder=folder, kind=kind, size=options.size)
            report(table, methods, options.rounds, variables)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of the bench, and its twin whose last row differs."""

    folder: Path
    kind: str
    size: int

    @property
    def path(self) -> Path:
        """The Arrow file."""
        return self.folder / f"{self.kind}.arrow"

    @property
    def changed(self) -> Path:
        """The same with another last row."""
        return self.folder / f"{self.kind}-changed.arrow"


def report(table: Table, methods: dict[str, str], rounds: int, variables: dict[str, str]) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    peaks = dict.fromkeys(methods, 0.0)
    for number in range(rounds + 1):
        for name in methods:
            if name in SLOW and number > 1:
                continue
            took, peak = measure(command(name, table.path), variables)
            peaks[name] = max(peaks[name], peak)
            if number:  # the first round fills the page cache and compiles
                seconds[name].append(took)
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    floor = middle.get("sha256")
    for name, label in methods.items():
        ratio = f"{middle[name] / floor:6.2f}" if floor else "     -"
        seen = "seen" if notices(name, table, variables) else "NOT SEEN"
        first = f"{table.kind:<5} {table.size:>3} MB"
        print(f"{first} {label:<38} {middle[name]:8.3f} {ratio} {peaks[name]:8.1f}  {seen}", flush=True)


def command(name: str, path: Path) -> list[str]:
    return [sys.executable, "-m", "bench._fingerprint_methods", name, str(path)]


def notices(name: str, table: Table, variables: dict[str, str]) -> bool:
    outputs = {
        subprocess.run(command(name, path), env=variables, check=True, capture_output=True, text=True).stdout
        for path in (table.path, table.changed)
    }
    return len(outputs) > 1


if __name__ == "__main__":
    main()

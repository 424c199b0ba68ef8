"""``ftlineage verify`` against hashing the same bytes: whole processes, taken in turn, medians.

    python -m bench.verify                    50 MB, 200 MB and 1 GB
    python -m bench.verify --sizes 50 --rounds 3

The floor is ``openssl dgst -sha256`` over the same files, which uses one core and the SHA
instructions; coreutils' ``sha256sum`` often does not. Ours also parses the card, checks its id and
proves every byte, header and tensor by tensor, on all cores. Files are in the page cache.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

MEGABYTE = 1_000_000


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 200, 1000], metavar="MB")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, medians of {options.rounds} rounds")
    print(f"{'adapter':>8}  {'command':<24} {'seconds':>8} {'to openssl':>10} {'to empty':>9} {'peak MB':>8}")
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix="ftlineage-bench-") as scratch:
            folder = Path(scratch) / "adapter"
            # In a process of its own: a parent's peak memory counts as its children's.
            subprocess.run([sys.executable, "-m", "bench.verify_input", str(folder), str(size)], check=True)
            report(size, folder, options.rounds, environment(Path(scratch) / "bytecode"))


def environment(bytecode: Path) -> dict[str, str]:
    """Bytecode is kept, as for an installed package, but not among the sources."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(bytecode)}


def report(size: int, folder: Path, rounds: int, variables: dict[str, str]) -> None:
    files = [str(path) for path in sorted(folder.iterdir()) if path.name != "lineage.json"]
    commands = {
        "empty Python": [sys.executable, "-c", ""],
        "openssl dgst -sha256": ["openssl", "dgst", "-sha256", *files],
        "sha256sum": ["sha256sum", *files],
        "ftlineage verify": [sys.executable, "-m", "ftlineage", "verify", str(folder)],
    }
    found = {name: command for name, command in commands.items() if shutil.which(command[0])}
    seconds: dict[str, list[float]] = {name: [] for name in found}
    peaks: dict[str, float] = dict.fromkeys(found, 0.0)
    for number in range(rounds + 1):
        for name, command in found.items():
            took, peak = measured(command, variables)
            peaks[name] = max(peaks[name], peak)
            if number:  # the first round fills the page cache and compiles
                seconds[name].append(took)
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    floor, empty = middle.get("openssl dgst -sha256"), middle["empty Python"]
    for name, value in middle.items():
        ratio = f"{value / floor:.2f}" if floor else "-"
        print(f"{size:>5} MB  {name:<24} {value:8.3f} {ratio:>10} {value / empty:9.1f} {peaks[name]:8.1f}")


def measured(command: Sequence[str], variables: dict[str, str]) -> tuple[float, float]:
    """Wall seconds and peak resident megabytes of one process."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=variables)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed with {process.returncode}")
    scale = 1 if sys.platform == "darwin" else 1024
    return took, usage.ru_maxrss * scale / MEGABYTE


if __name__ == "__main__":
    main()

"""``ftlineage scan`` over a large tree, beside Bandit on its Python files and reading all bytes: whole processes.

    python -m bench.scan
    python -m bench.scan --files 20000 --rounds 3
    python -m bench.scan --tree some/checkout --bandit /opt/bandit/bin/bandit

The floor reads every file of the tree and does nothing with it. The peer is Bandit with its one rule
for this, B615; it reads Python alone, so files a second are counted over what each reads.
``bench.scan_input`` writes the tree; its files are in the page cache. Memory is that of the largest
process of each. Target: 500 files a second on two cores, the start of the process included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bench import scan_input
from bench._processes import Taken, beside_python, compare, environment

FLOOR, OURS, ALONE, PEER = "reading all bytes", "ftlineage scan", "ftlineage scan --jobs 1", "bandit -t B615"
TARGET = 500.0
READ = "import os, sys; [open(os.path.join(d, f), 'rb').read() for d, _, files in os.walk(sys.argv[1]) for f in files]"


class Scanned(msgspec.Struct):
    """What is needed of a scan's JSON."""

    counts: dict[str, int]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=scan_input.FILES)
    parser.add_argument("--tree", type=Path, metavar="FOLDER", help="read this instead of a tree written for it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--bandit", default=beside_python("bandit"), metavar="PROGRAM")
    options = parser.parse_args(arguments)
    cores = keep_to(options.cores)
    with tempfile.TemporaryDirectory(prefix="ftlineage-bench-") as name:
        tree = options.tree or Path(name) / "tree"
        if options.tree is None:
            scan_input.main(str(tree), options.files)
        variables = environment(Path(name) / "bytecode")
        commands = commands_for(str(tree), options.bandit)
        counts = scanned([*commands[OURS], "--json"], variables)
        read = files_read(tree, counts["files"])
        taken = compare(commands, options.rounds, variables)
    print(f"{cores} cores, Python {sys.version.split()[0]}, medians of {options.rounds} rounds")
    print(f"{counts['references']} references in {counts['files']} files, {counts['floating']} floating")
    report(taken, read)


def keep_to(cores: int) -> int:
    """Keep this process and those it starts to so many cores; how many there are."""
    if not hasattr(os, "sched_setaffinity"):
        return os.cpu_count() or 1
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    return len(os.sched_getaffinity(0))


def commands_for(tree: str, bandit: str | None) -> dict[str, list[str]]:
    ours = [sys.executable, "-m", "ftlineage", "scan", tree, "--fail-on", "never"]
    commands = {FLOOR: [sys.executable, "-c", READ, tree], OURS: ours, ALONE: [*ours, "--jobs", "1"]}
    if bandit is None:
        print("bandit is not installed, skipped (--bandit names another)")
        return commands
    return {**commands, PEER: [bandit, "-r", tree, "-t", "B615", "-q", "-f", "json", "--exit-zero"]}


def scanned(command: Sequence[str], variables: dict[str, str]) -> dict[str, int]:
    done = subprocess.run(command, capture_output=True, env=variables, check=True)
    return msgspec.json.decode(done.stdout, type=Scanned).counts


def files_read(tree: Path, ours: int) -> dict[str, int]:
    """How many files each of the commands opens."""
    every = [path for path in tree.rglob("*") if path.is_file()]
    return {FLOOR: len(every), OURS: ours, ALONE: ours, PEER: sum(path.suffix == ".py" for path in every)}


def report(taken: Mapping[str, Taken], read: Mapping[str, int]) -> None:
    floor = taken[FLOOR].seconds
    print(f"{'command':<24} {'seconds':>8} {'to floor':>9} {'files':>7} {'files/s':>8} {'peak MB':>8}")
    for name, one in taken.items():
        rate = read[name] / one.seconds
        print(f"{name:<24} {one.seconds:8.2f} {one.seconds / floor:9.1f} {read[name]:7} {rate:8.0f} {one.peak:8.1f}")
    rate = read[OURS] / taken[OURS].seconds
    print(f"files a second: {rate:.0f}, target >= {TARGET:g}: {'met' if rate >= TARGET else 'MISSED'}")


if __name__ == "__main__":
    main()

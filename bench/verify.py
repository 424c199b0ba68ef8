"""``ftlineage verify`` against hashing the same bytes and against a peer: whole processes in turn, medians.

    python -m bench.verify                    50 MB, 200 MB and 1 GB
    python -m bench.verify --sizes 50 --rounds 3
    python -m bench.verify --model-signing /opt/model-signing/bin/model_signing

The floor is ``openssl dgst -sha256`` over the same files, which uses one core and the SHA
instructions; coreutils' ``sha256sum`` often does not. The peer is ``model_signing verify`` with a
signature made by itself over the same folder. Ours also parses the card, checks its id and proves
every byte, header and tensor by tensor, on all cores. Files are in the page cache. Targets: 1 GB in
at most 0.75 of openssl's time, 200 MB twice as fast as the peer, less than 60 MB of memory at any size.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench._processes import Taken, beside_python, compare, environment

EMPTY, FLOOR, OURS, PEER = "empty Python", "openssl dgst -sha256", "ftlineage verify", "model_signing verify"
TARGET_FLOOR, TARGET_PEER, TARGET_PEAK = 0.75, 2.0, 60.0
FLOOR_FROM, PEER_FROM = 1000, 200  # MB at which the two targets are set


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 200, 1000], metavar="MB")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--model-signing", default=beside_python("model_signing"), metavar="PROGRAM")
    options = parser.parse_args(arguments)
    peer = working(options.model_signing)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, medians of {options.rounds} rounds")
    print(f"{'adapter':>8}  {'command':<24} {'seconds':>8} {'to openssl':>10} {'to empty':>9} {'peak MB':>8}")
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix="ftlineage-bench-") as scratch:
            folder = Path(scratch) / "adapter"
            # In a process of its own: a parent's peak memory counts as its children's.
            subprocess.run([sys.executable, "-m", "bench.verify_input", str(folder), str(size)], check=True)
            commands = {**own_commands(folder), **peer_commands(folder, peer, Path(scratch))}
            report(size, compare(commands, options.rounds, environment(Path(scratch) / "bytecode")))


def working(program: str | None) -> str | None:
    """The peer's program if it runs at all; says why not otherwise."""
    if program is None:
        print("model_signing is not installed, skipped (--model-signing names another)")
        return None
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{program} does not run, skipped: {done.stderr.strip().splitlines()[-1:]}")
        return None
    print(done.stdout.strip())
    return program


def own_commands(folder: Path) -> dict[str, list[str]]:
    """Ours and the floors; a floor that is not installed is left out."""
    files = [str(path) for path in sorted(folder.iterdir()) if path.name != "lineage.json"]
    commands = {
        EMPTY: [sys.executable, "-c", ""],
        FLOOR: ["openssl", "dgst", "-sha256", *files],
        "sha256sum": ["sha256sum", *files],
        OURS: [sys.executable, "-m", "ftlineage", "verify", str(folder)],
    }
    return {name: command for name, command in commands.items() if shutil.which(command[0])}


def peer_commands(folder: Path, peer: str | None, scratch: Path) -> dict[str, list[str]]:
    """``model_signing verify`` of the same folder, signed by ``model_signing sign`` with a new key."""
    if peer is None:
        return {}
    private, public, signature = (str(scratch / name) for name in ("private.pem", "public.pem", "peer.sig"))
    for command in (
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private],
        ["openssl", "ec", "-in", private, "-pubout", "-out", public],
        [peer, "sign", "key", "--private_key", private, "--signature", signature, str(folder)],
    ):
        subprocess.run(command, check=True, capture_output=True)
    return {PEER: [peer, "verify", "key", "--public_key", public, "--signature", signature, str(folder)]}


def report(size: int, taken: Mapping[str, Taken]) -> None:
    floor, empty, ours, peer = taken.get(FLOOR), taken[EMPTY], taken[OURS], taken.get(PEER)
    for name, one in taken.items():
        ratio = f"{one.seconds / floor.seconds:.2f}" if floor else "-"
        times = one.seconds / empty.seconds
        print(f"{size:>5} MB  {name:<24} {one.seconds:8.3f} {ratio:>10} {times:9.1f} {one.peak:8.1f}")
    if floor and size >= FLOOR_FROM:
        told(
            "to openssl",
            ours.seconds / floor.seconds,
            f"<= {TARGET_FLOOR}",
            ours.seconds / floor.seconds <= TARGET_FLOOR,
        )
    if peer and size >= PEER_FROM:
        told("times faster than model_signing", peer.seconds / ours.seconds, f">= {TARGET_PEER}",
             peer.seconds / ours.seconds >= TARGET_PEER)  # fmt: skip
    told("peak MB", ours.peak, f"< {TARGET_PEAK:g}", ours.peak < TARGET_PEAK)


def told(what: str, value: float, target: str, met: bool) -> None:  # noqa: FBT001 - one line of a table
    print(f"          {what}: {value:.2f}, target {target}: {'met' if met else 'MISSED'}")


if __name__ == "__main__":
    main()

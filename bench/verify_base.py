"""A 10 GB base by receipts: ``ftlineage verify --base`` at first sight, at every later one, and forced to read it all.

    python -m bench.verify_base
    python -m bench.verify_base --gigabytes 1 --rounds 3

The base is one sparse file, so it needs no room on the disk; every byte of it is hashed all the
same. What the base adds is the difference to a verification that compares no base. Target: a base
that was hashed before adds milliseconds, whatever its size.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench._processes import compare, environment, measure
from bench.verify_input import write
from ftlineage.core.card import CARD_NAME, NO_ID, make_card, read_card
from ftlineage.core.sections import Base
from ftlineage.hashing.files import list_files, record_files

GIGABYTE = 1_000_000_000
TARGET_MS = 50.0
# Receipts are refused for files touched less than two seconds ago.
OLD_ENOUGH = 2.5


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="ftlineage-bench-") as name:
        scratch = Path(name)
        folder, base = made(scratch, options.gigabytes)
        variables = environment(
            scratch / "bytecode", FTLINEAGE_CACHE=str(scratch / "receipts"), HF_HOME=str(scratch / "hf")
        )
        verify = [sys.executable, "-m", "ftlineage", "verify", str(folder)]
        measure(verify, variables)
        first, _ = measure([*verify, "--base", str(base)], variables)
        commands = {"no base": verify, "base by receipts": [*verify, "--base", str(base)]}
        taken = compare(commands, options.rounds, variables)
        whole, _ = measure([*verify, "--base", str(base), "--full-base"], variables)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, a base of {options.gigabytes} GB")
    print(f"{'at first sight':<20} {first:8.3f} s")
    for row, one in taken.items():
        print(f"{row:<20} {one.seconds:8.3f} s  median of {options.rounds} rounds")
    print(f"{'--full-base':<20} {whole:8.3f} s")
    added = 1000 * (taken["base by receipts"].seconds - taken["no base"].seconds)
    print(
        f"a base hashed before adds {added:.1f} ms, target < {TARGET_MS:g}: {'met' if added < TARGET_MS else 'MISSED'}"
    )


def made(scratch: Path, gigabytes: int) -> tuple[Path, Path]:
    """A tiny adapter whose card lists the base's files, and the base."""
    folder, base = scratch / "adapter", scratch / "base"
    write(folder, 0)
    base.mkdir()
    (base / "config.json").write_bytes(b'{"model_type": "llama"}')
    (base / "model.safetensors").touch()
    os.truncate(base / "model.safetensors", gigabytes * GIGABYTE)
    card = read_card((folder / CARD_NAME).read_bytes()).body
    assert isinstance(card.base, Base)
    described = Base(
        model=card.base.model, revision=card.base.revision, origin="hub", files=record_files(list_files(base), base)
    )
    sealed = make_card(msgspec.structs.replace(card, id=NO_ID, base=described))
    (folder / CARD_NAME).write_bytes(sealed.to_bytes())
    time.sleep(OLD_ENOUGH)
    return folder, base


if __name__ == "__main__":
    main()

"""``ftlineage check``: does the lock answer the code; for pull requests, without the network."""

from __future__ import annotations

import time
from pathlib import Path

import click

from ftlineage.cli.lazy import verb
from ftlineage.cli.locks import PATH, find_lock, lock_option, looked_at, scan_for, shown, tell
from ftlineage.cli.output import Output
from ftlineage.core import words
from ftlineage.core.finding import Report, make_report


@verb("ftlineage check", "ftlineage check src --pinned --json")
@click.argument("paths", nargs=-1, type=PATH)
@lock_option
@click.option("--pinned", is_flag=True, help="Fail on locked references that the code does not pin.")
def check(out: Output, paths: tuple[Path, ...], *, lock_file: Path | None, pinned: bool) -> int:
    """Check that ftlineage.lock answers every reference in the code.

    PATHS are files and folders, the current folder by default. Every reference must be locked, and
    every pinned one at the commit that is locked. Writes nothing and does not use the network.

    Exits with 0 if that holds, 1 if not, and 2 if the command line or the lock file is wrong.
    """
    from ftlineage.drift.check import check as run
    from ftlineage.drift.errors import LockMissingError
    from ftlineage.drift.formats.document import entry
    from ftlineage.drift.lockfile import read_lock

    started = time.perf_counter()
    path = find_lock(lock_file)
    try:
        lock = read_lock(path)
    except LockMissingError:
        lock = None
    found = scan_for(path, paths)
    done = run(found.seen, lock, looked_at=looked_at(path, paths, found), pinned=pinned)
    report = make_report(
        done.findings,
        target=shown(path),
        card=None,
        seconds=time.perf_counter() - started,
        counts={**done.counts, "skipped": len(found.skipped)},
    )
    references = [entry(one.reference) for one in done.faulty]
    return tell(report, out, _conclusion(report), references=references)


def _conclusion(report: Report) -> str:
    said = words.quantity(report.counts["references"], "reference")
    if report.ok:
        return f"{report.target} answers {said} ({words.duration(report.seconds)})"
    return f"{report.target} does not answer the code: {words.quantity(report.counts['errors'], 'error')} in {said}"

"""``ftlineage lock``: write down which commit every reference means now."""

from __future__ import annotations

import time
from pathlib import Path

import click

from ftlineage.cli.lazy import verb
from ftlineage.cli.locks import PATH, find_lock, lock_option, looked_at, scan_for, shown, tell, timeout_option
from ftlineage.cli.output import Output
from ftlineage.core import words
from ftlineage.core.finding import Report, make_report


@verb("ftlineage lock", "ftlineage lock src configs", "ftlineage lock --json")
@click.argument("paths", nargs=-1, type=PATH)
@lock_option
@timeout_option
def lock(out: Output, paths: tuple[Path, ...], *, lock_file: Path | None, timeout: float) -> int:
    """Write down in ftlineage.lock which commit every reference to the Hub means now.

    PATHS are files and folders, the current folder by default; places elsewhere stay in the lock.
    Each repository and revision is asked for once. Entries that still answer the code stay as they
    are; `ftlineage update` moves them. The code itself is not changed; `ftlineage pin` does that.

    Exits with 0 if everything is locked, 1 if the Hub has no such repository or revision (the rest
    is locked), 2 if the command line or the old lock is wrong, and 3 if the Hub left a question
    open: then nothing was written.
    """
    from ftlineage.drift.relock import relock

    started = time.perf_counter()
    path = find_lock(lock_file)
    found = scan_for(path, paths)
    done = relock(path, found.seen, looked_at=looked_at(path, paths, found), timeout=timeout)
    report = make_report(
        done.findings,
        target=shown(path),
        card=None,
        seconds=time.perf_counter() - started,
        counts={**done.counts, "skipped": len(found.skipped)},
    )
    entries = [
        {"ref": entry.id, "kind": entry.kind, "wished": entry.wished, "locked": entry.sha}
        for entry in done.lock.entries
    ]
    if found.skipped:
        out.say(f"{words.quantity(len(found.skipped), 'file')} could not be read: see ftlineage scan")
    return tell(report, out, _conclusion(report), entries=entries)


def _conclusion(report: Report) -> str:
    counts = report.counts
    parts = [f"{counts[name]:,} {name}" for name in ("added", "changed", "removed", "unchanged") if counts[name]]
    if not parts:
        return f"{report.target}: nothing was locked" if counts["errors"] else f"{report.target}: nothing to lock"
    missing = f"; {counts['errors']:,} could not be locked" if counts["errors"] else ""
    return f"{report.target} holds {words.quantity(counts['locked'], 'reference')} ({', '.join(parts)}){missing}"

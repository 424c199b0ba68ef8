"""``ftlineage update``: move locked references to where the Hub has them now."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftlineage.cli.lazy import verb
from ftlineage.cli.locks import find_lock, lock_option, shown, tell, timeout_option
from ftlineage.cli.output import Output
from ftlineage.core import codec, words
from ftlineage.core.finding import Finding, make_report
from ftlineage.errors import BadArgumentError, StorageError

if TYPE_CHECKING:
    from ftlineage.drift.lockfile import Entry, Lock
    from ftlineage.drift.update import Newest, Updated


@verb("ftlineage update", "ftlineage update org/base --min-age 7")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@lock_option
@click.option(
    "--min-age", type=click.FloatRange(0, 3650), default=0.0, metavar="DAYS", help="Take no commit that is younger."
)
@timeout_option
def update(out: Output, ids: tuple[str, ...], *, lock_file: Path | None, min_age: float, timeout: float) -> int:
    """Move the entries of ftlineage.lock to where the Hub has them now: those of some IDs, or all.

    A model and its tokenizer in one repository move together. With --min-age the newest commit that
    is old enough is taken. Code that pins the old commit is rewritten by `ftlineage pin`.

    Exits with 0 if that was done, 1 if a repository or revision is gone (the rest has moved), 2 if
    the command line or lock is wrong, and 3 if the Hub left a question open: then nothing was
    written.
    """
    from ftlineage.drift.lockfile import read_lock, require_writable
    from ftlineage.drift.update import movable, newest

    started = time.perf_counter()
    path = find_lock(lock_file)
    lock = read_lock(path)
    require_writable(path, lock)
    _require_known(ids, lock)
    entries = movable(lock, ids)
    found = newest(entries, min_age=dt.timedelta(days=min_age), now=dt.datetime.now(dt.UTC), timeout=timeout)
    if found.asked.failed:
        raise next(iter(found.asked.failed.values()))
    moved = _write(path, lock, entries, found)
    report = make_report(
        _gone(entries, found),
        target=shown(path),
        card=None,
        seconds=time.perf_counter() - started,
        counts={"references": len(entries), "moved": len(moved), "waiting": len(found.waiting)},
    )
    if not out.json and not out.quiet:
        _list(out, moved, found)
    updates = [
        {
            "ref": one.after.id,
            "kind": one.after.kind,
            "wished": one.after.wished,
            "locked": one.before.sha,
            "now": one.after.sha,
            "class": one.drift.class_,
            "files": codec.builtins(one.drift.files),
        }
        for one in moved
    ]
    said = f"{words.quantity(len(moved), 'entry')} of {len(entries):,} moved" if moved else "nothing to move"
    return tell(report, out, f"{report.target}: {said}", entries=updates)


def _require_known(ids: tuple[str, ...], lock: Lock) -> None:
    known = sorted({entry.id for entry in lock.entries})
    for name in ids:
        if name not in known:
            import difflib

            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else "Lock it first: ftlineage lock"
            raise BadArgumentError(argument=name, reason="the lock file holds no such repository", hint=hint)


def _write(path: Path, before: Lock, entries: list[Entry], found: Newest) -> list[Updated]:
    from ftlineage.drift.lockfile import read_lock, write_lock
    from ftlineage.drift.update import apply
    from ftlineage.store.lines import locked

    with locked(path.parent):
        lock, moved = apply(before, entries, found.asked.answers)
        if read_lock(path) != before:
            raise StorageError(path=shown(path), cause="it was changed while it was updated", hint="Run it again")
        if moved:
            write_lock(path, lock)
    return moved


def _gone(entries: list[Entry], found: Newest) -> list[Finding]:
    from ftlineage.drift.update import ref_of

    told: dict[object, Finding] = {}
    for entry in entries:
        error = found.asked.missing.get(ref_of(entry))
        if error is not None:
            told[ref_of(entry)] = Finding(
                code="reference.missing",
                section=entry.kind,
                path=entry.used[0] if entry.used else None,
                expected=entry.sha,
                message=f"{words.clean(entry.id)} stays where it was locked: {words.clean(error.sentence)}",
                hint=error.hint or "See what became of it: ftlineage drift",
            )
    return list(told.values())


def _list(out: Output, moved: list[Updated], found: Newest) -> None:
    from ftlineage.drift.told import changed

    for one in moved:
        name = f"{words.clean(one.after.id)} ({one.after.kind})"
        out.text(f"{name}: {words.short(one.before.sha)} -> {words.short(one.after.sha)}, {changed(one.drift)}")
    for ref, sha in sorted(found.waiting.items()):
        out.text(f"{words.clean(ref.repo)}: {words.short(sha)} on {words.clean(ref.revision)} is too young")

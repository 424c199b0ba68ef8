"""``ftlineage unpin``: take pins out of the code again, byte for byte."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftlineage.cli.lazy import verb
from ftlineage.cli.locks import PATH, find_lock, lock_option, scan_for, shown
from ftlineage.cli.output import Output
from ftlineage.core import words

if TYPE_CHECKING:
    from ftlineage.cli.pins import Named
    from ftlineage.drift.rewrite.unpin_tree import Restored


@verb("ftlineage unpin", "ftlineage unpin src --dry-run")
@click.argument("paths", nargs=-1, type=PATH)
@lock_option
@click.option("--dry-run", is_flag=True, help="Write nothing; print what would change as a diff.")
@click.option("--diff", "show_diff", is_flag=True, help="Print what changes as a diff, and write it.")
def unpin(out: Output, paths: tuple[Path, ...], *, lock_file: Path | None, dry_run: bool, show_diff: bool) -> int:
    """Take out what `ftlineage pin` wrote, so that references follow their branch or tag again.

    PATHS are files and folders, the current folder by default. The remark beside a commit says what
    stood there; where a format has none, as JSON, ftlineage.lock does. Commits that a person wrote
    are left alone. The network is not used.

    Exits with 0 if every pin of ours is out, 1 if some could not be taken out (what stands around
    them was changed by hand), 2 if the command line or lock is wrong, and 3 if a file could not be
    written.
    """
    from ftlineage.cli import pins
    from ftlineage.drift.rewrite.unpin_tree import unpin as run

    started = time.perf_counter()
    lock = find_lock(lock_file)
    done = run(lock, lambda: scan_for(lock, paths), dry_run=dry_run)
    named = pins.namer(lock)
    if out.json:
        out.document(_document(done, named, lock, dry_run=dry_run, seconds=time.perf_counter() - started))
        return pins.conclude(out, "", ok=done.ok)
    diffed = dry_run or show_diff
    tell = out.say if diffed else out.text
    if diffed:
        pins.write_diff(out, done.files, named)
    elif not out.quiet:
        for line in _lines(done, named):
            tell(line)
    for line in pins.grouped(done.left, named):
        (out.say if done.ok else tell)(line)
    return pins.conclude(out, _conclusion(done, dry_run=dry_run), ok=done.ok, aside=diffed)


def _lines(done: Restored, named: Named) -> Iterator[str]:
    for one in done.unpins:
        wished = words.clean(one.wished) if one.wished else "default"
        yield f"{words.clean(named(one.path))}:{one.line}: {words.clean(one.ref)} {words.short(one.sha)} -> {wished}"


def _conclusion(done: Restored, *, dry_run: bool) -> str:
    many, files = words.quantity(len(done.unpins), "reference"), words.quantity(len(done.files), "file")
    left = f"; {words.quantity(len(done.left), 'reference')} left pinned" if done.left else ""
    if not done.unpins:
        return f"there is no pin to take out{left}"
    return f"{'would unpin' if dry_run else 'unpinned'} {many} in {files}{left}"


def _document(done: Restored, named: Named, lock: Path, *, dry_run: bool, seconds: float) -> dict[str, Any]:
    from ftlineage.cli import pins

    document = {
        "ok": done.ok,
        "verdict": "ok" if done.ok else "failed",
        "target": shown(lock),
        "seconds": round(seconds, 3),
        "dry_run": dry_run,
        "counts": {"unpinned": len(done.unpins), "left": len(done.left), "files": len(done.files)},
        "unpinned": pins.renamed(done.unpins, named),
        "left": pins.renamed(done.left, named),
        "files": [named(source.shown) for source, _ in done.files],
    }
    return {**document, "diff": pins.diff_of(done.files, named)} if dry_run else document

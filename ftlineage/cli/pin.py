"""``ftlineage pin``: write commits into the code, beside the refs they answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftlineage.cli.lazy import verb
from ftlineage.cli.locks import PATH, find_lock, lock_option, scan_for, shown, timeout_option
from ftlineage.cli.output import Output
from ftlineage.core import words

if TYPE_CHECKING:
    from ftlineage.cli.pins import Named
    from ftlineage.drift.rewrite.pin_tree import Rewritten
    from ftlineage.drift.rewrite.places import Pin


@verb("ftlineage pin", "ftlineage pin src configs --dry-run", "ftlineage pin train.py --json")
@click.argument("paths", nargs=-1, type=PATH)
@lock_option
@click.option(
    "--adapters",
    is_flag=True,
    help="Pin the bases of trained adapters too, to what is loaded now; it may not be theirs.",
)
@click.option("--dry-run", is_flag=True, help="Write nothing; print what would change as a diff.")
@click.option("--diff", "show_diff", is_flag=True, help="Print what changes as a diff, and write it.")
@timeout_option
def pin(
    out: Output,
    paths: tuple[Path, ...],
    *,
    lock_file: Path | None,
    adapters: bool,
    dry_run: bool,
    show_diff: bool,
    timeout: float,
) -> int:
    """Pin every floating reference to a commit, in place.

    PATHS are files and folders, the current folder by default. The commit is the one in
    ftlineage.lock, or else what the Hub says now; then it is added to the lock. Beside it stands
    what it answers: `revision="<commit>"  # main @ 2026-08-20`. `ftlineage unpin` takes it out again,
    byte for byte. A pin that `ftlineage update` has overtaken in the lock is written anew.

    Exits with 0 if every floating reference is pinned now, 1 if some cannot be (the rest is pinned),
    2 if the command line or lock is wrong, and 3 if the Hub left a question open: then nothing was
    written.
    """
    from ftlineage.cli import pins
    from ftlineage.drift.rewrite.pin_tree import pin as run

    started = time.perf_counter()
    lock = find_lock(lock_file)
    done = run(lock, lambda: scan_for(lock, paths), adapters=adapters, dry_run=dry_run, timeout=timeout)
    named = pins.namer(lock)
    if out.json:
        out.document(_document(done, named, lock, dry_run=dry_run, seconds=time.perf_counter() - started))
        return pins.conclude(out, "", ok=not done.refused)
    diffed = dry_run or show_diff
    tell = out.say if diffed else out.text
    if diffed:
        pins.write_diff(out, done.files, named)
    elif not out.quiet:
        for line in _lines(done, named):
            tell(line)
    for line in pins.grouped(done.refused, named):
        tell(line)
    return pins.conclude(out, _conclusion(done, shown(lock), dry_run=dry_run), ok=not done.refused, aside=diffed)


def _lines(done: Rewritten, named: Named) -> Iterator[str]:
    for one in done.pins:
        yield f"{words.clean(named(one.path))}:{one.line}: {words.clean(one.ref)} {_how(one)}"


def _how(one: Pin) -> str:
    wished = words.clean(one.wished) if one.wished else "default"
    return f"{wished} -> {words.short(one.sha)} ({one.date}) as {words.clean(one.key)}"


def _conclusion(done: Rewritten, lock: str, *, dry_run: bool) -> str:
    many, files = words.quantity(len(done.pins), "reference"), words.quantity(len(done.files), "file")
    left = f"; {words.quantity(len(done.refused), 'reference')} cannot be pinned" if done.refused else ""
    if not done.pins:
        return (
            f"nothing {'would be' if dry_run else 'was'} pinned{left}" if left else "every reference is pinned already"
        )
    if dry_run:
        return f"would pin {many} in {files}{left}"
    return f"pinned {many} in {files}, locked in {lock}{left}"


def _document(done: Rewritten, named: Named, lock: Path, *, dry_run: bool, seconds: float) -> dict[str, Any]:
    from ftlineage.cli import pins

    document = {
        "ok": not done.refused,
        "verdict": "failed" if done.refused else "ok",
        "target": shown(lock),
        "seconds": round(seconds, 3),
        "dry_run": dry_run,
        "counts": {"pinned": len(done.pins), "refused": len(done.refused), "files": len(done.files)},
        "pinned": pins.renamed(done.pins, named),
        "refused": pins.renamed(done.refused, named),
        "files": [named(source.shown) for source, _ in done.files],
    }
    return {**document, "diff": pins.diff_of(done.files, named)} if dry_run else document

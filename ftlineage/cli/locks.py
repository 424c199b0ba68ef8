"""What the verbs around ``ftlineage.lock`` share: finding it, scanning for it, and how their reports end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftlineage.cli.output import Output
from ftlineage.cli.report import VERDICT_CODES, report_lines
from ftlineage.core import codec
from ftlineage.core.finding import Report

if TYPE_CHECKING:
    from ftlineage.drift.scan import ScanResult

PATH = click.Path(path_type=Path)
lock_option = click.option(
    "--lock", "lock_file", type=PATH, metavar="FILE", help="The lock file; the nearest ftlineage.lock by default."
)
timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the Hub at each step.",
)


def find_lock(named: Path | None) -> Path:
    """The lock file: the one named, the nearest here or above, or where a new one would be."""
    from ftlineage.drift.lockfile import LOCK_NAME
    from ftlineage.drift.scan import find_upward

    here = Path.cwd()
    return (here / named) if named is not None else find_upward(LOCK_NAME, here) or here / LOCK_NAME


def shown(path: Path) -> str:
    """A path as people at this place would type it."""
    return os.path.relpath(path)


def scan_for(lock_file: Path, paths: tuple[Path, ...]) -> ScanResult:
    """Scan paths, with places relative to the lock file's folder, and compare with the lock if there is one."""
    from ftlineage.drift.compare import lock_view
    from ftlineage.drift.relock import lock_or_none
    from ftlineage.drift.scan import scan
    from ftlineage.drift.settings import find_settings
    from ftlineage.hashing.parallel import usable_cpus
    from ftlineage.hashing.progress import progress_bar

    here = Path.cwd()
    typed = [here / path for path in paths or (Path(),)]
    with progress_bar(None, "Scanning", " files") as update:
        return scan(
            typed,
            settings=find_settings(here),
            here=lock_file.parent,
            lock=lock_view(lock_or_none(lock_file)),
            jobs=usable_cpus(),
            progress=update,
        )


def looked_at(lock_file: Path, paths: tuple[Path, ...], result: ScanResult) -> Callable[[str], bool]:
    """Whether a scan looked at a place of the lock: below the paths, and in no file that could not be read."""
    below = is_below(lock_file, paths or (Path(),))
    unread = {path for path, _ in result.skipped if (lock_file.parent / path).exists()}
    return lambda path: path not in unread and below(path)


def is_below(lock_file: Path, paths: Iterable[Path | str]) -> Callable[[str], bool]:
    """Whether a place of the lock lies in or below one of some paths."""
    roots = {os.path.relpath(path, lock_file.parent).replace(os.sep, "/") for path in paths}

    def below(path: str) -> bool:
        inside = "." in roots and not path.startswith("../")
        return inside or path in roots or any(path.startswith(f"{root}/") for root in roots)

    return below


def tell(report: Report, out: Output, conclusion: str, **more: Any) -> int:
    """Write a report, as JSON with further keys, and return the exit code of its verdict."""
    if out.json:
        out.document({**codec.builtins(report), **more})
    else:
        for line in report_lines(report, out, conclusion):
            out.text(line)
    return VERDICT_CODES[report.verdict]

"""Every reference to the Hub in a tree, judged: the orchestration of walk, readers, comparison and suppression.

Decides that Python files which import from others are read twice, since a function that loads what
it is given may stand in another file of the tree, and that the result is the same for any number of
processes. Asks no network. What could not be read is in the result, never silently missing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from ftlineage.drift import compare, pool
from ftlineage.drift.compare import Key, Locked
from ftlineage.drift.reading import Read, Readers, Seen, Tables, check_tables
from ftlineage.drift.reference import Reference
from ftlineage.drift.settings import DEFAULT, Judge, Settings
from ftlineage.drift.suppress import Directive, apply
from ftlineage.drift.walk import list_files

Lock = Mapping[Key, Iterable[Locked]]


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """Something about a suppression that its author should know: it is faulty, or silences nothing."""

    path: str
    line: int
    is_faulty: bool
    message: str


class ScanResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan found, by path and line.

    ``seen`` are all references but the silenced ones, which stand in ``suppressed`` with their
    reasons. ``read`` are the files that were read, ``skipped`` those that could not be, each with
    the reason. ``readers`` read a text as this scan did.
    """

    seen: tuple[Seen, ...]
    suppressed: tuple[tuple[Seen, str], ...] = ()
    remarks: tuple[Remark, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    read: tuple[str, ...] = ()
    seconds: float = 0.0
    readers: Readers | None = None

    @property
    def files(self) -> int:
        """How many files were read."""
        return len(self.read)

    @property
    def references(self) -> tuple[Reference, ...]:
        """The references alone."""
        return tuple(one.reference for one in self.seen)

    @property
    def counts(self) -> dict[str, int]:
        """How many places have each status; several rules at one place count once."""
        places = {
            (one.file, one.reference.line, one.reference.column, one.reference.cell_line, one.reference.ref): (
                one.reference.status
            )
            for one in self.seen
        }
        tally = Counter(places.values())
        return {status: tally[status] for status in ("floating", "pinned", "dynamic", "local")}


def scan(
    paths: Iterable[Path | str] = (".",),
    *,
    settings: Settings = DEFAULT,
    here: Path | None = None,
    lock: Lock | None = None,
    force_exclude: bool = False,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> ScanResult:
    """Find every reference to the Hub in files and folders.

    Args:
        paths: Files and folders; relative ones are below ``here``.
        settings: The project's settings.
        here: The folder that paths in the result are relative to; the current one by default.
        lock: What ``ftlineage.lock`` says, for FLOAT009 and FLOAT010.
        force_exclude: Leave out what the settings exclude even where a path names it.
        jobs: Processes to use where there are enough files. More than one needs a program whose
            main module can be imported (``if __name__ == "__main__"``).
        progress: Called with the number of files read since its last call.

    Raises:
        PathNotFoundError, BadInputError: A path does not exist or is neither a file nor a folder.
        BadArgumentError: A table of the settings is not what it should be.
    """
    started = time.perf_counter()
    tables = Tables(frameworks=settings.keys.frameworks, tools=settings.keys.tools)
    check_tables(tables)
    judge = Judge(settings)
    named = [Path(path) for path in paths]
    listing = list_files(named, here=here or Path.cwd(), excluded=judge.excludes, force_exclude=force_exclude)
    reads, wrappers = pool.read_all(listing.files, tables, jobs=jobs, progress=progress)
    seen = compare.both_ways(one for read in reads for one in read.seen)
    kept, suppressed, remarks = _silence(compare.against_lock(seen, lock or {}), reads, judge)
    skipped = [*listing.skipped, *((read.shown, read.note) for read in reads if read.note is not None)]
    return ScanResult(
        seen=tuple(kept),
        suppressed=tuple(suppressed),
        remarks=tuple(remarks),
        skipped=tuple(sorted(skipped)),
        read=tuple(read.shown for read in reads if read.note is None),
        seconds=time.perf_counter() - started,
        readers=Readers(tables, wrappers),
    )


def _silence(
    seen: Sequence[Seen], reads: Iterable[Read], judge: Judge
) -> tuple[list[Seen], list[tuple[Seen, str]], list[Remark]]:
    """What comments and settings silence, and what is to be said about the comments."""
    directives = {read.shown: read.directives for read in reads if read.directives}
    kept: list[Seen] = []
    silenced: list[tuple[Seen, str]] = []
    used: dict[str, set[int]] = {}
    for one in seen:
        path = one.reference.path
        _, by, numbers = apply([one.reference], directives.get(path, ()))
        used.setdefault(path, set()).update(numbers)
        reason = by[0][1] if by else None
        if reason is None and one.reference.rule is not None:
            reason = judge.reason_to_ignore(one.reference, one.file)
        if reason is None and one.reference.rule is not None and judge.grade(one.reference, one.file) == "ignore":
            reason = "the settings ignore its rule or path"
        if reason is None:
            kept.append(one)
        else:
            silenced.append((one, reason))
    remarks = [
        remark
        for path, listed in directives.items()
        for number, directive in enumerate(listed)
        if (remark := _remark(path, directive, used=number in used.get(path, ()))) is not None
    ]
    return kept, silenced, remarks


def _remark(path: str, directive: Directive, *, used: bool) -> Remark | None:
    if directive.fault:
        message = f"this suppression counts for nothing: {directive.fault}"
        return Remark(path=path, line=directive.line, is_faulty=True, message=message)
    if used or directive.is_bandit:
        return None
    message = "this suppression silences nothing: remove it"
    return Remark(path=path, line=directive.line, is_faulty=False, message=message)


def find_upward(name: str, start: Path) -> Path | None:
    """The nearest file of a name at a folder or above it, up to the top of the repository."""
    for folder in (start, *start.parents):
        path = folder / name
        if path.is_file():
            return path
        if (folder / ".git").exists():
            break
    return None

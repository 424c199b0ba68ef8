"""The files of a scan, read one after the other or on several processes.

Decides when processes pay (each costs the start of an interpreter), which Python files are read a
second time, and that a pool that breaks is no reason to fail: what it left is read here. Processes
are spawned, never forked, so that threads and open sockets of the caller stay its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Self

from ftlineage.drift.reading import Read, Readers, Tables, read_file
from ftlineage.drift.walk import Candidate

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

    from ftlineage.drift.python.wrappers import Wrappers

WORTH_PROCESSES = 400
CHUNK = 32
Progress = Callable[[int], None]
Chunk = Sequence[Candidate]


def read_all(
    files: Sequence[Candidate], tables: Tables, *, jobs: int = 1, progress: Progress | None = None
) -> tuple[list[Read], Wrappers]:
    """What every file gave, in the order of the files, without those that are none of ours; and what files lend."""
    with _Workers(tables, jobs if len(files) > WORTH_PROCESSES else 1) as workers:
        reads: list[Read | None] = []
        for chunk in workers.run(files, None):
            reads += chunk
            if progress is not None:
                progress(len(chunk))
        wrappers = _lent(reads)
        again = [at for at, read in enumerate(reads) if read is not None and _borrows(read, wrappers)]
        second = (read for chunk in workers.run([files[at] for at in again], wrappers) for read in chunk)
        for at, read in zip(again, second, strict=True):
            reads[at] = read
    return [read for read in reads if read is not None], wrappers


def _lent(reads: Sequence[Read | None]) -> Wrappers:
    """What Python files lend to others, without what nobody imports."""
    from ftlineage.drift.python.wrappers import FileWrappers, Wrappers

    wanted = {name.partition(":")[2] for read in reads if read is not None for name in read.imports}
    wrappers = Wrappers()
    for read in reads:
        if read is not None and read.exports is not None:
            wrappers.add(
                FileWrappers(
                    module=read.exports.module,
                    wrappers=tuple(one for one in read.exports.wrappers if one.name in wanted),
                    constants=tuple(one for one in read.exports.constants if one[0] in wanted),
                )
            )
    return wrappers


def _borrows(read: Read, wrappers: Wrappers) -> bool:
    """Whether a Python file imports anything that another one lends."""
    return any(
        wrappers.find(name, read.shown) is not None or wrappers.text(name, read.shown) is not None
        for name in read.imports
    )


class _Workers:
    """Processes that read files; none where ``jobs`` is 1."""

    def __init__(self, tables: Tables, jobs: int) -> None:
        self._tables = tables
        self._jobs = jobs
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self._jobs > 1:
            from concurrent.futures import ProcessPoolExecutor
            from multiprocessing import get_context

            self._executor = ProcessPoolExecutor(
                self._jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(self._tables,)
            )
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def run(self, files: Chunk, wrappers: Wrappers | None) -> Iterator[list[Read | None]]:
        """Read files in chunks; each gives one result for each of its files."""
        chunks = [files[at : at + CHUNK] for at in range(0, len(files), CHUNK)]
        done = 0
        if self._executor is not None and len(chunks) > 1:
            from concurrent.futures import BrokenExecutor

            try:
                for reads in self._executor.map(_work, chunks, [wrappers] * len(chunks)):
                    yield reads
                    done += 1
            except BrokenExecutor:  # killed for memory, or the main module cannot be imported
                self._executor = None
        readers = Readers(self._tables, wrappers)
        for chunk in chunks[done:]:
            yield _read(chunk, readers)


_tables = Tables()
_readers: dict[bool, Readers] = {}


def _begin(tables: Tables) -> None:
    global _tables  # noqa: PLW0603 - a worker process has one scan
    _tables = tables


def _work(chunk: Chunk, wrappers: Wrappers | None) -> list[Read | None]:
    if wrappers is not None:
        return _read(chunk, Readers(_tables, wrappers))
    if not _readers:
        _readers[True] = Readers(_tables)
    return _read(chunk, _readers[True])


def _read(chunk: Chunk, readers: Readers) -> list[Read | None]:
    with warnings.catch_warnings():
        # Python warns about odd literals of the files it parses; they are not ours.
        warnings.simplefilter("ignore")
        return [read_file(candidate, readers) for candidate in chunk]

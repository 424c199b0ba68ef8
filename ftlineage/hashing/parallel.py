"""Run independent pieces of hashing on a few threads.

hashlib and the read calls release the interpreter lock, so threads use every core. The standard
executor is not used because it imports logging, which costs more than hashing a small adapter.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_THREADS = 8
# Below this many bytes in all, starting threads costs more than it saves.
WORTH_THREADS = 4 * 1024 * 1024


def usable_cpus() -> int:
    """Cores this process may run on; containers and ``taskset`` are respected."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def map_by_size(
    work: Callable[[Item], Result], items: Sequence[Item], sizes: Sequence[int], *, threads: int | None = None
) -> list[Result]:
    """Apply ``work`` to every item on several threads, the largest first so that none is left alone at the end.

    Args:
        work: Called once for each item, from any thread.
        items: What to work on.
        sizes: Bytes behind each item.
        threads: Number of threads; by default the usable cores, at most 8, and one for little work.

    Returns:
        Results in the order of ``items``.

    Raises:
        Exception: What ``work`` raised for the earliest item that failed; no further item is begun
            once one has failed.
    """
    count = min(threads or min(usable_cpus(), MAX_THREADS), len(items))
    if count <= 1 or (threads is None and sum(sizes) < WORTH_THREADS):
        return [work(item) for item in items]
    queue = sorted(range(len(items)), key=lambda index: (sizes[index], -index))
    results: dict[int, Result] = {}
    failures: dict[int, BaseException] = {}

    def drain() -> None:
        # list.pop is atomic, so the queue needs no lock.
        while not failures:
            try:
                index = queue.pop()
            except IndexError:
                return
            try:
                results[index] = work(items[index])
            except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
                failures[index] = error

    workers = [threading.Thread(target=drain, name=f"ftlineage-hash-{number}") for number in range(count - 1)]
    for worker in workers:
        worker.start()
    drain()
    for worker in workers:
        worker.join()
    if failures:
        raise failures[min(failures)]
    return [results[index] for index in range(len(items))]

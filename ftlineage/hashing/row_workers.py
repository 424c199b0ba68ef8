"""Work on row blocks with a few threads: pieces of one block in their order, several blocks at once.

Decides how much may wait: at most ``BUDGET`` bytes of rows, so memory stays flat however large the
table is. The first error of any piece stops everything and is raised in the caller's thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Self

from ftlineage.hashing.parallel import MAX_THREADS, usable_cpus

BUDGET = 128 * 1024 * 1024

Piece = Callable[[], None]


class Lane:
    """A queue whose pieces run one at a time, in order."""

    __slots__ = ("busy", "pieces")

    def __init__(self) -> None:
        self.pieces: deque[tuple[Piece, int]] = deque()
        self.busy = False


class Workers:
    """Threads that drain lanes; use as a context manager so that they end."""

    def __init__(self, threads: int | None = None, *, budget: int = BUDGET) -> None:
        self._count = threads or min(usable_cpus(), MAX_THREADS)
        self._budget = budget
        self._threads: list[threading.Thread] = []
        self._lock = threading.Condition()
        self._ready: deque[Lane] = deque()
        self._waiting = 0  # bytes put in and not done
        self._open = True
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        with self._lock:
            self._open = False
            self._ready.clear()
            self._lock.notify_all()
        for thread in self._threads:
            thread.join()

    def put(self, lane: Lane, piece: Piece, size: int) -> None:
        """Queue a piece of work; waits while too much is queued.

        Args:
            lane: Where it goes.
            piece: Called once, from any thread.
            size: Bytes of rows it holds.

        Raises:
            Exception: What an earlier piece raised.
        """
        if self._count == 1:
            piece()
            return
        size = max(size, 1)  # what waits is counted in bytes
        self._start()
        with self._lock:
            while self._waiting and self._waiting + size > self._budget and self._failure is None:
                self._lock.wait()
            self._raise()
            self._waiting += size
            lane.pieces.append((piece, size))
            if not lane.busy:
                lane.busy = True
                self._ready.append(lane)
                self._lock.notify_all()

    def wait(self) -> None:
        """Wait until all pieces are done.

        Raises:
            Exception: What a piece raised.
        """
        with self._lock:
            while self._waiting and self._failure is None:
                self._lock.wait()
            self._raise()

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _start(self) -> None:
        if not self._threads:
            names = [f"ftlineage-rows-{number}" for number in range(self._count)]
            self._threads = [threading.Thread(target=self._drain, name=name, daemon=True) for name in names]
            for thread in self._threads:
                thread.start()

    def _drain(self) -> None:
        while True:
            with self._lock:
                while self._open and not self._ready:
                    self._lock.wait()
                if not self._open or self._failure is not None:
                    return
                lane = self._ready.popleft()
                piece, size = lane.pieces.popleft()
            failure = _run(piece)
            del piece  # the rows it holds may go now
            with self._lock:
                if self._failure is None:
                    self._failure = failure
                self._waiting -= size
                lane.busy = bool(lane.pieces)
                if lane.busy:
                    # The oldest block goes on first, so that few blocks are open at a time.
                    self._ready.appendleft(lane)
                self._lock.notify_all()


def _run(piece: Piece) -> BaseException | None:
    try:
        piece()
    except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
        return error
    return None

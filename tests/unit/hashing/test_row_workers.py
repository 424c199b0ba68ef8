"""Workers: each lane in order, several lanes at once, a bounded queue, and the first error wins."""

from __future__ import annotations

import threading
import time

import pytest

from ftlineage.hashing.row_workers import Lane, Workers


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_pieces_of_a_lane_run_in_order_and_all_of_them(threads: int) -> None:
    done: dict[int, list[int]] = {number: [] for number in range(5)}
    lanes = {number: Lane() for number in done}
    with Workers(threads) as workers:
        for piece in range(50):
            for number, lane in lanes.items():
                workers.put(lane, lambda number=number, piece=piece: done[number].append(piece), 1)  # type: ignore[misc]
        workers.wait()
    assert all(pieces == list(range(50)) for pieces in done.values())


def test_two_lanes_run_at_once_and_one_lane_never_does() -> None:
    meeting = threading.Barrier(2, timeout=20)
    inside: list[str] = []

    def meet() -> None:
        meeting.wait()

    def alone() -> None:
        inside.append("in")
        assert inside.count("in") - inside.count("out") == 1
        time.sleep(0.01)
        inside.append("out")

    with Workers(2) as workers:
        for _ in range(2):
            workers.put(Lane(), meet, 1)
        workers.wait()
        lane = Lane()
        for _ in range(5):
            workers.put(lane, alone, 1)
        workers.wait()
    assert inside == ["in", "out"] * 5


def test_no_more_waits_than_the_budget() -> None:
    gate = threading.Event()
    held = 0
    most = 0
    lock = threading.Lock()

    def piece() -> None:
        nonlocal held
        assert gate.wait(20)
        with lock:
            held -= 10

    def release() -> None:
        time.sleep(0.05)
        gate.set()

    threading.Thread(target=release).start()
    with Workers(2, budget=35) as workers:
        for _ in range(20):
            workers.put(Lane(), piece, 10)
            with lock:
                held += 10
                most = max(most, held)
        workers.wait()
    # Up to three pieces fit; the fourth is counted here before the third has been taken off.
    assert most <= 50
    assert held == 0


def test_a_piece_larger_than_the_budget_still_runs() -> None:
    done: list[int] = []
    with Workers(2, budget=1) as workers:
        for number in range(3):
            workers.put(Lane(), lambda number=number: done.append(number), 1000)  # type: ignore[misc]
        workers.wait()
    assert done == [0, 1, 2]


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_is_raised_where_the_work_was_given(threads: int) -> None:
    def fails() -> None:
        message = "broken"
        raise ValueError(message)

    def give(workers: Workers) -> None:
        for _ in range(1000):
            workers.put(Lane(), fails, 1)
        workers.wait()

    with Workers(threads) as workers, pytest.raises(ValueError, match="broken"):
        give(workers)
    assert not any(thread.name.startswith("ftlineage-rows") for thread in threading.enumerate())


def test_leaving_early_ends_the_threads() -> None:
    started = threading.Event()

    def piece() -> None:
        started.set()
        time.sleep(0.01)

    with Workers(2) as workers:
        lane = Lane()
        for _ in range(100):
            workers.put(lane, piece, 1)
        assert started.wait(20)
    assert not any(thread.name.startswith("ftlineage-rows") for thread in threading.enumerate())

"""Several processes, one card: who writes, and how the others learn of it.

``torchrun`` and ``accelerate`` set ``RANK`` before torch is imported; once a process group exists
it is asked instead.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def rank() -> int:
    """This process's rank; 0 when alone."""
    group = _group()
    return int(group.get_rank()) if group is not None else int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """How many processes train together."""
    group = _group()
    return int(group.get_world_size()) if group is not None else int(os.environ.get("WORLD_SIZE", "1"))


def is_writer() -> bool:
    """Whether this process writes the card: only rank 0 does."""
    return rank() == 0


def on_writer(work: Callable[[], T]) -> T:
    """Run ``work`` on rank 0 and give its result, or its exception, to every rank.

    Without the second half a failing rank 0 would leave the others waiting until their timeout.
    """
    group = _group()
    if group is None:
        return work()
    box: list[object] = [None, None]
    if is_writer():
        try:
            box[0] = work()
        except Exception as error:  # noqa: BLE001 - sent to every rank and raised there
            box[1] = error
    group.broadcast_object_list(box, src=0)
    if isinstance(box[1], BaseException):
        raise box[1]
    return box[0]  # type: ignore[return-value]


def _group() -> Any | None:
    torch = sys.modules.get("torch")
    distributed = getattr(torch, "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed

"""Several processes, one card: who writes, and how the others learn of it.

``torchrun`` and ``accelerate`` set ``RANK`` before torch is imported; once a process group exists
it is asked instead. Refused: sealing on a second process that no group connects to the first, which
would make a second card.
"""

from __future__ import annotations

import os
import pickle
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


def is_cut_off() -> bool:
    """Whether this is a second process that cannot hear from the first: no group yet, or none any more."""
    return not is_writer() and _group() is None


def on_writer(work: Callable[[], T]) -> T:
    """Run ``work`` on rank 0 and give its result, or its exception, to every rank.

    Without the second half a failing rank 0 would leave the others waiting until their timeout.
    """
    group = _group()
    if group is None:
        return work()
    box: list[object] = [None, None]
    failure: Exception | None = None
    if is_writer():
        try:
            box[0] = work()
        except Exception as error:  # noqa: BLE001 - sent to every rank and raised there
            failure, box[1] = error, _sendable(error)
    group.broadcast_object_list(box, src=0)
    if failure is not None:
        raise failure
    if isinstance(box[1], BaseException):
        raise box[1]
    return box[0]  # type: ignore[return-value]


def any_failure(own: Exception | None) -> Exception | None:
    """This process's own failure, else that of the lowest rank that has one; every rank must ask."""
    group = _group()
    if group is None:
        return own
    found: list[Exception | None] = [None] * world_size()
    group.all_gather_object(found, _sendable(own) if own is not None else None)
    return own or next((failure for failure in found if failure is not None), None)


def _sendable(error: Exception) -> Exception:
    """The error itself if it survives the journey to another process, else its text."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - made one line above
    except Exception:  # noqa: BLE001 - whatever a third-party exception does when pickled
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _group() -> Any | None:
    torch = sys.modules.get("torch")
    distributed = getattr(torch, "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed

"""Progress bars for long work: decides when one is shown, never what is measured.

Shown only when stderr is a terminal, the work has lasted over a second and nobody asked for quiet. Otherwise nothing is
imported and the update function does nothing, so hashing small files costs nothing extra.
"""

from __future__ import annotations

import contextlib
import contextvars
import sys
import threading
from collections.abc import Callable, Iterator

Update = Callable[[int], None]


_hidden = contextvars.ContextVar("ftlineage_progress_hidden", default=False)


def no_update(_amount: int) -> None:
    """The update function where nobody watches."""


@contextlib.contextmanager
def hidden_progress() -> Iterator[None]:
    """Show no bar inside the block, terminal or not."""
    token = _hidden.set(True)
    try:
        yield
    finally:
        _hidden.reset(token)


def is_shown() -> bool:
    """Whether a bar would be shown now: for libraries that draw their own."""
    return not _hidden.get() and _is_terminal()


@contextlib.contextmanager
def progress_bar(total: int | None, label: str, unit: str = "B") -> Iterator[Update]:
    """Show how far a long piece of work is, on stderr, if that is a terminal.

    Args:
        total: Amount of work in ``unit``; None when unknown.
        label: Short text before the bar.
        unit: ``"B"`` counts bytes (shown as kB, MB, GB); any other word is counted as it is.

    Yields:
        ``update(amount)``: adds to the amount done; safe to call from several threads.
    """
    if not is_shown():
        yield no_update
        return
    from tqdm import tqdm

    lock = threading.Lock()
    bytes_shown = unit == "B"
    bar = tqdm(
        total=total,
        desc=label,
        unit=unit,
        unit_scale=bytes_shown,
        delay=1,
        leave=False,
        file=sys.stderr,
        disable=None,
    )

    def update(amount: int) -> None:
        with lock:
            bar.update(amount)

    try:
        yield update
    finally:
        bar.close()


def _is_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # stderr was closed
        return False

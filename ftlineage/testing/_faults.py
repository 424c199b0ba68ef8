"""Faults on demand: what a real Hub, a proxy or a bad line does, at the request you choose.

A fault matches requests by a part of their path (with its query). Each is counted, may be limited
to some number of hits, and can be removed or used as a context manager.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Literal, Self

Kind = Literal["status", "delay", "hang", "drop", "rewrite", "before", "after"]


class Fault:
    """One armed fault; ``hits`` counts the requests it has touched."""

    def __init__(
        self,
        faults: Faults,
        kind: Kind,
        path_contains: str,
        *,
        times: int | None = None,
        nth: int = 1,
        method: str | None = None,
    ) -> None:
        self.kind = kind
        self.path_contains = path_contains
        self.hits = 0
        self.status = 500
        self.headers: dict[str, str] = {}
        self.body = b""
        self.seconds = 0.0
        self.after_bytes = 0
        self.change: Callable[[bytes], bytes] = bytes
        self.action: Callable[[], object] = object
        self._faults = faults
        self._times = times
        self._nth = nth
        self._method = method
        self._seen = 0

    def touches(self, method: str, path: str) -> bool:
        """Count a request and say whether this fault strikes it."""
        if self.path_contains not in path or self._method not in (None, method):
            return False
        if self._times is not None and self.hits >= self._times:
            return False
        self._seen += 1
        if self._seen < self._nth:
            return False
        self.hits += 1
        return True

    def remove(self) -> None:
        """Disarm."""
        self._faults.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


class Faults:
    """The armed faults of one LocalHub."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Fault] = []

    def status(
        self,
        path_contains: str,
        status: int,
        *,
        times: int | None = None,
        nth: int = 1,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b'{"error":"injected by LocalHub"}',
    ) -> Fault:
        """Answer with this status (and body) instead of doing the work; 200 with ``body=b"<html>"`` is garbage."""
        fault = Fault(self, "status", path_contains, times=times, nth=nth, method=method)
        fault.status, fault.headers, fault.body = status, dict(headers or {}), body
        return self._arm(fault)

    def delay(
        self, path_contains: str, seconds: float, *, times: int | None = None, method: str | None = None
    ) -> Fault:
        """Answer late."""
        fault = Fault(self, "delay", path_contains, times=times, method=method)
        fault.seconds = seconds
        return self._arm(fault)

    def hang(self, path_contains: str, *, times: int | None = None, method: str | None = None) -> Fault:
        """Never answer: the connection stays open until the hub stops."""
        return self._arm(Fault(self, "hang", path_contains, times=times, method=method))

    def drop(
        self, path_contains: str, *, after_bytes: int = 0, times: int | None = None, method: str | None = None
    ) -> Fault:
        """Send headers that promise the whole body, some of its bytes, then close the connection."""
        fault = Fault(self, "drop", path_contains, times=times, method=method)
        fault.after_bytes = after_bytes
        return self._arm(fault)

    def rewrite(
        self,
        path_contains: str,
        change: Callable[[bytes], bytes],
        *,
        times: int | None = None,
        nth: int = 1,
        method: str | None = None,
    ) -> Fault:
        """Send other bytes than the stored ones, with a ``Content-Length`` that fits them."""
        fault = Fault(self, "rewrite", path_contains, times=times, nth=nth, method=method)
        fault.change = change
        return self._arm(fault)

    def truncate(self, path_contains: str, length: int, *, times: int | None = None) -> Fault:
        """Send only the first bytes, as if the file were that short."""
        return self.rewrite(path_contains, lambda body: body[:length], times=times, method="GET")

    def corrupt(self, path_contains: str, *, at: int = 0, times: int | None = None) -> Fault:
        """Flip every bit of one byte; the length stays."""
        return self.rewrite(path_contains, lambda body: _flip(body, at), times=times, method="GET")

    def before(
        self, path_contains: str, action: Callable[[], object], *, nth: int = 1, method: str | None = None
    ) -> Fault:
        """Call ``action`` once, before the nth matching request is answered, e.g. to move a branch under a client."""
        fault = Fault(self, "before", path_contains, times=1, nth=nth, method=method)
        fault.action = action
        return self._arm(fault)

    def after(
        self, path_contains: str, action: Callable[[], object], *, nth: int = 1, method: str | None = None
    ) -> Fault:
        """Call ``action`` once, after the answer to the nth matching request is made and before it is sent."""
        fault = Fault(self, "after", path_contains, times=1, nth=nth, method=method)
        fault.action = action
        return self._arm(fault)

    def clear(self) -> None:
        """Disarm all."""
        with self._lock:
            self._armed.clear()

    def remove(self, fault: Fault) -> None:
        """Disarm one; it may be gone already."""
        with self._lock:
            if fault in self._armed:
                self._armed.remove(fault)

    def striking(self, method: str, path: str) -> list[Fault]:
        """The faults that strike a request, in the order they were armed."""
        with self._lock:
            return [fault for fault in self._armed if fault.touches(method, path)]

    def _arm(self, fault: Fault) -> Fault:
        with self._lock:
            self._armed.append(fault)
        return fault


def _flip(body: bytes, at: int) -> bytes:
    if not body:
        return body
    changed = bytearray(body)
    changed[at] ^= 0xFF
    return bytes(changed)

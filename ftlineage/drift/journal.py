"""What the Hub answered before a lock could be written, so that an interrupted `lock` goes on where it stopped.

Decides that answers live in the user's cache folder, one line each, for an hour: long enough to wait
out a rate limit, short enough that nobody gets last week's head for today's. A line that was cut
off by a crash, or that does not read, is no answer. A journal that cannot be written is no error:
it saves work and proves nothing.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from pathlib import Path

import msgspec

from ftlineage.core import codec
from ftlineage.core.words import parse_time
from ftlineage.drift.locking import Answer, Ref
from ftlineage.errors import CardMalformedError
from ftlineage.hashing.receipts import cache_folder

KEPT_FOR = dt.timedelta(hours=1)
MAX_BYTES = 256 * 1024 * 1024


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One answer and what was asked for it."""

    ref: Ref
    answer: Answer


class Journal:
    """The answers of one lock file and one Hub.

    Args:
        lock: Path of the lock file.
        endpoint: Address of the Hub that is asked; answers of another one do not count.
        folder: Where journals are kept; the user's cache if not given.
        now: The present, for tests.
    """

    def __init__(
        self, lock: Path, endpoint: str, *, folder: Path | None = None, now: dt.datetime | None = None
    ) -> None:
        name = hashlib.sha256(f"{lock.absolute()}\0{endpoint}".encode("utf-8", "surrogatepass")).hexdigest()
        self.path = (folder or cache_folder()) / "locking" / f"{name[:32]}.jsonl"
        self._now = now or dt.datetime.now(dt.UTC)

    def load(self) -> dict[Ref, Answer]:
        """Answers that still count."""
        try:
            if self.path.stat().st_size > MAX_BYTES:
                return {}
            lines = self.path.read_bytes().splitlines()
        except OSError:
            return {}
        return {line.ref: line.answer for line in map(self._line, lines) if line is not None}

    def add(self, ref: Ref, answer: Answer) -> None:
        """Keep one answer."""
        text = codec.compact_text(codec.builtins(Line(ref=ref, answer=answer)))
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as stream:
                # The line break comes first, so that half a line from a crash spoils only itself.
                stream.write(f"\n{text}".encode())

    def drop(self) -> None:
        """Forget all: they are in the lock now."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _line(self, data: bytes) -> Line | None:
        if not data.strip():
            return None
        try:
            line = codec.convert(codec.parse(data), Line)
        except CardMalformedError:
            return None
        at = parse_time(line.answer.resolved_at)
        return line if at is not None and dt.timedelta() <= self._now - at <= KEPT_FOR else None

"""The order-free digest of rows: a Merkle root over 256 buckets of sorted row digests.

Equal multisets of rows give equal digests in whatever order and parts they come. Digests are
sorted and hashed, never added or XORed: sums of digests can be forged, and XOR forgets pairs of
duplicates. Memory stays bounded: beyond ``MEMORY_ROWS`` digests, sorted runs go to a temporary file.
"""

from __future__ import annotations

import hashlib
from typing import IO, Any

BUCKETS = 256
MEMORY_ROWS = 4_000_000
DIGEST_BYTES = 32


class RowSet:
    """A growing multiset of row digests. Not safe for several threads at once."""

    def __init__(self, *, memory_rows: int = MEMORY_ROWS) -> None:
        self.rows = 0
        self._memory_rows = memory_rows
        self._fresh: list[Any] = []
        self._fresh_rows = 0
        self._runs: list[int] = []  # rows of each sorted run in the file
        self._file: IO[bytes] | None = None

    def add(self, digests: Any) -> None:
        """Add row digests, in any order.

        Args:
            digests: ``numpy.ndarray`` of uint8, shape (n, 32).
        """
        self._fresh.append(digests)
        self._fresh_rows += len(digests)
        self.rows += len(digests)
        if self._fresh_rows >= self._memory_rows:
            self._spill()

    def bucket_digests(self) -> list[bytes]:
        """SHA-256 over the sorted digests of each bucket: those that begin with byte 0, 1, ... 255."""
        import numpy as np

        runs = self._sorted_runs()
        firsts = np.arange(BUCKETS + 1)
        cuts: list[Any] = [np.searchsorted(run[:, 0], firsts) for run in runs]
        found = []
        for bucket in range(BUCKETS):
            parts = [run[cut[bucket] : cut[bucket + 1]] for run, cut in zip(runs, cuts, strict=True)]
            inside = parts[0] if len(parts) == 1 else _sorted(np.concatenate(parts))
            found.append(hashlib.sha256(np.ascontiguousarray(inside)).digest())
        return found

    def sorted_bytes(self) -> bytes:
        """All digests in the order of their bytes, 32 each."""
        import numpy as np

        runs = self._sorted_runs()
        whole = runs[0] if len(runs) == 1 else _sorted(np.concatenate(runs))
        return bytes(np.ascontiguousarray(whole).data)

    def close(self) -> None:
        """Give the temporary file back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _spill(self) -> None:
        import tempfile

        run = self._take_fresh()
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="ftlineage-rows-")  # noqa: SIM115 - lives as long as the set
        self._file.write(run.tobytes())
        self._runs.append(len(run))

    def _take_fresh(self) -> Any:
        import numpy as np

        run = _sorted(np.concatenate(self._fresh) if self._fresh else np.zeros((0, DIGEST_BYTES), np.uint8))
        self._fresh, self._fresh_rows = [], 0
        return run

    def _sorted_runs(self) -> list[Any]:
        import numpy as np

        fresh = self._take_fresh()
        self._fresh, self._fresh_rows = [fresh], len(fresh)
        if self._file is None:
            return [fresh]
        self._file.flush()
        runs, start = [fresh], 0
        for rows in self._runs:
            runs.append(np.memmap(self._file, np.uint8, "r", start, (rows, DIGEST_BYTES)))
            start += rows * DIGEST_BYTES
        return runs


def _sorted(digests: Any) -> Any:
    """Digests in the order of their bytes."""
    import numpy as np

    rows = len(digests)
    return (
        np.sort(np.ascontiguousarray(digests).view(f"S{DIGEST_BYTES}"), axis=0)
        .view(np.uint8)
        .reshape(rows, DIGEST_BYTES)
    )

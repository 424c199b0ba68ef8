"""Make the tables of the fingerprint bench: Arrow streams in batches of 1000 rows, as ``datasets`` writes them.

    python -m bench.fingerprint_input FOLDER MEGABYTES

The same bytes every time. ``flat``: a number, a text of 200 to 2300 characters, a label. ``chat``: a
number, a list of two to six messages, a label. For each a second file differs in its last row only.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

MEGABYTE = 1_000_000
BATCH = 1000
TEXT = (
    "the model answers politely when asked about tickets refund invoice order delayed parcel card payment account "
    "login reset password thanks please could you tell me why my is not working since yesterday evening"
)


def main() -> None:
    folder, size = Path(sys.argv[1]), int(sys.argv[2]) * MEGABYTE
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("flat", "chat"):
        write(folder, kind, size)


def write(folder: Path, kind: str, size: int) -> None:
    import numpy as np
    import pyarrow as pa

    chance = np.random.default_rng(7)
    pool = " ".join(chance.choice(TEXT.split(), 200_000))
    make = flat if kind == "flat" else chat
    batches: list[Any] = []
    total = 0
    while total < size:
        batches.append(make(chance, pool, len(batches) * BATCH))
        total += batches[-1].nbytes
    for name, last in ((kind, batches[-1]), (f"{kind}-changed", changed(batches[-1]))):
        with pa.ipc.new_stream(str(folder / f"{name}.arrow"), last.schema) as writer:
            for batch in [*batches[:-1], last]:
                writer.write_batch(batch)


def texts(chance: Any, pool: str, lengths: Any) -> list[str]:
    starts = chance.integers(0, len(pool) - 5000, len(lengths))
    return [pool[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def flat(chance: Any, pool: str, first: int) -> Any:
    return table(chance, first, text=texts(chance, pool, chance.integers(200, 2300, BATCH)))


def chat(chance: Any, pool: str, first: int) -> Any:
    rows = []
    for count in chance.integers(1, 4, BATCH):
        said = texts(chance, pool, chance.integers(50, 600, 2 * count))
        rows.append([{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(said)])
    return table(chance, first, messages=rows)


def table(chance: Any, first: int, **column: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    (name, values), *_ = column.items()
    arrays = {"id": pa.array(np.arange(first, first + BATCH)), name: pa.array(values)}
    return pa.record_batch({**arrays, "label": pa.array(chance.integers(0, 77, BATCH))})


def changed(batch: Any) -> Any:
    """One more word in the last row."""
    import pyarrow as pa

    rows = batch.to_pylist()
    if "text" in rows[-1]:
        rows[-1]["text"] += " never"
    else:
        rows[-1]["messages"][-1]["content"] += " never"
    return pa.RecordBatch.from_pylist(rows, batch.schema)


if __name__ == "__main__":
    main()

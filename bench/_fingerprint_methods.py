"""One way to digest a table, as a process of its own: ``python -m bench._fingerprint_methods METHOD FILE``.

Prints the digest. Everything a method needs is imported inside it, because its start counts.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import warnings
from collections.abc import Callable
from typing import Any


def sha256(path: str) -> str:
    """The floor: one thread over the Arrow buffers as they lie there; no rows, no types, no nulls."""
    import pyarrow as pa

    state = hashlib.sha256()
    with pa.memory_map(path) as data:
        for batch in pa.ipc.open_stream(data):
            for column in batch.columns:
                for buffer in column.buffers():
                    if buffer is not None:
                        state.update(buffer)
    return state.hexdigest()


def ordered(path: str) -> str:
    from ftlineage.sources.data import fingerprint_source

    return fingerprint_source(path, order_free=False).fingerprint.ordered


def both(path: str) -> str:
    from ftlineage.sources.data import fingerprint_source

    return str(fingerprint_source(path).fingerprint.unordered)


def row_index(path: str) -> str:
    """What a row diff needs: 16 bytes of every row's canonical bytes."""
    import pyarrow as pa
    import xxhash

    from ftlineage.hashing.arrow_types import plan_of
    from ftlineage.hashing.row_bytes import row_bytes

    state = hashlib.sha256()
    with pa.memory_map(path) as data:
        reader = pa.ipc.open_stream(data)
        plan = plan_of(reader.schema)
        for batch in reader:
            state.update(row_bytes(plan, batch).digests(xxhash.xxh3_128_digest))
    return state.hexdigest()


def datasets_hasher(path: str) -> str:
    """What ``datasets`` computes for a table in memory."""
    import pyarrow as pa
    from datasets.fingerprint import Hasher

    with pa.memory_map(path) as data:
        return str(Hasher.hash(pa.ipc.open_stream(data).read_all()))


def mlflow(path: str) -> str:
    """``mlflow.data.from_huggingface(...).digest``: of the first 10,000 rows."""
    from datasets import Dataset
    from mlflow.data import from_huggingface  # type: ignore[import-not-found,unused-ignore]

    return str(from_huggingface(Dataset.from_file(path), path="json").digest)


def pandas_hash(path: str) -> str:
    """``hash_pandas_object``; nested cells as text, because it refuses them."""
    import pandas as pd
    import pyarrow as pa

    with pa.memory_map(path) as data:
        frame = pa.ipc.open_stream(data).read_all().to_pandas()
    if "messages" in frame:
        frame["messages"] = frame["messages"].astype(str)
    return hashlib.sha256(pd.util.hash_pandas_object(frame).to_numpy().tobytes()).hexdigest()


METHODS: dict[str, tuple[str, Callable[[str], str], str | None]] = {
    "sha256": ("sha256, one thread, same buffers", sha256, None),
    "ordered": ("ftlineage, ordered", ordered, None),
    "both": ("ftlineage, ordered and order-free", both, None),
    "row-index": ("ftlineage row bytes, xxh3-128 a row", row_index, "xxhash"),
    "hasher": ("datasets Hasher, table in memory", datasets_hasher, "datasets"),
    "pandas": ("pandas hash_pandas_object", pandas_hash, "pandas"),
    "mlflow": ("MLflow digest (10,000 rows)", mlflow, "mlflow"),
}


def available() -> dict[str, str]:
    """Names of the methods whose libraries are installed, with what to call them in the table."""
    return {
        name: label
        for name, (label, _, library) in METHODS.items()
        if library is None or importlib.util.find_spec(library) is not None
    }


def main(arguments: Any) -> None:
    warnings.simplefilter("ignore")
    print(METHODS[arguments[0]][1](arguments[1]))


if __name__ == "__main__":
    main(sys.argv[1:])

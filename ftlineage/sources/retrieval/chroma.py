"""Chroma: a persist folder (``chroma.sqlite3``), an open client, or a collection of one.

Covered are id, vector, document, URI and metadata of every entry, the distance and the name of the
embedding function, in any order. Left out: the HNSW graph, other collections. Vectors are those
Chroma gives back, which for cosine distance are normalised.

Opening a folder with Chroma writes to it (a lock row, migrations), so a copy in a temporary folder
is opened, which needs as much free space as the store is large.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftlineage.errors import BadInputError, StorageError
from ftlineage.sources.retrieval.interface import (
    BATCH,
    Content,
    canonical_text,
    choose,
    client_library,
    comes_from,
    fingerprint_rows,
    make_content,
    open_sqlite,
    refuse_collection,
)

KIND = "chroma"
ALGORITHM = "chroma-v1"
_DATABASE = "chroma.sqlite3"
_FIELDS = ["embeddings", "documents", "metadatas", "uris"]


def recognises(source: object) -> bool:
    """A folder with Chroma's database, or a chromadb object."""
    return (source / _DATABASE).is_file() if isinstance(source, Path) else comes_from(source, "chromadb")


def read(source: Any, collection: str | None) -> Content:
    """Read every entry of a collection; see ``interface.Engine``."""
    library = client_library("chromadb", extra=KIND)
    if not isinstance(source, Path):
        return _read(library, source, collection, shown=type(source).__name__, version=None)
    if not recognises(source):
        raise BadInputError(path=str(source), reason=f"it holds no {_DATABASE}")
    version = _format_version(source)
    with _copied(source) as folder, _client(library, folder) as client:
        return _read(library, client, collection, shown=str(source), version=version)


def _read(library: Any, source: Any, collection: str | None, *, shown: str, version: str | None) -> Content:
    try:
        if hasattr(source, "count"):  # a collection, not a client
            refuse_collection(collection, "a Chroma collection")
        else:
            names = [found.name for found in source.list_collections()]
            # No embedding function: nothing is embedded here, and making one can ask for an API key.
            source = source.get_collection(choose(names, collection), embedding_function=None)
        return _content(source, version, shown)
    except library.errors.ChromaError as error:
        raise BadInputError(path=shown, reason=f"Chroma cannot read it: {str(error)[:200]}") from error


def _content(collection: Any, version: str | None, shown: str) -> Content:
    total = collection.count()
    rows = fingerprint_rows(_batches(collection, total), _schema(), total=total)
    if rows.rows != total or collection.count() != total:
        raise StorageError(path=shown, cause="the collection changed while it was read")
    settings = _settings(collection)
    return make_content(KIND, algorithm=ALGORITHM, version=version, settings=settings, rows=rows)


def _settings(collection: Any) -> dict[str, Any]:
    configuration = collection.configuration_json
    graph = configuration.get("hnsw") or configuration.get("spann") or {}
    function = configuration.get("embedding_function") or {}
    return {"space": graph.get("space"), "embedding_function": function.get("name")}


def _schema() -> Any:
    import pyarrow as pa

    text = pa.string()
    vector = pa.list_(pa.float32())
    return pa.schema([("id", text), ("vector", vector), ("document", text), ("uri", text), ("metadata", text)])


def _batches(collection: Any, total: int) -> Iterator[Any]:
    import numpy as np
    import pyarrow as pa

    schema = _schema()
    for start in range(0, total, BATCH):
        found = collection.get(limit=BATCH, offset=start, include=_FIELDS)
        count = len(found["ids"])
        vectors = [None] * count if found["embeddings"] is None else found["embeddings"]
        columns = [
            pa.array(found["ids"], pa.string()),
            pa.array([None if item is None else np.asarray(item, np.float32) for item in vectors], schema.types[1]),
            pa.array(found["documents"] or [None] * count, pa.string()),
            pa.array(found["uris"] or [None] * count, pa.string()),
            pa.array([canonical_text(item) for item in found["metadatas"] or [None] * count], pa.string()),
        ]
        yield pa.record_batch(columns, schema=schema)


# --- folders -----------------------------------------------------------------------------------


@contextlib.contextmanager
def _client(library: Any, folder: Path) -> Iterator[Any]:
    settings = library.config.Settings(anonymized_telemetry=False)
    try:
        client = library.PersistentClient(path=str(folder), settings=settings)
    except library.errors.ChromaError as error:
        raise BadInputError(path=folder.name, reason=f"Chroma cannot open it: {str(error)[:200]}") from error
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def _copied(source: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ftlineage-chroma-") as temporary:
        copy = Path(temporary) / "store"
        before = _state(source)
        try:
            shutil.copytree(source, copy)
        except (OSError, shutil.Error) as error:
            raise StorageError(
                path=str(source),
                cause=f"it cannot be copied: {str(error)[:200]}",
                hint="Chroma writes to what it opens, so a copy is read; TMPDIR says where it is made",
            ) from error
        if _state(source) != before:
            raise StorageError(path=str(source), cause="the store changed while it was copied")
        yield copy


def _state(folder: Path) -> list[tuple[str, int, int]]:
    return sorted(
        (str(path), found.st_size, found.st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and (found := path.stat())
    )


def _format_version(folder: Path) -> str:
    """The newest migration of each of the store's databases: its format, whoever wrote it."""
    query = "SELECT dir, MAX(version) FROM migrations GROUP BY dir ORDER BY dir"
    try:
        with open_sqlite(folder / _DATABASE) as database:
            return " ".join(f"{name}-{version}" for name, version in database.execute(query))
    except sqlite3.Error as error:
        raise BadInputError(path=str(folder), reason=f"{_DATABASE} is broken: {error}") from error

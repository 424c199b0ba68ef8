"""The same small content in every engine, and ways to look at a folder from outside."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

WIDTH = 4


@dataclass(frozen=True)
class Entry:
    """One entry of an index."""

    id: int
    vector: tuple[float, ...]
    document: str
    metadata: dict[str, Any]


ENTRIES = tuple(
    Entry(id=n, vector=(n + 0.5, n * 2.0, -1.0, 0.25), document=f"document {n}", metadata={"page": n, "lang": "en"})
    for n in range(12)
)

# Each changes one thing about the content.
CHANGES: dict[str, Callable[[Sequence[Entry]], Sequence[Entry]]] = {
    "vector": lambda entries: [replace(entries[0], vector=(9.0, 9.0, 9.0, 9.0)), *entries[1:]],
    "tiny": lambda entries: [replace(entries[0], vector=(0.50000006, 0.0, -1.0, 0.25)), *entries[1:]],
    "document": lambda entries: [*entries[:-1], replace(entries[-1], document="another")],
    "metadata": lambda entries: [*entries[:-1], replace(entries[-1], metadata={"page": 99, "lang": "en"})],
    "id": lambda entries: [*entries[:-1], replace(entries[-1], id=1000)],
    "missing": lambda entries: entries[:-1],
    "extra": lambda entries: [*entries, replace(entries[-1], id=2000)],
}


def tree(folder: Path) -> list[tuple[str, str, int]]:
    """Every file of a folder with its bytes' digest and time of writing."""
    return sorted(
        (str(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    )


def damage(path: Path, how: str) -> None:
    """Break a file: cut it in half, empty it, or overwrite its start."""
    data = path.read_bytes()
    path.write_bytes({"half": data[: len(data) // 2], "empty": b"", "noise": b"\xff" * 64 + data[64:]}[how])


def need(module: str) -> Any:
    """The client library, or skip saying which is missing."""
    return pytest.importorskip(module, reason=f"{module} is not installed; pip install -e '.[dev]'")


# --- building ----------------------------------------------------------------------------------


def build_faiss(folder: Path, entries: Sequence[Entry], batch: int) -> Path:
    faiss = need("faiss")
    import numpy as np

    folder.mkdir()
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(WIDTH))
    for start in range(0, len(entries), batch):
        part = entries[start : start + batch]
        index.add_with_ids(np.array([e.vector for e in part], "f4"), np.array([e.id for e in part]))
    faiss.write_index(index, str(folder / "kb.faiss"))
    lines = sorted(f"{e.id} {e.document} {e.metadata}" for e in entries)
    (folder / "docstore.json").write_text("\n".join(lines))
    return folder


def build_lancedb(folder: Path, entries: Sequence[Entry], batch: int) -> Path:
    lancedb = need("lancedb")
    database = lancedb.connect(str(folder))
    rows = [{"id": e.id, "vector": list(e.vector), "document": e.document, **e.metadata} for e in entries]
    table = database.create_table("docs", rows[:batch])
    for start in range(batch, len(rows), batch):
        table.add(rows[start : start + batch])
    return folder


def build_chroma(folder: Path, entries: Sequence[Entry], batch: int) -> Path:
    chromadb = need("chromadb")
    client = chromadb.PersistentClient(str(folder))
    collection = client.create_collection("docs", configuration={"hnsw": {"space": "l2"}})
    for start in range(0, len(entries), batch):
        part = entries[start : start + batch]
        collection.add(
            ids=[str(e.id) for e in part],
            embeddings=[list(e.vector) for e in part],
            documents=[e.document for e in part],
            metadatas=[e.metadata for e in part],
        )
    client.close()
    return folder


def fill_qdrant(client: Any, entries: Sequence[Entry], batch: int = 100) -> None:
    models = need("qdrant_client").models
    client.create_collection("docs", vectors_config=models.VectorParams(size=WIDTH, distance=models.Distance.COSINE))
    for start in range(0, len(entries), batch):
        points = [
            models.PointStruct(id=e.id, vector=list(e.vector), payload={"document": e.document, **e.metadata})
            for e in entries[start : start + batch]
        ]
        client.upsert("docs", points)


def build_qdrant(folder: Path, entries: Sequence[Entry], batch: int) -> Path:
    client = need("qdrant_client").QdrantClient(path=str(folder))
    fill_qdrant(client, entries, batch)
    client.close()
    return folder


def build_folder(folder: Path, entries: Sequence[Entry], batch: int) -> Path:
    (folder / "sub").mkdir(parents=True)
    for entry in entries:
        text = f"{entry.document}\n{entry.vector}\n{sorted(entry.metadata.items())}"
        (folder / "sub" / f"{entry.id}.md").write_text(text)
    return folder


BUILDERS: dict[str, Callable[[Path, Sequence[Entry], int], Path]] = {
    "faiss": build_faiss,
    "lancedb": build_lancedb,
    "chroma": build_chroma,
    "qdrant": build_qdrant,
    "folder": build_folder,
}

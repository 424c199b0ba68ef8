"""Qdrant: a folder of the client's local mode, or an open ``QdrantClient`` (any server).

Covered are id, vectors (dense, sparse, multi; as 32-bit floats) and payload of every point, and
size, distance and type of each vector, in any order. Left out: the search graph, shards, other
collections.

Local mode keeps points as pickles, and opening such a folder with the client runs whatever they
say, takes a lock and may delete rows. So the folder is read directly: the database read-only and
immutable, the pickles by an unpickler that knows two plain classes and refuses all else. There
vectors are as they were given; through a client they are as stored (normalised for cosine), hence
two algorithms.
"""

from __future__ import annotations

import io
import itertools
import pickle
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ftlineage.core import codec
from ftlineage.errors import BadInputError, CardMalformedError, FtlineageError, StorageError
from ftlineage.sources.errors import IndexUnreachableError
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
)

KIND = "qdrant"
FOLDER_ALGORITHM = "qdrant-folder-v1"
CLIENT_ALGORITHM = "qdrant-client-v1"
_META = "meta.json"
_MODELS = "qdrant_client.http.models.models"


def recognises(source: object) -> bool:
    """A folder of local mode, or a qdrant_client object."""
    if not isinstance(source, Path):
        return comes_from(source, "qdrant_client")
    return (source / _META).is_file() and (source / "collection").is_dir()


def read(source: Any, collection: str | None) -> Content:
    """Read every point of a collection; see ``interface.Engine``."""
    client_library("pyarrow", extra=KIND)
    if not isinstance(source, Path):
        return _read_client(source, collection)
    if not recognises(source):
        raise BadInputError(path=str(source), reason=f"it holds no {_META} and collection/ of Qdrant's local mode")
    return _read_folder(source, collection)


# --- local mode --------------------------------------------------------------------------------


def _read_folder(folder: Path, collection: str | None) -> Content:
    try:
        collections = codec.parse((folder / _META).read_bytes())["collections"]
        name = choose(list(collections), collection)
        settings = _settings(collections[name])
    except (OSError, CardMalformedError, LookupError, TypeError, AttributeError) as error:
        raise BadInputError(path=str(folder), reason=f"{_META} is broken: {str(error)[:200]}") from error
    database = folder / "collection" / name / "storage.sqlite"
    left_open = [suffix for suffix in ("-journal", "-wal") if Path(f"{database}{suffix}").exists()]
    if left_open:
        raise StorageError(path=str(folder), cause="something is writing to it, or stopped in the middle of writing")
    try:
        with open_sqlite(database) as opened:
            points = _unique(map(_unpickled, _blobs(opened)))
            rows = fingerprint_rows(_batches(points), _schema(), total=None)
    except (sqlite3.Error, _BrokenPointError) as error:
        raise BadInputError(path=str(folder), reason=f"collection {name!r} is broken: {error}") from error
    return make_content(KIND, algorithm=FOLDER_ALGORITHM, version=None, settings=settings, rows=rows)


def _blobs(database: sqlite3.Connection) -> Iterator[bytes]:
    # Older clients could leave several rows for one point; the client takes the latest, as here.
    for (blob,) in database.execute("SELECT point FROM points ORDER BY rowid DESC"):
        if not isinstance(blob, bytes):
            raise _BrokenPointError("a point is no binary value")
        yield blob


class _BrokenPointError(Exception):
    """A stored point that cannot be read."""


class _Plain:
    """Stands for a class of the client: holds fields and can do nothing."""

    fields: dict[str, Any]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.fields = dict(state["__dict__"])


class _PointUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type[_Plain]:
        if (module, name) in {(_MODELS, "PointStruct"), (_MODELS, "SparseVector")}:
            return _Plain
        raise _BrokenPointError(f"a point names {module}.{name}, and to load that could run code")


def _unpickled(blob: bytes) -> tuple[int | str, Any, Any]:
    try:
        point = _PointUnpickler(io.BytesIO(blob)).load()
        return point.fields["id"], point.fields["vector"], point.fields["payload"]
    except _BrokenPointError:
        raise
    except Exception as error:  # a broken pickle can raise anything
        raise _BrokenPointError(f"a point cannot be read ({type(error).__name__})") from error


def _unique(points: Iterable[tuple[int | str, Any, Any]]) -> Iterator[tuple[int | str, Any, Any]]:
    seen: set[str] = set()
    for point in points:
        name = _id_text(point[0])
        if name not in seen:
            seen.add(name)
            yield point


# --- clients -----------------------------------------------------------------------------------


def _read_client(client: Any, collection: str | None) -> Content:
    try:
        return _scan(client, collection)
    except FtlineageError:
        raise
    except Exception as error:  # the client's transports raise exceptions of three libraries
        cause = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
        raise IndexUnreachableError(place="qdrant", cause=cause) from error


def _scan(client: Any, collection: str | None) -> Content:
    name = choose([found.name for found in client.get_collections().collections], collection)
    settings = _settings(client.get_collection(name).config.params.model_dump(mode="json"))
    total = client.count(name, exact=True).count
    rows = fingerprint_rows(_batches(_scrolled(client, name)), _schema(), total=total)
    if client.count(name, exact=True).count != rows.rows:
        raise StorageError(path=name, cause="the collection changed while it was read")
    version = _server_version(client)
    return make_content(KIND, algorithm=CLIENT_ALGORITHM, version=version, settings=settings, rows=rows)


def _scrolled(client: Any, name: str) -> Iterator[tuple[int | str, Any, Any]]:
    offset = None
    while True:
        points, offset = client.scroll(name, limit=BATCH, offset=offset, with_payload=True, with_vectors=True)
        for point in points:
            yield point.id, point.vector, point.payload
        if offset is None:
            return


def _server_version(client: Any) -> str | None:
    version = getattr(client.info(), "version", None)
    return version if isinstance(version, str) and version else None


# --- content -----------------------------------------------------------------------------------


def _settings(parameters: dict[str, Any]) -> dict[str, Any]:
    """What decides similarity, from a collection's parameters as JSON."""
    vectors = parameters.get("vectors") or {}
    named = {"": vectors} if "size" in vectors else vectors
    dense = {
        name: [
            vector.get("size"),
            vector.get("distance"),
            vector.get("datatype"),
            (vector.get("multivector_config") or {}).get("comparator"),
        ]
        for name, vector in named.items()
    }
    sparse = {name: (vector or {}).get("modifier") for name, vector in (parameters.get("sparse_vectors") or {}).items()}
    return {"dense": dense, "sparse": sparse}


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema([("id", pa.string()), ("vectors", pa.large_binary()), ("payload", pa.string())])


def _batches(points: Iterable[tuple[int | str, Any, Any]]) -> Iterator[Any]:
    import pyarrow as pa

    schema = _schema()
    rows = ((_id_text(name), _vector_bytes(vector), canonical_text(payload or {})) for name, vector, payload in points)
    while batch := list(itertools.islice(rows, BATCH)):
        columns = zip(zip(*batch, strict=True), schema.types, strict=True)
        yield pa.record_batch([pa.array(column, kind) for column, kind in columns], schema=schema)


def _id_text(identity: int | str) -> str:
    return str(identity) if isinstance(identity, int) else str(uuid.UUID(str(identity)))


def _vector_bytes(vector: Any) -> bytes:
    """All vectors of a point: name, form, then numbers, each with its length before it."""
    named = vector if isinstance(vector, dict) else {"": vector} if vector is not None else {}
    parts = []
    for name in sorted(named):
        parts += [_sized(name.encode()), _form(named[name])]
    return b"".join(parts)


def _form(vector: Any) -> bytes:
    import numpy as np

    fields = vector.fields if isinstance(vector, _Plain) else vector
    if hasattr(fields, "indices"):
        fields = {"indices": fields.indices, "values": fields.values}
    if isinstance(fields, dict):
        pairs = sorted(zip(fields["indices"], fields["values"], strict=True))
        indices = np.array([index for index, _ in pairs], "<u8").tobytes()
        return b"sparse" + _sized(indices) + _sized(np.array([value for _, value in pairs], "<f4").tobytes())
    numbers = np.array(fields, "<f4")
    shape = np.array(numbers.shape, "<u8").tobytes()
    return b"dense" + _sized(shape) + _sized(numbers.tobytes())


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(8, "little") + data

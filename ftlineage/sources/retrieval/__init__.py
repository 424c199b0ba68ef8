"""Retrieval indexes: what a model may look things up in, by content digest, whichever engine holds it.

Decides which engine a path, address or object belongs to. Refused: what no engine recognises and
what does not say its own version and digest. Opening never modifies an index.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftlineage.core import codec
from ftlineage.core.private import without_private
from ftlineage.core.sections import Retrieval
from ftlineage.errors import BadArgumentError, BadReferenceError, PathNotFoundError
from ftlineage.sources.retrieval import chroma, faiss, folder, lancedb, pgvector, qdrant, versioned
from ftlineage.sources.retrieval.embedding import observe_embedding_model
from ftlineage.sources.retrieval.interface import Content, Engine

__all__ = ["KINDS", "observe_retrieval"]

# A plain folder is what is left, so it is asked last.
_ENGINES: tuple[Engine, ...] = (faiss, lancedb, chroma, qdrant, pgvector, folder)
KINDS = tuple(engine.KIND for engine in _ENGINES)


def observe_retrieval(
    name: str,
    source: Any,
    *,
    kind: str | None = None,
    collection: str | None = None,
    embedding_model: Any = None,
    chunking: Mapping[str, Any] | None = None,
) -> Retrieval:
    """Record a retrieval index as it stands.

    Args:
        name: What the index is called in cards and diffs.
        source: A path; ``path#collection``; ``postgresql://host/database#table``; an open index,
            table, collection or client of a known library; or any object with ``version`` and
            ``digest``.
        kind: Engine, where it cannot or should not be told from ``source``; for other objects, how
            the card calls their kind.
        collection: Collection or table, where a store holds several.
        embedding_model: ``org/name``, ``org/name@revision``, a folder, or an ``EmbeddingModel``.
        chunking: How documents were cut, as plain values.

    Raises:
        BadArgumentError: An object of no known kind, or no such collection or kind.
        BadInputError: A broken store.
        PathNotFoundError: No such path.
        MissingExtraError: The engine's client library is not installed.
        UndecidedError: A database or the Hub does not answer.
    """
    if not name.strip():
        raise BadArgumentError(argument="retrieval name", reason="it is empty")
    if chunking is not None and not isinstance(chunking, Mapping):
        raise BadArgumentError(argument="chunking", reason="give a dictionary of plain values")
    content = _content(source, kind, collection)
    return Retrieval(
        name=name,
        kind=content.kind,
        version=content.version,
        digest=content.digest,
        count=content.count,
        embedding_model=observe_embedding_model(embedding_model),
        chunking=None if chunking is None else without_private(codec.jsonable(chunking)),
        evidence=content.evidence,
        algorithm=content.algorithm,
    )


def _content(source: Any, kind: str | None, collection: str | None) -> Content:
    place, part = _place(source)
    if part is not None and collection is not None and part != collection:
        raise BadArgumentError(argument="collection", reason=f"the source names {part!r} and collection {collection!r}")
    engine = _engine(place, kind)
    if engine is None:
        return versioned.read(place, kind=kind)
    return engine.read(place, collection if part is None else part)


def _place(source: Any) -> tuple[Any, str | None]:
    """A path, address or object, and the collection written after ``#``."""
    if isinstance(source, os.PathLike):
        source = os.fspath(source)
    if not isinstance(source, str):
        return source, None
    if pgvector.recognises(source):
        address, _, table = source.partition("#")
        return address, table or None
    if "://" in source:
        reason = "give a path, postgresql://host/database#table, or an open client of the library"
        raise BadReferenceError(reference=source.partition("?")[0].rpartition("@")[2], reason=reason)
    path, part = Path(source).expanduser(), None
    if not path.exists() and "#" in source:
        before, _, part = source.rpartition("#")
        path = Path(before).expanduser()
    if not path.exists():
        raise PathNotFoundError(path=source)
    return path, part or None


def _engine(place: Any, kind: str | None) -> Engine | None:
    """The engine asked for, or the first that knows what is there; None for an object of another kind."""
    asked = [engine for engine in _ENGINES if kind in {None, engine.KIND}]
    if not isinstance(place, Path | str):
        return next((engine for engine in asked if engine.recognises(place)), None)
    if not asked:
        raise BadArgumentError(argument="kind", reason=f"{kind!r} is none of {', '.join(KINDS)}")
    return asked[0] if kind is not None else next(engine for engine in asked if engine.recognises(place))

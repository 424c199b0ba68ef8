"""What every kind of retrieval index is reduced to: a version, a content digest and a count.

Decides how content becomes one digest: engine settings that change what a search returns, the
order-free fingerprint of all rows, and the digests of files beside them, each bound by name. So
storing the same content again, in any order, gives the same digest. Left out is what an engine
rebuilds from content (graphs of approximate indexes, file layout, compaction).

An algorithm's name changes whenever its digests would: a test pins one digest of each kind.
"""

from __future__ import annotations

import contextlib
import importlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from ftlineage.core import codec
from ftlineage.core.digest import root_digest, sha256_hex
from ftlineage.core.sections import Evidence, FileRecord
from ftlineage.errors import BadArgumentError, MissingExtraError
from ftlineage.hashing.progress import progress_bar
from ftlineage.hashing.rows import RowFingerprint, fingerprint_batches

# Rows a batch: a few MB of vectors, so that memory stays flat whatever the store holds.
BATCH = 2048
_LISTED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """A retrieval index as it stood.

    ``algorithm`` is None where the object gave its own digest, which is then only ``declared``.
    """

    kind: str
    version: str | None
    digest: str
    count: int | None
    algorithm: str | None
    evidence: Evidence = "observed"


class Engine(Protocol):
    """One module of this package: a kind of index, how to know it, how to read it."""

    KIND: str

    def recognises(self, source: object) -> bool:
        """Whether a path, address or client object is of this kind; opens nothing but small files."""
        ...

    def read(self, source: Any, collection: str | None) -> Content:
        """Read the whole index without changing it.

        Args:
            source: What ``recognises`` said yes to, or the user says is of this kind.
            collection: Which of several indexes in one store.

        Raises:
            BadArgumentError: No such collection, or several and none named.
            BadInputError: It is broken, or not of this kind.
            MissingExtraError: The engine's client library is not installed.
            UndecidedError: It does not answer.
        """
        ...


def make_content(
    kind: str,
    *,
    algorithm: str,
    version: str | None,
    settings: Mapping[str, Any],
    rows: RowFingerprint | None = None,
    files: Iterable[FileRecord] = (),
    count: int | None = None,
) -> Content:
    """Bind settings, rows and files into one content digest.

    Args:
        kind: Engine.
        algorithm: Name of this way of making the digest.
        version: The engine's own version of the index.
        settings: What changes the results of a search: metric, dimensions, ...
        rows: All entries, if they can be told apart.
        files: Files that belong to the content.
        count: Number of entries; that of ``rows`` if not given.
    """
    entries = [("settings", sha256_hex(codec.canonical_bytes(settings)))]
    if rows is not None:
        entries += [("rows", f"{rows.algorithm} {rows.rows} {rows.unordered}")]
        count = rows.rows if count is None else count
    entries += [(f"file {file.path}", f"{file.size} {file.sha256}") for file in files]
    digest = root_digest(algorithm, entries)
    return Content(kind=kind, version=version, digest=f"sha256:{digest}", count=count, algorithm=algorithm)


def fingerprint_rows(batches: Iterable[Any], schema: Any, *, total: int | None) -> RowFingerprint:
    """Fingerprint Arrow batches of entries, with a progress bar for large stores."""
    with progress_bar(total, "Reading the index", unit="entries") as update:
        return fingerprint_batches(_counted(batches, update), schema)


def _counted(batches: Iterable[Any], update: Any) -> Iterator[Any]:
    for batch in batches:
        update(batch.num_rows)
        yield batch


def client_library(module: str, *, extra: str, package: str | None = None) -> ModuleType:
    """Import a client library.

    Raises:
        MissingExtraError: It is not installed; the hint names the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(package=package or module, purpose=f"reading a {extra} index", extra=extra) from error


def choose(names: Sequence[str], wanted: str | None, *, what: str = "collection") -> str:
    """Which of several indexes in one store is meant.

    Raises:
        BadArgumentError: There is none, several and none named, or none of that name.
    """
    listed = ", ".join(sorted(names)[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    if not names:
        raise BadArgumentError(argument="retrieval source", reason=f"it holds no {what}")
    if wanted is None and len(names) > 1:
        hint = "Name one with #NAME at the end, or collection=NAME"
        raise BadArgumentError(
            argument="retrieval source", reason=f"which {what} is meant? It holds {listed}", hint=hint
        )
    if wanted is not None and wanted not in names:
        raise BadArgumentError(argument="collection", reason=f"there is no {what} {wanted!r}; there is {listed}")
    return names[0] if wanted is None else wanted


def refuse_collection(collection: str | None, source: str) -> None:
    """For sources that are one index.

    Raises:
        BadArgumentError: A collection is named.
    """
    if collection is not None:
        raise BadArgumentError(argument="collection", reason=f"{source} is one index, so {collection!r} means nothing")


@contextlib.contextmanager
def open_sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a SQLite database that nobody writes to, without taking a lock or making files beside it."""
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as opened:
        yield opened


def comes_from(source: object, *packages: str) -> bool:
    """Whether an object's class, or one it derives from, is defined in one of these packages."""
    return any(kind.__module__.partition(".")[0] in packages for kind in type(source).__mro__)


def canonical_text(value: Any) -> str:
    """A payload or metadata as canonical JSON text, equal for equal content."""
    return codec.canonical_bytes(codec.jsonable(value)).decode()

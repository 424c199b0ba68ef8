"""LanceDB: a database folder, one ``*.lance`` table in it, or an open ``lancedb`` table or connection.

Covered is every value of every column of the version that is read, in any order; ``version`` is
the table's own version number, so rewriting the same rows keeps the digest and raises the version.
Left out: vector and text indexes, which are built from the columns; older versions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftlineage.errors import BadInputError, FtlineageError, StorageError
from ftlineage.sources.retrieval.interface import (
    BATCH,
    Content,
    choose,
    client_library,
    comes_from,
    fingerprint_rows,
    make_content,
    refuse_collection,
)

KIND = "lancedb"
ALGORITHM = "lancedb-v1"
_TABLE = ".lance"


def recognises(source: object) -> bool:
    """A folder with Lance tables, a table's folder, or a lancedb object."""
    if not isinstance(source, Path):
        return comes_from(source, "lancedb")
    return source.is_dir() and bool(_is_table(source) or _tables(source))


def read(source: Any, collection: str | None) -> Content:
    """Read every row of the table; see ``interface.Engine``."""
    library = client_library("lancedb", extra=KIND)
    shown = str(source) if isinstance(source, Path) else type(source).__name__
    try:
        return _content(_open(library, source, collection), shown)
    except FtlineageError:
        raise
    except Exception as error:  # broken files end in errors and panics of the library's Rust core
        raise BadInputError(path=shown, reason=f"LanceDB cannot read it: {_first_line(error)}") from error


def _open(library: Any, source: Any, collection: str | None) -> Any:
    if not isinstance(source, Path):
        if hasattr(source, "count_rows"):  # a table
            refuse_collection(collection, "a Lance table")
            return source
        return source.open_table(choose(_names(source), collection, what="table"))
    # `connect` creates what does not exist, so it is only called on a folder that is known.
    if not recognises(source):
        raise BadInputError(path=str(source), reason="it holds no Lance table")
    folder, names = (source.parent, [source.stem]) if _is_table(source) else (source, _tables(source))
    return library.connect(str(folder)).open_table(choose(names, collection, what="table"))


def _content(table: Any, shown: str) -> Content:
    version, expected = str(table.version), table.count_rows()
    batches = table.search().to_batches(batch_size=BATCH)
    rows = fingerprint_rows(batches, batches.schema, total=expected)
    if rows.rows != expected or str(table.version) != version:
        raise StorageError(path=shown, cause="the table changed while it was read")
    return make_content(KIND, algorithm=ALGORITHM, version=version, settings={}, rows=rows)


def _names(connection: Any) -> list[str]:
    names: list[str] = []
    page = None
    while True:
        answer = connection.list_tables(page_token=page)
        names += list(answer.tables)
        page = answer.page_token
        if not page:
            return names


def _is_table(folder: Path) -> bool:
    return folder.suffix == _TABLE and (folder / "_versions").is_dir()


def _tables(folder: Path) -> list[str]:
    return sorted(entry.stem for entry in folder.glob(f"*{_TABLE}") if _is_table(entry))


def _first_line(error: Exception) -> str:
    # What follows is a path of the machine that compiled the library.
    return str(error).partition("\n")[0].partition(", /")[0][:200]

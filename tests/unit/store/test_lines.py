from __future__ import annotations

import multiprocessing

import pytest

from ftlineage.errors import BadInputError, UnsafePathError
from ftlineage.store.lines import append_line, read_lines

LIMIT = 1_000_000


def _append_many(path, writer):
    for number in range(20):
        append_line(path, f"{writer} {number}".encode(), limit=LIMIT)


def test_lines_are_added_one_by_one(tmp_path):
    path = tmp_path / "claims.jsonl"
    assert read_lines(path, limit=LIMIT) == b""
    append_line(path, b"one\n", limit=LIMIT)
    append_line(path, b"two", limit=LIMIT)

    assert path.read_bytes() == read_lines(path, limit=LIMIT) == b"one\ntwo\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_last_line_without_a_break_stays_a_line(tmp_path):
    path = tmp_path / "claims.jsonl"
    path.write_bytes(b"half")
    append_line(path, b"two", limit=LIMIT)

    assert path.read_bytes() == b"half\ntwo\n"


def test_two_writers_lose_nothing(tmp_path):
    path = tmp_path / "claims.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(path, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)

    assert [writer.exitcode for writer in writers] == [0, 0]
    assert sorted(path.read_text().splitlines()) == sorted(f"{name} {number}" for name in "ab" for number in range(20))


def test_the_limit_of_readers_is_kept(tmp_path):
    path = tmp_path / "claims.jsonl"
    append_line(path, b"x" * 9, limit=10)
    with pytest.raises(BadInputError):
        append_line(path, b"x", limit=10)
    assert path.stat().st_size == 10
    with pytest.raises(BadInputError):
        read_lines(path, limit=9)


def test_what_is_no_file_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    for name in ("folder", "link"):
        with pytest.raises(UnsafePathError):
            append_line(tmp_path / name, b"x", limit=LIMIT)

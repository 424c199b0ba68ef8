"""Ids of Git objects are those that ``git`` computes."""

from __future__ import annotations

import subprocess

import pytest

from ftlineage.errors import PathNotFoundError, UnsafePathError
from ftlineage.hashing.git import file_blob_id, object_id


@pytest.mark.parametrize("data", [b"", b"x", b"\r\n\x00\xff" * 700_000], ids=["empty", "byte", "2.8 MB"])
def test_blob_ids_are_gits(tmp_path, data):
    path = tmp_path / "file"
    path.write_bytes(data)
    seen: list[int] = []
    answer = subprocess.run(
        ["git", "hash-object", "--no-filters", str(path)], check=True, capture_output=True, text=True, timeout=30
    )
    assert file_blob_id(path, update=seen.append) == answer.stdout.strip() == object_id("blob", data)
    assert sum(seen) == len(data)


def test_ids_of_known_objects():
    assert object_id("blob", b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert object_id("tree", b"") == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_only_regular_files_have_ids(tmp_path):
    with pytest.raises(UnsafePathError):
        file_blob_id(tmp_path)
    with pytest.raises(PathNotFoundError):
        file_blob_id(tmp_path / "none")

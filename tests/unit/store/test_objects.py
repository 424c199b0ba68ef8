import pytest

from ftlineage.errors import DigestMismatchError, PathNotFoundError
from ftlineage.store.objects import ObjectStore


def test_bytes_come_back_by_their_digest(tmp_path):
    store = ObjectStore(tmp_path)
    digest = store.put(b"print('hello')")
    assert store.put(b"print('hello')") == digest
    assert store.get(digest) == b"print('hello')"


def test_altered_bytes_are_not_given_out(tmp_path):
    store = ObjectStore(tmp_path)
    digest = store.put(b"one")
    store.path(digest).write_bytes(b"two")
    with pytest.raises(DigestMismatchError):
        store.get(digest)


def test_an_unknown_digest(tmp_path):
    with pytest.raises(PathNotFoundError):
        ObjectStore(tmp_path).get("0" * 64)


def test_the_root_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("FTLINEAGE_HOME", str(tmp_path))
    digest = ObjectStore().put(b"x")
    assert (tmp_path / "objects" / "sha256" / digest[:2] / digest[2:]).read_bytes() == b"x"

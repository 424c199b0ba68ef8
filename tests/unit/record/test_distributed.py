"""Who writes, decided without a process group; two real processes are in tests/integration/test_distributed.py."""

import pickle

import pytest

from ftlineage.errors import StorageError
from ftlineage.record import distributed


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


def test_alone():
    assert (distributed.rank(), distributed.world_size()) == (0, 1)
    assert distributed.is_writer()
    assert not distributed.is_cut_off()


def test_a_launcher_says_the_rank_before_torch_does(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert (distributed.rank(), distributed.world_size()) == (1, 2)
    assert not distributed.is_writer()
    assert distributed.is_cut_off()


def test_work_and_its_failure_alone():
    assert distributed.on_writer(lambda: 7) == 7
    error = StorageError(path="out", cause="full")
    assert distributed.any_failure(error) is error
    assert distributed.any_failure(None) is None
    with pytest.raises(ZeroDivisionError):
        distributed.on_writer(lambda: 1 // 0)


class _UnpicklableError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def test_an_error_that_cannot_travel_goes_as_its_text():
    sent = distributed._sendable(_UnpicklableError(1, 2))
    assert isinstance(sent, RuntimeError)
    assert str(sent) == "_UnpicklableError: 1 and 2"
    kept = StorageError(path="out", cause="full", hint="Free some")
    assert distributed._sendable(kept) is kept
    assert str(pickle.loads(pickle.dumps(kept))) == "out: full. Free some"

"""Every case that fuzzing ever kept, crashes included, run again through the functions that were fuzzed."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.__main__ import CORPUS, LARGEST, target_names
from fuzz.edits import VALUES, Cursor, edited
from fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_every_case_holds(name: str, tmp_path: Path) -> None:
    run = TARGETS[name](tmp_path)
    for case in sorted((CORPUS / name).iterdir()):
        try:
            run(case.read_bytes())
        except Exception as error:
            error.add_note(f"python -m fuzz {name} --replay {case}")
            raise


def test_every_target_has_a_corpus_of_small_files() -> None:
    assert target_names() == sorted(TARGETS)
    for name in TARGETS:
        cases = list((CORPUS / name).iterdir())
        assert len(cases) >= 5
        assert max(case.stat().st_size for case in cases) <= LARGEST


def test_a_harness_that_finds_nothing_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that lets another exception out is caught by replaying."""
    from fuzz import targets

    def broken(data: bytes) -> None:
        raise ValueError(data)

    monkeypatch.setattr(targets, "read_card", broken)
    with pytest.raises(ValueError, match="x"):
        TARGETS["card"](tmp_path)(b"x")


def test_the_same_bytes_make_the_same_edits() -> None:
    sound = {"a": [1, 2], "b": {"c": "d"}}
    for data in (b"", b"\0\1\0\5", b"\0\2\3\0\1\4\0\0", b"\0\1\2\3abc\0\0\5\2zz"):
        assert edited(sound, Cursor(data)) == edited(sound, Cursor(data))
    assert edited(sound, Cursor(b"")) == sound
    assert edited(sound, Cursor(b"\0\0\0\1")) is VALUES[1] is True
    assert edited(sound, Cursor(b"\0\1\3")) == {"a": [1, 2]}
    assert sound == {"a": [1, 2], "b": {"c": "d"}}

from __future__ import annotations

from pathlib import Path

import pytest

from ftlineage.cli.target import folder_of
from ftlineage.errors import BadArgumentError, BadInputError, PathNotFoundError


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "support-bot").mkdir()
    (tmp_path / "bot@v7").mkdir()
    (tmp_path / "support-bot" / "lineage.json").write_bytes(b"{}")
    (tmp_path / "notes.txt").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("target", "folder"),
    [
        ("support-bot", "support-bot"),
        ("support-bot/", "support-bot"),
        ("support-bot/lineage.json", "support-bot"),
        ("bot@v7", "bot@v7"),
        (".", "."),
    ],
)
def test_folders_and_the_card_in_them(target, folder, here):
    assert folder_of(target) == Path(folder)


@pytest.mark.parametrize(
    ("target", "kind", "sentence", "hint"),
    [
        ("", BadArgumentError, "TARGET: the name is empty", "Name a folder, such as ."),
        ("suport-bot", PathNotFoundError, "suport-bot: no such file or folder", "Did you mean support-bot?"),
        ("elsewhere/x", PathNotFoundError, "elsewhere/x: no such file or folder", ""),
        ("notes.txt", BadInputError, "notes.txt: neither a folder nor a lineage.json", "Name the folder"),
        (
            "hf://org/support-bot@main",
            BadArgumentError,
            "hf://org/support-bot@main: this release verifies folders, not the Hub",
            "Download it first: hf download org/support-bot --local-dir support-bot",
        ),
        (
            "support-bot@v7",
            BadArgumentError,
            "support-bot@v7: no folder has that name, and this release has no registry yet",
            "Name the folder that holds lineage.json",
        ),
    ],
)
def test_what_is_no_folder_is_said_with_the_next_step(target, kind, sentence, hint, here):
    with pytest.raises(kind) as caught:
        folder_of(target)
    assert (caught.value.sentence, caught.value.hint) == (sentence, hint)

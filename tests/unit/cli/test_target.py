from __future__ import annotations

from pathlib import Path

import pytest

from ftlineage.cli.target import card_of, folder_of
from ftlineage.errors import BadArgumentError, BadInputError, CardMalformedError, PathNotFoundError
from tests.unit.cli import sample


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
            "hf://org/support-bot@main: a folder is needed here, and this names a repository on the Hub",
            "Download it first: hf download org/support-bot --revision main --local-dir support-bot",
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


def test_a_card_may_have_any_file_name(here):
    (here / "old-card.json").write_bytes(sample.full_card().to_bytes())
    assert card_of("old-card.json").id == sample.full_card().id


def test_a_malformed_card_is_named(here):
    with pytest.raises(CardMalformedError) as caught:
        card_of("support-bot")
    assert caught.value.sentence == "malformed lineage card at support-bot $.ftlineage: expected a format such as '1'"

"""What people type by mistake: each has a sentence that is true, and exit code 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ftlineage.cli.main import main
from ftlineage.cli.story.stage import set_up
from ftlineage.errors import OutputNotWritableError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a file where a folder is expected, and the other way round."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "a\x1b[31m.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text('{"base_model_name_or_path": "acme/base"}')
    os.mkfifo(tmp_path / "pipe.jsonl")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["data", "fingerprint", ""], "source: the name is empty"),
        (["data", "fingerprint", "pipe.jsonl"], "pipe.jsonl: it is no regular file"),
        (["data", "fingerprint", "shards"], r"shards: 'a\x1b[31m.jsonl': the name holds a control character"),
        (["verify", "adapter", "--base", "rows.jsonl"], "rows.jsonl: a base is a folder, and this is a file"),
        (["record", "rows.jsonl", "--base", "acme/base"], "rows.jsonl: an adapter is a folder, and this is a file"),
        (["record", "adapter", "--base", "./nowhere"], "./nowhere: no such file or folder"),
        (["record", "adapter", "--base", "a b!"], "a b!: no such file or folder"),
        (["record", "adapter", "--base", "acme/base", *["--data", "t=rows.jsonl"] * 2], "the name 't' stands twice"),
        (["record", "adapter", "--base", "acme/base", "--prompt", " =rows.jsonl"], "--prompt: ' ' is no name"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else None,
)
def test_the_sentence_is_true(arguments, sentence, place, capsys):
    assert main(arguments) == 2

    shown = capsys.readouterr()
    assert sentence in " ".join(shown.err.split())
    assert shown.out == ""


def test_the_demo_clears_what_a_demo_made(place, monkeypatch):
    monkeypatch.chdir(place / "adapter")
    for name in ("adapter_config.json", ".ftlineage-demo"):
        (place / "adapter" / name).write_text("")
    (place / "adapter" / "support-bot").mkdir()

    stage = set_up(Path())

    assert stage.folder == place / "adapter"
    assert [path.name for path in stage.folder.iterdir()] == [".ftlineage-demo"]


def test_a_demo_where_nothing_can_be_written(place):
    with pytest.raises(OutputNotWritableError, match="cannot be written"):
        set_up(place / "rows.jsonl" / "demo")


def test_a_base_that_is_a_file(place, capsys):
    (place / "adapter" / "adapter_config.json").write_text("{}")

    assert main(["record", "adapter", "--base", "./rows.jsonl"]) == 2
    assert "rows.jsonl: a base is a folder, and this is a file" in " ".join(capsys.readouterr().err.split())

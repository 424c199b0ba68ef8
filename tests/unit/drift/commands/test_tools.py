"""The table of programs: what it refuses, what users add, and that its page says the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlineage.drift.commands.reader import read_shell
from ftlineage.drift.commands.tools import default_tools, read_table, with_tables
from ftlineage.errors import BadInputError
from tests.unit.drift.commands.seen import SHA, pinned, rows

PAGE = Path(__file__).parents[4] / "docs" / "scan-commands.md"
OURS = b"""
[[tool]]
name = "servit"
commands = ["servit up"]
positional = ["model"]
flags.adapter = ["--delta"]
revision = { model = "--commit" }
switches = ["--fast"]
silent = ["--as"]

[generic]
flags.dataset = ["--questions"]

[environment]
model = ["SERVIT_WEIGHTS"]
"""


def test_users_add_programs() -> None:
    tools = with_tables([read_table(OURS, "mine.toml")])

    def read(text: str):
        return read_shell(text, tools=tools)

    command = "servit up --fast org-a/name --delta org-a/lora --as org-a/alias"
    assert rows(read(command)) == [(1, "org-a/name", "model", "floating"), (1, "org-a/lora", "adapter", "floating")]
    assert pinned(read, command).startswith(f"servit up --fast org-a/name --commit {SHA} --delta")
    assert rows(read("python t.py --questions org-a/q")) == [(1, "org-a/q", "dataset", "floating")]
    assert rows(read("export SERVIT_WEIGHTS=org-a/name")) == [(1, "org-a/name", "model", "floating")]
    assert rows(read("vllm serve org-a/name")) == [(1, "org-a/name", "model", "floating")]
    assert rows(read_shell("python t.py --questions org-a/q")) == []


def test_theirs_win() -> None:
    mine = read_table(b'[[tool]]\nname = "v"\ncommands = ["vllm serve"]\npositional = ["dataset"]\n', "mine.toml")
    assert rows(read_shell("vllm serve org-a/name", tools=with_tables([mine]))) == [
        (1, "org-a/name", "dataset", "floating")
    ]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (b"[[tool]]\nname = 'x'\nflag = 1\n", "Object contains unknown field `flag` - at `$.tool[0]`"),
        (b"[[tool]]\ncommands = ['x']\n", "Object missing required field `name` - at `$.tool[0]`"),
        (
            b"[[tool]]\nname = 'x'\npositional = ['modle']\n",
            "Invalid enum value 'modle' - at `$.tool[0].positional[0]`",
        ),
    ],
)
def test_a_table_is_checked(table: bytes, reason: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read_table(table, "mine.toml")
    assert str(caught.value) == f"mine.toml: is no table of commands: {reason}."


def test_the_page_names_every_program_and_key() -> None:
    page = PAGE.read_text(encoding="utf-8")
    commands = {" ".join(words) for rows_ in default_tools().commands.values() for words, _ in rows_}
    assert sorted(command for command in commands if f"`{command}`" not in page) == []
    from ftlineage.drift.commands.tools import Generic, Programs, Table, Tool

    keys = {key for struct in (Tool, Generic, Programs, Table) for key in struct.__struct_fields__}
    assert sorted(key for key in keys if f"`{key}`" not in page) == []

"""What a person at a terminal sees: colour, width, nothing that acts on the screen."""

from __future__ import annotations

import re

import pytest

from tests.integration.adapters import A_BYTE_OF_A_TENSOR, WEIGHTS, flip, make_adapter, make_base
from tests.integration.cli import run, run_in_terminal
from tests.unit.cli import sample

COMMAND = re.compile(r" {8}(ftlineage|pip|hf|mv) ")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("terminal")
    for name in ("full", "hostile"):
        (root / name).mkdir()
        (root / name / "lineage.json").write_bytes(getattr(sample, f"{name}_card")().to_bytes())
    make_adapter(root / "bot")
    make_base(root / "base")
    assert run(["record", "bot", "--base", "base"], cwd=root).code == 0
    flip(root / "bot" / WEIGHTS, A_BYTE_OF_A_TENSOR)
    return root


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("command", [["show", "full"], ["diff", "full", "hostile"], ["verify", "bot"]], ids=" ".join)
def test_no_line_is_wider_than_the_terminal(command, columns, folder):
    _, shown = run_in_terminal(command, columns=columns, cwd=folder)
    lines = COLOUR.sub("", shown).splitlines()
    # Only what must be copied whole may stick out: one word such as a path or a tensor's name, and commands.
    wide = [line for line in lines if len(line) > columns and " " in line.strip() and not COMMAND.match(line)]
    assert wide == []
    assert max(len(line) for line in lines if len(line) <= columns) <= 100


def test_colour_comes_and_goes_with_no_color(folder):
    code, shown = run_in_terminal(["verify", "bot"], columns=80, cwd=folder)
    assert code == 1
    assert shown.startswith("\x1b[1;31merror[adapter.changed]\x1b[0m adapter_model.safetensors is not")
    assert "\x1b[1;31mfailed:\x1b[0m bot: 1 error" in shown
    plain = run_in_terminal(["verify", "bot"], columns=80, cwd=folder, NO_COLOR="1")[1]
    assert "\x1b" not in plain
    assert re.sub(r"[\d.]+ m?s", "", COLOUR.sub("", shown)) == re.sub(r"[\d.]+ m?s", "", plain)


def test_errors_are_coloured_on_stderr(folder):
    code, shown = run_in_terminal(["show", "ful"], columns=80, cwd=folder)
    assert code == 2
    assert shown == ("\x1b[1;31merror:\x1b[0m ful: no such file or folder\n \x1b[36mhint:\x1b[0m Did you mean full?\n")


def test_only_colours_reach_the_screen_from_a_hostile_card(folder):
    _, shown = run_in_terminal(["show", "hostile"], columns=80, cwd=folder)
    assert "\x1b" not in COLOUR.sub("", shown)
    assert not set(shown) & set("\x07\u202e\x9b")
    assert "<script>alert(1)</script>\\u202etxt.exe\\x1b[2J" in COLOUR.sub("", shown)

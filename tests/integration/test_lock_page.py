"""docs/lock.md is true: its transcript is typed into a shell, in its order, against a Hub that moves in between."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

from ftlineage.drift.lockfile import from_text
from tests.integration.cli import environment
from tests.integration.lock_desk import BASE, desk_at

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "lock.md").read_text("utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def typed(block):
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(command, shown) for command, _, shown in (part.partition("\n") for part in parts)]


def test_the_transcript_is_what_happens(tmp_path):
    program = tmp_path / "bin" / "ftlineage"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ftlineage "$@"\n', "utf-8")
    program.chmod(0o755)
    with desk_at(tmp_path) as desk:
        desk.hub.commit("tiny-corp/more", {"rows.csv": "a\n"}, repo_type="dataset")
        moves = {
            2: {"README.md": "A better page.\n"},
            3: {"model.safetensors": "new", "chat_template.jinja": "{{ bos }}\n{{ message|trim }}\n{{ eos }}\n"},
        }
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        variables = environment(**desk.variables, NO_COLOR="1", PATH=path)
        assert len(BLOCKS) == 4
        for number, block in enumerate(BLOCKS):
            if number in moves:
                desk.hub.commit(BASE, moves[number])
            for command, shown in typed(block):
                done = subprocess.run(
                    ["bash", "-c", command], cwd=desk.folder, env=variables, timeout=60, check=False, text=True,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                )  # fmt: skip
                matches = doctest.OutputChecker().check_output(shown, done.stdout, doctest.ELLIPSIS)
                assert matches, f"$ {command}\n{done.stdout}"


def test_the_example_of_the_file_is_a_lock():
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (entry,) = from_text(text.encode()).entries
    assert (entry.kind, entry.id, entry.wished, entry.gated) == ("model", "org/base", "main", True)

"""docs/local-hub.md: its code runs, and its tables name what is there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from ftlineage.testing import _server
from ftlineage.testing.hub import Faults, LocalHub

PAGE = (Path(__file__).parents[3] / "docs" / "local-hub.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", [block for block in BLOCKS if "with LocalHub()" in block])
def test_examples_run(block):
    exec(compile(block, "docs/local-hub.md", "exec"), {"LocalHub": LocalHub})  # noqa: S102 - our own page


def test_every_fault_and_call_is_described():
    named = set(re.findall(r"`faults\.(\w+)\(", PAGE))
    public = {name for name, _ in inspect.getmembers(Faults, inspect.isfunction) if not name.startswith("_")}
    assert named == public - {"clear", "remove", "striking"}
    calls = {name for name, _ in inspect.getmembers(LocalHub, inspect.isfunction) if not name.startswith("_")}
    assert {name for name in calls - {"start", "stop", "wait", "close"} if f"{name}(" not in PAGE} == set()


def test_every_route_is_described():
    table = PAGE.partition("## What it answers")[2].partition("## What it is not")[0]
    for method, pattern, _ in _server._TABLE:
        words = [
            part for part in re.findall(r"[a-z][a-z0-9_-]+", re.sub(r"\(\?P?<?\w*>?[^)]*\)", " ", pattern)) if part
        ]
        word = words[-1]
        if word in {"agent-harnesses", "telemetry"}:
            continue
        assert any(method in line and word in line for line in table.splitlines()), (method, pattern, word)


def test_a_line_fits_the_page():
    assert [line for line in PAGE.splitlines() if len(line) > 120 and not line.startswith("|")] == []

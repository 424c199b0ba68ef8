"""The story of examples/support_bot: the pinned answers stay to the last bit, the floating ones do not."""

from __future__ import annotations

import doctest
import json
import os
import re
from pathlib import Path

import pytest

from tests.integration.scripts import finish, start

pytestmark = pytest.mark.heavy

EXAMPLE = Path(__file__).parents[2] / "examples" / "support_bot"
BLOCKS = re.findall(r"^```console\n(.*?)^```", (EXAMPLE / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
_OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("example")


@pytest.fixture(scope="module")
def told(place: Path) -> str:
    """What the story prints."""
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLE.parents[1]), "OMP_NUM_THREADS": "1"}
    process = start([str(EXAMPLE / "run.py"), "story"], folder=place, environment=environment)
    code, output, errors = finish(process, seconds=280)
    assert code == 0, errors[-4000:]
    return f"{output}\nthe end"  # for the dots behind the last block


@pytest.fixture(scope="module")
def answers(told: str, place: Path) -> list[dict]:
    return json.loads((place / "story" / "answers.json").read_text("utf-8"))


def masked(text: str) -> str:
    """Digests depend on the processor's arithmetic (trap T12)."""
    return re.sub(r"\b[0-9a-f]{12,64}\b", "<digest>", text)


def test_the_readme_is_the_transcript(told: str) -> None:
    assert len(BLOCKS) == 5
    everything = "...".join(BLOCKS)

    assert doctest.OutputChecker().check_output(f"...{masked(everything)}...", masked(told), _OPTIONS), told


def test_each_block_is_in_the_transcript(told: str) -> None:
    for block in BLOCKS:
        assert doctest.OutputChecker().check_output(f"...{masked(block)}...", masked(told), _OPTIONS), (block, told)


def test_pinned_answers_stay_and_floating_ones_change(answers: list[dict]) -> None:
    asked = [(one["who"], one["adapter"].removeprefix("adapters/")) for one in answers]
    assert asked == [
        ("team", "team-1"),
        ("neighbour", "neighbour"),
        ("team", "team-1"),
        ("neighbour", "neighbour"),
        ("team", "team-2"),
        ("team", "team-2"),
    ]
    (team, neighbour, team_after, neighbour_after, new, new_after) = answers

    # Recording changes nothing about a training: both teams have the same bot.
    assert (team["tokens"], team["logits"]) == (neighbour["tokens"], neighbour["logits"])
    assert (team_after["tokens"], team_after["logits"]) == (team["tokens"], team["logits"])
    assert neighbour_after["tokens"] != neighbour["tokens"]
    moved = max(abs(a - b) for a, b in zip(neighbour_after["logits"], neighbour["logits"], strict=True))
    assert moved > 0.1
    assert (new_after["tokens"], new_after["logits"]) == (new["tokens"], new["logits"])


def test_commands_end_as_a_build_needs_it(told: str) -> None:
    codes = re.findall(r"^\$ ftlineage (\w+).*?^\(exit code (\d)\)$", told, re.DOTALL | re.MULTILINE)

    assert codes == [
        ("scan", "1"),
        ("pin", "0"),
        ("check", "0"),
        ("scan", "0"),
        ("drift", "1"),
        ("drift", "1"),
        ("scan", "1"),
        ("update", "0"),
        ("pin", "0"),
        ("drift", "0"),
    ]


def test_the_commit_stands_in_the_team_s_script_and_in_no_other(told: str, place: Path) -> None:
    story = place / "story"
    pins = re.findall(r'revision="([0-9a-f]{40})"', (story / "team" / "bot.py").read_text("utf-8"))
    assert len(pins) == 2
    assert f'sha = "{pins[0]}"' in (story / "ftlineage.lock").read_text("utf-8")
    for name in ("team/train.py", "neighbour/train.py", "neighbour/bot.py"):
        assert (story / name).read_bytes() == (EXAMPLE / name).read_bytes()
    first = json.loads((story / "adapters" / "team-1" / "lineage.json").read_text("utf-8"))
    second = json.loads((story / "adapters" / "team-2" / "lineage.json").read_text("utf-8"))
    assert second["base"]["revision"] == pins[0] == pins[1] != first["base"]["revision"]


def test_the_scripts_are_short() -> None:
    for script in EXAMPLE.rglob("*.py"):
        assert script.read_text("utf-8").count("\n") < 150, script.name

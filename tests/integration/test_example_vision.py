"""The story of examples/vision_preprocessing: it runs, its outcome is what it claims, its README is its transcript."""

from __future__ import annotations

import doctest
import os
import re
from pathlib import Path

import pytest

from tests.integration.scripts import finish, start

pytestmark = pytest.mark.heavy

EXAMPLE = Path(__file__).parents[2] / "examples" / "vision_preprocessing"
BLOCKS = re.findall(r"^```console\n(.*?)^```", (EXAMPLE / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
_OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the story prints."""
    folder = tmp_path_factory.mktemp("example")
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLE.parents[1]), "OMP_NUM_THREADS": "1"}
    process = start([str(EXAMPLE / "run.py"), "story"], folder=folder, environment=environment)
    code, output, errors = finish(process, seconds=240)
    assert code == 0, errors[-4000:]
    return output


def masked(text: str) -> str:
    """Digests depend on the processor's arithmetic (trap T12)."""
    return re.sub(r"\b[0-9a-f]{12,64}\b", "<digest>", text)


def test_the_readme_is_the_transcript(told: str) -> None:
    assert len(BLOCKS) == 4
    everything = "...".join(BLOCKS)

    assert doctest.OutputChecker().check_output(f"...{masked(everything)}...", masked(told), _OPTIONS), told


def test_each_block_is_in_the_transcript(told: str) -> None:
    for block in BLOCKS:
        assert doctest.OutputChecker().check_output(f"...{masked(block)}...", masked(told), _OPTIONS), (block, told)


def test_accuracy_falls_though_the_weights_stay(told: str) -> None:
    measured = re.findall(r"^(.+?)  +weights ([0-9a-f]{12})  accuracy (\d\.\d\d)$", told, re.MULTILINE)

    assert [(what, float(accuracy) > 0.95, float(accuracy) < 0.75) for what, _, accuracy in measured] == [
        ("trained: the web service", True, False),
        ("trained: the camera station", True, False),
        ("the web service now", False, True),
        ("the camera station now", False, True),
    ]
    assert len({weights for _, weights, _ in measured}) == 1


def test_the_constants_are_named_and_the_gate_is_shut(told: str) -> None:
    codes = re.findall(r"^\$ ftlineage (\w+).*?^\(exit code (\d)\)$", told, re.DOTALL | re.MULTILINE)

    assert codes == [("verify", "0"), ("verify", "1"), ("verify", "1"), ("verify", "1"), ("diff", "0"), ("show", "0")]
    assert told.count("error[preprocessing.changed]") == 3
    flat = re.sub(r"\s+", " ", told)
    assert (
        "preprocessor_config.json: image_mean is [0.485, 0.456, 0.406], the card says [0.5, 0.5, 0.5]; "
        "image_std is [0.229, 0.224, 0.225], the card says [0.5, 0.5, 0.5]"
    ) in flat
    assert (
        "normalise() in preprocess.py: MEAN is (0.485, 0.456, 0.406), the card says (0.5, 0.5, 0.5); "
        "STD is (0.229, 0.224, 0.225), the card says (0.5, 0.5, 0.5)"
    ) in flat


def test_the_scripts_are_short() -> None:
    for script in EXAMPLE.glob("*.py"):
        assert script.read_text("utf-8").count("\n") < 150, script.name

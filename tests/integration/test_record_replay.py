"""The same script in two processes: one card id, whatever the hash seed, the folders and the place it runs in."""

import subprocess
from pathlib import Path

import pytest

from ftlineage.store.cards import load_card
from ftlineage.testing.hub import LocalHub
from tests.integration.recording import TRAINS, check_sound, different
from tests.integration.scripts import TRAIN, finish, start

pytestmark = TRAINS


def test_t14_two_processes_write_one_card(
    acme: LocalHub, workplace: Path, tmp_path: Path, child_environment: dict[str, str]
) -> None:
    repository = workplace / "repository"
    (repository / "jobs").mkdir(parents=True)
    script = repository / "jobs" / "train.py"
    script.write_text(TRAIN, encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=repository, check=True)
    outs = [repository / "out", tmp_path / "far" / "another"]
    places = [repository, tmp_path / "cwd"]
    # Each process draws its own hash seed, so sets come in another order in each.
    environment = {**child_environment, "PYTHONHASHSEED": "random"}

    processes = [
        start([str(script), str(out)], folder=place, environment=environment)
        for out, place in zip(outs, places, strict=True)
    ]
    for process in processes:
        code, output, errors = finish(process)
        assert code == 0, errors
        assert output.splitlines()[-1].startswith("sealed 0 sha256:")

    cards = [load_card(out) for out in outs]
    assert different(*cards) == set()
    assert cards[0].id == cards[1].id
    assert cards[0].section("recipe")["script"]["path"] == "jobs/train.py"
    assert [file["path"] for file in cards[0].section("code")["untracked"]] == ["jobs/train.py"]
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()
    for card, out in zip(cards, outs, strict=True):
        check_sound(card, out, private=[tmp_path, workplace])
    # The text itself is kept in the local store, where a replay finds it; cards get published.
    digest = cards[0].section("recipe")["script"]["sha256"]
    kept = Path(child_environment["FTLINEAGE_HOME"]) / "objects" / "sha256" / digest[:2] / digest[2:]
    assert kept.read_text(encoding="utf-8") == TRAIN


@pytest.mark.parametrize("variable", ["PYTHONHASHSEED", "OMP_NUM_THREADS"])
def test_variables_that_can_change_a_result_are_part_of_the_environment(
    variable: str, acme: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.integration.recording import record_untrained

    monkeypatch.setenv(variable, "1")
    before = record_untrained(tmp_path / "a")
    monkeypatch.setenv(variable, "2")
    after = record_untrained(tmp_path / "b")

    assert different(before, after) == {"environment"}

"""The demo is the first thing a stranger runs: all of it, as a command, on a folder of its own."""

import json
import subprocess
import sys

import pytest

from ftlineage.store.cards import load_card
from ftlineage.verify.runner import verify

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "play"
    command = [sys.executable, "-m", "ftlineage", "demo", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout), done.stderr


def test_it_leaves_a_version_that_verifies_and_a_tampered_one_that_does_not(played):
    folder, facts, _ = played
    assert load_card(folder / "support-bot").id == facts["card"]
    assert verify(folder / "support-bot").ok
    assert not verify(folder / "tampered").ok
    assert facts["verified"] is True
    assert facts["tampered"] == {"ok": False, "codes": ["adapter.changed"]}


def test_the_card_names_every_element(played):
    folder, facts, _ = played
    card = load_card(folder / "support-bot").body
    assert card.base is not None
    assert card.base.revision == facts["base"]
    assert card.base.evidence == "observed"
    assert [(data.name, data.rows) for data in card.data] == [("tickets", 96)]
    assert card.data[0].prepared is not None
    assert card.prompts[0].text == "You answer politely."
    assert card.recipe is not None
    assert card.recipe.script is not None
    assert (card.recipe.method, card.recipe.script.path) == ("sft", "train.py")
    assert card.environment is not None
    assert {package.name for package in card.environment.packages} >= {"torch", "transformers", "peft", "trl"}


def test_the_pinned_answer_stays_and_the_floating_one_moves(played):
    _, facts, _ = played
    drift = facts["drift"]
    assert drift["class"] == "weights"
    assert drift["files"] == ["model.safetensors", "chat_template.jinja"]
    assert (drift["pinned_same"], drift["floating_same"]) == (True, False)


def test_the_second_version_differs_where_it_should(played):
    _, facts, _ = played
    changed = {element["section"] for element in facts["diff"]}
    assert changed == {"base", "adapter", "data", "preprocessing"}
    assert any("96 rows before, 72 after" in element["summary"] for element in facts["diff"])


def test_the_story_is_told_and_nothing_else(played):
    _, _, talk = played
    numbered = [line for line in talk.splitlines() if line[:1].isdigit()]
    assert [line[:2] for line in numbered] == ["1.", "2.", "3.", "4.", "5.", "6."]
    assert "Warning" not in talk


def test_no_path_of_this_machine_is_in_a_card(played, tmp_path_factory):
    folder, _, _ = played
    text = (folder / "support-bot" / "lineage.json").read_text(encoding="utf-8")
    assert str(tmp_path_factory.getbasetemp()) not in text
    assert str(folder.parent) not in text


def test_somebody_elses_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    command = [sys.executable, "-m", "ftlineage", "demo", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "is not empty and is no earlier demo" in " ".join(done.stderr.split())
    assert (tmp_path / "thesis.tex").read_text() == "years of work"

"""``ftlineage verify hf://`` from the shell: 0, 1, 2 and 3."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftlineage.testing.hub import LocalHub
from tests import sealed
from tests.integration.cli import run, run_in_terminal


@pytest.fixture
def place(tmp_path: Path):
    """A hub with a published version, its commit, and the variables to find it."""
    with LocalHub(tmp_path / "hub") as hub:
        sha = hub.upload_folder("acme/bot", sealed.sealed(tmp_path / "out"))
        yield hub, sha, hub.environ(home=tmp_path / "home") | {"FTLINEAGE_CACHE": str(tmp_path / "receipts")}


def test_fine_is_0_and_the_report_names_the_commit(place):
    _, sha, variables = place
    done = run(["verify", "hf://acme/bot", "--json"], **variables)
    report = json.loads(done.out)
    assert (done.code, done.err, report["verdict"]) == (0, "", "ok")
    assert report["target"] == f"hf://acme/bot@{sha}"
    assert run(["verify", f"hf://acme/bot@{sha}", "-q"], **variables).code == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"adapter_model.safetensors": b"other"}, "adapter.changed"),
        ({"adapter_model.safetensors": None}, "adapter.missing"),
        ({"lineage.json": None}, "card.missing"),
        ({"evil.py": b"import os"}, "adapter.unlisted"),
    ],
)
def test_what_is_not_as_the_card_says_is_1(place, changes, code):
    hub, sha, variables = place
    hub.commit("acme/bot", changes)
    done = run(["verify", "hf://acme/bot"], **variables)
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith(f"error[{code}]")
    assert "ftlineage push DIR acme/bot" in done.out
    assert run(["verify", f"hf://acme/bot@{sha}", "-q"], **variables).code == 0


@pytest.mark.parametrize("target", ["hf://bot", "hf://acme/bot@", "hf://acme/bot/x@main"])
def test_what_is_no_reference_is_2(place, target):
    done = run(["verify", target], **place[2])
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {target}: not of the form hf://org/repo")


@pytest.mark.parametrize(
    ("target", "changes", "kind"),
    [
        ("hf://acme/none", {}, "repository-not-found"),
        ("hf://acme/bot@v9", {}, "revision-not-found"),
        ("hf://acme/bot", {"HF_ENDPOINT": "http://127.0.0.1:9"}, "hub-unreachable"),
        ("hf://acme/bot", {"HF_HUB_OFFLINE": "1"}, "not-cached"),
        ("hf://acme/bot", {"HF_TOKEN": "hf_wrong"}, "hub-refused"),
    ],
)
def test_what_nobody_can_say_is_3(place, target, changes, kind):
    done = run(["verify", target, "--json"], **{**place[2], **changes})
    document = json.loads(done.out)
    assert (done.code, document["verdict"], document["error"]["kind"]) == (3, "undecided", kind)
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "arm",
    [
        lambda faults: faults.status("/resolve/", 500),
        lambda faults: faults.corrupt("/tokenizer.json"),
        lambda faults: faults.truncate("/lineage.json", 100),
        lambda faults: faults.drop("/adapter_config.json", after_bytes=10),
        lambda faults: faults.status("/api/models/acme/bot", 200, body=b"<html>log in</html>"),
    ],
)
def test_a_hub_that_gives_no_sound_answer_is_3(place, arm):
    hub, _, variables = place
    arm(hub.faults)
    done = run(["verify", "hf://acme/bot"], **variables)
    assert (done.code, done.out) == (3, "")
    assert "Traceback" not in done.err


def test_nothing_but_the_report_on_a_terminal_when_it_is_quick(place):
    code, shown = run_in_terminal(["verify", "hf://acme/bot"], columns=100, **place[2])
    assert code == 0
    assert "Comparing" not in shown
    assert "ok:" in shown

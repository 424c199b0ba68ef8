"""show and diff of cards that lie on a Hub."""

from __future__ import annotations

import json

import pytest

from ftlineage.testing.hub import LocalHub
from tests.integration.cli import run
from tests.unit.cli import sample


@pytest.fixture
def variables(tmp_path):
    with LocalHub(tmp_path / "hub") as hub:
        folder = tmp_path / "version"
        folder.mkdir()
        (folder / "lineage.json").write_bytes(sample.declared_card().to_bytes())
        first = hub.upload_folder("acme/bot", folder)
        (folder / "lineage.json").write_bytes(sample.full_card().to_bytes())
        hub.upload_folder("acme/bot", folder)
        (folder / "lineage.json").rename(folder / "README.md")
        hub.upload_folder("acme/none", folder)
        yield first, hub.environ(home=tmp_path / "home")


def test_show_reads_the_head_or_the_named_commit(variables):
    first, hub = variables
    assert run(["show", "hf://acme/bot", "-q"], **hub).out == sample.full_card().id + "\n"
    assert run(["show", f"hf://acme/bot@{first}", "-q"], **hub).out == sample.declared_card().id + "\n"


def test_diff_compares_two_commits(variables):
    first, hub = variables
    done = run(["diff", f"hf://acme/bot@{first}", "hf://acme/bot@main", "--json"], **hub)
    assert (done.code, json.loads(done.out)["same"]) == (0, False)


@pytest.mark.parametrize(
    ("target", "code", "kind"),
    [
        ("hf://acme/none", 2, "card-missing"),
        ("hf://acme/nothing", 3, "repository-not-found"),
        ("hf://acme/bot@v9", 3, "revision-not-found"),
    ],
)
def test_what_the_hub_does_not_have(target, code, kind, variables):
    done = run(["show", target, "--json"], **variables[1])
    assert (done.code, json.loads(done.out)["error"]["kind"]) == (code, kind)
    assert "Traceback" not in done.err


def test_a_hub_that_is_down_decides_nothing(variables):
    done = run(["show", "hf://acme/bot"], **{**variables[1], "HF_ENDPOINT": "http://127.0.0.1:9"})
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("error: the Hub at http://127.0.0.1:9 did not answer for acme/bot")

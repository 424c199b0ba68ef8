"""``ftlineage push`` from the shell, then what anybody who downloads it finds."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core.card import CARD_NAME
from ftlineage.core.digest import sha256_hex
from ftlineage.testing.hub import LocalHub
from ftlineage.verify.runner import verify
from tests import sealed
from tests.integration.cli import Done, run, run_in_terminal

README = "---\nlicense: mit # ours\n---\n# Support bot\n\nWritten by people.\n"


@pytest.fixture
def place(tmp_path: Path):
    """A hub, a sealed folder with a page, and the variables to find the hub."""
    out = sealed.sealed(tmp_path / "out")
    (out / "README.md").write_text(README)
    with LocalHub(tmp_path / "hub") as hub:
        variables = hub.environ(home=tmp_path / "home") | {"FTLINEAGE_CACHE": str(tmp_path / "receipts")}
        yield hub, out, variables


def push(out: Path, variables: dict[str, Any], *more: str) -> Done:
    return run(["push", str(out), "acme/bot", "--json", *more], **variables)


def test_a_version_is_published_and_verifies_for_everybody(place, tmp_path):
    hub, out, variables = place
    done = push(out, variables, "--create", "--message", "First")
    document = json.loads(done.out)
    assert (done.code, document["verdict"], document["changed"]) == (0, "ok", True)
    assert document["target"] == f"hf://acme/bot@{hub.head('acme/bot')}"
    assert sorted(document["uploaded"]) == sorted(path.name for path in out.iterdir())
    assert [commit.title for commit in hub.history("acme/bot")] == ["First", "initial commit"]
    assert run(["verify", document["target"], "-q"], **variables).code == 0
    with hub.activate(home=tmp_path / "reader"):
        from huggingface_hub import ModelCard, snapshot_download

        snapshot = Path(snapshot_download("acme/bot", revision=document["commit"]))
        assert (snapshot / "adapter_model.safetensors").is_symlink()
        assert verify(snapshot)
        folder = Path(snapshot_download("acme/bot", local_dir=tmp_path / "downloaded"))
        assert (folder / ".cache" / "huggingface").is_dir()
        assert verify(folder)
        card = ModelCard.load("acme/bot")
    assert card.data.to_dict() == {
        "license": "mit",
        "base_model": "acme/base",
        "base_model_relation": "adapter",
        "library_name": "peft",
        "tags": ["ftlineage"],
    }
    page = hub.read("acme/bot", "README.md").decode()
    assert page.startswith("---\nlicense: mit # ours\nbase_model: acme/base\n")
    assert "\n# Support bot\n\nWritten by people.\n" in page


def test_through_xet_it_is_the_same_commit(place):
    pytest.importorskip("hf_xet")
    hub, out, variables = place
    done = push(out, variables | {"HF_HUB_DISABLE_XET": "0"}, "--create")
    assert done.code == 0, done.err
    assert hub.requests.matching("xet-write-token")
    assert not hub.requests.matching("/__lfs/")
    assert hub.read("acme/bot", "adapter_model.safetensors") == (out / "adapter_model.safetensors").read_bytes()


def test_a_small_version_shows_no_bars_on_a_terminal(place, monkeypatch):
    monkeypatch.delenv("HF_HUB_DISABLE_PROGRESS_BARS")
    pytest.importorskip("hf_xet")
    _, out, variables = place
    variables["HF_HUB_DISABLE_XET"] = "0"
    code, text = run_in_terminal(["push", str(out), "acme/bot", "--create"], columns=100, **variables)
    assert code == 0
    assert text.startswith("Pushed support-bot ")
    assert "%" not in text


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH is not installed")
def test_a_signature_travels_with_its_version_and_not_with_the_next(place, tmp_path):
    hub, out, variables = place
    for name in ("key", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
        (tmp_path / f"{name}.allowed").write_text(f"me@x {(tmp_path / f'{name}.pub').read_text()}")
    assert run(["sign", str(out), "--key", str(tmp_path / "key")], **variables).code == 0
    target = json.loads(push(out, variables, "--create").out)["target"]
    for name, code in (("key", 0), ("other", 1)):
        trust = ["--trust", str(tmp_path / f"{name}.allowed"), "--require-signature"]
        assert run(["verify", target, "-q", *trust], **variables).code == code
    (out / "claims.jsonl").unlink()
    assert json.loads(push(out, variables).out)["changed"] is False  # the same card: what was signed there stays
    (out / "tokenizer.json").write_bytes(b'{"model": {"vocab": {"c": 0}}}')
    sealed.seal(out)
    assert json.loads(push(out, variables).out)["deleted"] == ["claims.jsonl"]
    assert "claims.jsonl" not in hub.files("acme/bot")


def test_a_xet_store_that_fails_is_given_up(place):
    pytest.importorskip("hf_xet")
    hub, out, variables = place
    hub.create_repo("acme/bot")
    hub.faults.status("xet-write-token", 500)
    done = push(out, variables | {"HF_HUB_DISABLE_XET": "0", "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "0"})
    assert (done.code, json.loads(done.out)["error"]["kind"]) == (3, "hub-unreachable")
    assert len(hub.history("acme/bot")) == 1


def test_pushing_twice_makes_one_commit(place):
    hub, out, variables = place
    first = json.loads(push(out, variables, "--create").out)
    done = run(["push", str(out), "acme/bot"], **variables)
    assert (done.code, len(hub.history("acme/bot"))) == (0, 2)
    assert done.out.replace("\n", " ").startswith(
        f"Nothing to push: hf://acme/bot holds support-bot {first['card'][7:19]} already, as commit {first['commit']}."
    )


def test_a_new_version_replaces_the_old_and_keeps_peoples_page(place):
    hub, out, variables = place
    push(out, variables, "--create")
    page = hub.read("acme/bot", "README.md").decode().replace("Written by people.", "Written by people, on the Hub.")
    hub.commit("acme/bot", {"README.md": page})
    (out / "chat_template.jinja").unlink()
    (out / "tokenizer.json").write_bytes(b'{"model": {"vocab": {"c": 0}}}')
    (out / "README.md").write_text("# The folder's own page\n")
    sealed.seal(out)
    document = json.loads(push(out, variables).out)
    assert (document["deleted"], sorted(document["uploaded"])) == (
        ["chat_template.jinja"],
        ["README.md", "lineage.json", "tokenizer.json"],
    )
    after = hub.read("acme/bot", "README.md").decode()
    assert "Written by people, on the Hub." in after
    assert "own page" not in after
    assert document["card"] in after


# --- nothing is written --------------------------------------------------------------------------


def test_a_folder_that_fails_is_not_pushed(place):
    hub, out, variables = place
    (out / "chat_template.jinja").write_bytes(b"{{ other }}\n")
    done = push(out, variables, "--create")
    assert (done.code, json.loads(done.out)["findings"][0]["code"]) == (1, "preprocessing.changed")
    assert "Nothing was pushed: the folder does not verify." in done.err
    assert len(hub.requests) == 0


def test_a_race_is_lost_without_a_trace(place):
    hub, out, variables = place
    hub.commit("acme/bot", {"README.md": "# Theirs\n"})
    hub.faults.before("/commit/main", lambda: hub.commit("acme/bot", {"README.md": "# Theirs, again\n"}))
    done = push(out, variables)
    assert (done.code, json.loads(done.out)["error"]["kind"]) == (3, "hub-moved")
    assert " ".join(done.err.split()) == (
        "error: acme/bot got another commit on main in the meantime, so nothing was written "
        "hint: Look at what changed there, then push again"
    )
    assert sorted(hub.files("acme/bot")) == [".gitattributes", "README.md"]
    done = push(out, variables)
    assert done.code == 0
    assert hub.read("acme/bot", "README.md").decode().count("# Theirs, again\n") == 1


def test_a_commit_that_holds_other_bytes_than_ours_is_a_finding(place):
    hub, out, variables = place
    hub.create_repo("acme/bot")
    ours = sha256_hex((out / "adapter_model.safetensors").read_bytes()).encode()
    # The first look is at the branch, the second at the commit that was made.
    hub.faults.rewrite("/revision/", lambda body: body.replace(ours, b"0" * 64), nth=2)
    done = push(out, variables)
    report = json.loads(done.out)
    assert (done.code, report["target"]) == (1, f"hf://acme/bot@{hub.head('acme/bot')}")
    assert [one["code"] for one in report["findings"] if one["severity"] == "error"] == ["adapter.changed"]
    assert "does not verify: the commit stands, and must not be served" in " ".join(done.err.split())


def test_a_hub_that_goes_down_after_the_commit_says_where_it_stands(place):
    hub, out, variables = place
    hub.create_repo("acme/bot")
    hub.faults.status("/revision/", 500, nth=2)
    done = push(out, variables)
    assert done.code == 3
    sha = hub.head("acme/bot")
    assert f"It stands there as commit {sha}; check that: ftlineage verify hf://acme/bot@{sha}" in " ".join(
        done.err.split()
    )


@pytest.mark.parametrize(
    ("arguments", "changes", "code", "sentence"),
    [
        (["acme/bot"], {}, 3, "no model repository acme/bot at"),
        (["bot"], {}, 2, "bot: not of the form org/repo"),
        (["acme/bot", "--private"], {}, 2, "--private: goes with --create"),
        (["acme/bot", "--branch", "0" * 40], {}, 2, "--branch: a commit is made on a branch"),
        (["acme/bot", "--create"], {"HF_TOKEN": ""}, 2, "writing to acme/bot at"),
        (["acme/bot", "--create"], {"HF_TOKEN": "hf_wrong"}, 3, "answered 401 for acme/bot"),
        (["acme/bot"], {"HF_ENDPOINT": "http://127.0.0.1:9"}, 3, "did not answer for acme/bot"),
        (["acme/bot"], {"HF_HUB_OFFLINE": "1"}, 3, "offline, and the cache does not hold"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(place, arguments, changes, code, sentence):
    _, out, variables = place
    done = run(["push", str(out), *arguments], **{**variables, **changes})
    assert (done.code, done.out) == (code, "")
    assert sentence in " ".join(done.err.split())
    assert "Traceback" not in done.err


def test_a_crowded_repository_is_named(place):
    hub, out, variables = place
    hub.commit("acme/bot", {"modeling_bot.py": b"import os"})
    done = push(out, variables)
    assert (done.code, json.loads(done.out)["error"]["kind"]) == (2, "repository-crowded")
    assert "modeling_bot.py" in done.err


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (b"---\nlicense: [\n---\n", "the YAML at its top is not sound"),
        (b"<!-- ftlineage:begin -->\n", "1 begin marker and 0 end markers"),
        (b"\xff\xfe", "it is not UTF-8"),
    ],
)
def test_a_page_that_cannot_be_kept_is_not_touched(place, page, words):
    hub, out, variables = place
    hub.commit("acme/bot", {"README.md": page})
    done = push(out, variables)
    assert done.code == 2
    assert words in " ".join(done.err.split())
    assert (hub.read("acme/bot", "README.md"), CARD_NAME in hub.files("acme/bot")) == (page, False)


def test_a_commit_that_is_refused_leaves_nothing(place):
    hub, out, variables = place
    hub.create_repo("acme/bot")
    hub.faults.status("/commit/main", 500)
    done = push(out, variables)
    assert (done.code, json.loads(done.out)["error"]["kind"]) == (3, "hub-refused")
    assert "Nothing was written." in done.err
    assert len(hub.history("acme/bot")) == 1

"""record, verify, show and diff on a real folder: the main road, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import re
import shutil

import pytest

from tests.integration.adapters import A_BYTE_OF_A_TENSOR, WEIGHTS, flip, make_adapter, make_base
from tests.integration.cli import run

RECORD = ["record", "bot", "--base", "base", "--prompt", "system=system.txt"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A folder with an adapter recorded by the command; copied for each test."""
    root = tmp_path_factory.mktemp("versions")
    make_adapter(root / "bot")
    make_base(root / "base")
    (root / "system.txt").write_text("You answer {{ name }} politely.\n", encoding="utf-8")
    done = run(RECORD, cwd=root)
    assert done.code == 0, done
    return root, done


@pytest.fixture
def here(recorded, tmp_path):
    shutil.copytree(recorded[0], tmp_path / "here")
    return tmp_path / "here"


def card_of(folder):
    return json.loads((folder / "lineage.json").read_bytes())


def test_record_says_the_id_and_what_is_missing(recorded):
    root, done = recorded
    assert done.out == f"Recorded bot as {card_of(root / 'bot')['id']} in bot.\n"
    assert done.err == (
        "Not recorded: data, preprocessing, recipe, code, environment; the card says why.\nNext: ftlineage show bot\n"
    )


def test_record_quiet_prints_the_id_and_json_the_card(here):
    again = [*RECORD, "--overwrite"]
    quiet = run([*again, "-q"], cwd=here)
    assert (quiet.code, quiet.out, quiet.err) == (0, card_of(here / "bot")["id"] + "\n", "")
    machine = run([*again, "--json", "--name", "support"], cwd=here)
    assert (machine.code, machine.err) == (0, "")
    assert json.loads(machine.out) == card_of(here / "bot")
    assert card_of(here / "bot")["name"] == "support"


def test_record_replaces_no_card_unasked(here):
    before = (here / "bot" / "lineage.json").read_bytes()
    done = run(RECORD, cwd=here)
    assert (done.code, done.out) == (2, "")
    assert "hint: Add --overwrite to replace the card" in done.err
    assert (here / "bot" / "lineage.json").read_bytes() == before


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            ["--data", "tickets"],
            "error: --data tickets: expected NAME=VALUE\n hint: For example: --data tickets=tickets\n",
        ),
        (["--data", "=x.jsonl"], "error: --data =x.jsonl: expected NAME=VALUE\n hint: For example: --data x=x.jsonl\n"),
        (["--prompt", "a="], "error: --prompt a=: expected NAME=VALUE\n hint: For example: --prompt a=a\n"),
        (["--retrieval", "="], "error: --retrieval =: expected NAME=VALUE\n"),
        (["--prompt", "a=nowhere.txt"], "error: nowhere.txt: no such file or folder\n"),
        (["--name", "Bad Name"], "error: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_record_refuses_what_was_typed_wrong_and_writes_nothing(flags, said, here):
    before = (here / "bot" / "lineage.json").read_bytes()
    done = run([*RECORD, "--overwrite", *flags], cwd=here)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(said)
    assert (here / "bot" / "lineage.json").read_bytes() == before


def test_verify_ok_is_one_line(here):
    done = run(["verify", "bot", "--base", "base"], cwd=here)
    short = card_of(here / "bot")["id"][7:19]
    pattern = rf"ok: bot matches its card {short} \(2 files, 4 tensors, 2 base files, \d+ bytes, [\d.]+ m?s\)"
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(pattern, " ".join(done.out.split())), done.out
    assert run(["verify", "bot", "--base", "base", "-q"], cwd=here).out == ""


def test_verify_json_is_a_report(here):
    done = run(["verify", "bot", "--base", "base", "--json"], cwd=here)
    report = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert list(report) == ["ok", "verdict", "target", "card", "seconds", "counts", "findings"]
    assert (report["ok"], report["verdict"], report["target"]) == (True, "ok", "bot")
    assert report["findings"] == []


def test_verify_names_the_changed_tensor_and_exits_1(here):
    flip(here / "bot" / WEIGHTS, A_BYTE_OF_A_TENSOR)
    done = run(["verify", "bot", "--base", "base"], cwd=here)
    assert (done.code, done.err) == (1, "")
    flat = " ".join(done.out.split())
    assert flat.startswith(
        "error[adapter.changed] adapter_model.safetensors is not what the card says: "
        "tensor base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight differs expected "
    )
    assert " hint: Restore it from where the version was published, or record" in flat
    assert " failed: bot: 1 error against card " in flat
    report = json.loads(run(["verify", "bot", "--json"], cwd=here).out)
    assert (report["ok"], report["verdict"]) == (False, "failed")
    assert [one["code"] for one in report["findings"] if one["severity"] == "error"] == ["adapter.changed"]


def remove_card(bot):
    (bot / "lineage.json").unlink()


def break_card(bot):
    (bot / "lineage.json").write_bytes(b'{"ftlineage": "1"')


def newer_card(bot):
    card = (bot / "lineage.json").read_bytes()
    (bot / "lineage.json").write_bytes(card.replace(b'"ftlineage": "1"', b'"ftlineage": "7"'))


def edit_card(bot):
    card = (bot / "lineage.json").read_bytes()
    (bot / "lineage.json").write_bytes(card.replace(b'"r": 2', b'"r": 3'))


def folder_for_card(bot):
    (bot / "lineage.json").unlink()
    (bot / "lineage.json").mkdir()


def card_elsewhere(bot):
    (bot / "lineage.json").rename(bot.parent / "elsewhere.json")
    (bot / "lineage.json").symlink_to("../elsewhere.json")


def plant_pickle(bot):
    (bot / "adapter_model.bin").write_bytes(b"\x80\x04.")


def drop_weights(bot):
    (bot / WEIGHTS).unlink()


def truncate_weights(bot):
    (bot / WEIGHTS).write_bytes(b"")


def fifo_for_weights(bot):
    (bot / WEIGHTS).unlink()
    os.mkfifo(bot / WEIGHTS)


def hostile_header(bot):
    (bot / WEIGHTS).write_bytes((2**60).to_bytes(8, "little") + b"{}")


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (remove_card, "card.missing"),
        (break_card, "card.malformed"),
        (newer_card, "card.malformed"),
        (edit_card, "card.id-mismatch"),
        (folder_for_card, "path.unsafe"),
        (card_elsewhere, "path.unsafe"),
        (plant_pickle, "adapter.unsafe-format"),
        (drop_weights, "adapter.missing"),
        (truncate_weights, "adapter.changed"),
        (fifo_for_weights, "path.unsafe"),
        (hostile_header, "adapter.changed"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_whatever_is_wrong_in_a_folder_that_exists_exits_1(damage, code, here):
    damage(here / "bot")
    done = run(["verify", "bot", "--base", "base", "--json"], cwd=here)
    assert (done.code, done.err) == (1, "")
    report = json.loads(done.out)
    assert (report["ok"], report["verdict"]) == (False, "failed")
    assert [one["code"] for one in report["findings"] if one["severity"] == "error"] == [code]
    text = run(["verify", "bot", "--base", "base"], cwd=here)
    assert (text.code, text.err) == (1, "")
    assert text.out.startswith(f"error[{code}] ")


def test_verify_of_a_base_that_is_not_there_is_usage(here):
    done = run(["verify", "bot", "--base", "nowhere"], cwd=here)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: nowhere: no such file or folder\n")


def test_an_unreachable_hub_decides_nothing(here):
    # Nothing listens on port 9 of this machine: refused at once.
    done = run(
        ["record", "bot", "--base", "org/base@main", "--overwrite", "--json"],
        cwd=here,
        HF_ENDPOINT="http://127.0.0.1:9",
        HF_HOME=str(here / "hf"),
    )
    document = json.loads(done.out)
    assert (done.code, document["verdict"], document["error"]["exit_code"]) == (3, "undecided", 3)
    assert document["error"]["kind"] == "hub-unreachable"
    assert card_of(here / "bot")["base"]["model"] == "base"


def test_diff_names_the_element_that_changed(here):
    shutil.copytree(here / "bot", here / "bot-2")
    (here / "system.txt").write_text("You answer {{ name }} briefly.\n", encoding="utf-8")
    assert run(["record", "bot-2", *RECORD[2:], "--overwrite"], cwd=here).code == 0
    done = run(["diff", "bot", "bot-2"], cwd=here)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith("1 element differs between bot (")
    assert "prompts        system changed" in lines
    assert run(["diff", "bot", "bot-2", "-q"], cwd=here).out == "prompts system\n"
    document = json.loads(run(["diff", "bot", "bot-2", "--json", "--exit-code"], cwd=here).out)
    assert (document["same"], [one["section"] for one in document["elements"]]) == (False, ["prompts"])
    same = run(["diff", "bot", "bot"], cwd=here)
    assert " ".join(same.out.split()).startswith("No element differs: bot (")

"""data fingerprint as a command."""

from __future__ import annotations

import json

import pytest

from ftlineage.core import codec
from ftlineage.sources.data import fingerprint_source
from tests.integration.cli import run, run_in_shell

ROWS = [{"id": number, "text": f"ticket {number}"} for number in range(50)]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    (root / "tickets.jsonl").write_text("".join(codec.compact_text(row) + "\n" for row in ROWS), encoding="utf-8")
    (root / "tickets.csv").write_text(
        "id,text\n" + "".join(f"{row['id']},{row['text']}\n" for row in ROWS), encoding="utf-8"
    )
    (root / "broken.jsonl").write_bytes(b'{"id": 1}\n{"id": \n')
    (root / "odd\x1b[2J.jsonl").write_bytes(b'{"id": \n')
    (root / "notes.txt").write_bytes(b"x")
    (root / "splits").mkdir()
    for split in ("train", "test"):
        (root / "splits" / f"{split}.jsonl").write_bytes(b'{"id": 1}\n')
    return root


def test_the_digest_is_that_of_the_library(here):
    expected = fingerprint_source(here / "tickets.jsonl").fingerprint
    done = run(["data", "fingerprint", "tickets.jsonl"], cwd=here)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[:-1] == [
        "rows       50 in 2 columns: id, text",
        f"ordered    {expected.ordered}",
        f"unordered  {expected.unordered}",
        f"algorithm  {expected.algorithm}",
    ]
    assert done.out.splitlines()[-1].startswith("took       ")


def test_quiet_and_json_agree_across_formats(here):
    quiet = run(["data", "fingerprint", "tickets.csv", "-q"], cwd=here)
    machine = run(["data", "fingerprint", "tickets.jsonl", "--json"], cwd=here)
    document = json.loads(machine.out)
    assert (quiet.err, machine.err) == ("", "")
    assert quiet.out == document["fingerprint"]["ordered"] + "\n"
    assert list(document) == ["source", "rows", "columns", "fingerprint", "seconds"]
    assert document["rows"] == 50


def test_a_split_is_chosen_by_name(here):
    done = run(["data", "fingerprint", "splits", "--split", "test"], cwd=here)
    assert done.code == 0, done.err
    assert "split      test\n" in done.out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nowhere.jsonl"], 2),
        (["notes.txt"], 2),
        (["broken.jsonl"], 2),
        (["odd\x1b[2J.jsonl"], 2),
        (["splits"], 2),
        (["splits", "--split", "dev"], 2),
        (["tickets.jsonl", "--config", "en"], 2),
        (["hf://datasets/org/name"], 3),
    ],
    ids=lambda value: " ".join(value).replace("\x1b", "ESC") if isinstance(value, list) else None,
)
def test_what_cannot_be_read_is_a_sentence(arguments, code, here, tmp_path):
    hub = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    done = run(["data", "fingerprint", *arguments], cwd=here, **hub)
    assert (done.code, done.out) == (code, ""), done
    assert done.err.startswith("error: ")
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err


def test_json_errors_have_the_same_exit_code(here):
    done = run(["data", "fingerprint", "broken.jsonl", "--json"], cwd=here)
    assert (done.code, json.loads(done.out)["error"]["exit_code"]) == (2, 2)


def test_without_pyarrow_the_extra_is_named(here, tmp_path):
    (tmp_path / "pyarrow.py").write_text("raise ModuleNotFoundError('no', name='pyarrow')\n", encoding="utf-8")
    done = run_in_shell(f"PYTHONPATH={tmp_path}:$PYTHONPATH $F data fingerprint tickets.jsonl", cwd=here)
    assert (done.code, done.out) == (2, "")
    assert "pyarrow" in done.err
    assert "pip install 'ftlineage[" in done.err

"""What scripts rely on: exit codes, one JSON document on stdout, talk on stderr, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from ftlineage import __version__
from tests.integration.cli import COMMAND, environment, run, run_in_shell
from tests.unit.cli import sample


def typed(value):
    """A command line as a test's name."""
    return " ".join(value) if isinstance(value, list) else None


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    """Folders with cards, good and bad."""
    root = tmp_path_factory.mktemp("cards")
    for name in ("full", "declared", "hostile"):
        (root / name).mkdir()
        (root / name / "lineage.json").write_bytes(getattr(sample, f"{name}_card")().to_bytes())
    full = (root / "full" / "lineage.json").read_bytes()
    for name, data in {
        "empty-file": b"",
        "not-json": b"{",
        "not-utf8": b'{"name": "\xff"}',
        "a-list": b"[]",
        "deep": b"[" * 100_000,
        "nan": b'{"ftlineage": NaN}',
        "twice": b'{"id": 1, "id": 2}',
        "newer": full.replace(b'"ftlineage": "1"', b'"ftlineage": "9"'),
        "surrogate": b'{"ftlineage": "\\ud800"}',
        "no-base": full.replace(b'"base": {', b'"bass": {', 1),
    }.items():
        (root / name).mkdir()
        (root / name / "lineage.json").write_bytes(data)
    (root / "no-card").mkdir()
    (root / "a-folder-for-a-card").mkdir()
    (root / "a-folder-for-a-card" / "lineage.json").mkdir()
    return root


MALFORMED = (
    "empty-file",
    "not-json",
    "not-utf8",
    "a-list",
    "deep",
    "nan",
    "twice",
    "newer",
    "surrogate",
    "no-base",
    "no-card",
    "a-folder-for-a-card",
)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["-V"], 0),
        (["--help"], 0),
        (["show", "--help"], 0),
        (["show", "full"], 0),
        (["show", "full/lineage.json"], 0),
        (["show", "full", "--json"], 0),
        (["show", "hostile"], 0),
        (["diff", "full", "full"], 0),
        (["diff", "full", "declared"], 0),
        (["diff", "full", "full", "--exit-code"], 0),
        (["diff", "full", "declared", "--exit-code"], 1),
        ([], 2),
        (["nonsense"], 2),
        (["show"], 2),
        (["show", "full", "declared"], 2),
        (["show", "full", "--bla"], 2),
        (["show", "nowhere"], 2),
        (["show", "hf://adapter"], 2),
        (["show", "hf://org/adapter@"], 2),
        (["show", "bot@v7"], 2),
        (["show", "bot@production"], 2),
        (["show", ""], 2),
        (["show", "full", "--html", "no/such/folder/card.html"], 2),
        (["show", "full", "--html", "no-card"], 2),
        (["verify", "nowhere"], 2),
        (["verify", "hf://adapter"], 2),
        (["verify", "hf://org/adapter@"], 2),
        (["verify", "hf://org/nowhere"], 3),
        (["diff", "full"], 2),
        (["diff", "full", "nowhere"], 2),
        (["record", "nowhere", "--base", "org/base"], 2),
        (["record", "no-card"], 2),
        (["record", "no-card", "--base", "org/base", "--data", "tickets.jsonl"], 2),
        (["data"], 2),
        (["data", "fingerprint"], 2),
        *((["show", name], 2) for name in MALFORMED),
    ],
    ids=typed,
)
def test_exit_codes_and_streams(arguments, code, cards):
    done = run(arguments, cwd=cards)
    assert done.code == code, done
    assert "Traceback" not in done.err
    if code == 2:
        assert done.out == ""
        assert done.err.startswith(("error: ", "Usage: "))
    if arguments[:1] == ["--version"]:
        assert done.out == f"ftlineage {__version__}\n"


@pytest.mark.parametrize("name", MALFORMED)
def test_json_errors_are_documents_of_one_shape(name, cards):
    done = run(["show", name, "--json"], cwd=cards)
    document = json.loads(done.out)
    assert (document["ok"], document["verdict"], document["error"]["exit_code"]) == (False, "undecided", 2)
    assert set(document["error"]) == {"kind", "message", "hint", "exit_code"}
    assert done.err.startswith("error: ")


def test_json_errors_cover_what_was_typed_wrong(cards):
    done = run(["show", "--json", "--bla"], cwd=cards)
    assert json.loads(done.out)["error"] == {
        "kind": "usage",
        "message": "no such option '--bla'",
        "hint": "See `ftlineage show --help`",
        "exit_code": 2,
    }


def test_show_json_is_the_card(cards):
    done = run(["show", "full", "--json"], cwd=cards)
    assert done.err == ""
    assert done.out.encode() == sample.full_card().to_bytes()


def test_show_quiet_is_the_id(cards):
    assert run(["show", "full", "-q"], cwd=cards).out == sample.full_card().id + "\n"


def test_show_html_writes_one_file_and_says_where(cards, tmp_path):
    path = tmp_path / "card.html"
    done = run(["show", "full", "--html", str(path)], cwd=cards)
    assert (done.code, done.out, done.err) == (0, "", f"Wrote {path}.\n")
    assert path.read_text("utf-8").startswith('<!DOCTYPE html>\n<html lang="en">')
    assert [entry.name for entry in tmp_path.iterdir()] == ["card.html"]


def test_show_html_can_go_through_a_pipe(cards):
    done = run_in_shell("set -o pipefail; $F show full --html /dev/stdout | tail -1", cwd=cards)
    assert (done.code, done.out, done.err) == (0, "</html>\n", "Wrote /dev/stdout.\n")


def test_hostile_text_reaches_no_terminal_raw(cards):
    for command in (["show", "hostile"], ["diff", "full", "hostile"], ["show", "x\x1b[2J"]):
        done = run(command, cwd=cards)
        assert not set(done.out + done.err) & set("\x1b\x07\u202e"), command


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_any_locale_can_show_any_text(locale, cards):
    done = run(["show", "full"], cwd=cards, LC_ALL=locale, PYTHONIOENCODING="ascii")
    assert done.code == 0, done.err
    assert "\\u2502 You answer customers" in done.out


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("flag", ["--json", "--help"])
def test_a_reader_that_leaves_early_is_no_error(flag, unbuffered, cards):
    script = f'$F show hostile {flag} | true; echo "${{PIPESTATUS[0]}}"'
    done = run_in_shell(script, cwd=cards, PYTHONUNBUFFERED=unbuffered)
    assert (done.out, done.err) == ("141\n", "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_large_document_goes_whole_through_a_pipe(unbuffered, cards):
    done = run(["show", "hostile", "--json"], cwd=cards, PYTHONUNBUFFERED=unbuffered)
    assert json.loads(done.out) == sample.hostile_card().document()


def test_a_closed_stdout_changes_no_verdict(cards):
    assert run_in_shell("$F show full >&-", cwd=cards).code == 0
    assert run_in_shell("$F diff full declared --exit-code --json >&-", cwd=cards).code == 1
    assert run_in_shell("$F show nowhere 2>&-", cwd=cards).code == 2
    assert run_in_shell("$F show nowhere --json >&- 2>&-", cwd=cards).code == 2


def test_a_full_disk_under_stdout_is_said(cards):
    done = run_in_shell("$F show full > /dev/full", cwd=cards)
    assert (done.code, done.err) == (
        3,
        "error: No space left on device\n hint: Free some space and run the command again\n",
    )
    assert run_in_shell("$F show nowhere --json > /dev/full 2>&1", cwd=cards).code == 3


def test_an_unreadable_card_is_a_sentence(cards, tmp_path):
    (tmp_path / "lineage.json").symlink_to("lineage.json")
    done = run(["show", "."], cwd=tmp_path)
    assert (done.code, done.err.splitlines()[0]) == (2, "error: . holds no lineage.json")


def test_ctrl_c_is_quiet(cards, tmp_path):
    """A command that waits for ever (reading a pipe nobody writes to) is interrupted."""
    os.mkfifo(tmp_path / "page.html")
    with subprocess.Popen(
        [*COMMAND, "show", str(cards / "full"), "--html", str(tmp_path / "page.html")],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_the_shell_can_complete_commands_and_flags(cards):
    ask = {"_FTLINEAGE_COMPLETE": "bash_complete", "COMP_CWORD": "1", "COMP_WORDS": "ftlineage ver"}
    assert run([], cwd=cards, **ask).out == "plain,verify\n"
    ask |= {"COMP_CWORD": "2", "COMP_WORDS": "ftlineage verify --full"}
    assert run([], cwd=cards, **ask).out == "plain,--full-base\n"

from __future__ import annotations

import io
import sys

import pytest

from ftlineage.cli import output
from ftlineage.cli.output import Output
from ftlineage.errors import OutputNotWritableError, PathNotFoundError


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], Output()),
        (["show", "x", "--json"], Output(json=True)),
        (["show", "-q", "x", "--debug"], Output(quiet=True, debug=True)),
        (["show", "--quiet"], Output(quiet=True)),
        (["show", "--", "--json"], Output()),
    ],
)
def test_flags_are_known_before_anything_is_parsed(arguments, expected):
    assert Output.from_arguments(arguments) == expected


@pytest.mark.parametrize(
    ("variables", "terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colour_only_on_a_terminal_that_wants_it(variables, terminal, expected, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Terminal() if terminal else io.StringIO()
    assert output.has_colour(stream) is expected
    assert output.paint("x", "red", stream) == ("\x1b[1;31mx\x1b[0m" if expected else "x")


def test_a_closed_stream_is_no_terminal():
    stream = Terminal()
    stream.close()
    assert not output.is_terminal(None)
    assert output.width(None) == 80


@pytest.mark.parametrize(("columns", "expected"), [("120", 100), ("80", 80), ("5", 20)])
def test_width_follows_columns_within_reason(columns, expected, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert output.width(Terminal()) == expected


def test_sentences_wrap_with_a_hanging_indent_and_leave_long_words_whole():
    path = "out/" + "a" * 90
    wrapped = output.sentence(
        f"{path} is not what it was, and that is a pity\x1b[2J for everyone who has to serve it", indent="   "
    )
    assert wrapped.splitlines() == [
        f"   {path}",
        "   is not what it was, and that is a pity\\x1b[2J for everyone who has to serve",
        "   it",
    ]


def test_talk_goes_to_stderr_and_quiet_drops_it(capsys):
    loud, quiet = Output(), Output(quiet=True)
    loud.say("talk")
    loud.text("data")
    quiet.say("dropped")
    quiet.complain("error")
    quiet.text("result")
    assert capsys.readouterr() == ("data\nresult\n", "talk\nerror\n")


def test_a_document_is_utf8_whatever_the_locale(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    Output(json=True).document({"name": "顧客"})
    assert raw.getvalue() == '{\n  "name": "顧客"\n}\n'.encode()


def test_closed_descriptors_are_borne(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    out = Output()
    out.document({})
    out.text("x")
    out.say("x")
    output.prepare_streams()
    output.flush()


def test_write_output_is_whole_or_not_at_all(tmp_path):
    path = tmp_path / "card.html"
    output.write_output(path, b"one")
    output.write_output(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["card.html"]


def test_write_output_names_the_folder_that_is_not_there(tmp_path):
    with pytest.raises(PathNotFoundError, match="no/such: no such file or folder"):
        output.write_output(tmp_path / "no/such/card.html", b"")


def test_write_output_refuses_a_folder(tmp_path):
    with pytest.raises(OutputNotWritableError, match="cannot be written: Is a directory"):
        output.write_output(tmp_path, b"")

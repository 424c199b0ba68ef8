from __future__ import annotations

import errno
import inspect
import io

import click
import pytest

from ftlineage import errors
from ftlineage.cli.errors import Fault, answer, explain
from ftlineage.cli.output import Output
from ftlineage.core import codec

DELIBERATE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.FtlineageError) and kind is not errors.FtlineageError
]


@pytest.mark.parametrize("kind", DELIBERATE, ids=lambda kind: kind.__name__)
def test_every_deliberate_error_has_an_exit_code_and_a_sentence(kind):
    fields = [name for name in inspect.signature(kind).parameters if name != "hint"]
    fault = explain(kind(**dict.fromkeys(fields, "value")))
    expected = {errors.UsageError: 2, errors.UndecidedError: 3, errors.MismatchError: 1}
    assert [code for family, code in expected.items() if issubclass(kind, family)] == [fault.code]
    assert fault.message
    assert fault.kind == fault.kind.lower()


def test_the_kind_is_the_class_in_words():
    assert explain(errors.HubUnreachableError(repo="r", endpoint="e", cause="c")).kind == "hub-unreachable"


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (
            click.UsageError("No such option '--bla'."),
            Fault(kind="usage", message="no such option '--bla'", hint="See `ftlineage --help`", code=2),
        ),
        (
            ModuleNotFoundError("No module named 'datasets'", name="datasets.load"),
            Fault(
                kind="missing-package",
                message="the Python package datasets is needed here and is not installed",
                hint="Install what training and data need: pip install 'ftlineage[train]'",
                code=2,
            ),
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "card.json"),
            Fault(kind="system", message="card.json: Permission denied", hint=None, code=3),
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            Fault(
                kind="system",
                message="No space left on device",
                hint="Free some space and run the command again",
                code=3,
            ),
        ),
        (MemoryError(), Fault(kind="out-of-memory", message="there is not enough memory", hint=None, code=3)),
        (
            ZeroDivisionError("division by zero"),
            Fault(
                kind="bug",
                message="ZeroDivisionError: division by zero",
                hint="This is a bug in ftlineage. Run the command again with --debug and report what it shows",
                code=3,
            ),
        ),
    ],
    ids=lambda value: getattr(value, "kind", type(value).__name__),
)
def test_other_exceptions(error, fault):
    assert explain(error) == fault


def test_a_module_of_ours_that_is_missing_is_a_bug():
    assert explain(ModuleNotFoundError("no", name="ftlineage.nothing")).kind == "bug"


def test_the_answer_is_a_sentence_and_a_hint(capsys):
    code = answer(errors.PathNotFoundError(path="out/\x1b[2J", hint="Look elsewhere"), Output())
    assert code == 2
    assert capsys.readouterr() == ("", "error: out/\\x1b[2J: no such file or folder\n hint: Look elsewhere\n")


def test_with_json_the_answer_is_a_document_too(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw))
    answer(errors.DigestMismatchError(path="p", expected="a", actual="b"), Output(json=True))
    assert codec.parse(raw.getvalue()) == {
        "ok": False,
        "verdict": "failed",
        "error": {
            "kind": "digest-mismatch",
            "message": "p is not what it should be: expected a, found b",
            "hint": None,
            "exit_code": 1,
        },
    }


def test_debug_shows_the_traceback(capsys):
    assert answer(RuntimeError("boom"), Output(debug=True)) == 3
    assert "RuntimeError: boom\nerror: RuntimeError: boom\n" in capsys.readouterr().err

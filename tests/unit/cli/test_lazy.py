from __future__ import annotations

import importlib
import shlex
from collections.abc import Mapping

import click
import pytest

from ftlineage.cli.lazy import Command, verb
from ftlineage.cli.main import commands, main
from ftlineage.cli.output import Output


def leaves(table, above=()):
    for name, entry in table.items():
        if isinstance(entry.target, Mapping):
            yield from leaves(entry.target, (*above, name))
        else:
            yield (*above, name), entry


def typed(value):
    return " ".join(value) if isinstance(value, list) else "said"


LEAVES = dict(leaves(commands()))


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_verb_is_a_command_with_the_shared_flags_last(path):
    module, _, name = LEAVES[path].target.partition(":")
    command = getattr(importlib.import_module(module), name)
    assert isinstance(command, Command)
    assert command.name == path[-1]
    assert [param.name for param in command.params][-3:] == ["json", "quiet", "debug"]
    assert command.help
    assert all(param.help for param in command.params if isinstance(param, click.Option))


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_example_can_be_typed(path):
    module, _, name = LEAVES[path].target.partition(":")
    command = getattr(importlib.import_module(module), name)
    assert command.examples
    for example in command.examples:
        words = shlex.split(example)
        assert words[: len(path) + 1] == ["ftlineage", *path]
        command.make_context(path[-1], words[len(path) + 1 :])


def test_summaries_fit_a_terminal():
    for path, entry in LEAVES.items():
        assert len(entry.summary) < 68, path
        assert entry.summary.endswith("."), path


def test_a_verb_gets_its_flags_as_output():
    seen = []

    @verb()
    @click.argument("target")
    def try_it(out, target):
        """Do nothing."""
        seen.append((out, target))
        return 1

    with try_it.make_context("try-it", ["here", "--json", "-q"]) as context:
        assert try_it.invoke(context) == 1
    assert seen == [(Output(json=True, quiet=True), "here")]


def test_help_lists_the_commands_without_importing_them(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in commands() if f"\n  {name}" not in shown] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["verfy"], "error: verfy: no such command\n hint: Did you mean `ftlineage verify`?\n"),
        (["xyzzy"], "error: xyzzy: no such command\n hint: See `ftlineage --help`\n"),
        (
            ["data", "fingerprnt"],
            "error: fingerprnt: no such command\n hint: Did you mean `ftlineage data fingerprint`?\n",
        ),
        (["-q", "verify"], "error: -q: comes after the command\n hint: Type: ftlineage verify -q\n"),
        (["--quiet"], "error: --quiet: comes after the command\n hint: Type: ftlineage COMMAND --quiet\n"),
        (["--bla"], "error: no such option '--bla'\n hint: See `ftlineage --help`\n"),
        (["show"], "error: missing argument 'TARGET'\n hint: See `ftlineage show --help`\n"),
    ],
    ids=typed,
)
def test_what_was_typed_wrong_is_said_in_a_sentence(line, said, capsys):
    assert main(line) == 2
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize("line", [[], ["data"]], ids=["ftlineage", "data"])
def test_nothing_typed_shows_the_help_as_talk(line, capsys):
    assert main(line) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("Usage: ftlineage")

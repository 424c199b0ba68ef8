"""One command, taken apart: its flags with their values, and the words that are no flags."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from typing import NamedTuple

from ftlineage.drift.commands.values import Argument
from ftlineage.drift.python.names import plain_key

_FLAG = re.compile(r"--?[A-Za-z][\w.\[\]/-]*")
_OVERRIDE = re.compile(r"[+~]{0,2}([A-Za-z_][\w.\[\]-]{0,120})=")
_SETTERS = frozenset({"--set", "--set-string", "--set-literal"})
_SETTING = re.compile(r"(?:^|,)([A-Za-z_][\w.\[\]-]{0,120})=([^,]*)")
_INDEX = re.compile(r"\[\w*\]")
_RUNS_MANY = frozenset({"-m", "--multirun"})  # of Hydra; `-m` of Python stands before a module


class Flag(NamedTuple):
    """A flag or ``key=value`` word: ``name`` plain, ``written`` as in the file, its value and the words behind that."""

    name: str
    written: str
    value: Argument | None
    more: tuple[Argument, ...] = ()
    is_override: bool = False


class Line(NamedTuple):
    """A command behind its program: flags in order, the same by name, words that no flag takes."""

    flags: list[Flag]
    named: dict[str, Flag]
    words: list[Argument]


def read_line(args: Sequence[Argument], switches: Container[str]) -> Line:
    """Take a command apart.

    Args:
        args: Its words behind the program and sub-command.
        switches: Plain names of flags without a value. Any other flag takes the word behind it.
    """
    flags: list[Flag] = []
    words: list[Argument] = []
    index = 0
    while index < len(args):
        argument = args[index]
        index += 1
        text = argument.text
        found = _FLAG.match(text)
        if found is None:
            flags += _overrides([argument])
            words.append(argument)
        elif found.end() < len(text) and text[found.end()] == "=":
            flags.append(Flag(plain_key(found[0]), found[0], _behind(argument, found.end() + 1)))
        elif text in _SETTERS and index < len(args):
            flags += _settings(args[index])
            index += 1
        elif found.end() == len(text):
            taken: list[Argument] = []
            while index < len(args) and plain_key(text) not in switches and not _is_flag(args[index].text):
                taken.append(args[index])
                index += 1
            flags.append(Flag(plain_key(text), text, taken[0] if taken else None, tuple(taken[1:])))
            words += taken[1:]
            if taken and "=" not in taken[0].text:
                flags += _overrides(taken[1:])
            elif text in _RUNS_MANY:
                flags += _overrides(taken)
    return Line(flags, {flag.name: flag for flag in flags}, words)


def _overrides(words: Sequence[Argument]) -> list[Flag]:
    """`+model.path=org/name`, as Hydra and OmegaConf take it."""
    flags = []
    for word in words:
        found = _OVERRIDE.match(word.text)
        if found is not None:
            name = plain_key(_INDEX.sub("", found[1]))
            flags.append(Flag(name, found[1], _behind(word, found.end()), is_override=True))
    return flags


def _settings(argument: Argument) -> list[Flag]:
    """`--set model.name=org/name,replicas=2`, as helm and kubectl take it."""
    value = argument.values[0]
    flags = []
    for found in _SETTING.finditer(value.text):
        inner = value.part(*found.span(2))
        word = Argument((inner,), argument.start, argument.end)
        flags.append(Flag(plain_key(_INDEX.sub("", found[1])), found[1], word, is_override=True))
    return flags


def _is_flag(text: str) -> bool:
    return text.startswith("-") and len(text) > 1 and not (text[1].isdigit() or text[1] == ".")


def _behind(argument: Argument, start: int) -> Argument:
    values = tuple(value.part(start, len(value.text)) for value in argument.values if len(value.text) >= start)
    return Argument(values or argument.values[:1], argument.start, argument.end)

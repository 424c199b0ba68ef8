"""A Dockerfile as the shell sees it: instructions in order, with ARG and ENV as variables.

Decides the shell and the JSON form of RUN, CMD and ENTRYPOINT, and that CMD gives ENTRYPOINT its
words. An ARG, and an ENV that programs read an id from, is reported where it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ftlineage.drift.commands.match import LISTED, Command
from ftlineage.drift.commands.shell import Shell, Variable
from ftlineage.drift.commands.sights import Lines
from ftlineage.drift.commands.tools import Tools
from ftlineage.drift.commands.values import Argument, How, literal, marked
from ftlineage.drift.reference import Found

_INSTRUCTION = re.compile(r"[ \t]*(?:ONBUILD[ \t]+)?(?P<name>[A-Za-z]+)[ \t]+(?P<flags>(?:--[\w-]+(?:=\S*)?[ \t]+)*)")
_LOGICAL = re.compile(r"(?:[^\\\n]|\\(?:\r?\n|.)?)*\n?")
_HEREDOC = re.compile(r"<<-?[ \t]*['\"]?(\w+)['\"]?")
_OPEN_DOCUMENTS = 16
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


def follow_dockerfile(text: str, tools: Tools) -> list[Found]:
    """The references of a Dockerfile."""
    reader = _Dockerfile(text, tools)
    for start, end in _instructions(reader.shell.lexer.text):
        reader.take(start, end)
    return reader.shell.finish()


class _Dockerfile:
    def __init__(self, text: str, tools: Tools) -> None:
        self.shell = Shell(_without_comments(text), tools, lines=Lines(text))
        self._entrypoint: list[Argument] = []

    def take(self, start: int, end: int) -> None:
        """Read one instruction."""
        text = self.shell.lexer.text
        found = _INSTRUCTION.match(text, start, end)
        if found is None:
            return
        body = found.end()
        handler: dict[str, Callable[[int, int], None]] = {
            "RUN": self._run, "CMD": self._cmd, "ENTRYPOINT": self._enter, "ARG": self._arg, "ENV": self._env,
            "ADD": self._add, "FROM": self._from,
        }  # fmt: skip
        take = handler.get(found["name"].upper())
        if take is not None:
            take(body, end)

    def _run(self, start: int, end: int) -> None:
        words = self._json(start, end)
        if words:
            self.shell.command(Command(words, {}, LISTED), start, end)
        else:
            self.shell.run(start, end, opening="sh")

    def _enter(self, start: int, end: int) -> None:
        self._entrypoint = self._json(start, end)
        self._run(start, end)

    def _cmd(self, start: int, end: int) -> None:
        words = self._json(start, end)
        if words and (self._entrypoint or self.shell.image):
            both = Command([*self._entrypoint, *words], {}, LISTED, self.shell.image)
            self.shell.command(both, start, end)
        else:
            self._run(start, end)

    def _add(self, start: int, end: int) -> None:
        program = Argument((literal("ADD", start),), start, start)
        self.shell.command(Command([program, *self.shell.words(start, end)], {}), start, end)

    def _from(self, start: int, end: int) -> None:
        words = self.shell.words(start, end)
        self.shell.image = words[0].text if words else ""
        self._entrypoint = []

    def _arg(self, start: int, end: int) -> None:
        for name, argument in self._pairs(start, end):
            values = tuple(marked(value, How.DEFAULT) for value in argument.values)
            self.shell.set(name, Variable((argument._replace(values=values),)))

    def _env(self, start: int, end: int) -> None:
        for name, argument in self._pairs(start, end):
            self.shell.set(name, Variable((argument,), exported=True))

    def _pairs(self, start: int, end: int) -> list[tuple[str, Argument]]:
        """`NAME=value NAME=value`, or the old `NAME value`."""
        words = self.shell.words(start, end)
        found: list[tuple[str, Argument]] = []
        for word in words:
            name, equals, _ = word.text.partition("=")
            if not equals and len(words) == 2:  # noqa: PLR2004 - the name and its value
                return [(words[0].text, words[1])]
            if equals:
                values = tuple(value.part(len(name) + 1, len(value.text)) for value in word.values)
                found.append((name, Argument(values, word.start, word.end)))
        return found

    def _json(self, start: int, end: int) -> list[Argument]:
        """The words of the JSON form; none if it is the shell form."""
        text = self.shell.lexer.text
        if text[start : start + 1] != "[":
            return []
        return [
            Argument(self.shell.filled(*found.span(1)).values, found.start(), found.end())
            for found in _STRING.finditer(text, start, end)
            if found[1]
        ]


def _instructions(text: str) -> Iterator[tuple[int, int]]:
    """Where each instruction stands, continued lines and here-documents included."""
    at = lost = 0
    while at < len(text):
        end = _LOGICAL.match(text, at)
        stop = end.end() if end else len(text)
        for opening in list(_HEREDOC.finditer(text, at, stop))[:4] if lost < _OPEN_DOCUMENTS else ():
            closing = re.compile(rf"^\t*{opening[1]}[ \t\r]*$", re.MULTILINE).search(text, stop)
            if closing is None:
                lost += 1
                break
            stop = closing.end()
        yield at, stop
        at = max(stop, at + 1)


def _without_comments(text: str) -> str:
    """Comment lines inside a continued instruction vanish: Docker takes them out, a shell would stop there."""
    continued = False
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if line.lstrip().startswith("#"):
            # The end of such a line joins it to the next.
            lines[index] = " " * (len(line) - 1) + "\\" if continued and line else " " * len(line)
        else:
            continued = line.rstrip().endswith("\\")
    return "\n".join(lines)

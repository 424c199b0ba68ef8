"""A Makefile as the shell sees it: recipes at their places, everything else blank, variables set.

Decides ``$(NAME)`` and ``$$``. Refuses functions of make (``$(shell ...)``): what they give is unknown.
"""

from __future__ import annotations

import re

from ftlineage.drift.commands.lexer import SKIPPED
from ftlineage.drift.commands.shell import Shell, Variable
from ftlineage.drift.commands.sights import Lines
from ftlineage.drift.commands.tools import Tools
from ftlineage.drift.commands.values import How, marked
from ftlineage.drift.reference import Found

_VARIABLE = re.compile(
    r"(?:(?:export|override)[ \t]+)*(?P<name>[A-Za-z_][\w.-]{0,200})[ \t]*(?P<how>:{0,3}=|\?=|\+=|!=)[ \t]*"
)
_NAME = re.compile(r"\$\((?P<name>[A-Za-z_]\w*)\)")
_MARKS = re.compile(r"[@+-]+(?=[\w\"'$./({])")


def follow_makefile(text: str, tools: Tools) -> list[Found]:
    """The references of a Makefile."""
    script = _NAME.sub(r"${\g<name>}", text.replace("$$", f"{SKIPPED}$"))
    lines = _logical(script)
    shown = list(script)
    variables: list[tuple[str, str, int, int]] = []
    for start, end in lines:
        if script[start] == "\t":
            marks = _MARKS.match(script, start + 1, end)
            shown[start : marks.end() if marks else start + 1] = " " * ((marks.end() if marks else start + 1) - start)
            continue
        found = _VARIABLE.match(script, start, end)
        if found is not None:
            stop = script.find(" #", found.end(), end)
            variables.append((found["name"], found["how"], found.end(), end if stop < 0 else stop))
        shown[start:end] = [letter if letter == "\n" else " " for letter in script[start:end]]
    shell = Shell("".join(shown), tools, lines=Lines(text))
    reader = Shell(script, tools, lines=Lines(text))
    for name, how, start, end in variables:
        _set(reader, name, how, start, end)
    shell.variables.update(reader.variables)
    shell.run()
    return shell.finish()


def _set(shell: Shell, name: str, how: str, start: int, end: int) -> None:
    text = shell.lexer.text[start:end]
    if how == "!=" or not text.strip():
        return
    argument = shell.filled(start, start + len(text.rstrip()))
    if how == "?=":
        argument = argument._replace(values=tuple(marked(value, How.DEFAULT) for value in argument.values))
    if how == "+=" and name in shell.variables:
        return
    shell.set(name, Variable((argument,)))


def _logical(text: str) -> list[tuple[int, int]]:
    """Lines with those that continue them."""
    found = []
    start = 0
    for line in re.finditer(r"[^\n]*\n?", text):
        if line.end() == line.start():
            continue
        if not line[0].rstrip("\r\n").endswith("\\"):
            found.append((start, line.end()))
            start = line.end()
    if start < len(text):
        found.append((start, len(text)))
    return found

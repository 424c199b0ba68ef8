"""Text inside other text: a script after ``-c``, the body of a here-document, a cell of a notebook.

Decides who reads it, and brings what they find back to the places of the outer file, slots included.
Refuses nothing: inner text that does not parse gives no findings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from ftlineage.drift.commands.match import Command
from ftlineage.drift.commands.sights import Lines
from ftlineage.drift.commands.tools import Tools
from ftlineage.drift.commands.values import UNKNOWN, Value
from ftlineage.drift.reference import Found, Slot
from ftlineage.errors import BadInputError

Escape = Callable[[str], str]

_PYTHON = re.compile(r"(?:python[\d.]*|ipython|pypy3?|torchrun|accelerate)")
_TARGET = re.compile(r"[\w./${}-]+\.(py|ya?ml|json|toml|sh)\b")
_SHELLS = frozenset({"bash", "sh", "zsh", "ksh", "dash", "sbatch", "ssh", "qsub"})
_LIKELY = re.compile(r"--|hf |hugging|/")


def code_in(command: Command, tools: Tools, lines: Lines, depth: int) -> list[Found]:
    """What is found in the words of a command that are programs themselves."""
    words = [argument.text for argument in command.args]
    program = words[0].rsplit("/", 1)[-1]
    if "-c" in words[:-1] and any(_PYTHON.fullmatch(word.rsplit("/", 1)[-1]) for word in words[: words.index("-c")]):
        code = command.args[words.index("-c") + 1].values[0]
        return lifted(code, _python(code.text), lines, _escape_of(code, lines))
    if program not in tools.programs.shells:
        return []
    found: list[Found] = []
    for argument in command.args[1:]:
        value = argument.values[0]
        if any(blank in value.text.strip() for blank in " \n") and _LIKELY.search(value.text):
            found += lifted(value, _shell(value.text, tools, depth), lines, _escape_of(value, lines))
    return found


def document_in(body: Value, opening: str, tools: Tools, lines: Lines, depth: int) -> list[Found]:
    """What is found in a here-document that the command line ``opening`` takes."""
    target = _TARGET.search(opening.partition("<<")[0]) or _TARGET.search(opening)
    words = re.findall(r"[\w.+-]+", opening)[:12]
    suffix = target[1] if target is not None else ""
    if suffix == "py" or (not suffix and any(_PYTHON.fullmatch(word) for word in words)):
        return lifted(body, _python(body.text), lines, str, in_lines=True)
    if suffix in {"yaml", "yml", "json", "toml"} or "kubectl" in words or "helm" in words:
        return lifted(body, _config(body.text, suffix or "yaml"), lines, str, in_lines=True)
    if suffix == "sh" or _SHELLS & set(words):
        return lifted(body, _shell(body.text, tools, depth), lines, str, in_lines=True)
    return []


def lifted(
    inner: Value, found: Sequence[Found], lines: Lines, escape: Escape, *, in_lines: bool = False
) -> list[Found]:
    """Findings of an inner text, at their places in the outer file.

    Args:
        inner: The inner text and where its letters stand in the file.
        found: What was found, in lines and offsets of ``inner.text``.
        lines: The lines of the file.
        escape: What the file writes for new text inside it.
        in_lines: The lines of the inner text are lines of the file: a remark may end them.
    """
    own = Lines(inner.text)
    return [_lift(each, inner, own, lines, escape, in_lines=in_lines) for each in found]


def _lift(each: Found, inner: Value, own: Lines, lines: Lines, escape: Escape, *, in_lines: bool) -> Found:
    line, column = lines.place(inner.at(min(own.offset(each.line, each.column), len(inner.text))))
    stretch = each.lines
    if stretch is not None:
        first, last = (min(own.offset(at, 1), len(inner.text)) for at in stretch)
        stretch = (lines.place(inner.at(first))[0], lines.place(inner.at(last))[0])
    slot = each.slot
    if slot is not None:
        end = inner.after(slot.end) if slot.end > slot.start else inner.at(slot.start)
        slot = Slot(
            key=slot.key,
            start=inner.at(slot.start) if slot.start < len(inner.text) else inner.after(slot.start),
            end=end if slot.start < len(inner.text) else inner.after(slot.end),
            before=escape(slot.before),
            after=escape(slot.after),
            comment=slot.comment if in_lines else None,
        )
    return msgspec.structs.replace(each, line=line, column=column, lines=stretch, slot=slot)


def _escape_of(value: Value, lines: Lines) -> Escape:
    quote = lines.letter(value.at(0) - 1) if value.text else ""
    if quote == "'":
        return lambda text: text.replace("'", "'\\''")
    return lambda text: re.sub(r'(["\\$`])', r"\\\1", text)


def _python(text: str) -> list[Found]:
    from ftlineage.drift.python.reader import read_python

    try:
        return read_python(text.replace(UNKNOWN, "_"), "<command>", None)
    except BadInputError:
        return []


def _config(text: str, suffix: str) -> list[Found]:
    from ftlineage.drift.configs.reader import read_config

    try:
        return read_config(text.replace(UNKNOWN, "_"), f"command.{suffix}")
    except BadInputError:
        return []


def _shell(text: str, tools: Tools, depth: int) -> list[Found]:
    from ftlineage.drift.commands.shell import Shell

    shell = Shell(text.replace(UNKNOWN, "\ufffd"), tools, depth=depth + 1)
    shell.run()
    return shell.finish()

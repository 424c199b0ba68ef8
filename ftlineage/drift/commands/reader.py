"""The readers of this package: one function a kind of file, and one for a command inside another file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ftlineage.drift.commands.dockerfile import follow_dockerfile
from ftlineage.drift.commands.makefile import follow_makefile
from ftlineage.drift.commands.match import LISTED, Command, sights_of
from ftlineage.drift.commands.shell import Shell
from ftlineage.drift.commands.sights import Lines, to_found
from ftlineage.drift.commands.tools import Tools, default_tools
from ftlineage.drift.commands.values import Argument, Span, Value, literal, unknown
from ftlineage.drift.reference import Found
from ftlineage.errors import BadInputError

MAX_CHARACTERS = 1_000_000

# A text with none of these names nothing on the Hub that this package would see.
_LIKELY = re.compile(
    r"(?i)model|dataset|hugging|token|adapter|lora|pretrain|repo|hf|vllm|ollama|tune|litgpt|swift|lm_eval|data[._-]?path|[a-z]_data"
)


def read_shell(text: str, path: str = "", *, tools: Tools | None = None) -> list[Found]:
    """The references of a shell script, in the order of its text.

    Args:
        text: The script.
        path: Its path, for errors.
        tools: The tables of commands; ours if None.

    Raises:
        BadInputError: It is larger than any script that people write, such as an installer with its archive.
    """
    _check(text, path)
    return _followed(text, tools, comment="#")


def read_command(text: str, *, tools: Tools | None = None) -> list[Found]:
    """The references of one command line or block that stands in another file.

    Lines, columns and offsets are those of ``text``. Slots have no comment: the file around decides.
    A text beyond :data:`MAX_CHARACTERS` is no command.
    """
    if len(text) > MAX_CHARACTERS:
        return []
    return _followed(text, tools, comment=None)


def read_argv(words: Sequence[tuple[str | None, int, int]], text: str, *, tools: Tools | None = None) -> list[Found]:
    """The references of a command given as a list of strings, such as that of ``subprocess.run([...])``.

    Args:
        words: Each word, None where only a run knows it, with the offsets in ``text`` where its
            literal begins and ends, quotes included.
        text: The whole file; lines, columns and slots are in it.
        tools: The tables of commands; ours if None.
    """
    args = [
        Argument((unknown("", start, end - start) if word is None else _quoted(word, start, end),), start, end)
        for word, start, end in words
    ]
    if not args:
        return []
    sights = sights_of(Command(args, {}, LISTED), tools or default_tools())
    return to_found(sights, Lines(text), args[0].start, args[-1].end, comment=None)


def _quoted(word: str, start: int, end: int) -> Value:
    quotes = (end - start - len(word)) // 2
    if end - start - len(word) == 2 * quotes and quotes in {1, 3}:
        return literal(word, start + quotes)
    return Value(word, (Span(0, start, end - start, literal=False),))


def read_dockerfile(text: str, path: str = "", *, tools: Tools | None = None) -> list[Found]:
    """The references of a Dockerfile: RUN, CMD, ENTRYPOINT, ADD, and ids in ARG and ENV.

    Raises:
        BadInputError: It is too large.
    """
    _check(text, path)
    if not _is_likely(text, tools):
        return []
    return follow_dockerfile(text, tools or default_tools())


def read_makefile(text: str, path: str = "", *, tools: Tools | None = None) -> list[Found]:
    """The references in the recipes of a Makefile, with its variables.

    Raises:
        BadInputError: It is too large.
    """
    _check(text, path)
    if not _is_likely(text, tools):
        return []
    return follow_makefile(text, tools or default_tools())


def _followed(text: str, tools: Tools | None, *, comment: str | None) -> list[Found]:
    if not _is_likely(text, tools):
        return []
    shell = Shell(text, tools or default_tools(), comment=comment)
    shell.run()
    return shell.finish()


def _check(text: str, path: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise BadInputError(path=path, reason=f"has more than {MAX_CHARACTERS:,} characters")


def _is_likely(text: str, tools: Tools | None) -> bool:
    # A user's own table may have any words.
    if tools is not None and tools is not default_tools():
        return True
    return _LIKELY.search(text) is not None

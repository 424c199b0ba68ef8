"""Texts as the words of a command: what a shell splits, what a cut command goes on with, what ``read`` takes.

Decides by the text alone. Refuses to join commands with anything but remarks and blanks between them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ftlineage.drift.commands.lexer import Token
from ftlineage.drift.commands.values import Argument, Value

_TO_THE_END = re.compile(r"-[A-Za-z]*d")
_CUT = re.compile(r"[ \t\r\\]*\n(?:[ \t]*#[^\n]*\n|[ \t]*\n)*[ \t]*")


def split_words(value: Value) -> list[Argument]:
    """A text as the words that a shell makes of it where no quotes stand around its variable."""
    parts = [value.part(*piece.span()) for piece in re.finditer(r"[^ \t\n]+", value.text)]
    return [Argument((piece,), piece.at(0), piece.after(len(piece.text))) for piece in parts]


def read_into(args: Sequence[Argument]) -> str | None:
    """The variable that ``read -r -d '' name`` gives a whole here-document, None for other commands."""
    whole = args[0].text == "read" and any(_TO_THE_END.match(arg.text) for arg in args[1:])
    return args[-1].text if whole else None


def document_of_cat(tokens: Sequence[Token]) -> Token | None:
    """The here-document that is all that ``$(cat <<EOF ...)`` prints, None for other commands."""
    said = [token for token in tokens if token.kind != "newline"]
    is_cat = [token.kind for token in said] == ["word", "heredoc"] and plain_text(said[0]) == "cat"
    return said[1] if is_cat else None


def plain_text(token: Token) -> str:
    """The text of a word without quotes and variables, empty for others."""
    return token.parts[0].text if len(token.parts) == 1 and token.parts[0].kind == "text" else ""


def goes_on(first: Argument, text: str, end: int) -> bool:
    """Whether a command is the rest of the one that ended at ``end``, in the eyes of who wrote it.

    A remark between two lines, or a blank behind a backslash, cuts a command in two.
    """
    quoted = text[first.start : first.start + 1] in {"'", '"'} and "/" in first.text
    return (first.text.startswith("--") or quoted) and _CUT.fullmatch(text, end, first.start) is not None

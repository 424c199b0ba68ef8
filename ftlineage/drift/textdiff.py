"""Short differences of small text files: chat templates and settings, as people can read them.

Decides that JSON is compared key by key in its own order, that long strings inside it (a template in
``tokenizer_config.json``) are compared line by line, and how much is shown. Refused: whole files,
binary content, lines of any length.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec

from ftlineage.core import codec, words
from ftlineage.drift.classify import DriftClass, FileDrift

#: Lines shown of one file, and characters of one line.
MOST_LINES = 24
MOST_WIDTH = 160
#: Larger files are not fetched for their text: a ``config.json`` has a few kilobytes.
MOST_BYTES = 256 * 1024
# Comparing takes time that grows with the square of these.
_MOST_COMPARED = 4000

_CLASSES = frozenset({DriftClass.CHAT_TEMPLATE, DriftClass.CONFIG, DriftClass.GENERATION_CONFIG, DriftClass.CODE})
_NAMES = frozenset({"tokenizer_config.json", "special_tokens_map.json"})
_CONTEXT = 1


class TextDrift(msgspec.Struct, frozen=True, kw_only=True):
    """What changed in one text file: lines that begin with ``-``, ``+`` or a space; ``left_out`` more are not shown."""

    path: str
    lines: list[str]
    left_out: int = 0


def is_worth_showing(file: FileDrift) -> bool:
    """Whether the text of a changed file is short and says what changed."""
    return file.class_ in _CLASSES or PurePosixPath(file.path).name in _NAMES


def diff_texts(path: str, before: bytes, after: bytes) -> TextDrift | None:
    """The difference of two contents of one file; None if one is no text, or too long."""
    old, new = _lines(path, before), _lines(path, after)
    if old is None or new is None or max(len(old), len(new)) > _MOST_COMPARED:
        return None
    shown = list(_changed(old, new))
    return TextDrift(path=path, lines=shown[:MOST_LINES], left_out=max(0, len(shown) - MOST_LINES))


def _changed(old: list[str], new: list[str]) -> Iterator[str]:
    for number, line in enumerate(difflib.unified_diff(old, new, lineterm="", n=_CONTEXT)):
        if number > 1 and not line.startswith("@@"):  # the first two lines name files
            yield words.clean(words.cut(line, MOST_WIDTH))


def _lines(path: str, data: bytes) -> list[str] | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    document = codec.foreign_object(text) if path.endswith(".json") else None
    if document is None:
        return text.splitlines()
    try:
        lines = codec.pretty_bytes(document).decode("utf-8").splitlines()
    except ValueError:  # a lone surrogate
        return text.splitlines()
    return [part for line in lines for part in line.replace("\\n", "\n").splitlines() or [""]]

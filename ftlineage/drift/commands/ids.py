"""The ids that a value of a flag holds: one, several with commas, a JSON object of them, or none.

Decides by shape alone, with the same eyes as the readers of Python. Refuses what has more than an
owner and a name, bare names that are not known to be old ids, and names of models behind an API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ftlineage.drift.commands.tools import Tools
from ftlineage.drift.commands.values import UNKNOWN, Value
from ftlineage.drift.python.names import is_canonical, shape_of, split_id
from ftlineage.drift.reference import Kind
from ftlineage.drift.revision import is_commit

_LONGEST = 4_000  # characters of a value that are looked at
_API_NAME = re.compile(r"openai/(gpt-[345]|o\d|chatgpt|text-|codex|tts|dall)|google/gemini|(x-ai|xai)/grok|anthropic/")
_FOLDER_NAME = re.compile(
    r"(?i)(.*_)?(dir|path|home|root|cache|workspace|ckpt|checkpoint|output|out|base|storage|mount|scratch|pwd|data|tmp|work"
    r"|models?_(dir|root)|folder|user|store|volume)(_.*)?"
)
_ENTRY = re.compile(r'"([^"\s\\]{1,200})"\s*:\s*(?:"([^"\s\\]{0,200})"|(?=[-\d.]))')
_PATH_KEYS = frozenset({"model", "path", "model_name_or_path", "pretrained", "repo_id", "model_id"})
_LINK = re.compile(r"(?:https?://)?(?:hf\.co|huggingface\.co)/|HF://|hf://")


class Hit(NamedTuple):
    """Where in a value's text an id stands; ``ref`` is None where only a run knows it."""

    ref: str | None
    start: int
    end: int
    revision: str | None = None
    is_local: bool = False


def hits(value: Value, kind: Kind, tools: Tools, *, link: bool = False) -> list[Hit]:
    """What a value names.

    Args:
        value: One alternative of a word.
        kind: What the flag takes.
        tools: Names that are known without an owner, and owners that are routers of APIs.
        link: The id is written as a link, ``hf.co/org/name:quant``.
    """
    text = value.text
    if not text or len(text) > _LONGEST:
        return []
    if text.startswith("{"):
        return [hit for start, end in _entries(text) for hit in _one(text, start, end, kind, tools)]
    start = text.find("=") + 1 if kind == "adapter" and "\x00" not in text else 0
    if link:
        found = _LINK.match(text)
        return _one(text, found.end(), len(text), kind, tools) if found else []
    if "," not in text or kind in {"model", "tokenizer"}:
        return _one(text, start, len(text), kind, tools)
    found_hits: list[Hit] = []
    for piece in text.split(","):
        found_hits += _one(text, start, start + len(piece), kind, tools)
        start += len(piece) + 1
    return found_hits


def _entries(text: str) -> Iterator[tuple[int, int]]:
    """The ids in a JSON object: keys with a number (a mixture), and what a key of a path holds."""
    for entry in _ENTRY.finditer(text):
        if entry[2] is None:
            yield entry.span(1)
        elif entry[1] in _PATH_KEYS:
            yield entry.span(2)


def _one(text: str, start: int, end: int, kind: Kind, tools: Tools) -> list[Hit]:
    piece = text[start:end]
    if UNKNOWN in piece:
        return _partly(piece, start, end)
    # `org/name#500`: so many rows of it.
    piece, mark, _ = piece.partition("#")
    end -= len(mark) and end - start - len(piece)
    shape = shape_of(piece)
    if shape == "local":
        return [Hit(piece, start, end, is_local=True)]
    if shape == "bare":
        known = piece in tools.bare_datasets if kind == "dataset" else is_canonical(piece)
        return [Hit(piece, start, end)] if known else []
    found = split_id(piece) if shape == "id" else None
    if found is None or found.ref.split("/")[0].lower() in tools.programs.api_owners or _API_NAME.match(piece):
        return []
    if found.rest and "://" not in piece:
        return [Hit(piece, start, end, is_local=True)]
    begin = start + piece.find(found.ref)
    revision = found.revision if found.revision is not None and is_commit(found.revision) else None
    return [Hit(found.ref, begin, begin + len(found.ref), revision)]


def _partly(piece: str, start: int, end: int) -> list[Hit]:
    """`$OUTPUT_DIR/model` is a path; `$MODEL` and `${ORG}/${NAME}` may be anything."""
    name, _, rest = piece[1:].partition(UNKNOWN) if piece.startswith(UNKNOWN) else ("", "", piece)
    if piece.startswith(("/", "./", "../", "~")) or (rest.startswith("/") and _FOLDER_NAME.fullmatch(name)):
        return [Hit(None, start, end, is_local=True)]
    return [Hit(None, start, end)] if rest.count("/") <= 1 else []

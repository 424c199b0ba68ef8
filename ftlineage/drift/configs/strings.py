"""References inside a value's text: addresses on the Hub, and command lines.

Decides how the offsets of a value lead back to the file: folded and indented text keeps its visible
characters in order. Whoever reads addresses and commands elsewhere reads them here too.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from ftlineage.drift.configs.framework import Framework
from ftlineage.drift.configs.index import Index, Place
from ftlineage.drift.configs.nodes import Entry, Mapping, Page, Scalar, Sequence
from ftlineage.drift.reference import Found, Slot

_ON_HUB = re.compile(r"huggingface\.co/|hf\.co/|hf://", re.IGNORECASE)
HINT = re.compile(r"hugging|\bhf\b|hf_|model|dataset|tokenizer|vllm|sglang|pretrained|lora|trl\b", re.IGNORECASE)
_BLOCK_HEADER = re.compile(r"(?:&\S+\s+)?[|>][-+0-9]*[^\n]*\n")
# Which key's words come before those of another: a container's program before its arguments.
_BEFORE = {"args": "command", "command": "entrypoint"}
_ARGV_KEYS = frozenset({"args", "command", "cmd", "entrypoint", "argv", "CMD", "Cmd", "Entrypoint"})


class Piece(NamedTuple):
    """A text handed to another reader: ``places[i]`` is the offset in the file of its character ``i``."""

    text: str
    places: list[int]
    is_argv: bool = False
    is_block: bool = False


def read_strings(page: Page, index: Index, tables: list[Framework], taken: set[int]) -> list[Found]:
    """What addresses and command lines in a document name; ``taken`` are the values that a rule has read."""
    found: list[Found] = []
    for piece in _command_pieces(page, index, tables):
        found += _read(page, piece, _command_reader())
    for scalar, _ in index.scalars:
        if scalar.start not in taken and _ON_HUB.search(scalar.text):
            found += _read(page, _piece(page, scalar), _url_reader())
    seen: set[tuple[int, int, str | None]] = set()
    kept = []
    for one in found:
        key = (one.line, one.column, one.ref)
        if key not in seen:
            seen.add(key)
            kept.append(one)
    return kept


def _command_reader() -> Callable[[str], list[Found]]:
    from ftlineage.drift.commands.reader import read_command

    return read_command


def _url_reader() -> Callable[[str], list[Found]]:
    from ftlineage.drift.commands.urls import read_urls

    return read_urls


def _command_pieces(page: Page, index: Index, tables: list[Framework]) -> Iterator[Piece]:
    done: set[int] = set()
    for framework in tables:
        for pattern in framework.commands:
            for place in index.find(pattern):
                if place.entry.key.start not in done:
                    done.add(place.entry.key.start)
                    yield from _pieces_of(page, place, framework.images)


def _pieces_of(page: Page, place: Place, images: dict[str, str]) -> Iterator[Piece]:
    value = place.entry.value
    if isinstance(value, Scalar):
        if HINT.search(value.text):
            yield _after_program(_piece(page, value), place, images)
        return
    items = [item for item in value.items if isinstance(item, Scalar)] if isinstance(value, Sequence) else []
    if not any(HINT.search(item.text) for item in items):
        return
    spaced = [item for item in items if any(sign.isspace() for sign in item.text.strip())]
    yield from (_piece(page, item) for item in spaced if HINT.search(item.text))
    if place.entry.key.text in _ARGV_KEYS and not (items and items[0] in spaced):
        yield _after_program(_argv(page, items), place, images)


def _after_program(piece: Piece, place: Place, images: dict[str, str]) -> Piece:
    """The arguments with the program that reads them, where it stands in another key or is the image's own."""
    if not piece.text.lstrip().startswith("-"):
        return piece
    words = _words(place.owner, _BEFORE.get(place.entry.key.text))
    if not words:
        image = place.owner.get("image")
        name = image.value.text if image is not None and isinstance(image.value, Scalar) else ""
        words = next((program for part, program in images.items() if part in name), "")
    if not words:
        return piece
    lead = f"{words} "
    first = piece.places[0] if piece.places else 0
    return piece._replace(text=lead + piece.text, places=[first] * len(lead) + piece.places)


def _words(owner: Mapping, key: str | None) -> str:
    entry: Entry | None = owner.get(key) if key else None
    if entry is None:
        return ""
    if isinstance(entry.value, Scalar):
        return entry.value.text.strip().replace("\n", " ")
    if isinstance(entry.value, Sequence):
        return " ".join(item.text for item in entry.value.items if isinstance(item, Scalar) and "\n" not in item.text)
    return ""


def _argv(page: Page, items: list[Scalar]) -> Piece:
    text: list[str] = []
    places: list[int] = []
    for item in items:
        piece = _piece(page, item)
        if not piece.text:
            continue
        quoted = shlex.quote(piece.text)
        if quoted != piece.text and "'" in piece.text:
            continue
        edge = [piece.places[0]] if quoted != piece.text else []
        if text:
            text.append(" ")
            places.append(places[-1] + 1)
        text.append(quoted)
        places += edge + piece.places + ([piece.places[-1] + 1] if edge else [])
    return Piece("".join(text), places, is_argv=True)


def _piece(page: Page, scalar: Scalar) -> Piece:
    raw_start, raw_end = scalar.start, scalar.end
    raw = page.text[raw_start:raw_end]
    if scalar.style == "block":
        header = _BLOCK_HEADER.match(raw)
        raw_start += header.end() if header else 0
    elif scalar.style == "quoted":
        raw_start, raw_end = raw_start + 1, raw_end - 1
    places = _aligned(scalar.text, page.text, raw_start, raw_end)
    if places is None:
        return Piece(scalar.text, [scalar.start] * len(scalar.text))
    return Piece(scalar.text, places, is_block=scalar.style == "block" and raw[:1] == "|")


def _aligned(value: str, text: str, start: int, end: int) -> list[int] | None:
    """The offset of each character of a value, by its visible characters; None where escapes hide them."""
    if text[start:end] == value:
        return list(range(start, end))
    seen = [at for at in range(start, end) if not text[at].isspace()]
    places: list[int] = []
    rank = 0
    for sign in value:
        if sign.isspace():
            places.append(places[-1] + 1 if places else start)
            continue
        if rank >= len(seen) or text[seen[rank]] != sign:
            return None
        places.append(seen[rank])
        rank += 1
    return places if rank == len(seen) else None


def _read(page: Page, piece: Piece, reader: Callable[[str], list[Found]]) -> Iterator[Found]:
    if not piece.text:
        return
    inner = Page(piece.text)
    for one in reader(piece.text):
        offset = _offset(inner, one)
        at = piece.places[min(offset, len(piece.places) - 1)]
        last = piece.places[min(inner.line_end(offset), len(piece.places)) - 1]
        line = page.line(at)
        first_line = line if one.lines is None else _line_of(page, piece, inner, one.lines[0])
        last_line = page.line(last) if one.lines is None else _line_of(page, piece, inner, one.lines[1])
        yield msgspec.structs.replace(
            one,
            line=line,
            column=page.column(at),
            lines=(min(first_line, line), max(last_line, line)),
            slot=_moved(piece, one.slot),
        )


def _offset(inner: Page, one: Found) -> int:
    start = inner.offset(one.line)
    return min(start + one.column - 1, max(len(inner.text) - 1, 0))


def _line_of(page: Page, piece: Piece, inner: Page, line: int) -> int:
    at = min(inner.offset(line), len(piece.places) - 1)
    return page.line(piece.places[at])


def _moved(piece: Piece, slot: Slot | None) -> Slot | None:
    """The slot in the file, None where a list of words would need more than an insertion."""
    if slot is None or len(set(piece.places)) < len(piece.places) // 2:
        return None
    new = slot.start == slot.end
    if new and piece.is_argv:
        return None
    end = piece.places[slot.end - 1] + 1 if slot.end else piece.places[0]
    start = end if new else piece.places[slot.start]
    if end - start != slot.end - slot.start:
        return None
    return msgspec.structs.replace(slot, start=start, end=end, comment=slot.comment if piece.is_block else None)

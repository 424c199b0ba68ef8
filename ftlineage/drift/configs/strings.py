"""References inside a value's text: addresses on the Hub, command lines, and whole files.

Decides which values are handed to which reader and brings what they find back to its place in the
file. Whoever reads addresses, commands and programs elsewhere reads them here too.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from ftlineage.drift.configs.alignment import Piece, piece_of
from ftlineage.drift.configs.framework import Framework
from ftlineage.drift.configs.index import Index, Place
from ftlineage.drift.configs.nodes import Entry, Format, Page, Scalar
from ftlineage.drift.configs.nodes import Mapping as Table
from ftlineage.drift.configs.nodes import Sequence as Row
from ftlineage.drift.reference import Found, Slot
from ftlineage.errors import BadInputError

ON_HUB = re.compile(r"huggingface\.co/|hf\.co/|hf-mirror\.com/|hf://", re.IGNORECASE)
HINT = re.compile(r"hugging|\bhf\b|hf_|model|dataset|token|vllm|sglang|pretrained|lora|trl\b|repo", re.IGNORECASE)
# Files within a file: the data of a ConfigMap, a script of a Helm value.
EMBEDDED = re.compile(r".*\.(ya?ml|json|toml|sh|py)")
_SETTINGS = frozenset({"yaml", "yml", "json", "toml"})
_MAX_EMBEDDED = 2
# Which key's words come before those of another: a container's program before its arguments.
_BEFORE = {"args": "command", "command": "entrypoint"}
_ARGV_KEYS = frozenset({"args", "command", "cmd", "entrypoint", "argv", "extraArgs", "CMD", "ENTRYPOINT"})
# An image's own program, where nothing says which it is.
_ENTRYPOINT = "/entrypoint"
_FLAG = re.compile(r"--?[A-Za-z][\w-]*")

Reader = Callable[[str], list[Found]]


class Reading(NamedTuple):
    """One document on its way: the tables that speak for it, all of them, and how many files deep it stands."""

    page: Page
    form: Format
    keys: Index
    speaking: Sequence[Framework]
    tables: Sequence[Framework]
    depth: int


def read_strings(reading: Reading, taken: set[int]) -> list[Found]:
    """What texts inside a document name; ``taken`` are the values that a rule has read."""
    found: list[Found] = []
    inside: set[int] = set()
    for scalar, place in reading.keys.scalars:
        if reading.depth < _MAX_EMBEDDED and place is not None and scalar.style == "block":
            name = EMBEDDED.fullmatch(place.entry.key.text)
            if name is not None and scalar.start not in taken:
                inside.add(scalar.start)
                found += _read(reading, piece_of(reading.page, scalar), _file_reader(name[1], place, reading))
    for piece, reader in _commands(reading, inside):
        found += _read(reading, piece, reader)
    for scalar, _ in reading.keys.scalars:
        if scalar.start not in taken and scalar.start not in inside and ON_HUB.search(scalar.text):
            found += _read(reading, piece_of(reading.page, scalar), _urls)
    # Addresses within a command are seen twice: the command's reader knows more.
    return list({(one.line, one.column, one.ref): one for one in reversed(found)}.values())


# --- readers -----------------------------------------------------------------------------------


def _urls(text: str) -> list[Found]:
    from ftlineage.drift.commands.urls import read_urls

    return read_urls(text)


def _command(text: str) -> list[Found]:
    from ftlineage.drift.commands.reader import read_command

    return read_command(text)


def _python(text: str) -> list[Found]:
    from ftlineage.drift.python.reader import read_python

    try:
        return read_python(text, "<embedded>", None)
    except BadInputError:
        return []


def _file_reader(suffix: str, place: Place, reading: Reading) -> Reader:
    if suffix not in _SETTINGS:
        return _python if suffix == "py" else _command

    def settings(text: str) -> list[Found]:
        from ftlineage.drift.configs.reader import read_within

        try:
            return read_within(text, place.entry.key.text, reading.tables, reading.depth + 1)
        except BadInputError:
            return []

    return settings


# --- commands ----------------------------------------------------------------------------------


def _commands(reading: Reading, inside: set[int]) -> Iterator[tuple[Piece, Reader]]:
    done = set(inside)
    for framework in reading.speaking:
        for pattern in framework.commands:
            for place in reading.keys.find(pattern):
                if place.entry.key.start not in done and place.entry.value.start not in inside:
                    done.add(place.entry.key.start)
                    reader = _python if _says_python(place) else _command
                    yield from ((piece, reader) for piece in _pieces_of(reading.page, place, framework.images))


def _says_python(place: Place) -> bool:
    shell = place.owner.get("shell")
    return shell is not None and isinstance(shell.value, Scalar) and shell.value.text.startswith("python")


def _pieces_of(page: Page, place: Place, images: Mapping[str, str]) -> Iterator[Piece]:
    value = place.entry.value
    if isinstance(value, Scalar):
        if HINT.search(value.text):
            yield _after_program(piece_of(page, value), place, images)
        return
    items = [item for item in value.items if isinstance(item, Scalar)] if isinstance(value, Row) else []
    if not isinstance(value, Row) or not items:
        return
    spaced = [item for item in items if any(sign.isspace() for sign in item.text.strip())]
    yield from (piece_of(page, item) for item in spaced if HINT.search(item.text))
    if place.entry.key.text in _ARGV_KEYS and items[0] not in spaced:
        yield _after_program(_argv(page, value, items), place, images)


def _after_program(piece: Piece, place: Place, images: Mapping[str, str]) -> Piece:
    """The arguments with the program that reads them, where it stands in another key or is the image's own."""
    program = _words(place.owner, _BEFORE.get(place.entry.key.text))
    if not program and piece.text.lstrip().startswith("-"):
        image = place.owner.get("image")
        name = image.value.text if image is not None and isinstance(image.value, Scalar) else ""
        program = next((words for part, words in images.items() if part in name), _ENTRYPOINT)
    if not program or not piece.places:
        return piece
    lead = f"{program} "
    return piece._replace(text=lead + piece.text, places=[piece.places[0]] * len(lead) + piece.places)


def _words(owner: Table, key: str | None) -> str:
    entry: Entry | None = owner.get(key) if key else None
    if entry is None:
        return ""
    if isinstance(entry.value, Scalar):
        return entry.value.text.strip().replace("\n", " ")
    if not isinstance(entry.value, Row):
        return ""
    texts = [item.text for item in entry.value.items if isinstance(item, Scalar)]
    return shlex.join(texts) if not any("\n" in text for text in texts) else ""


def _argv(page: Page, row: Row, items: list[Scalar]) -> Piece:
    text: list[str] = []
    places: list[int] = []
    for item in items:
        piece = piece_of(page, item)
        quoted = _quoted(piece.text)
        if not piece.text or len(quoted) > len(piece.text) + 2:
            continue
        if text:
            text.append(" ")
            places.append(places[-1] + 1)
        text.append(quoted)
        edge = quoted != piece.text
        places += [piece.places[0]] * edge + piece.places + [piece.places[-1] + 1] * edge
    return Piece("".join(text), places, row=row)


def _quoted(text: str) -> str:
    """A word of a command; what Compose and Kubernetes fill in (``${MODEL:-org/name}``) stays open to reading."""
    filled = "${" in text and not any(sign in text for sign in '"`\\')
    return f'"{text}"' if filled else shlex.quote(text)


# --- places ------------------------------------------------------------------------------------


def _read(reading: Reading, piece: Piece, reader: Reader) -> Iterator[Found]:
    if not piece.places:
        return
    page = reading.page
    inner = Page(piece.text)
    last = len(piece.places) - 1
    for one in reader(piece.text):
        at = piece.places[min(inner.offset(one.line) + one.column - 1, last)]
        stretch = one.lines or (one.line, one.line)
        lines = [page.line(piece.places[min(inner.offset(line), last)]) for line in stretch]
        lines.append(page.line(at))
        slot = _moved(page, reading.form, piece, one.slot) if piece.aligned else None
        reason = one.unpinnable or ("the text around it leaves no place for one" if slot is None else None)
        yield msgspec.structs.replace(
            one,
            line=page.line(at),
            column=page.column(at),
            lines=(min(lines), max(lines)),
            slot=slot,
            unpinnable=reason if one.ref is not None and not one.is_local else None,
        )


def _moved(page: Page, form: Format, piece: Piece, slot: Slot | None) -> Slot | None:
    """The slot in the file; None where its text would need more than an insertion."""
    if slot is None or slot.end > len(piece.places):
        return None
    new = slot.start == slot.end
    end = piece.places[slot.end - 1] + 1 if slot.end else piece.places[0]
    start = end if new else piece.places[slot.start]
    if end - start != slot.end - slot.start:
        return None
    if new and piece.row is not None:
        return _in_row(page, form, piece.row, end, slot)
    before, after = slot.before, slot.after
    if piece.indent is not None:
        before, after = (text.replace("\n", f"\n{piece.indent}") for text in (before, after))
        return msgspec.structs.replace(slot, start=start, end=end, before=before, after=after)
    if any(sign in before + after for sign in "\n\"'\\"):
        return None
    return msgspec.structs.replace(slot, start=start, end=end, comment=None)


def _in_row(page: Page, form: Format, row: Row, end: int, slot: Slot) -> Slot | None:
    """A flag and its value as two more items of a list."""
    flag = slot.before.strip().rstrip("=")
    item = next((item for item in row.items if isinstance(item, Scalar) and item.start <= end <= item.end), None)
    if item is None or _FLAG.fullmatch(flag) is None:
        return None
    if row.flow:
        comment = None if form == "json" else "#"
        return Slot(key=slot.key, start=item.end, end=item.end, before=f', "{flag}", "', after='"', comment=comment)
    at = page.line_end(item.end)
    line = page.text[page.line_start(item.start) : item.start]
    if line.strip() != "-":
        return None
    return Slot(key=slot.key, start=at, end=at, before=f"{page.newline}{line}{flag}{page.newline}{line}")

"""A card as a page, before it is text or HTML: sections, items, facts, tables, passages.

The terminal and the HTML page are two settings of this one value, so they never tell two stories.
Every text is cleaned and cut to a bearable length here, once; what a renderer gets is safe to show.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ftlineage.core import words
from ftlineage.core.sections import FileRecord

Tone = Literal["plain", "strong", "code", "quiet", "alarm"]

MAX_TEXT = 400
MAX_PASSAGE = 200_000
MAX_ROWS = 500
MAX_ITEMS = 200
MAX_PARTS = 60

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A run of text in one tone; ``full`` is the whole of what ``text`` is the beginning of, such as a digest."""

    text: str
    tone: Tone = "plain"
    full: str | None = None


Line = tuple[Mark, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One labelled line."""

    label: str
    line: Line


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows under headings, the first of ``total``; ``brief`` ones are shown on a terminal too."""

    title: str
    head: tuple[str, ...]
    rows: tuple[Line, ...]
    total: int
    brief: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """A text shown as it is: a prompt, a chat template."""

    title: str
    text: str
    left_out: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One thing of a section: a dataset, the adapter, a prompt."""

    name: Line
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    passages: tuple[Passage, ...] = ()
    declared: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A section of the card; without items, ``absent`` says how that is."""

    key: str
    title: str
    items: tuple[Item, ...]
    absent: Line = ()
    left_out: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Something that is not recorded, and why."""

    what: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A whole card."""

    name: str
    id: str
    warnings: tuple[str, ...]
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]
    gaps: tuple[Gap, ...]
    declared: tuple[str, ...]


def plain(text: object, tone: Tone = "plain") -> Mark:
    """Any value as clean text of bearable length."""
    return Mark(text=cut(words.clean(words.value(text))), tone=tone)


def strong(text: object) -> Mark:
    """The name of a thing."""
    return plain(text, "strong")


def code(text: object) -> Mark:
    """Something to copy: a commit, a path."""
    return plain(text, "code")


def quiet(text: object) -> Mark:
    """A remark beside a name."""
    return plain(text, "quiet")


def alarm(text: object) -> Mark:
    """Something that should be noticed."""
    return plain(text, "alarm")


def digest(text: str) -> Mark:
    """A digest by its first 12 digits, all of them in ``full``."""
    return Mark(
        text=cut(words.clean(words.short(text))), tone="code", full=cut(words.clean(text.removeprefix("sha256:")))
    )


def fact(label: str, *parts: Mark | str) -> Fact:
    """A labelled line; bare strings are our own words."""
    return Fact(
        label=cut(words.clean(label)), line=tuple(Mark(text=part) if isinstance(part, str) else part for part in parts)
    )


def joined(parts: Iterable[Mark], separator: str = ", ") -> Line:
    """Marks with a separator between them, at most ``MAX_PARTS``."""
    every = list(parts)
    line: list[Mark] = []
    for part in every[:MAX_PARTS]:
        if line:
            line.append(Mark(text=separator))
        line.append(part)
    if len(every) > MAX_PARTS:
        line.append(quiet(f"{separator}and {len(every) - MAX_PARTS:,} more"))
    return tuple(line)


def table(
    title: str, head: tuple[str, ...], entries: Collection[T], row: Callable[[T], Line], *, brief: bool = False
) -> tuple[Table, ...]:
    """A table with one row for each of the first ``MAX_ROWS`` entries, or nothing when there are none."""
    if not entries:
        return ()
    rows = tuple(row(entry) for entry in itertools.islice(entries, MAX_ROWS))
    return (Table(title=title, head=head, rows=rows, total=len(entries), brief=brief),)


def passage(title: str, text: str) -> Passage:
    """A text of bearable length, lines kept."""
    return Passage(
        title=title, text=words.clean(text[:MAX_PASSAGE], lines=True), left_out=max(0, len(text) - MAX_PASSAGE)
    )


def section(key: str, title: str, items: Iterable[Item], absent: Line) -> Section:
    """A section with at most ``MAX_ITEMS`` items."""
    every = tuple(items)
    return Section(
        key=key,
        title=title,
        items=every[:MAX_ITEMS],
        absent=() if every else absent,
        left_out=max(0, len(every) - MAX_ITEMS),
    )


def files_fact(files: Collection[FileRecord]) -> list[Fact]:
    """How many files and how large, or nothing."""
    if not files:
        return []
    total = words.size(sum(one.size for one in files))
    return [fact("files", f"{words.quantity(len(files), 'file')}, {total}")]


def files_table(files: Collection[FileRecord], *, title: str = "Files", brief: bool = False) -> tuple[Table, ...]:
    """Files with sizes and digests."""
    return table(title, ("path", "size", "SHA-256"), files, _file_row, brief=brief)


def mapping_table(title: str, values: Mapping[str, Any], *, brief: bool = False) -> tuple[Table, ...]:
    """Names and values, such as a trainer's arguments."""
    return table(title, ("name", "value"), values.items(), lambda pair: (code(pair[0]), plain(pair[1])), brief=brief)


def _file_row(file: FileRecord) -> Line:
    return (code(file.path), plain(words.size(file.size)), digest(file.sha256))


def cut(text: str, most: int = MAX_TEXT) -> str:
    """At most ``most`` characters, saying how many are missing."""
    if len(text) <= most:
        return text
    return f"{text[:most]}… ({words.quantity(len(text) - most, 'more character')})"

"""The page of a card on a terminal: three columns (section, label, value), wrapped to the width, no boxes.

rich measures and wraps (wide characters take two columns); nothing here is ever parsed as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, TextIO

from ftlineage.cli import output
from ftlineage.cli.page import Fact, Item, Line, Mark, Page, Passage, Section, Table, Tone

if TYPE_CHECKING:
    from rich.console import Console

_STYLES: dict[Tone, str] = {"plain": "", "strong": "bold", "code": "", "quiet": "dim", "alarm": "bold yellow"}
_SECTION = 15
_LABEL = 15
_NARROW = 60
_MAX_CELL = 40
_PASSAGE_LINES = 6
_FOLDED_LINES = 3
_TABLE_ROWS = 12


def render(page: Page, stream: TextIO | None) -> str:
    """The page as text for ``stream``: its width, and colour only if it shows colour."""
    return _Setter(stream).page(page)


class _Setter:
    """Sets lines at one width; a narrow terminal gets the section titles on lines of their own."""

    def __init__(self, stream: TextIO | None) -> None:
        from rich.console import Console

        self._width = output.width(stream)
        self._gutter = 0 if self._width < _NARROW else _SECTION
        colour = output.has_colour(stream)
        self._console: Console = Console(
            width=self._width,
            color_system="standard" if colour else None,
            force_terminal=colour,
            no_color=not colour,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )

    def page(self, page: Page) -> str:
        lines = [*self._head(page), "", *self._section(page.sections[0])]
        for before, section in pairwise(page.sections):
            # Sections that hold nothing stand together, so that they take little room.
            lines += [""] if before.items or section.items else []
            lines += self._section(section)
        return "\n".join([*lines, *self._foot(page)])

    def _head(self, page: Page) -> Iterator[str]:
        yield from self._set((Mark(text=page.name, tone="strong"),))
        yield from self._set((Mark(text=page.id, tone="quiet"),))
        for warning in page.warnings:
            yield from self._set((Mark(text=warning, tone="alarm"),), prefix="! ")
        yield from self._facts(page.facts)

    def _foot(self, page: Page) -> Iterator[str]:
        if page.gaps:
            yield ""
            yield from self._set((Mark(text="Not recorded", tone="alarm"),))
            for gap in page.gaps:
                yield from self._set((Mark(text=f"{gap.what}: ", tone="strong"), Mark(text=gap.reason)), prefix="  ")
        yield ""
        if page.declared:
            said = f"Declared by whoever recorded it, not seen by ftlineage: {', '.join(page.declared)}."
        else:
            said = "Everything above was observed by ftlineage."
        yield from self._set((Mark(text=said, tone="quiet"),))

    def _section(self, section: Section) -> list[str]:
        lines: list[str] = []
        for item in section.items:
            lines += [""] if lines else []
            lines += self._item(item)
        if section.left_out:
            lines += self._quiet(f"and {section.left_out:,} more")
        lines = lines or self._set(section.absent)
        title = self._set((Mark(text=section.title, tone="strong"),))
        if not self._gutter:
            return [*title, *lines]
        # The title stands in the gutter of the first line.
        first = title[0] + " " * (self._gutter - len(section.title)) + lines[0]
        return [first, *(" " * self._gutter + line if line else "" for line in lines[1:])]

    def _item(self, item: Item) -> Iterator[str]:
        if item.name:
            name = [item.name[0], *(Mark(text=f" ({mark.text})", tone=mark.tone) for mark in item.name[1:])]
            if item.declared:
                name.append(Mark(text=" declared", tone="alarm"))
            yield from self._set(tuple(name), gutter=self._gutter)
        yield from self._facts(item.facts, gutter=self._gutter)
        for passage in item.passages:
            yield from self._passage(passage)
        for table in item.tables:
            if table.brief:
                yield from self._table(table)

    def _facts(self, facts: Iterable[Fact], *, gutter: int = 0) -> Iterator[str]:
        for fact in facts:
            yield from self._set(fact.line, prefix=f"{fact.label:<{_LABEL - 1}} ", gutter=gutter)

    def _passage(self, passage: Passage) -> Iterator[str]:
        every = passage.text.splitlines()
        for line in every[:_PASSAGE_LINES]:
            yield from self._set((Mark(text=line),), prefix="│ ", repeat=True, gutter=self._gutter)[:_FOLDED_LINES]
        if len(every) > _PASSAGE_LINES:
            yield from self._quiet(f"│ and {len(every) - _PASSAGE_LINES:,} more lines")

    def _table(self, table: Table) -> Iterator[str]:
        from rich.cells import cell_len

        rows = table.rows[:_TABLE_ROWS]
        widths = [
            min(_MAX_CELL, max(cell_len(row[column].text) for row in rows)) for column in range(len(table.head) - 1)
        ]
        for row in rows:
            line = [
                Mark(text=mark.text + " " * (room - cell_len(mark.text) + 2), tone=mark.tone)
                for mark, room in zip(row[:-1], widths, strict=True)
            ]
            yield from self._set((*line, row[-1]), gutter=self._gutter)
        if table.total > len(rows):
            yield from self._quiet(f"and {table.total - len(rows):,} more")

    def _quiet(self, text: str) -> list[str]:
        return self._set((Mark(text=text, tone="quiet"),), gutter=self._gutter)

    def _set(self, line: Line, *, prefix: str = "", repeat: bool = False, gutter: int = 0) -> list[str]:
        """A line behind a quiet prefix, wrapped beside it; words longer than the room are folded.

        Args:
            line: What is said.
            prefix: A label or a bar before the first line, and before all of them if ``repeat``.
            repeat: See ``prefix``; otherwise continuations are indented as far.
            gutter: Columns that the caller puts to the left of every line.
        """
        from rich.text import Text

        text = Text()
        for mark in line:
            text.append(mark.text, _STYLES[mark.tone])
        room = max(8, self._width - gutter - len(prefix))
        result = []
        for index, part in enumerate(text.wrap(self._console, room, overflow="fold") or [Text()]):
            part.rstrip()
            start = prefix if repeat or not index else " " * len(prefix)
            result.append(
                self._ansi(Text.assemble((start, "dim"), part) if part.plain else Text(start.rstrip(), "dim"))
            )
        return result

    def _ansi(self, text: object) -> str:
        with self._console.capture() as captured:
            self._console.print(text, end="", soft_wrap=True)
        return captured.get()

"""What is seen in a command, by offset, and its way to :class:`~ftlineage.drift.reference.Found`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from ftlineage.drift.reference import Found, Kind, Slot


class Sight(NamedTuple):
    """A reference whose id begins at the offset ``at``; the rest as in ``Found``."""

    ref: str | None
    kind: Kind
    at: int
    via: str
    revision: str | None = None
    revision_known: bool = True
    is_local: bool = False
    remote_code: bool = False
    slot: Slot | None = None
    unpinnable: str | None = None


class Lines:
    """Lines and columns of offsets in one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def continues(self, line: int) -> bool:
        """Whether a backslash at its end joins a line to the next."""
        end = self._starts[line] if line < len(self._starts) else len(self._text)
        return self._text[max(end - 3, 0) : end].rstrip("\r\n").endswith("\\")

    def letter(self, offset: int) -> str:
        """The character at an offset, empty outside the text."""
        return self._text[offset : offset + 1] if offset >= 0 else ""

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column; of the last line where there are fewer."""
        return self._starts[min(max(line, 1), len(self._starts)) - 1] + column - 1


def to_found(sights: Iterable[Sight], lines: Lines, start: int, end: int, *, comment: str | None) -> list[Found]:
    """The sights of one statement that stands from ``start`` to ``end``.

    ``comment`` begins a remark at the end of a line; a statement of several lines has no place for one.
    """
    first, last = lines.place(start)[0], lines.place(max(end - 1, start))[0]
    found = []
    for sight in sights:
        line, column = lines.place(sight.at)
        outer = (min(first, line), max(last, line))
        slot = sight.slot
        if slot is not None:
            whole = first == last == line and comment is not None and not lines.continues(line)
            slot = Slot(
                key=slot.key,
                start=slot.start,
                end=slot.end,
                before=slot.before,
                after=slot.after,
                comment=comment if whole and slot.comment is not None else None,
            )
        found.append(
            Found(
                ref=sight.ref,
                kind=sight.kind,
                line=line,
                column=column,
                lines=(first, last) if first <= line <= last else (line, line) if first == last else outer,
                revision=sight.revision,
                revision_known=sight.revision_known,
                is_local=sight.is_local,
                remote_code=sight.remote_code,
                via=sight.via,
                slot=slot,
                unpinnable=None if slot is not None else sight.unpinnable,
            )
        )
    return found

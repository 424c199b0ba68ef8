"""Taking pins out of a text: what each remark answers, and what the lock file kept where no remark could say it.

Decides from the text alone how much was written around a commit id: the whole argument, key or flag
where nothing was named before, the id (and its quotes, where no text stood in them) elsewhere.
Nobody relies on that guess: whoever pins runs it at once, and keeps what it gets wrong in
:class:`Kept`. Refuses what no longer stands as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, NamedTuple

import msgspec

from ftlineage.drift.rewrite.edits import Edit
from ftlineage.drift.rewrite.lines import is_notebook, line_number
from ftlineage.drift.rewrite.remark import DEFAULT, NOTHING, SHA, Beside, read_remarks, wished

_KEY = r"[A-Za-z_$][\w.\-]*"
_QUOTE = r"""(?:\\?["'])?"""
_NAMED = rf"{_QUOTE}{_KEY}{_QUOTE}[ \t]*[=:][ \t]*{_QUOTE}"
# What may stand before a commit id that was inserted with its name, tried in this order.
_LINE_BEFORE = re.compile(rf"(?:\r\n|\n|\r)[ \t]*{_NAMED}\Z")
# A key that was written for the new one alone: nothing else is below it.
_PARENT_BEFORE = re.compile(rf"(?:\r\n|\n|\r)([ \t]*)(?:- )?{_QUOTE}{_KEY}{_QUOTE}:[ \t]*\Z")
_NEXT_INDENT = re.compile(r"[^\r\n]*(?:[ \t]*(?:\r\n|\n|\r|\Z))+([ \t]*)")
_COMMA_BEFORE = re.compile(rf",\s*{_NAMED}\Z")
_NAME_BEFORE = re.compile(rf"{_NAMED}\Z")
_FLAG_BEFORE = re.compile(rf"[ \t]+--?{_KEY}(?:=|[ \t]+){_QUOTE}\Z")
_SIGN_BEFORE = re.compile(r"[@?&](?:revision=)?\Z")
_QUOTE_AFTER = re.compile(_QUOTE)
_COMMA_AFTER = re.compile(rf"{_QUOTE}[ \t]*,[ \t]*")
_LINE_AFTER = re.compile(rf"{_QUOTE},?[ \t]*")
_BACK = 200


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One pin as it was written, for files without comments: the lock file keeps it.

    ``now`` is what was written with the commit id in it, ``was`` what stood there before. ``nth`` of ``of``
    tells which, from 0, where the same text stands in the file more than once.
    """

    path: Annotated[str, msgspec.Meta(min_length=1)]
    now: Annotated[str, msgspec.Meta(min_length=40)]
    was: str
    nth: Annotated[int, msgspec.Meta(ge=0)] = 0
    of: Annotated[int, msgspec.Meta(ge=1)] = 1


class Undo(NamedTuple):
    """One pin to take out: its commit id, the line it stands on, what to replace, and the remark beside it.

    ``wished`` is the ref that it answers, ``kept`` what the lock file holds of it, None where the remark
    alone says what to do.
    """

    sha: str
    line: int
    wished: str | None
    edit: Edit
    remark: Edit | None
    kept: Kept | None = None


def plan_undo(text: str, path: str, kept: Sequence[Kept] = ()) -> list[Undo]:
    """Every pin of ours in a text, in its order; what was kept of pins that no longer stand there is left out."""
    besides = list(read_remarks(text, notebook=is_notebook(path)))
    undone = _from_kept(text, kept, besides)
    covered = [undo.edit for undo in undone]
    for beside in besides:
        if not any(edit.start <= beside.start < edit.end for edit in covered):
            undone.append(_undo(text, beside))
    return sorted(undone, key=lambda undo: undo.edit.start)


def units_of(undone: Sequence[Undo]) -> list[list[Undo]]:
    """Pins in groups that are taken out together: those that share a remark."""
    units: dict[object, list[Undo]] = {}
    for number, undo in enumerate(undone):
        units.setdefault(undo.remark or number, []).append(undo)
    return list(units.values())


def edits_of(undone: Sequence[Undo]) -> list[Edit]:
    """All edits, those of a shared remark once."""
    remarks = {undo.remark for undo in undone if undo.remark is not None}
    return [*(undo.edit for undo in undone), *remarks]


def keep(path: str, text: str, begin: int, now: str, was: str) -> Kept:
    """What to keep of a pin that was written at an offset of a text in place of ``was``."""
    places = _places(text, now)
    return Kept(path=path, now=now, was=was, nth=sum(at < begin for at in places), of=len(places))


def _places(text: str, written: str) -> list[int]:
    found, at = [], text.find(written)
    while at >= 0:
        found.append(at)
        at = text.find(written, at + len(written))
    return found


def _from_kept(text: str, kept: Sequence[Kept], besides: Sequence[Beside]) -> list[Undo]:
    groups: dict[str, list[Kept]] = {}
    for one in kept:
        groups.setdefault(one.now, []).append(one)
    return [
        _restored(text, place, one, besides)
        for now, group in groups.items()
        for place, one in _matched(_places(text, now), group)
    ]


def _matched(places: Sequence[int], group: Sequence[Kept]) -> Iterator[tuple[int, Kept]]:
    """Which of the places are ours: by number while the file holds as many as it did, all where all were."""
    if len(places) == group[0].of:
        yield from ((places[one.nth], one) for one in group if one.nth < len(places))
    elif len(group) == group[0].of and len({one.was for one in group}) == 1:
        yield from ((place, group[0]) for place in places)


def _restored(text: str, place: int, one: Kept, besides: Sequence[Beside]) -> Undo:
    end = place + len(one.now)
    beside = next((beside for beside in besides if place <= beside.start < end), None)
    found = SHA.search(one.now)
    return Undo(
        sha=found[0] if found else "",
        line=line_number(text, place),
        wished=wished(one.was),
        edit=Edit(start=place, end=end, new=one.was),
        remark=_without(beside),
        kept=one,
    )


def _without(beside: Beside | None) -> Edit | None:
    return Edit(start=beside.remark[0], end=beside.remark[1], new="") if beside is not None else None


def _undo(text: str, beside: Beside) -> Undo:
    start, end = beside.start, beside.start + len(beside.sha)
    if beside.wish.text == DEFAULT:
        start, end = _inserted(text, start, end, beside.remark[0])
        new = ""
    else:
        new = beside.wish.text
        if new in NOTHING:
            start, end = _quoted(text, start, end)
    return Undo(
        sha=beside.sha,
        line=line_number(text, start),
        wished=wished(beside.wish.text),
        edit=Edit(start=start, end=end, new=new),
        remark=_without(beside),
    )


def _quoted(text: str, start: int, end: int) -> tuple[int, int]:
    """A commit id with the quotes around it."""
    for quote in ('\\"', "\\'", '"', "'"):
        if text.endswith(quote, 0, start) and text.startswith(quote, end):
            return start - len(quote), end + len(quote)
    return start, end


def _inserted(text: str, start: int, end: int, remark: int) -> tuple[int, int]:
    """Everything that was written with a commit id: its key or flag, and the comma or the line it took."""
    before = text[max(0, start - _BACK) : start]
    back = start - len(before)
    whole = _LINE_AFTER.match(text, end, remark)
    if whole is not None and whole.end() == remark and (found := _LINE_BEFORE.search(before)):
        return _with_parent(text, back + found.start(), remark), whole.end()
    quote = _QUOTE_AFTER.match(text, end)
    close = quote.end() if quote else end
    for pattern in (_COMMA_BEFORE, _FLAG_BEFORE, _SIGN_BEFORE):
        if found := pattern.search(before):
            return back + found.start(), close
    comma = _COMMA_AFTER.match(text, end, remark)
    if comma and (found := _NAME_BEFORE.search(before)):
        return back + found.start(), comma.end()
    return start, end


def _with_parent(text: str, start: int, remark: int) -> int:
    """Where a line begins that was written whole, or the key above it if that one holds nothing else."""
    indent = len(text[start:remark].lstrip("\r\n")) - len(text[start:remark].lstrip())
    before = text[max(0, start - _BACK) : start]
    parent = _PARENT_BEFORE.search(before)
    following = _NEXT_INDENT.match(text, remark)
    if parent is None or len(parent[1]) >= indent:
        return start
    if following is not None and len(following[1]) >= indent:
        return start
    return start - len(before) + parent.start()

"""One file's pins from what the scan saw, the commits and the lock file: its new text, not yet written.

Decides by number which references of the text are meant, so that a reference the scan left alone
(silenced by a comment or by the settings) stays as it is. Refuses a file that is no longer what was
scanned, and to loosen a pin that cannot be written anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ftlineage.drift.reading import Seen
from ftlineage.drift.reference import Reference
from ftlineage.drift.rewrite.files import CHANGED, Source
from ftlineage.drift.rewrite.move import loosen
from ftlineage.drift.rewrite.pin import Pinned, Read, pin_text
from ftlineage.drift.rewrite.places import Commit, Key, Refusal, refusal, without_seconds
from ftlineage.drift.rewrite.undo import Kept


class Change(NamedTuple):
    """A file and what becomes of it; ``kept`` is all that the lock file has to hold of its pins."""

    source: Source
    done: Pinned


def pin_source(
    source: Source,
    wanted: Sequence[Seen],
    read: Read,
    commits: Mapping[Key, Commit | str],
    kept: Sequence[Kept],
) -> Change:
    """Pin what a scan found floating in a file, and write overtaken pins anew.

    Args:
        source: The file as it is now.
        wanted: Floating references that the scan saw in it.
        read: The readers.
        commits: The commit of each repository and ref, or why there is none.
        kept: What the lock file holds of the file's pins.
    """
    firsts = without_seconds(read(source.text, source.shown))
    numbers = {number for one in wanted if (number := _number(one.reference, firsts)) is not None}
    changed = [refusal(one.reference, CHANGED) for one in wanted if _number(one.reference, firsts) is None]
    loose = loosen(source.text, source.shown, firsts, kept, commits)
    if loose.numbers:
        both = numbers | loose.numbers
        done = _pinned(source.shown, loose.text, both, read=read, commits=commits, kept=loose.kept)
        if _are_pinned(read(done.text, source.shown), loose.numbers):
            return _with_refusals(source, done, changed)
    done = _pinned(source.shown, source.text, numbers, read=read, commits=commits, kept=kept)
    stuck = [_stuck(firsts[number]) for number in sorted(loose.numbers)]
    return _with_refusals(source, done, [*changed, *stuck])


def _pinned(
    path: str,
    text: str,
    numbers: Collection[int],
    *,
    read: Read,
    commits: Mapping[Key, Commit | str],
    kept: Sequence[Kept],
) -> Pinned:
    references = [one for number, one in enumerate(without_seconds(read(text, path))) if number in numbers]
    return pin_text(text, path, references, commits, read=read, kept=kept)


def _number(wanted: Reference, firsts: Sequence[Reference]) -> int | None:
    """Which reference of the text the scan saw."""
    mark = (wanted.line, wanted.column, wanted.cell, wanted.ref, wanted.kind, wanted.revision, wanted.slot)
    return next(
        (
            number
            for number, one in enumerate(firsts)
            if (one.line, one.column, one.cell, one.ref, one.kind, one.revision, one.slot) == mark
        ),
        None,
    )


def _are_pinned(references: Sequence[Reference], numbers: Collection[int]) -> bool:
    firsts = without_seconds(references)
    return all(number < len(firsts) and firsts[number].status == "pinned" for number in numbers)


def _stuck(one: Reference) -> Refusal:
    return refusal(one, "the lock file has another commit by now, and it could not be written in place of this one")


def _with_refusals(source: Source, done: Pinned, more: Sequence[Refusal]) -> Change:
    refused = sorted([*done.refused, *more], key=lambda one: (one.line, one.ref, one.kind))
    return Change(source, done._replace(refused=refused))

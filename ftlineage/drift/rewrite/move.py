"""Pins that answer an older commit than the lock file, taken out so that they can be written anew.

Decides which of a file's pins have been overtaken by ``update``: those whose wish the lock file answers
with another commit. Refuses those that share a remark with one it does not answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ftlineage.drift.reference import Reference
from ftlineage.drift.rewrite.edits import apply
from ftlineage.drift.rewrite.places import Commit, Key, key_of
from ftlineage.drift.rewrite.undo import Kept, Undo, edits_of, plan_undo, units_of


class Loosened(NamedTuple):
    """A text without its overtaken pins, what is kept of the others, and the numbers of the references that float."""

    text: str
    kept: list[Kept]
    numbers: frozenset[int]


def loosen(
    text: str, path: str, firsts: Sequence[Reference], kept: Sequence[Kept], locked: Mapping[Key, Commit | str]
) -> Loosened:
    """Take out every pin of ours that the lock file answers with another commit.

    Args:
        text: The file's text.
        path: The file's name.
        firsts: Its references in order, without second findings about one.
        kept: What the lock file holds of its pins.
        locked: The commits that the lock file holds.
    """
    taken: list[Undo] = []
    numbers: set[int] = set()
    for unit in units_of(plan_undo(text, path, kept)):
        answers = [_answer(undo, firsts, locked) for undo in unit]
        if all(commit is not None for _, commit in answers) and any(
            commit is not None and commit.sha != undo.sha for undo, (_, commit) in zip(unit, answers, strict=True)
        ):
            taken += unit
            numbers.update(number for found, _ in answers for number in found)
    gone = {undo.kept for undo in taken if undo.kept is not None}
    left = [one for one in kept if one not in gone]
    return Loosened(apply(text, edits_of(taken)), left, frozenset(numbers))


def _answer(
    undo: Undo, firsts: Sequence[Reference], locked: Mapping[Key, Commit | str]
) -> tuple[list[int], Commit | None]:
    """The references a pin stands for, and the commit that the lock file holds for all of them."""
    numbers = [number for number, one in enumerate(firsts) if _is_at(one, undo)]
    commits = {locked.get(key_of(firsts[number])._replace(wished=undo.wished)) for number in numbers}
    commit = commits.pop() if len(commits) == 1 else None
    return numbers, commit if isinstance(commit, Commit) else None


def _is_at(one: Reference, undo: Undo) -> bool:
    slot = one.slot
    return (
        one.status == "pinned"
        and one.revision == undo.sha
        and slot is not None
        and undo.edit.start <= slot.start <= undo.edit.end
    )

"""What has moved, in words: one finding for each repository and revision that is not what it was.

Decides severities: a move that only touches the documentation is a note, every other class an error.
A model and its tokenizer in one repository move together and give one finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ftlineage.core import words
from ftlineage.core.card import CARD_NAME
from ftlineage.core.finding import Finding
from ftlineage.drift.classify import Drift, DriftClass
from ftlineage.drift.locking import DEFAULT_BRANCH
from ftlineage.drift.moved import Look, Move
from ftlineage.drift.reference import Kind
from ftlineage.errors import RepositoryNotFoundError

CODES = {
    DriftClass.DOCS: "drift.docs",
    DriftClass.TOKENIZER: "drift.tokenizer",
    DriftClass.CHAT_TEMPLATE: "drift.chat-template",
    DriftClass.GENERATION_CONFIG: "drift.generation-config",
    DriftClass.CONFIG: "drift.config",
    DriftClass.CODE: "drift.code",
    DriftClass.WEIGHTS: "drift.weights",
    DriftClass.DATA: "drift.data",
    DriftClass.GONE: "drift.gone",
}
_MOST_NAMES = 3


class DriftEntry(msgspec.Struct, frozen=True, kw_only=True, rename={"class_": "class"}):
    """One held reference in ``drift --json``."""

    ref: str
    kind: Kind
    wished: str | None
    locked: str
    now: str | None
    class_: DriftClass
    files: list[dict[str, Any]]


def entries(look: Look) -> list[DriftEntry]:
    """Every reference that could be decided, the moved ones with the files that differ."""
    return [
        DriftEntry(
            ref=move.held.id,
            kind=move.held.kind,
            wished=move.held.wished,
            locked=move.held.sha,
            now=move.now,
            class_=move.drift.class_,
            files=msgspec.to_builtins(move.drift.files),
        )
        for move in look.moves
    ]


def findings(look: Look, *, hint: str) -> list[Finding]:
    """One finding for each move, the worst first, then what could not be decided.

    Args:
        look: What the Hub said.
        hint: What to do about a move; ``{id}`` stands for the repository.
    """
    worst: dict[tuple[object, ...], Move] = {}
    for move in look.moves:
        key = (move.held.ref, move.held.sha)
        if move.drift.class_ is not DriftClass.NONE and (
            key not in worst or worst[key].drift.class_.rank < move.drift.class_.rank
        ):
            worst[key] = move
    moved = sorted(worst.values(), key=lambda move: (-move.drift.class_.rank, move.held.id))
    return [*(_finding(move, hint) for move in moved), *_undecided(look)]


def _finding(move: Move, hint: str) -> Finding:
    class_, held = move.drift.class_, move.held
    shown = hint.format(id=words.clean(held.id))
    if move.passage.kept is False:
        shown = "Keep what you have downloaded of the old commit: the Hub cannot give it again"
    if class_ is DriftClass.GONE:
        shown = "If you have it in a cache, keep it; then choose what to use instead"
    return Finding(
        code=CODES[class_],
        severity="note" if class_ is DriftClass.DOCS else "error",
        section=held.section,
        path=held.place,
        expected=held.sha,
        actual=move.now,
        message=(_gone(move) if move.now is None else f"{came(move)}: {changed(move.drift)}{_partly(move)}")
        + _used(move),
        hint=None if class_ is DriftClass.DOCS else shown,
    )


def came(move: Move) -> str:
    """How a reference came where it stands now, without what that changes."""
    held, passage = move.held, move.passage
    name, branch = words.clean(held.id), words.clean(held.ref.revision)
    old, new = words.short(held.sha), words.short(str(move.now))
    if not move.has_moved:
        return f"the lock file does not hold what commit {old} of {name} holds"
    if passage.is_tag:
        how = f"the tag {branch} of {name} was moved from {old} to {new}"
        return f"{how}, which does not come after it" if passage.rewritten else how + _count(passage.commits)
    if passage.rewritten:
        left = {
            True: f"{old} can still be loaded by its full id",
            False: f"{old} is no longer on the Hub",
            None: f"nobody knows whether {old} is still on the Hub",
        }[passage.kept]
        return f"the history of {branch} in {name} was rewritten (a force-push): it stands at {new} now, and {left}"
    return f"{name} moved on {branch} from {old} to {new}{_count(passage.commits)}"


def _count(commits: int | None) -> str:
    return "" if commits is None else f" ({words.quantity(commits, 'commit')})"


def changed(drift: Drift) -> str:
    """The classes that changed with their files, worst first."""
    parts = []
    for class_, paths in drift.paths().items():
        names = ", ".join(words.clean(words.cut(path, 80)) for path in paths[:_MOST_NAMES])
        more = f" and {words.quantity(len(paths) - _MOST_NAMES, 'more file')}" if len(paths) > _MOST_NAMES else ""
        parts.append(f"{class_} ({names}{more})" if paths != ["*"] else f"{class_} (some of many files)")
    return f"it changes {', '.join(parts)}" if parts else "no file differs"


def _partly(move: Move) -> str:
    return "; only files that the card names could be compared" if move.partly else ""


def _used(move: Move) -> str:
    place = move.held.place
    return f"; used in {words.clean(place)}" if place is not None and place != CARD_NAME else ""


def _gone(move: Move) -> str:
    held, name, old = move.held, words.clean(move.held.id), words.short(move.held.sha)
    if isinstance(move.gone, RepositoryNotFoundError):
        return (
            f"{name} is gone: the Hub has no such {held.ref.repo_type} repository any more, "
            f"or it was made private (it says the same of both); {old} was held"
        )
    if held.ref.revision == held.sha:
        return f"commit {old} of {name} is gone from the Hub"
    what = "default branch" if held.ref.revision == DEFAULT_BRANCH else f"revision {words.clean(held.ref.revision)}"
    return f"{name} has no {what} any more; {old} was held"


def _undecided(look: Look) -> Iterable[Finding]:
    """What nobody could say, each reason once: a Hub that is down says the same of everything."""
    told: dict[str, Sequence[str]] = {}
    for held, error in look.undecided:
        told.setdefault(held.id, (held.section, words.clean(error.sentence), error.hint))
    for name, (section, sentence, hint) in sorted(told.items()):
        message = f"nobody could say whether {words.clean(name)} has moved: {sentence}"
        yield Finding(
            code="drift.undecided", severity="warning", section=section, path=None, message=message, hint=hint or None
        )

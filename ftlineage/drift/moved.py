"""Has a reference moved since its commit was locked or recorded, how, and does it matter.

Decides the class of a move from digests alone, and how it came: new commits on a branch, a tag that
somebody moved, or history rewritten by a force-push, which only the Hub's list of commits tells.
That list is asked for moved references alone. Refused: "gone" without the Hub's own word, and for a
repository that was private when it was locked, because a lost token looks the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from ftlineage.drift.classify import Drift, DriftClass, FileDrift, FileFact, classify, file_class
from ftlineage.drift.lockfile import Entry, fold
from ftlineage.drift.locking import DEFAULT_BRANCH, Answer, Ref, repo_type_of
from ftlineage.drift.passage import Passage, Way, passages
from ftlineage.drift.reference import Kind
from ftlineage.drift.resolve import Asked, resolve_all
from ftlineage.drift.textdiff import TextDrift, is_worth_showing
from ftlineage.drift.texts import MOST_TEXTS, Changed, as_recorded, fetch_texts
from ftlineage.errors import FtlineageError, RepositoryNotFoundError, UndecidedError
from ftlineage.sources.hub import TIMEOUT


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A reference with the commit that is held for it, from a lock or a card.

    ``files`` is None where only ``recorded`` ones are known (a card: those that were loaded, by
    SHA-256). ``follows`` is the revision to look at, where it is not the wish itself.
    """

    kind: Kind
    id: str
    wished: str | None
    sha: str
    files: tuple[FileFact, ...] | None = None
    folded: dict[DriftClass, str] = {}
    recorded: tuple[FileFact, ...] = ()
    place: str | None = None
    section: str = ""
    private: bool = False
    follows: str | None = None

    @property
    def ref(self) -> Ref:
        """What to ask the Hub about its present."""
        return Ref(repo_type_of(self.kind), self.id, self.follows or self.wished or DEFAULT_BRANCH)

    @property
    def origin(self) -> Ref:
        """The held commit itself."""
        return Ref(repo_type_of(self.kind), self.id, self.sha)


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a held reference: ``now`` is None if it is gone, ``drift`` says whether it matters.

    ``partly`` says that the held commit is gone, so that only the files a card names were compared.
    """

    held: Held
    now: str | None
    drift: Drift
    passage: Passage = Passage()
    gone: FtlineageError | None = None
    texts: tuple[TextDrift, ...] = ()
    partly: bool = False
    present: tuple[FileFact, ...] = ()

    @property
    def way(self) -> Way:
        """From where to where."""
        return Way(self.held.ref, self.held.sha, str(self.now))

    @property
    def has_moved(self) -> bool:
        """Whether it stands at another commit."""
        return self.now not in {None, self.held.sha}


class Look(NamedTuple):
    """All that could be decided, and what could not with the reason."""

    moves: list[Move]
    undecided: list[tuple[Held, FtlineageError]]


def held_entry(entry: Entry, *, head: bool = False) -> Held:
    """An entry of a lock as a held reference; with ``head``, one locked by its commit alone follows ``main``."""
    return Held(
        kind=entry.kind,
        id=entry.id,
        wished=entry.wished,
        sha=entry.sha,
        files=tuple(entry.facts()),
        folded=entry.folded,
        place=entry.used[0] if entry.used else None,
        section=entry.kind,
        private=entry.private,
        follows=DEFAULT_BRANCH if head and entry.wished == entry.sha else None,
    )


def look(held: Sequence[Held], *, timeout: float = TIMEOUT, texts: bool = True) -> Look:
    """Ask the Hub where references stand now, and compare.

    Args:
        held: What to look at; each repository and revision is asked for once.
        timeout: Seconds to wait at each step of a request.
        texts: Fetch small text files that changed, to show what changed in them.
    """
    heads = resolve_all({one.ref for one in held}, timeout=timeout)
    found = Look([], [])
    standing: list[tuple[Held, Answer]] = []
    for one in held:
        if one.ref in heads.answers:
            standing.append((one, heads.answers[one.ref]))
        else:
            _absent(one, heads, found)
    for one, before in _with_files(standing, timeout, found):
        _compared(one, heads.answers[one.ref], found, known=before, timeout=timeout)
    order = {(one.kind, one.ref, one.sha): number for number, one in enumerate(held)}
    found.moves.sort(key=lambda move: order[move.held.kind, move.held.ref, move.held.sha])
    ways = passages({move.way for move in found.moves if move.has_moved}, timeout=timeout)
    told = [
        msgspec.structs.replace(move, passage=ways.get(move.way, Passage())) if move.has_moved else move
        for move in found.moves
    ]
    return Look(_with_texts(told, timeout) if texts else told, found.undecided)


def _absent(one: Held, heads: Asked[Ref, Answer], found: Look) -> None:
    error = heads.missing.get(one.ref)
    if error is None:
        found.undecided.append((one, heads.failed[one.ref]))
    elif one.private and isinstance(error, RepositoryNotFoundError):
        error.hint = (
            "It was private when it was locked: log in with a token that opens it (`hf auth login`), and look again"
        )
        found.undecided.append((one, error))
    else:
        found.moves.append(Move(held=one, now=None, drift=classify((), None, kind=one.kind), gone=error))


# --- comparing ----------------------------------------------------------------------------------


def _with_files(
    standing: Iterable[tuple[Held, Answer]], timeout: float, found: Look
) -> list[tuple[Held, tuple[FileFact, ...] | None]]:
    """The files each held commit has; None where the Hub dropped that commit and only recorded ones are known."""
    ready: list[tuple[Held, tuple[FileFact, ...] | None]] = []
    unknown: list[Held] = []
    for one, head in standing:
        if one.files is not None:
            ready.append((one, one.files))
        elif head.sha == one.sha:
            ready.append((one, head.files))
        else:
            unknown.append(one)
    asked = resolve_all({one.origin for one in unknown}, timeout=timeout)
    for one in unknown:
        if one.origin in asked.failed:
            found.undecided.append((one, asked.failed[one.origin]))
        else:
            ready.append((one, asked.answers[one.origin].files if one.origin in asked.answers else None))
    return ready


def _compared(one: Held, head: Answer, found: Look, *, known: tuple[FileFact, ...] | None, timeout: float) -> None:
    if known is not None:
        drift = compare_files(known, one.folded, head.files, kind=one.kind)
        held = msgspec.structs.replace(one, files=known)
        found.moves.append(Move(held=held, now=head.sha, drift=drift, present=head.files))
        return
    try:
        now = as_recorded(one.recorded, one.origin._replace(revision=head.sha), head.files, timeout=timeout)
    except UndecidedError as error:
        found.undecided.append((one, error))
        return
    drift = classify(one.recorded, now, kind=one.kind)
    found.moves.append(Move(held=one, now=head.sha, drift=drift, partly=True))


def compare_files(
    known: Iterable[FileFact], folded: Mapping[DriftClass, str], now: Iterable[FileFact], *, kind: Kind
) -> Drift:
    """The drift between two lists of files, of which classes of the first may be folded into one digest."""
    listed = list(now)
    changed: list[FileDrift] = []
    for class_, mark in folded.items():
        mine = [fact for fact in listed if file_class(fact.path, kind=kind) is class_]
        listed = [fact for fact in listed if file_class(fact.path, kind=kind) is not class_]
        if fold(mine) != mark:
            changed.append(FileDrift(path="*", change="changed", class_=class_))
    single = classify(known, listed, kind=kind)
    files = sorted([*changed, *single.files], key=lambda file: (-file.class_.rank, file.path))
    return Drift(class_=files[0].class_ if files else DriftClass.NONE, files=files)


# --- texts ---------------------------------------------------------------------------------------


def _with_texts(moves: Sequence[Move], timeout: float) -> list[Move]:
    """The moves with what changed in their small text files, as far as these can be had."""
    wanted = {change for move in moves for change in _changes(move)}
    texts = fetch_texts(wanted, timeout=timeout)
    return [
        msgspec.structs.replace(move, texts=tuple(texts[one] for one in _changes(move) if one in texts))
        for move in moves
    ]


def _changes(move: Move) -> list[Changed]:
    if not move.has_moved or move.partly:
        return []
    before = {fact.path: fact for fact in move.held.files or ()}
    after = {fact.path: fact for fact in move.present}
    worth = [file.path for file in move.drift.files if file.change == "changed" and is_worth_showing(file)]
    # By commits alone, so that two wishes that moved together are read once.
    way = move.way._replace(ref=move.held.origin)
    return [Changed(way, before[path], after[path]) for path in worth if path in before and path in after][:MOST_TEXTS]

"""How a reference came from one commit to another: new commits, a moved tag, or rewritten history.

Decided from the Hub's own list of commits, read from the new one back until the old one is met. Not
met in a complete list means that history was rewritten (a force-push, or commits squashed); not met
in an incomplete one means nothing. What cannot be had leaves the passage unknown, never the drift.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ftlineage.drift.locking import DEFAULT_BRANCH, Ref
from ftlineage.drift.resolve import ask_all, is_missing, resolve
from ftlineage.errors import FtlineageError
from ftlineage.sources.hub import TIMEOUT
from ftlineage.sources.hub_history import list_commits, list_refs


class Way(NamedTuple):
    """From which commit to which a reference has moved."""

    ref: Ref
    before: str
    now: str


class Passage(NamedTuple):
    """How it came there.

    ``commits`` counts those since the old one, None if it was not met; ``rewritten`` says that it is
    not in the history at all, and ``kept`` whether the Hub still has it; None where nobody knows.
    """

    is_tag: bool = False
    commits: int | None = None
    rewritten: bool | None = None
    kept: bool | None = None


def passages(ways: Collection[Way], *, timeout: float = TIMEOUT) -> dict[Way, Passage]:
    """The passages of references that have moved; those nobody can tell are left out."""
    return ask_all(sorted(ways), lambda way: _passage(way, timeout), label="Asking for histories").answers


def _passage(way: Way, timeout: float) -> Passage:
    """How one came there.

    Raises:
        UndecidedError: The Hub did not say.
    """
    ref = way.ref
    is_tag = ref.revision != DEFAULT_BRANCH and _is_tag(ref, timeout)
    history = list_commits(
        ref.repo, way.now, repo_type=ref.repo_type, until=lambda mark: mark.sha == way.before, timeout=timeout
    )
    between = next((number for number, mark in enumerate(history.commits) if mark.sha == way.before), None)
    if between is not None or not history.complete:
        return Passage(is_tag=is_tag, commits=between, rewritten=None if between is None else False)
    return Passage(is_tag=is_tag, rewritten=True, kept=_is_kept(ref._replace(revision=way.before), timeout))


def _is_tag(ref: Ref, timeout: float) -> bool:
    if ref.revision.startswith("refs/"):
        return ref.revision.startswith("refs/tags/")
    refs = list_refs(ref.repo, repo_type=ref.repo_type, timeout=timeout)
    return ref.revision in refs.tags and ref.revision not in refs.branches


def _is_kept(commit: Ref, timeout: float) -> bool | None:
    try:
        resolve(commit, timeout)
    except FtlineageError as error:
        return False if is_missing(error) else None
    return True

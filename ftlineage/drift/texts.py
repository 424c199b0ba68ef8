"""Contents of small files at a commit: for showing what changed, and for comparing with a card.

Decides that a text which cannot be had is not shown and changes no verdict, while a comparison
that needs a file it cannot have is undecided. Every byte is checked against the commit's digest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from ftlineage.core.digest import sha256_hex
from ftlineage.drift.classify import FileFact
from ftlineage.drift.locking import Ref
from ftlineage.drift.passage import Way
from ftlineage.drift.resolve import ask_all, hub_file
from ftlineage.drift.textdiff import MOST_BYTES, TextDrift, diff_texts
from ftlineage.sources.hub import TIMEOUT, HubCommit
from ftlineage.sources.hub_read import read_hub_file

#: Files of one move whose text is compared.
MOST_TEXTS = 4
#: What is read of a file that the Hub names by its Git id; LFS takes over at 10 MB.
MOST_READ = 16 * 1024 * 1024


class Changed(NamedTuple):
    """One file on both sides of a move."""

    way: Way
    before: FileFact
    after: FileFact


def fetch_texts(changes: Collection[Changed], *, timeout: float = TIMEOUT) -> dict[Changed, TextDrift]:
    """What changed in small text files; those that are too large, no text, or cannot be had are left out."""
    small = [one for one in changes if max(_size(one.before), _size(one.after)) <= MOST_BYTES]
    found = ask_all(sorted(small, key=str), lambda one: _text(one, timeout), label="Reading what changed").answers
    return {one: text for one, text in found.items() if text is not None}


def as_recorded(
    recorded: Iterable[FileFact], commit: Ref, present: Iterable[FileFact], *, timeout: float = TIMEOUT
) -> list[FileFact]:
    """Of a commit's files those a card names, each with the SHA-256 of its bytes, as a card has them.

    Raises:
        UndecidedError: A file that must be read for that cannot be had.
    """
    names = {fact.path for fact in recorded}
    return [_with_sha256(fact, commit, timeout) for fact in present if fact.path in names]


def _with_sha256(fact: FileFact, commit: Ref, timeout: float) -> FileFact:
    if fact.digest.startswith("sha256:") or _size(fact) > MOST_READ:
        return fact
    return fact._replace(digest=f"sha256:{sha256_hex(_read(commit, fact, timeout))}")


def _text(one: Changed, timeout: float) -> TextDrift | None:
    before = _read(one.way.ref._replace(revision=one.way.before), one.before, timeout)
    after = _read(one.way.ref._replace(revision=one.way.now), one.after, timeout)
    return diff_texts(one.after.path, before, after)


def _read(commit: Ref, fact: FileFact, timeout: float) -> bytes:
    at = HubCommit(repo=commit.repo, repo_type=commit.repo_type, sha=commit.revision)
    return read_hub_file(at, hub_file(fact), timeout=timeout)


def _size(fact: FileFact) -> int:
    return MOST_READ + 1 if fact.size is None else fact.size

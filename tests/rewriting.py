"""Texts pinned and unpinned in memory by the real readers, with commits made up from what they answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePath

from ftlineage.drift import kinds
from ftlineage.drift.python.wrappers import Wrappers
from ftlineage.drift.reading import Readers, Tables
from ftlineage.drift.reference import Reference
from ftlineage.drift.rewrite.files import Source, reader_of
from ftlineage.drift.rewrite.pin import Pinned, Read, pin_text
from ftlineage.drift.rewrite.places import Commit, Key, key_of
from ftlineage.drift.rewrite.undo import Kept
from ftlineage.drift.rewrite.unpin import Unpinned, unpin_text

DATE = "2026-08-20"


def reading(path: str) -> Read:
    """The readers for a file of this name."""
    kind = kinds.kind_by_name(PurePath(path))
    assert kind is not None
    return reader_of(Readers(Tables(), Wrappers()), Source(Path(path), path, kind, b"", "", 0o644))


def sha_of(key: Key) -> str:
    """A commit that no other repository or ref has."""
    return hashlib.sha1(repr(key).encode(), usedforsecurity=False).hexdigest()


def commits_for(references: Sequence[Reference], date: str = DATE) -> dict[Key, Commit | str]:
    """A made-up commit for each floating reference."""
    keys = {key_of(one) for one in references if one.status == "floating"}
    return {key: Commit(sha_of(key), date) for key in keys}


def pinned(text: str, path: str, kept: Sequence[Kept] = ()) -> Pinned:
    """A text with everything pinned that can be."""
    read = reading(path)
    references = read(text, path)
    return pin_text(text, path, references, commits_for(references), read=read, kept=kept)


def unpinned(done: Pinned, path: str) -> Unpinned:
    """What unpinning makes of it."""
    return unpin_text(done.text, path, read=reading(path), kept=done.kept)

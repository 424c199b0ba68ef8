"""What can go wrong with indexes and with a repository's patch."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ftlineage.errors import UndecidedError


@dataclasses.dataclass(kw_only=True, eq=False)
class IndexUnreachableError(UndecidedError):
    """A database that holds a retrieval index did not answer; ``place`` never holds user or password."""

    template: ClassVar[str] = "the index at {place} cannot be read: {cause}"
    place: str
    cause: str


@dataclasses.dataclass(kw_only=True, eq=False)
class PatchUnavailableError(UndecidedError):
    """Changes to tracked files since the commit cannot be read."""

    template: ClassVar[str] = "the patch of uncommitted changes cannot be had: {reason}"
    reason: str

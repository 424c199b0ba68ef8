"""What can go wrong when a version is published to the Hub."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ftlineage.errors import UndecidedError, UsageError


@dataclasses.dataclass(kw_only=True, eq=False)
class HubMovedError(UndecidedError):
    """Somebody else committed between looking and writing, so nothing was written."""

    template: ClassVar[str] = "{repo} got another commit on {branch} in the meantime, so nothing was written"
    repo: str
    branch: str
    hint: str = "Look at what changed there, then push again"


@dataclasses.dataclass(kw_only=True, eq=False)
class HubTokenMissingError(UsageError):
    """Something is to be written to the Hub, and nobody is logged in."""

    template: ClassVar[str] = "writing to {repo} at {endpoint} needs a token, and none is set"
    repo: str
    endpoint: str
    hint: str = "Log in: hf auth login"


@dataclasses.dataclass(kw_only=True, eq=False)
class PublishUnknownError(UndecidedError):
    """The answer to a write was lost, and the branch shows neither the old state nor a sure new one."""

    template: ClassVar[str] = "nobody can say whether {repo} was written: {cause}"
    repo: str
    cause: str


@dataclasses.dataclass(kw_only=True, eq=False)
class RepositoryCrowdedError(UsageError):
    """A repository holds files that neither the version nor the one before it lists: it would not verify there."""

    template: ClassVar[str] = "{repo} holds {files}, which the card does not list and a loader could open"
    repo: str
    files: str
    hint: str = "Delete them there if nobody needs them, or push to a repository of the version's own"

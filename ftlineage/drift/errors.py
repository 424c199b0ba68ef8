"""What can be wrong with a lock file."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ftlineage.errors import UsageError


@dataclasses.dataclass(kw_only=True, eq=False)
class LockMissingError(UsageError):
    """There is no lock file where one is needed."""

    template: ClassVar[str] = "{path}: there is no such lock file"
    path: str
    hint: str = "Make it: ftlineage lock"


@dataclasses.dataclass(kw_only=True, eq=False)
class LockMalformedError(UsageError):
    """A lock file that does not follow the format; ``where`` names the place, such as ``reference[3].sha``."""

    template: ClassVar[str] = "{path} is no sound lock file, at {where}: {reason}"
    path: str
    where: str
    reason: str
    hint: str = "Restore it from version control; it is written by `ftlineage lock` and `update` alone"


@dataclasses.dataclass(kw_only=True, eq=False)
class LockTooNewError(UsageError):
    """A lock file of a later format than this release reads, or may write again."""

    template: ClassVar[str] = "{path} has format {found}, this ftlineage {does} up to {supported}"
    path: str
    found: str
    does: str
    supported: str
    hint: str = "Upgrade: pip install --upgrade ftlineage"

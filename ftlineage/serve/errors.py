"""Why a version is not served: the families decide exit codes and HTTP statuses alike."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ftlineage.errors import MismatchError, UndecidedError, UsageError


@dataclasses.dataclass(kw_only=True, eq=False)
class NotServableError(UsageError):
    """An inference engine cannot serve this version, or not beside the others."""

    template: ClassVar[str] = "{engine} cannot serve {target}: {reason}"
    engine: str
    target: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class VersionUnknownError(UsageError):
    """A served name that stands for no version here."""

    template: ClassVar[str] = "no version here is served as {name}"
    name: str


@dataclasses.dataclass(kw_only=True, eq=False)
class VersionUndecidedError(UndecidedError):
    """A version that nobody could prove to be what it claims, so it is not served."""

    template: ClassVar[str] = "{name} is not served: {reason}"
    name: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class VersionRefusedError(MismatchError):
    """A version that failed verification, so it is not served."""

    template: ClassVar[str] = "{name} is not served: {reason}"
    name: str
    reason: str

"""What can go wrong with keys and signatures."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ftlineage.errors import MismatchError, UsageError


@dataclasses.dataclass(kw_only=True, eq=False)
class KeyUnusableError(UsageError):
    """A key file that cannot sign: of the wrong kind, locked, or no key at all."""

    template: ClassVar[str] = "{path} cannot sign: {reason}"
    path: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class SignatureExistsError(UsageError):
    """The folder is signed already, by another key."""

    template: ClassVar[str] = "{path} is there already: {reason}"
    path: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class SignatureMalformedError(MismatchError):
    """A signature file that is no sound bundle; ``where`` is a JSON path, with the line in ``claims.jsonl``."""

    template: ClassVar[str] = "malformed signature at {where}: {reason}"
    where: str
    reason: str

"""What people type to name a version that is no folder: ``hf://org/repo[@revision]``.

Decides the grammar once, for every command and for Python. Nothing is looked up here.
"""

from __future__ import annotations

import re

import msgspec

from ftlineage.errors import BadArgumentError

HUB = "hf://"
_REPO = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


class HubRef(msgspec.Struct, frozen=True, kw_only=True):
    """A model repository on the Hub; ``revision`` is None for its default branch."""

    repo: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{HUB}{self.repo}@{self.revision}" if self.revision else f"{HUB}{self.repo}"


def is_hub(target: str) -> bool:
    """Whether a target names something on the Hub, rightly or wrongly written."""
    return target.startswith(HUB)


def is_repo(text: str) -> bool:
    """Whether a text has the form ``org/repo``."""
    return _REPO.fullmatch(text) is not None


def parse_hub_ref(target: str) -> HubRef:
    """Read ``hf://org/repo`` or ``hf://org/repo@revision``.

    Raises:
        BadArgumentError: It has another form.
    """
    repo, at, revision = target.removeprefix(HUB).partition("@")
    if not is_hub(target) or not is_repo(repo) or (at and not revision):
        raise BadArgumentError(argument=target, reason="not of the form hf://org/repo or hf://org/repo@revision")
    return HubRef(repo=repo, revision=revision or None)

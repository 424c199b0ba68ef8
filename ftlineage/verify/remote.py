"""A version on the Hub at one commit, compared by the Hub's own digests."""

from __future__ import annotations

from ftlineage.errors import BadArgumentError
from ftlineage.verify.version import VersionFiles


def open_hub_version(target: str) -> VersionFiles:
    """The version at ``hf://org/repo[@revision]``."""
    raise BadArgumentError(argument=target, reason="this release verifies folders, not the Hub")

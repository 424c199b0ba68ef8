"""What a revision's text is: a full commit, or something that can move.

Decided from the text alone, without asking the Hub. A date such as ``20240801`` has hex digits only
and is a tag; seven to thirty-nine hex digits with a letter among them are a short commit id, which
the Hub resolves as a name and nobody guarantees.
"""

from __future__ import annotations

import re
from typing import Literal

Rule = Literal[
    "FLOAT001", "FLOAT002", "FLOAT003", "FLOAT004", "FLOAT005",
    "FLOAT006", "FLOAT007", "FLOAT008", "FLOAT009", "FLOAT010",
]  # fmt: skip

RULES: dict[Rule, str] = {
    "FLOAT001": "No revision is named: the default branch at the time of loading is taken",
    "FLOAT002": "The revision is a branch",
    "FLOAT003": "The revision is a tag",
    "FLOAT004": "The revision is a short commit id",
    "FLOAT005": "The revision is a pull-request reference",
    "FLOAT006": "Code from a repository runs, and its revision can move",
    "FLOAT007": "An adapter's base is not pinned",
    "FLOAT008": "The same repository is pinned here and floats there",
    "FLOAT009": "The lock file says another commit",
    "FLOAT010": "The comment beside a pinned commit names another revision than the lock file",
}

_COMMIT = re.compile(r"[0-9a-fA-F]{40}")
_SHORT = re.compile(r"(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{7,39}", re.IGNORECASE)
_TAG = re.compile(r"v?\d+(\.\d+)*([._-]?(a|b|rc|alpha|beta|dev|post|preview|final)?\.?\d*)?", re.IGNORECASE)
_PULL = re.compile(r"refs/(pr|convert)/.+")


def is_commit(revision: str) -> bool:
    """Whether it is a full commit id."""
    return _COMMIT.fullmatch(revision) is not None


def rule_of(revision: str | None) -> Rule | None:
    """The rule that a revision breaks; None for a full commit id."""
    text = (revision or "").strip()
    if not text:
        return "FLOAT001"
    if is_commit(text):
        return None
    if _PULL.fullmatch(text):
        return "FLOAT005"
    if text.startswith("refs/tags/") or _TAG.fullmatch(text):
        return "FLOAT003"
    return "FLOAT004" if _SHORT.fullmatch(text) else "FLOAT002"

"""What a TARGET on the command line means today: a folder, the ``lineage.json`` in it, or a card on the Hub.

References to a registry are part of the grammar but not of this release, and files on the Hub are
not verified yet; both are refused with a sentence instead of being looked for as files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ftlineage.core.card import CARD_NAME, Card
from ftlineage.errors import BadArgumentError, BadInputError, CardMalformedError, CardMissingError, PathNotFoundError
from ftlineage.store.cards import load_card

_HUB = "hf://"
_REPO = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_REGISTRY = re.compile(r"[A-Za-z0-9][\w.-]*@[\w.:-]+")


def card_of(target: str) -> Card:
    """The card of a target; of ``hf://org/repo[@revision]`` at the commit the revision is now.

    Raises:
        BadArgumentError, PathNotFoundError, BadInputError: See :func:`folder_of`.
        CardMissingError, CardMalformedError, CardTooNewError: There is no card that can be read.
        UndecidedError: The Hub gave no answer that proves a commit.
        DigestMismatchError: The downloaded card is not what the commit says.
    """
    if os.path.isfile(target):  # noqa: PTH113 - any file may be a card, whatever its name
        return _load(Path(target))
    if not target.startswith(_HUB):
        return _load(folder_of(target))
    from ftlineage.sources.hub import download_snapshot, resolve_revision

    repo, at, revision = target.removeprefix(_HUB).partition("@")
    if not _REPO.fullmatch(repo) or (at and not revision):
        raise BadArgumentError(argument=target, reason="not of the form hf://org/repo or hf://org/repo@revision")
    commit = resolve_revision(repo, revision or None)
    if CARD_NAME not in {file.path for file in commit.files}:
        hint = f"Only what was recorded with ftlineage has one; see what there is: hf download {repo} --dry-run"
        raise CardMissingError(path=f"{_HUB}{repo}@{commit.sha}", hint=hint)
    return load_card(download_snapshot(commit, allow_patterns=[CARD_NAME]) / CARD_NAME)


def _load(path: Path) -> Card:
    """A card from disk; with two targets on one command line an error must say which it means."""
    try:
        return load_card(path)
    except CardMalformedError as error:
        raise CardMalformedError(where=f"{path} {error.where}", reason=error.reason, hint=error.hint) from error


def folder_of(target: str) -> Path:
    """The folder a target names.

    Raises:
        BadArgumentError: A Hub or registry reference, or nothing.
        PathNotFoundError: Nothing is there.
        BadInputError: Something is there that is neither a folder nor a card.
    """
    if not target:
        raise BadArgumentError(argument="TARGET", reason="the name is empty", hint="Name a folder, such as .")
    if target.startswith(_HUB):
        repo = target.removeprefix(_HUB).partition("@")[0]
        raise BadArgumentError(
            argument=target,
            reason="this release verifies folders, not the Hub",
            hint=f"Download it first: hf download {repo} --local-dir {Path(repo).name or 'adapter'}",
        )
    path = Path(target)
    # os.path answers False where pathlib raises: a parent that may not be entered.
    if os.path.isdir(path):  # noqa: PTH112
        return path
    if os.path.isfile(path):  # noqa: PTH113
        if path.name != CARD_NAME:
            raise BadInputError(path=target, reason=f"neither a folder nor a {CARD_NAME}", hint="Name the folder")
        return path.parent
    if _REGISTRY.fullmatch(target):
        raise BadArgumentError(
            argument=target,
            reason="no folder has that name, and this release has no registry yet",
            hint="Name the folder that holds lineage.json",
        )
    raise PathNotFoundError(path=target, hint=_suggestion(path))


def _suggestion(path: Path) -> str:
    """The nearest name beside the missing one."""
    import difflib

    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.is_dir()]
    except OSError:
        return ""
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean {path.parent / close[0]}?" if close else ""

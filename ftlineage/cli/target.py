"""What a TARGET on the command line means today: a folder, the ``lineage.json`` in it, or a commit on the Hub.

References to a registry are part of the grammar but not of this release, and some commands need
files on this machine; both are refused with a sentence instead of being looked for as files.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from ftlineage.core.card import CARD_NAME, Card
from ftlineage.core.digest import sha256_hex
from ftlineage.core.refs import HUB, is_hub, parse_hub_ref
from ftlineage.errors import BadArgumentError, BadInputError, CardMalformedError, CardMissingError, PathNotFoundError
from ftlineage.store.cards import load_card

_REGISTRY = re.compile(r"[A-Za-z0-9][\w.-]*@[\w.:-]+")


def card_of(target: str) -> Card:
    """The card of a target; of ``hf://org/repo[@revision]`` at the commit the revision is now.

    Raises:
        BadArgumentError, PathNotFoundError, BadInputError: See :func:`folder_of`.
        CardMissingError, CardMalformedError, CardTooNewError: There is no card that can be read.
        UndecidedError: The Hub gave no answer that proves a commit.
        DigestMismatchError: The downloaded card is not what the commit says.
    """
    return _load(_place_of(target), target)


def card_and_digest(target: str) -> tuple[Card, str]:
    """What :func:`card_of` gives, and the SHA-256 of that very ``lineage.json``, whoever wrote it."""
    place = _place_of(target)
    card = _load(place, target)
    return card, sha256_hex((place / CARD_NAME if place.is_dir() else place).read_bytes())


def _place_of(target: str) -> Path:
    """The folder or file a target's card is in, downloaded if it is on the Hub."""
    if os.path.isfile(target):  # noqa: PTH113 - any file may be a card, whatever its name
        return Path(target)
    if not is_hub(target):
        return folder_of(target)
    from ftlineage.sources.hub import download_snapshot, resolve_revision

    named = parse_hub_ref(target)
    commit = resolve_revision(named.repo, named.revision)
    if CARD_NAME not in {file.path for file in commit.files}:
        hint = f"Only what was recorded with ftlineage has one; see what there is: hf download {named.repo} --dry-run"
        raise CardMissingError(path=f"{HUB}{named.repo}@{commit.sha}", hint=hint)
    return download_snapshot(commit, allow_patterns=[CARD_NAME]) / CARD_NAME


def _load(path: Path, target: str) -> Card:
    """A card from disk; with two targets on one command line an error must say which it means."""
    try:
        return load_card(path)
    except CardMalformedError as error:
        named = target if is_hub(target) else path
        raise CardMalformedError(where=f"{named} {error.where}", reason=error.reason, hint=error.hint) from error


def version_of(target: str) -> str | Path:
    """What ``verify`` reads: the folder a target names, or a well-formed ``hf://`` reference as it is.

    Raises:
        BadArgumentError, PathNotFoundError, BadInputError: See :func:`folder_of`.
    """
    return str(parse_hub_ref(target)) if is_hub(target) else folder_of(target)


def folder_of(target: str) -> Path:
    """The folder a target names.

    Raises:
        BadArgumentError: A Hub or registry reference, or nothing.
        PathNotFoundError: Nothing is there.
        BadInputError: Something is there that is neither a folder nor a card.
    """
    if not target:
        raise BadArgumentError(argument="TARGET", reason="the name is empty", hint="Name a folder, such as .")
    if is_hub(target):
        repo, _, revision = target.removeprefix(HUB).partition("@")
        at = f" --revision {shlex.quote(revision)}" if revision else ""
        raise BadArgumentError(
            argument=target,
            reason="a folder is needed here, and this names a repository on the Hub",
            hint=f"Download it first: hf download {shlex.quote(repo)}{at} --local-dir {shlex.quote(Path(repo).name)}",
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

"""What a TARGET on the command line means today: a folder, or the ``lineage.json`` in it.

References to the Hub and to a registry are part of the grammar but not of this release; they are
refused with a sentence instead of being looked for as files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ftlineage.core.card import CARD_NAME
from ftlineage.errors import BadArgumentError, BadInputError, PathNotFoundError

_REGISTRY = re.compile(r"[A-Za-z0-9][\w.-]*@[\w.:-]+")


def folder_of(target: str) -> Path:
    """The folder a target names.

    Raises:
        BadArgumentError: A Hub or registry reference, which this release does not read.
        PathNotFoundError: Nothing is there.
        BadInputError: Something is there that is neither a folder nor a card.
    """
    if not target:
        raise BadArgumentError(argument="TARGET", reason="the name is empty", hint="Name a folder, such as .")
    if target.startswith("hf://"):
        repo = target.removeprefix("hf://").partition("@")[0]
        raise BadArgumentError(
            argument=target,
            reason="this release reads folders, not the Hub",
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

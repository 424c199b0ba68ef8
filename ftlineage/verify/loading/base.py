"""The base of a verified version: which bytes it is loaded from, pinned, and unchanged from check to load.

Decides the place (the Hub's commit in the local cache, or a folder that was named), what of it must
be downloaded first, and the arguments that make the load the recorded one: commit, code commit,
type, attention, quantisation, classes. Refused: a load that would read files the card does not
list, a folder that shadows the Hub's name, and a base that was touched while it was loaded.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ftlineage.core import words
from ftlineage.core.layout import may_hold_recorded
from ftlineage.core.sections import Base
from ftlineage.errors import (
    BadArgumentError,
    ChangedMeanwhileError,
    FtlineageError,
    PathNotFoundError,
    UnsafePathError,
)
from ftlineage.hashing.files import list_files, real_file
from ftlineage.hashing.receipts import state_key
from ftlineage.sources.base import observe_base, refuse_shadowed, resolve_base
from ftlineage.sources.base_files import load_files
from ftlineage.sources.hub import TIMEOUT, fetch_files, resolve_revision
from ftlineage.sources.hub_cache import snapshot_folder
from ftlineage.verify.base_checks import compared_files

_HOW_NAMED = "Name the folder that holds it: base=PATH"


class BasePlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a base lies, and what loads are given to read it there and nothing else.

    ``location`` is what ``from_pretrained`` gets (a Hub id, or a folder), ``folder`` where the bytes
    lie, ``pins`` the arguments that hold every load to them.
    """

    section: Base
    location: str
    folder: Path
    pins: dict[str, Any]

    @property
    def is_named(self) -> bool:
        """Whether it is a folder that the caller named."""
        return self.location == str(self.folder)


def find_base(section: Base | None, named: str | os.PathLike[str] | None) -> BasePlace | None:
    """Where the base of a card lies; None if the card has none and none was named.

    Raises:
        BadArgumentError: The base was a local folder and none was named; or a folder here has the
            name of the Hub's repository, so that every load would take that.
    """
    if section is None:
        return None
    if named is not None:
        folder = Path(os.path.abspath(named))  # noqa: PTH100 - the current folder may change before the load
        return BasePlace(section=section, location=str(folder), folder=folder, pins={"local_files_only": True})
    if section.origin != "hub" or section.revision is None:
        reason = f"the base {words.clean(section.model)} was a local folder, which the card cannot find"
        raise BadArgumentError(argument="base", reason=reason, hint=_HOW_NAMED)
    refuse_shadowed(section.model)
    folder = snapshot_folder(section.model, section.revision)
    pins = {"revision": section.revision, "local_files_only": True}
    return BasePlace(section=section, location=section.model, folder=folder, pins=pins)


def fetch_base(place: BasePlace, *, token: str | bool | None = None, timeout: float = TIMEOUT) -> None:
    """Download what the cache lacks of the base at its commit; nothing is asked for what is there.

    Raises:
        UndecidedError: The Hub does not give it.
        DigestMismatchError: The card lists no files, and the Hub's digests do not fit what lies here.
    """
    section = place.section
    if place.is_named or section.revision is None:
        return
    wanted = [file.path for file in compared_files(section)]
    if wanted and all((place.folder / path).is_file() for path in wanted):
        return
    commit = resolve_revision(section.model, section.revision, timeout=timeout, token=token)
    names = wanted or load_files(file.path for file in commit.files)
    fetch_files(commit, names, timeout=timeout, token=token)
    if not wanted:
        # Nothing in the card can judge these bytes, so the commit does.
        observe_base(resolve_base(section.model, section.revision, timeout=timeout, token=token))


def states(place: BasePlace) -> dict[str, str]:
    """The state of every file that a load of this base reads, by name: any later write, swap or rename changes it.

    Raises:
        UnsafePathError: A file is there that a load would read and the card does not list.
    """
    if not place.folder.is_dir():
        return {}
    present = [path.relative_to(place.folder).as_posix() for path in list_files(place.folder, enter=may_hold_recorded)]
    listed = {file.path for file in place.section.files}
    read = load_files([*present, *listed])
    stray = next((name for name in read if name not in listed), None) if listed else None
    if stray is not None:
        reason = "it lies beside the base's files, a load would read it, and the card does not list it"
        raise UnsafePathError(path=stray, reason=reason, hint="Remove it, or load the base from a clean place")
    return {name: _state(place.folder, name) for name in read if name in present}


@contextlib.contextmanager
def unchanged(place: BasePlace, before: Mapping[str, str]) -> Iterator[None]:
    """The block loads from the base; afterwards every file must be in the state of ``before``.

    An error inside is passed on only if nothing was touched: a load that tripped over a file that
    was just replaced says nothing about the version.

    Raises:
        ChangedMeanwhileError: A file was written, swapped, added or removed.
    """
    try:
        yield
    except Exception as error:
        changed = _changed(place, before)
        if changed is not None:
            raise ChangedMeanwhileError(path=changed) from error
        raise
    changed = _changed(place, before)
    if changed is not None:
        raise ChangedMeanwhileError(path=changed)


def _changed(place: BasePlace, before: Mapping[str, str]) -> str | None:
    try:
        after = states(place)
    except FtlineageError as error:
        return str(getattr(error, "path", place.location))
    return min((name for name in {*before, *after} if before.get(name) != after.get(name)), default=None)


def _state(folder: Path, name: str) -> str:
    try:
        real = real_file(folder / name, folder)
        return f"{real}:{state_key(real.stat())}"
    except (PathNotFoundError, OSError):
        return "gone"
    except FtlineageError as error:
        return error.sentence

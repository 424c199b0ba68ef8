"""Which version a served name stands for: a folder of versions, read by their cards.

Decides what is ours: every name of the form of :func:`ftlineage.serve.names.served_name`, and the
bare or staged name of a version that lies here. A name of ours that stands for nothing is refused
and never passed on, so that no other resolver can fill it in. Cards are read again only when they
changed, and only for names of ours, so that asking for nonsense costs no disk.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from ftlineage.core import words
from ftlineage.core.card import CARD_NAME
from ftlineage.errors import FtlineageError, PathNotFoundError
from ftlineage.record.names import default_name
from ftlineage.serve.errors import VersionRefusedError, VersionUnknownError
from ftlineage.serve.names import is_served_name, served_name
from ftlineage.store.cards import read_card_file

_State = tuple[int, int, int]


class Catalogue:
    """The versions below one folder, or the one version that the folder is.

    Args:
        root: The folder.

    Raises:
        PathNotFoundError: There is no such folder.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise PathNotFoundError(path=str(root), hint="Name a folder of versions")
        self._root = root
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[_State, str, str]] = {}
        self._scan()

    def find(self, name: str) -> Path | None:
        """The folder of a served name, or None for a name that is not ours.

        Raises:
            VersionUnknownError: The name is of our form and stands for nothing here, or it is the name of
                a version without the digits that pin it: an engine would keep what it meant first.
            VersionRefusedError: It stands for several versions.
        """
        if not is_served_name(name):
            self._refuse_movable(name)
            return None
        with self._lock:
            self._scan()
            found = [folder for folder, (_, served, _) in self._known.items() if served == name]
            cards = {self._known[folder][2] for folder in found}
        if not found:
            raise VersionUnknownError(name=words.clean(name))
        if len(cards) > 1:
            raise VersionRefusedError(name=name, reason="several versions here begin with these digits")
        return min(found)

    def names(self) -> list[str]:
        """Every name that is served, sorted."""
        with self._lock:
            return sorted({served for _, served, _ in self._known.values()})

    def _refuse_movable(self, name: str) -> None:
        label = name.partition("@")[0].partition(":")[0]
        with self._lock:
            close = sorted(served for _, served, _ in self._known.values() if served.rpartition("-")[0] == label)
        if close:
            raise VersionUnknownError(name=f"{words.clean(name)}, which can move; ask for {' or '.join(close[:3])}")

    def _scan(self) -> None:
        """Read the cards that are new or changed; what cannot be read has no name."""
        known: dict[Path, tuple[_State, str, str]] = {}
        for folder in self._folders():
            try:
                status = (folder / CARD_NAME).stat()
                state = (status.st_mtime_ns, status.st_size, status.st_ino)
                if folder in self._known and self._known[folder][0] == state:
                    known[folder] = self._known[folder]
                    continue
                card = read_card_file(folder)
                known[folder] = (state, served_name(default_name(card.name), card.content_id), card.content_id)
            except (FtlineageError, OSError):
                continue
        self._known = known

    def _folders(self) -> list[Path]:
        if (self._root / CARD_NAME).exists():
            return [self._root]
        with os.scandir(self._root) as entries:
            return sorted(Path(entry.path) for entry in entries if not entry.name.startswith(".") and entry.is_dir())

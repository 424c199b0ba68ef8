"""The demo's folder: made, recognised and cleared; never somebody else's."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ftlineage.errors import BadArgumentError
from ftlineage.store.atomic import writing

MARK = ".ftlineage-demo"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Where everything in the demo lies."""

    folder: Path

    @property
    def tickets(self) -> Path:
        """Training data of the first version."""
        return self.folder / "tickets.jsonl"

    @property
    def fewer_tickets(self) -> Path:
        """Training data of the second version: one category is gone."""
        return self.folder / "tickets-after-fault.jsonl"

    @property
    def script(self) -> Path:
        """The training script."""
        return self.folder / "train.py"

    @property
    def first(self) -> Path:
        """The first version."""
        return self.folder / "support-bot"

    @property
    def second(self) -> Path:
        """The second version, trained on fewer tickets."""
        return self.folder / "support-bot-2"

    @property
    def tampered(self) -> Path:
        """A copy of the first version with one byte changed."""
        return self.folder / "tampered"

    @property
    def hub(self) -> Path:
        """Repositories of the local Hub."""
        return self.folder / ".hub"

    @property
    def home(self) -> Path:
        """Hub cache, receipts and local store of the demo, so that yours stay as they are."""
        return self.folder / ".home"


def set_up(folder: Path) -> Stage:
    """An empty stage in ``folder``; an earlier demo there is cleared first.

    Raises:
        BadArgumentError: The folder holds something that is not a demo's.
        OutputNotWritableError, StorageError: It cannot be made or cleared.
    """
    is_taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if is_taken and not (folder / MARK).is_file():
        reason = "is not empty and is no earlier demo, so nothing in it was touched"
        raise BadArgumentError(argument=str(folder), reason=reason, hint="Name a new folder: ftlineage demo DIR")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # Its content, not itself: it may be the current folder, or a link.
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != MARK:  # last to go, so that clearing can be interrupted
                path.unlink()
        text = "Made by `ftlineage demo`; the next demo here clears this folder.\n"
        (folder / MARK).write_text(text, encoding="utf-8")
    return Stage(folder=folder.resolve())

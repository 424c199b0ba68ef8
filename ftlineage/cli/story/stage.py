"""The demo's folder: made, recognised and cleared; never somebody else's."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ftlineage.errors import BadArgumentError

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
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not (folder / MARK).is_file():
            reason = "is not empty and is no earlier demo, so nothing in it was touched"
            raise BadArgumentError(argument=str(folder), reason=reason, hint="Name a new folder: ftlineage demo DIR")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("Made by `ftlineage demo`; the next demo here clears this folder.\n", encoding="utf-8")
    return Stage(folder=folder.resolve())

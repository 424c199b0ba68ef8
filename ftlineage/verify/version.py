"""Where a version's files are read, whatever holds them: a folder here, memory, or the Hub at one commit.

Decides what the checks may ask of such a place. The checks themselves see values only, so the same
ones judge all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from ftlineage.core.finding import Finding
from ftlineage.core.sections import FileRecord
from ftlineage.errors import FtlineageError, StorageError, UndecidedError
from ftlineage.hashing.files import Listing
from ftlineage.verify.checks import Expected, Observed

Keep = Callable[[str], bool]


class VersionFiles(Protocol):
    """The files of one version, as they lie there now."""

    @property
    def name(self) -> str | None:
        """What reports call this place if that says more than what was typed: the commit in full."""

    def advise(self, finding: Finding) -> Finding:
        """A finding with the next step that fits this place."""

    def read(self, name: str, limit: int) -> bytes:
        """A whole small file.

        Raises:
            PathNotFoundError: There is none.
            BadInputError: It has more than ``limit`` bytes.
            UnsafePathError: It is no regular file of this place.
            StorageError, UndecidedError: It cannot be read, or nobody can say.
        """

    def list(self, *, keep: Keep | None = None) -> Listing:
        """Every file that a card must list, and what may not even be opened.

        Args:
            keep: List the files of this rule instead, whatever they are; it is asked for folders too.
        """

    def observe(self, files: Sequence[FileRecord], expected: Mapping[str, Expected]) -> dict[str, Observed]:
        """Each listed file as it lies there; a fault is part of what was observed.

        Args:
            files: What the card lists.
            expected: Header and tensors of those files that have them, by path.

        Raises:
            UndecidedError: Nobody can say.
        """

    def digests(self, names: Iterable[str], sizes: Collection[int]) -> dict[str, str | None]:
        """Unlisted files, with a digest where the size is among ``sizes``: then it may be a renamed one."""


def is_unanswered(error: FtlineageError) -> bool:
    """Whether an error says that nobody could tell, which is no finding about a version and must be passed on.

    A disk that does not give up a file is the fault of the folder: that one is a finding.
    """
    return isinstance(error, UndecidedError) and not isinstance(error, StorageError)

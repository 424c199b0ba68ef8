"""Publishing a version: one guarded commit that holds exactly what was verified, or nothing.

Decides which files of a repository are written and which go, from both sides' digests alone, and
writes them with one ``create_commit(parent_commit=...)``; ``upload_folder`` is never used, because
it makes several commits of which only the first is guarded (trap T18). Refused: a repository with
files a loader could open that neither the version nor the one before it lists; bytes that are no
longer those that were verified; a branch that moved since it was looked at.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ftlineage.core import words
from ftlineage.core.card import CARD_NAME, PARTIAL_NAME
from ftlineage.core.digest import sha256_hex
from ftlineage.core.layout import CLAIMS_NAME, README_NAME, SIGNATURE_NAME, is_recorded
from ftlineage.core.private import public_text
from ftlineage.core.sections import FileRecord
from ftlineage.errors import (
    BadInputError,
    DigestMismatchError,
    HubRefusedError,
    HubUnreachableError,
    RepositoryNotFoundError,
    UndecidedError,
)
from ftlineage.hashing.files import real_file
from ftlineage.hashing.git import file_blob_id, object_id
from ftlineage.hashing.held import read_whole
from ftlineage.hashing.progress import is_shown
from ftlineage.sources.hub import TIMEOUT, HubCommit, resolve_revision
from ftlineage.sources.hub_cache import HubFile
from ftlineage.sources.hub_errors import endpoint, hub_errors
from ftlineage.sources.push_errors import (
    HubMovedError,
    HubTokenMissingError,
    PublishUnknownError,
    RepositoryCrowdedError,
)

#: Seconds between two signs of life while bytes are sent; a commit of many files takes the Hub a while.
WRITE_TIMEOUT = 60.0
#: The Hub's own limit for plain Git. Such a file is read once, checked, and sent from memory.
_MAX_PLAIN = 10 * 1024 * 1024
_CONFLICTS = frozenset({409, 412})
_FORBIDDEN = frozenset({401, 403})
_SHOWN_NAMES = 5
#: Bytes that take longer than a second to send; the client would show its bars for a single one too.
_LONG = 20_000_000


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it is to be on the Hub: its bytes, or the large file they lie in."""

    path: str
    sha256: str
    content: bytes | Path

    @property
    def size(self) -> int:
        """Bytes to send."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    def is_at(self, file: HubFile | None) -> bool:
        """Whether the Hub has these very bytes already."""
        if file is None:
            return False
        if file.lfs_sha256 is not None:
            return file.lfs_sha256 == self.sha256
        return file.blob_id is not None and file.blob_id == self._blob_id()

    def _blob_id(self) -> str:
        content = self.content
        return object_id("blob", content) if isinstance(content, bytes) else file_blob_id(content, shown=self.path)


class PushPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What one commit will do: files to write, and files of an earlier version to delete."""

    uploads: tuple[Upload, ...]
    deletes: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the repository is as it should be already."""
        return not (self.uploads or self.deletes)


def read_upload(folder: Path, record: FileRecord) -> Upload:
    """A listed file, checked against its record if it is small; a large one is checked when it was sent.

    Raises:
        DigestMismatchError: It changed since it was verified.
        PathNotFoundError, UnsafePathError, StorageError: It cannot be read any more.
    """
    real = real_file(folder / record.path, folder)
    if record.size > _MAX_PLAIN:
        return Upload(path=record.path, sha256=record.sha256, content=real)
    content = read_whole(real, shown=record.path)
    _require(record.path, record.sha256, sha256_hex(content))
    return Upload(path=record.path, sha256=record.sha256, content=content)


def plan_push(uploads: Sequence[Upload], commit: HubCommit, *, listed_before: Collection[str]) -> PushPlan:
    """What must change for a repository to hold these files and nothing else that is part of a version.

    Args:
        uploads: Everything the version consists of, card and README included.
        commit: The repository as it stands.
        listed_before: What the card that stands there lists; those files were put there by a push.

    Raises:
        RepositoryCrowdedError: It holds other files that a card must list.
    """
    there = {file.path: file for file in commit.files}
    wanted = {upload.path for upload in uploads}
    left = [path for path in there if path not in wanted]
    strays = [path for path in left if is_recorded(path) and path not in listed_before]
    if strays:
        named = ", ".join(words.clean(path) for path in strays[:_SHOWN_NAMES])
        more = f" and {len(strays) - _SHOWN_NAMES} more" if len(strays) > _SHOWN_NAMES else ""
        raise RepositoryCrowdedError(repo=commit.repo, files=named + more)
    changed = tuple(upload for upload in uploads if not upload.is_at(there.get(upload.path)))
    # What was signed or claimed about the card that stands there is no word about another one.
    own = {PARTIAL_NAME}
    if CARD_NAME in {upload.path for upload in changed}:
        own |= {SIGNATURE_NAME, CLAIMS_NAME}
    return PushPlan(uploads=changed, deletes=tuple(path for path in left if is_recorded(path) or path in own))


def open_repository(
    repo: str, branch: str, *, create: bool, private: bool = False, timeout: float = TIMEOUT
) -> HubCommit:
    """The branch as it stands now, of a repository that is made first if that was asked for.

    Raises:
        HubTokenMissingError: Nobody is logged in.
        UndecidedError: No repository or branch, or no answer that proves a commit.
    """
    from huggingface_hub import get_token

    if not get_token():
        raise HubTokenMissingError(repo=repo, endpoint=endpoint())
    try:
        return resolve_revision(repo, branch, timeout=timeout)
    except RepositoryNotFoundError as error:
        if not create:
            error.hint = "Make it with --create, and --private if it shall be"
            raise
        try:
            with writing_to(repo, branch, timeout=timeout) as api:
                api.create_repo(repo, private=private)
        except HubMovedError:  # it is there, and hidden from this token
            raise error from None
    return resolve_revision(repo, branch, timeout=timeout)


def send(repo: str, plan: PushPlan, *, branch: str, parent: str, message: str, timeout: float = WRITE_TIMEOUT) -> str:
    """Write a plan as one commit on top of ``parent``; give the new commit.

    Args:
        repo: ``org/name``.
        plan: As :func:`plan_push` made it.
        branch: Where.
        parent: The commit the branch must stand at; if it does not, nothing is written.
        message: The commit's title, and after an empty line its description.
        timeout: Seconds between two signs of life.

    Raises:
        HubMovedError: The branch stands elsewhere.
        DigestMismatchError: A file changed since it was verified; nothing was written.
        PublishUnknownError: The answer was lost, and the branch does not say.
        UndecidedError: The Hub refused or did not answer; nothing was written.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    adds = [CommitOperationAdd(upload.path, upload.content) for upload in plan.uploads]
    deletes = [CommitOperationDelete(path) for path in plan.deletes]
    title, _, description = message.partition("\n\n")
    takes_long = sum(upload.size for upload in plan.uploads) > _LONG
    with writing_to(repo, branch, timeout=timeout, bars=takes_long) as api:
        # First the large files, which nobody sees until the commit names them.
        api.preupload_lfs_files(repo, adds, revision=branch)
        _check_sent(repo, plan.uploads, adds)
    try:
        with writing_to(repo, branch, timeout=timeout) as api:
            made = api.create_commit(
                repo,
                [*adds, *deletes],
                commit_message=title,
                commit_description=description,
                revision=branch,
                parent_commit=parent,
            )
        return str(made.oid)
    except UndecidedError as error:
        if isinstance(error, HubMovedError):
            raise
        _look_again(repo, branch, parent, error)
        raise


@contextlib.contextmanager
def writing_to(repo: str, branch: str, *, timeout: float, bars: bool = False) -> Iterator[Any]:
    """A client that gives up in time, with its bars only if asked for and where ours are shown; errors come as ours."""
    from huggingface_hub import HfApi

    with _in_time(timeout), _bars(show=bars), hub_errors(repo, kind="model", revision=branch, timeout=timeout):
        try:
            yield HfApi(library_name="ftlineage")
        except ValueError as error:
            # The Hub judges the YAML of a README before anything is sent.
            if str(error).startswith("Invalid metadata"):
                reason = f"the Hub refuses its metadata: {' '.join(str(error).split())[:300]}"
                raise BadInputError(path=README_NAME, reason=reason) from error
            raise
        except Exception as error:
            cause = _cause(error)
            refusal = _refusal(cause, repo, branch)
            if refusal is not None:
                raise refusal from error
            if cause is not error:
                raise cause from error
            if isinstance(error, RuntimeError):  # hf_xet's own class for whatever its store does
                said = " ".join(str(error).split())[:200]
                raise HubUnreachableError(repo=repo, endpoint=endpoint(), cause=public_text(said)) from error
            raise


def _cause(error: Exception) -> Exception:
    """What went wrong behind the client's "Error while uploading"."""
    behind = error.__cause__
    return behind if isinstance(error, RuntimeError) and isinstance(behind, Exception) else error


def _refusal(error: Exception, repo: str, branch: str) -> UndecidedError | None:
    """What a status means when something is written; None for what it means when something is read."""
    response = getattr(error, "response", None)
    status = int(getattr(response, "status_code", 0) or 0)
    if status in _CONFLICTS:
        return HubMovedError(repo=repo, branch=branch)
    if status in _FORBIDDEN:
        hint = "The token may not write there: take one with write access, hf auth login"
        return HubRefusedError(repo=repo, endpoint=endpoint(), status=status, hint=hint)
    return None


def _check_sent(repo: str, uploads: Sequence[Upload], adds: Sequence[Any]) -> None:
    """What was sent is what was verified: a file can change between its check and its upload."""
    for upload, add in zip(uploads, adds, strict=True):
        if getattr(add, "_should_ignore", False):  # the client would leave it out without a word
            reason = f"a .gitignore in {repo} names it, so it would be left out"
            raise BadInputError(path=upload.path, reason=reason, hint="Remove that line there, then push again")
        if add.upload_info.is_hashed:
            _require(upload.path, upload.sha256, add.upload_info.sha256.hex())


def _require(path: str, expected: str, actual: str) -> None:
    if expected != actual:
        hint = "It changed after it was verified; nothing was written. Wait until nothing writes to it, then push again"
        raise DigestMismatchError(path=path, expected=f"sha256 {expected}", actual=f"sha256 {actual}", hint=hint)


def _look_again(repo: str, branch: str, parent: str, error: UndecidedError) -> None:
    """After a lost answer, whether the branch still stands where it stood.

    Raises:
        PublishUnknownError: It does not, or nobody answers.
    """
    hint = f"See where it stands: ftlineage verify hf://{repo}@{branch}"
    try:
        now = resolve_revision(repo, branch)
    except UndecidedError as second:
        raise PublishUnknownError(repo=repo, cause=error.sentence, hint=hint) from second
    if now.sha != parent:
        raise PublishUnknownError(
            repo=repo, cause=f"{error.sentence}; it stands at {now.sha} now", hint=hint
        ) from error
    error.hint = f"Nothing was written. {error.hint}".strip()


@contextlib.contextmanager
def _in_time(seconds: float) -> Iterator[None]:
    """Every request of the client inside the block ends in time; by itself it would wait for ever (trap T9)."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils import _http

    made_before = _http._GLOBAL_CLIENT_FACTORY  # noqa: SLF001 - there is no getter, and it may be the user's own

    def patient() -> Any:
        client = made_before()
        client.timeout = seconds
        return client

    set_client_factory(patient)
    try:
        yield
    finally:
        set_client_factory(made_before)


@contextlib.contextmanager
def _bars(*, show: bool) -> Iterator[None]:
    from huggingface_hub import constants
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    decided = constants.HF_HUB_DISABLE_PROGRESS_BARS is not None  # by the user's own variable
    if decided or (show and is_shown()) or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()

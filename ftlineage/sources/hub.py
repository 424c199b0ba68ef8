"""Hub repositories at one commit: which commit a name means now, and files that provably belong to it.

Decides the commit once, by asking the Hub, and gives it out as 40 hex digits. Refused: the client's
own resolver, which answers from a stale cache when the Hub is down and vouches for any 40 hex
digits unasked (traps T2, T3, T6); a branch name while offline; an answer that is not a commit id;
downloaded bytes that differ from the commit's digests (trap T11).
"""

from __future__ import annotations

import datetime as dt
import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftlineage.core.digest import is_commit_sha
from ftlineage.core.layout import path_fault
from ftlineage.core.sections import FileRecord
from ftlineage.errors import (
    BadReferenceError,
    DigestMismatchError,
    HubAnswerMalformedError,
    NotCachedError,
    RevisionMismatchError,
    UnsafePathError,
)
from ftlineage.hashing.files import list_files, real_file, record_files
from ftlineage.hashing.git import file_blob_id
from ftlineage.hashing.progress import Update, progress_bar
from ftlineage.hashing.receipts import Receipts
from ftlineage.sources.hub_cache import HubFile, RepoType, cached_files, cached_ref, snapshot_folder
from ftlineage.sources.hub_errors import endpoint, hub_errors, is_offline

__all__ = ["HubCommit", "HubFile", "check_files", "download_snapshot", "resolve_revision"]

#: Seconds to wait for the Hub at each step; the client itself would wait for ever (trap T9).
TIMEOUT = 10.0

_DOWNLOADS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class HubCommit:
    """A repository at one commit.

    ``requested`` is what was asked for (None for the default branch), ``sha`` the 40-hex commit,
    ``files`` what it holds, by path. ``cached`` says that the local cache answered, not the Hub;
    then ``files`` may be only those that were downloaded. ``modified`` is the time the Hub names
    beside the commit, RFC 3339 in UTC; ``private`` and ``gated`` say who may read it.
    """

    repo: str
    repo_type: RepoType = "model"
    requested: str | None = None
    sha: str
    files: tuple[HubFile, ...] = ()
    cached: bool = False
    modified: str | None = None
    private: bool = False
    gated: bool = False

    @property
    def folder(self) -> Path:
        """Where the local cache keeps this commit's files, whether they are there or not."""
        return snapshot_folder(self.repo, self.sha, self.repo_type)


def resolve_revision(
    repo: str,
    requested: str | None = None,
    *,
    repo_type: RepoType = "model",
    timeout: float = TIMEOUT,
    token: str | bool | None = None,
    allow_cached_ref: bool = False,
    any_names: bool = False,
) -> HubCommit:
    """Ask the Hub which commit a revision is; offline, accept a cached commit named in full.

    Args:
        repo: ``org/name``.
        requested: Branch, tag, pull-request reference or 40-hex commit; the default branch when None.
            A commit is asked for too: it may not exist, or not any more.
        repo_type: ``model``, ``dataset`` or ``space``.
        timeout: Seconds to wait for the connection, and between any two pieces of the answer.
        token: As for ``HfApi``; the saved one when None.
        allow_cached_ref: Offline, take the commit that a branch or tag stood at when it was last
            downloaded. It is what an offline load uses, and nobody can say whether it is still the head.
        any_names: List files whatever their names are, for a caller that judges them and writes none
            to disk; otherwise a commit that holds a name no card may hold is refused whole.

    Raises:
        UndecidedError: No answer that proves a commit: HubUnreachableError, HubRefusedError,
            HubAnswerMalformedError, RepositoryNotFoundError, RevisionNotFoundError,
            GatedRepositoryError or NotCachedError.
        RevisionMismatchError: The Hub answered with another commit than the one asked for.
        BadReferenceError: ``repo`` or ``requested`` cannot be a name.
    """
    requested, asked = _plain_revision(repo, requested)
    if is_offline():
        return _from_cache(repo, requested, asked, repo_type, allow_cached_ref=allow_cached_ref)
    info = _ask(repo, asked, repo_type, timeout=timeout, token=token)
    sha = getattr(info, "sha", None)
    if not is_commit_sha(sha):
        raise HubAnswerMalformedError(repo=repo, endpoint=endpoint(), reason=f"{str(sha)[:60]!r} is no commit id")
    if is_commit_sha(asked) and sha != asked:
        raise RevisionMismatchError(repo=repo, asked=str(asked), got=str(sha))
    with hub_errors(repo, kind=repo_type, revision=asked, timeout=timeout):
        files = tuple(sorted((_hub_file(sibling) for sibling in info.siblings or []), key=lambda file: file.path))
    if not any_names:
        _refuse_names(repo, files)
    return HubCommit(
        repo=repo,
        repo_type=repo_type,
        requested=requested,
        sha=str(sha),
        files=files,
        modified=utc_text(getattr(info, "last_modified", None)),
        private=bool(getattr(info, "private", False)),
        gated=bool(getattr(info, "gated", False)),
    )


def download_snapshot(
    commit: HubCommit,
    *,
    allow_patterns: Iterable[str] | None = None,
    timeout: float = TIMEOUT,
    token: str | bool | None = None,
) -> Path:
    """Bring files of a commit into the local cache, pinned by its SHA, and check their digests.

    Args:
        commit: As :func:`resolve_revision` gave it.
        allow_patterns: Which files, as shell patterns over whole paths; all when None.
        timeout: Seconds to wait for each file's metadata.
        token: As for ``HfApi``.

    Returns:
        The snapshot folder.

    Raises:
        UndecidedError: A file cannot be had.
        DigestMismatchError: A file is not what the commit says (trap T11).
    """
    patterns = None if allow_patterns is None else list(allow_patterns)
    wanted = [
        file.path
        for file in commit.files
        if patterns is None or any(fnmatch.fnmatchcase(file.path, pattern) for pattern in patterns)
    ]
    fetch_files(commit, wanted, timeout=timeout, token=token)
    check_files(commit, wanted)
    return commit.folder


def fetch_files(
    commit: HubCommit, paths: Iterable[str], *, timeout: float = TIMEOUT, token: str | bool | None = None
) -> None:
    """Download what the cache lacks of these files; nothing is asked for files it has.

    Raises:
        UndecidedError: A file cannot be had.
        RevisionMismatchError: The Hub gave a file of another commit.
    """
    sizes = {file.path: file.size or 0 for file in commit.files}
    missing = [path for path in paths if not (commit.folder / path).is_file()]
    if not missing:
        return
    _knock(commit, missing[0], timeout=timeout, token=token)
    from concurrent.futures import ThreadPoolExecutor

    total = sum(sizes.get(path, 0) for path in missing)
    with progress_bar(total, f"Downloading {commit.repo}") as update, ThreadPoolExecutor(_DOWNLOADS) as pool:
        bar = _quiet_bar(update)
        jobs = [pool.submit(_fetch, commit, path, bar=bar, timeout=timeout, token=token) for path in missing]
        try:
            for job in jobs:
                job.result()
        finally:
            for job in jobs:
                job.cancel()


def check_files(
    commit: HubCommit, paths: Iterable[str], *, receipts: Receipts | None = None, update: Update | None = None
) -> list[FileRecord]:
    """Hash cached files of a commit and compare each with the digest the commit gives.

    Args:
        commit: As :func:`resolve_revision` gave it.
        paths: Files that are in the cache.
        receipts: Digests known from earlier; every byte is read when None.
        update: Called with the number of bytes just hashed.

    Returns:
        One record a file, sorted by path.

    Raises:
        DigestMismatchError: A file is not what the commit says.
        UnsafePathError: A file is not part of the commit, or nothing vouches for it.
    """
    known = {file.path: file for file in commit.files}
    records = record_files([commit.folder / path for path in paths], commit.folder, receipts=receipts, update=update)
    for record in records:
        file = known.get(record.path)
        if file is None:
            reason = f"it lies in the cached snapshot of {commit.repo}@{commit.sha[:12]} but is not part of that commit"
            raise UnsafePathError(path=record.path, reason=reason, hint=_clean_hint(commit))
        _check_one(commit, file, record)
    return records


def extra_files(commit: HubCommit) -> list[str]:
    """Files that lie in the commit's cached folder and are no part of the commit; a load would read them."""
    known = {file.path for file in commit.files}
    present = list_files(commit.folder) if commit.folder.is_dir() else []
    return [name for name in (path.relative_to(commit.folder).as_posix() for path in present) if name not in known]


def _check_one(commit: HubCommit, file: HubFile, record: FileRecord) -> None:
    if file.lfs_sha256 is not None:
        expected, actual = f"sha256 {file.lfs_sha256}", f"sha256 {record.sha256}"
    elif file.blob_id is not None:
        real = real_file(commit.folder / file.path, commit.folder)
        expected, actual = f"git blob {file.blob_id}", f"git blob {file_blob_id(real, shown=file.path)}"
    else:
        reason = f"nothing vouches for it at {commit.repo}@{commit.sha[:12]}"
        raise UnsafePathError(path=file.path, reason=reason, hint="Run once with the network, so that the Hub can")
    if expected != actual:
        raise DigestMismatchError(path=file.path, expected=expected, actual=actual, hint=_clean_hint(commit))


def _clean_hint(commit: HubCommit) -> str:
    return f"Remove the damaged copy and load again: hf cache rm {commit.repo_type}/{commit.repo}"


def _plain_revision(repo: str, requested: str | None) -> tuple[str | None, str | None]:
    """What the user wrote, and what to ask for; they differ for the client's ``ResolvedRevision`` (trap T2)."""
    if requested is None:
        return None, None
    text = str.__str__(requested)
    if not text.strip():
        raise BadReferenceError(reference=f"{repo}@{text}", reason="the revision is empty")
    resolved = getattr(requested, "resolved", None)
    return text, resolved if is_commit_sha(resolved) else text


def _ask(repo: str, asked: str | None, repo_type: RepoType, *, timeout: float, token: str | bool | None) -> Any:
    with hub_errors(repo, kind=repo_type, revision=asked, timeout=timeout):
        from huggingface_hub import HfApi

        api = HfApi(token=token, library_name="ftlineage")
        ask = {"model": api.model_info, "dataset": api.dataset_info, "space": api.space_info}[repo_type]
        return ask(repo, revision=asked, files_metadata=True, timeout=timeout)


def utc_text(moment: object) -> str | None:
    """A time as RFC 3339 in UTC, to the second; None if it is none."""
    if not isinstance(moment, dt.datetime) or moment.tzinfo is None:
        return None
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refuse_names(repo: str, files: Iterable[HubFile]) -> None:
    for file in files:
        fault = path_fault(file.path)
        if fault is not None:
            reason = f"the commit holds {file.path[:80]!r}: {fault}"
            raise HubAnswerMalformedError(repo=repo, endpoint=endpoint(), reason=reason)


def _hub_file(sibling: Any) -> HubFile:
    lfs = sibling.lfs
    return HubFile(
        path=sibling.rfilename, size=sibling.size, lfs_sha256=lfs.sha256 if lfs else None, blob_id=sibling.blob_id
    )


def _from_cache(
    repo: str, requested: str | None, asked: str | None, repo_type: RepoType, *, allow_cached_ref: bool
) -> HubCommit:
    sha = asked
    if not is_commit_sha(asked):
        sha = cached_ref(repo, asked or "main", repo_type)
        if sha is None or not allow_cached_ref:
            what = f"the Hub's present {asked or 'main'!r}"
            hint = (
                f"It stood at {sha} when last downloaded; to load that, ask for {repo}@{sha}"
                if sha
                else NotCachedError.hint
            )
            raise NotCachedError(repo=repo, what=what, hint=hint)
    folder = snapshot_folder(repo, str(sha), repo_type)
    if not folder.is_dir():
        raise NotCachedError(repo=repo, what=f"commit {sha}")
    files = cached_files(folder)
    return HubCommit(repo=repo, repo_type=repo_type, requested=requested, sha=str(sha), files=files, cached=True)


def _knock(commit: HubCommit, path: str, *, timeout: float, token: str | bool | None) -> None:
    """One request that fails at once where the client's download would retry for minutes."""
    if is_offline():
        raise NotCachedError(repo=commit.repo, what=f"{path} at {commit.sha}")
    with hub_errors(commit.repo, kind=commit.repo_type, revision=commit.sha, timeout=timeout):
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        url = hf_hub_url(commit.repo, path, repo_type=commit.repo_type, revision=commit.sha)
        get_hf_file_metadata(url, timeout=timeout, token=token, library_name="ftlineage")


def _fetch(commit: HubCommit, path: str, *, bar: type, timeout: float, token: str | bool | None) -> None:
    with hub_errors(commit.repo, kind=commit.repo_type, revision=commit.sha, timeout=timeout):
        from huggingface_hub import hf_hub_download

        found = hf_hub_download(
            commit.repo,
            path,
            repo_type=commit.repo_type,
            revision=commit.sha,
            etag_timeout=timeout,
            token=token,
            library_name="ftlineage",
            tqdm_class=bar,
        )
    # The client files a download under the commit the server names, which need not be the one asked for.
    if not Path(found).is_relative_to(commit.folder):
        got = next((part for part in Path(found).parts if is_commit_sha(part)), "another commit")
        raise RevisionMismatchError(repo=commit.repo, asked=commit.sha, got=got)


def _quiet_bar(update: Update) -> type:
    """A bar class for the client that shows nothing itself and hands every byte on."""
    from tqdm import tqdm

    class Quiet(tqdm):  # type: ignore[type-arg,misc,unused-ignore]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            update(int(n or 0))
            return None

    return Quiet

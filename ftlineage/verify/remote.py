"""A version on the Hub at one commit, compared by the Hub's own digests: weights are not downloaded.

Decides the commit once; every later question is about that commit, so a branch that moves in
between changes nothing. Trusted for a file kept through LFS (or Xet) are the SHA-256 and size that
the Hub gives; a small file of plain Git has no SHA-256 there, so it is read whole, checked against
the commit and digested here. Whatever the Hub does not answer soundly is undecided, never a finding.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from ftlineage.core.card import CARD_NAME, PARTIAL_NAME
from ftlineage.core.digest import sha256_hex
from ftlineage.core.finding import Finding
from ftlineage.core.layout import is_recorded, path_fault
from ftlineage.core.refs import HUB, parse_hub_ref
from ftlineage.core.sections import FileRecord
from ftlineage.errors import (
    BadInputError,
    FtlineageError,
    HubAnswerMalformedError,
    NotCachedError,
    PathNotFoundError,
    RevisionMismatchError,
    UnsafePathError,
)
from ftlineage.hashing.files import Listing
from ftlineage.hashing.progress import progress_bar
from ftlineage.sources.hub import TIMEOUT, HubCommit, resolve_revision
from ftlineage.sources.hub_cache import HubFile
from ftlineage.sources.hub_errors import endpoint
from ftlineage.sources.hub_read import read_hub_file
from ftlineage.verify.checks import Expected, Observed, typed
from ftlineage.verify.folder import MAX_CONFIG_BYTES, FolderVersion, is_configuration
from ftlineage.verify.version import Keep

#: The Hub keeps larger files through LFS or Xet, with a SHA-256; this one would have to be read whole.
MAX_PLAIN_BYTES = 10 * 1024 * 1024
_READERS = 8
_REPUBLISH = frozenset(
    {
        "card.missing", "card.malformed", "card.id-mismatch", "adapter.changed", "adapter.missing", "adapter.unlisted",
        "adapter.unsafe-format", "path.unsafe",
    }
)  # fmt: skip


def open_hub_version(target: str, *, timeout: float = TIMEOUT, token: str | bool | None = None) -> HubVersion:
    """The version at ``hf://org/repo[@revision]``; offline, a cached commit named in full, by its bytes.

    Args:
        target: As typed.
        timeout: Seconds to wait for the Hub at each step.
        token: As for ``HfApi``; the saved one when None.

    Raises:
        BadArgumentError: The target has another form.
        UndecidedError: The Hub gave no answer that proves a commit.
    """
    named = parse_hub_ref(target)
    try:
        commit = resolve_revision(named.repo, named.revision, timeout=timeout, token=token, any_names=True)
    except RevisionMismatchError as error:
        # Said about the Hub, not about the version: nobody has looked at that yet.
        reason = f"asked for commit {error.asked}, it spoke of {error.got}"
        raise HubAnswerMalformedError(repo=named.repo, endpoint=endpoint(), reason=reason) from error
    return hub_version(commit, timeout=timeout, token=token)


def hub_version(commit: HubCommit, *, timeout: float = TIMEOUT, token: str | bool | None = None) -> HubVersion:
    """The version a commit holds."""
    return (CachedVersion if commit.cached else HubVersion)(commit, timeout=timeout, token=token)


class HubVersion:
    """A commit on the Hub; see :class:`ftlineage.verify.version.VersionFiles`."""

    def __init__(self, commit: HubCommit, *, timeout: float = TIMEOUT, token: str | bool | None = None) -> None:
        self.commit = commit
        self._files = {file.path: file for file in commit.files}
        self._timeout = timeout
        self._token = token
        self._read: dict[str, bytes] = {}

    @property
    def name(self) -> str:
        """The commit in full, so that a report in a log says what was looked at."""
        return f"{HUB}{self.commit.repo}@{self.commit.sha}"

    def read(self, name: str, limit: int) -> bytes:
        """See the protocol; a file is asked for once, so that everybody judges the same bytes."""
        file = self._file(name)
        if file.size is not None and file.size > limit:
            raise BadInputError(path=name, reason=f"{file.size} bytes, more than the {limit} that are read")
        if name not in self._read:
            self._read[name] = read_hub_file(self.commit, file, timeout=self._timeout, token=self._token)
        return self._read[name]

    def list(self, *, keep: Keep | None = None) -> Listing:
        """See the protocol."""
        faults = {path: path_fault(path) for path in self._files}
        refused = [UnsafePathError(path=path, reason=fault) for path, fault in faults.items() if fault is not None]
        names = [path for path, fault in faults.items() if fault is None and (keep or is_recorded)(path)]
        return Listing(files=tuple(sorted(names)), refused=tuple(refused))

    def observe(self, files: Sequence[FileRecord], expected: Mapping[str, Expected]) -> dict[str, Observed]:
        """See the protocol; tensors are not looked at, because the whole file's digest covers them."""
        del expected
        # Most files need no request; the rest wait for the Hub, not for a core.
        with progress_bar(len(files), f"Comparing {self.commit.repo}", "file") as update, _pool() as pool:
            jobs = [pool.submit(self._observe, file.path) for file in files]
            seen = {}
            try:
                for file, job in zip(files, jobs, strict=True):
                    seen[file.path] = job.result()
                    update(1)
            finally:
                for job in jobs:
                    job.cancel()
        return seen

    def digests(self, names: Iterable[str], sizes: Collection[int]) -> dict[str, str | None]:
        """See the protocol."""
        return {name: self._observe(name).sha256 if self._files[name].size in sizes else None for name in names}

    def advise(self, finding: Finding) -> Finding:
        """The finding with a next step for a repository: what is published is never edited in place."""
        if finding.code not in _REPUBLISH:
            return finding
        push = f"ftlineage push DIR {typed(self.commit.repo)}"
        hint = f"Publish the version again from its folder, or serve an earlier commit: {push}"
        if finding.code == "card.missing":
            unfinished = PARTIAL_NAME in self._files
            why = f"{PARTIAL_NAME} is there: the run that wrote it was never sealed" if unfinished else ""
            hint = why or f"Publish it from a folder that has a {CARD_NAME}: {push}"
        return msgspec.structs.replace(finding, hint=hint)

    def _file(self, name: str) -> HubFile:
        file = self._files.get(name)
        if file is None:
            raise PathNotFoundError(path=name)
        if file.size is None or (file.lfs_sha256 is None and file.blob_id is None):
            reason = f"it gives no size or digest for {name[:80]!r}"
            raise HubAnswerMalformedError(repo=self.commit.repo, endpoint=endpoint(), reason=reason)
        return file

    def _observe(self, path: str) -> Observed:
        try:
            file = self._file(path)
            if is_configuration(path):
                data = self.read(path, MAX_CONFIG_BYTES)
                return Observed(path=path, size=len(data), sha256=sha256_hex(data), data=data)
            if file.lfs_sha256 is not None:
                return Observed(path=path, size=file.size, sha256=file.lfs_sha256)
            if file.size is not None and file.size > MAX_PLAIN_BYTES:
                reason = f"{file.size} bytes in plain Git, for which the Hub has no SHA-256; store it through LFS"
                return Observed(path=path, size=file.size, fault=BadInputError(path=path, reason=reason))
            data = self.read(path, MAX_PLAIN_BYTES)
            return Observed(path=path, size=len(data), sha256=sha256_hex(data))
        except (PathNotFoundError, BadInputError, UnsafePathError) as error:
            return Observed(path=path, fault=error)


def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_READERS)


class CachedVersion(HubVersion):
    """Offline: the commit as far as the local cache holds it, by the bytes that lie there.

    A load without the network reads this folder and nothing else. What the cache lacks may be on
    the Hub all the same, so a listed file that is not here is undecided.
    """

    def __init__(self, commit: HubCommit, *, timeout: float = TIMEOUT, token: str | bool | None = None) -> None:
        super().__init__(commit, timeout=timeout, token=token)
        self._folder = FolderVersion(commit.folder)

    def read(self, name: str, limit: int) -> bytes:
        """See the protocol."""
        try:
            return self._folder.read(name, limit)
        except PathNotFoundError as error:
            if name not in {CARD_NAME} | set(self._files):
                raise
            raise self._not_cached(name) from error

    def list(self, *, keep: Keep | None = None) -> Listing:
        """See the protocol."""
        return self._folder.list(keep=keep)

    def observe(self, files: Sequence[FileRecord], expected: Mapping[str, Expected]) -> dict[str, Observed]:
        """See the protocol."""
        seen = self._folder.observe(files, expected)
        absent = next((one.path for one in seen.values() if isinstance(one.fault, PathNotFoundError)), None)
        if absent is not None:
            raise self._not_cached(absent)
        return seen

    def digests(self, names: Iterable[str], sizes: Collection[int]) -> dict[str, str | None]:
        """See the protocol."""
        return self._folder.digests(names, sizes)

    def _not_cached(self, name: str) -> FtlineageError:
        return NotCachedError(repo=self.commit.repo, what=f"{name} at {self.commit.sha}")

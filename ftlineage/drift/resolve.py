"""Many Hub questions at once: each asked once, a few at a time, what was learned kept.

Decides which answers say that something is not there and which say nothing: a repository counts as
missing only if the Hub itself names that (its ``X-Error-Code``), never because a proxy or an outage
answered 401 or 404. After several questions that nobody answered the rest is not asked:
a Hub that is down would be waited for thousands of times. Refused: answers from the local cache,
which may be old and know a part of the files only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any, Generic, NamedTuple, TypeVar

from ftlineage.drift.classify import FileFact
from ftlineage.drift.journal import Journal
from ftlineage.drift.locking import Answer, Ref
from ftlineage.errors import (
    BadReferenceError,
    FtlineageError,
    HubAnswerMalformedError,
    NotCachedError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from ftlineage.hashing.progress import progress_bar
from ftlineage.sources.hub import TIMEOUT, HubCommit, resolve_revision
from ftlineage.sources.hub_cache import HubFile
from ftlineage.sources.hub_errors import endpoint, is_offline

#: Questions that are open at one time.
WORKERS = 8
#: Questions without an answer after which no more are asked.
PATIENCE = 8

Q = TypeVar("Q", bound=Hashable)
A = TypeVar("A")


class Asked(NamedTuple, Generic[Q, A]):
    """What came back: ``answers``; ``missing``, what the Hub says is not there; ``failed``, what nobody can say."""

    answers: dict[Q, A]
    missing: dict[Q, FtlineageError]
    failed: dict[Q, FtlineageError]


def resolve_all(
    refs: Collection[Ref], *, timeout: float = TIMEOUT, journal: Journal | None = None, label: str = "Asking the Hub"
) -> Asked[Ref, Answer]:
    """Which commit each reference is now, and what that commit holds.

    Args:
        refs: What to ask; one request each.
        timeout: Seconds to wait at each step of a request.
        journal: Keeps answers until they are written elsewhere; those it has are not asked for again.
        label: What a progress bar says.
    """
    before = journal.load() if journal is not None else {}
    known = {ref: before[ref] for ref in refs if ref in before}
    keep = journal.add if journal is not None else None
    asked = ask_all(
        [ref for ref in refs if ref not in known], lambda ref: resolve(ref, timeout), keep=keep, label=label
    )
    return Asked({**known, **asked.answers}, asked.missing, asked.failed)


def resolve(ref: Ref, timeout: float = TIMEOUT) -> Answer:
    """One question to the Hub.

    Raises:
        UndecidedError: No answer that proves a commit.
    """
    if is_offline():
        raise NotCachedError(
            repo=ref.repo, what="what the Hub says now", hint="Unset HF_HUB_OFFLINE: this asks the Hub"
        )
    commit = resolve_revision(ref.repo, ref.revision, repo_type=ref.repo_type, timeout=timeout, any_names=True)
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Answer(
        sha=commit.sha,
        committed_at=commit.modified,
        resolved_at=now,
        private=commit.private,
        gated=commit.gated,
        files=facts(commit),
    )


def facts(commit: HubCommit) -> tuple[FileFact, ...]:
    """Path, size and digest of each file of a commit.

    Raises:
        HubAnswerMalformedError: A file has no digest, or a name that cannot be written down.
    """
    return tuple(FileFact(file.path, file.size, _digest(commit, file)) for file in commit.files)


def _digest(commit: HubCommit, file: HubFile) -> str:
    if not file.path.isprintable() and any(0xD800 <= ord(character) < 0xE000 for character in file.path):  # noqa: PLR2004
        raise _unsound(commit, "the commit holds a file whose name is no Unicode")
    if file.lfs_sha256 is not None:
        return f"sha256:{file.lfs_sha256}"
    if file.blob_id is None:
        raise _unsound(commit, f"the commit gives no digest of {file.path[:80]!r}")
    return f"git:{file.blob_id}"


def _unsound(commit: HubCommit, reason: str) -> HubAnswerMalformedError:
    return HubAnswerMalformedError(repo=commit.repo, endpoint=endpoint(), reason=reason)


def hub_file(fact: FileFact) -> HubFile:
    """A file of a commit again, from what was kept of it."""
    algorithm, _, value = fact.digest.partition(":")
    lfs = algorithm == "sha256"
    return HubFile(path=fact.path, size=fact.size, lfs_sha256=value if lfs else None, blob_id=None if lfs else value)


class _Asker(Generic[Q, A]):
    """Asks until nobody has answered too often, and from then on gives the last error without asking."""

    def __init__(self, ask: Callable[[Q], A]) -> None:
        self._ask = ask
        self._unanswered: list[FtlineageError] = []

    def __call__(self, question: Q) -> A:
        if len(self._unanswered) >= PATIENCE:
            raise self._unanswered[-1]
        try:
            return self._ask(question)
        except FtlineageError as error:
            if not is_missing(error):
                self._unanswered.append(error)
            raise


def ask_all(
    questions: Collection[Q],
    ask: Callable[[Q], A],
    *,
    keep: Callable[[Q, A], None] | None = None,
    label: str = "Asking the Hub",
) -> Asked[Q, A]:
    """Ask several at a time; an answer goes to ``keep`` as soon as it is there."""
    asked: Asked[Q, A] = Asked({}, {}, {})
    asker = _Asker(ask)
    with progress_bar(len(questions), label, unit=" questions") as update, ThreadPoolExecutor(WORKERS) as pool:
        jobs = {pool.submit(asker, question): question for question in questions}
        try:
            for job in as_completed(jobs):
                _take(job, jobs[job], asked, keep)
                update(1)
        finally:
            # When interrupted, what has not begun is not begun.
            for job in jobs:
                job.cancel()
    return asked


def _take(job: Future[A], question: Q, asked: Asked[Q, A], keep: Callable[[Q, A], None] | None) -> None:
    try:
        answer = job.result()
    except FtlineageError as error:
        target = asked.missing if is_missing(error) else asked.failed
        target[question] = error
        return
    asked.answers[question] = answer
    if keep is not None:
        keep(question, answer)


def is_missing(error: FtlineageError) -> bool:
    """Whether the Hub itself said that a repository or revision is not there, or the name can be none's.

    For a repository that may also mean that it is private: the Hub gives both the same answer.
    """
    if isinstance(error, (RevisionNotFoundError, BadReferenceError)):
        return True
    response: Any = getattr(error.__cause__, "response", None)
    code = response.headers.get("X-Error-Code") if response is not None else None
    return isinstance(error, RepositoryNotFoundError) and code == "RepoNotFound"

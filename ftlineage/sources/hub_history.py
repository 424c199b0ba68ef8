"""How a Hub repository came to stand where it stands: its commits from a revision back, its branches and tags.

Decides that a listing is complete only if the Hub's last page was read, so that "not among them" can
be told from "not looked far enough". Refused: the client's own listing, which reads every page
without a timeout (trap T9), and pages on another host than the Hub that was asked, which would be
sent the token.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ftlineage.core.digest import is_commit_sha
from ftlineage.core.words import parse_time
from ftlineage.errors import HubAnswerMalformedError
from ftlineage.sources.hub import TIMEOUT, utc_text
from ftlineage.sources.hub_cache import RepoType
from ftlineage.sources.hub_errors import endpoint, hub_errors

#: Commits that are looked through before a listing is called too long.
MOST_COMMITS = 1000


class Mark(NamedTuple):
    """One commit: its id and the date its author gave it, RFC 3339 in UTC, None where it gives none."""

    sha: str
    date: str | None


class History(NamedTuple):
    """Commits from a revision back, newest first; ``complete`` if the first commit is among them."""

    commits: tuple[Mark, ...]
    complete: bool


class Refs(NamedTuple):
    """Names of branches and tags, each with the commit it stands at."""

    branches: dict[str, str]
    tags: dict[str, str]


def list_commits(
    repo: str,
    revision: str,
    *,
    repo_type: RepoType = "model",
    until: Callable[[Mark], bool] = lambda _mark: False,
    timeout: float = TIMEOUT,
    token: str | bool | None = None,
) -> History:
    """Commits from a revision back, page by page, at most ``MOST_COMMITS``.

    Args:
        repo: ``org/name``.
        revision: Branch, tag or commit.
        repo_type: ``model``, ``dataset`` or ``space``.
        until: No further page is asked for once this holds for a commit.
        timeout: Seconds to wait at each step.
        token: As for ``HfApi``.

    Raises:
        UndecidedError: The Hub gave no sound answer.
    """
    marks: list[Mark] = []
    path = f"commits/{urllib.parse.quote(revision, safe='')}"
    for page, last in _pages(repo, repo_type, path, revision=revision, timeout=timeout, token=token):
        if not isinstance(page, list):
            raise _unsound(repo, "its list of commits is none")
        fresh = [_mark(repo, item) for item in page]
        marks += fresh
        if last or len(marks) >= MOST_COMMITS or any(until(mark) for mark in fresh):
            return History(tuple(marks), complete=last)
    return History(tuple(marks), complete=False)


def list_refs(
    repo: str, *, repo_type: RepoType = "model", timeout: float = TIMEOUT, token: str | bool | None = None
) -> Refs:
    """The branches and tags of a repository, in one request.

    Raises:
        UndecidedError: The Hub gave no sound answer.
    """
    for document, _ in _pages(repo, repo_type, "refs", revision=None, timeout=timeout, token=token):
        if isinstance(document, dict):
            return Refs(_targets(document.get("branches")), _targets(document.get("tags")))
    raise _unsound(repo, "its list of branches is none")


def _pages(
    repo: str, repo_type: RepoType, path: str, *, revision: str | None, timeout: float, token: str | bool | None
) -> Iterator[tuple[Any, bool]]:
    """Each page with whether it is the last."""
    with hub_errors(repo, kind=repo_type, revision=revision, timeout=timeout):
        from huggingface_hub import constants
        from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

        host = f"{constants.ENDPOINT}/"
        headers = build_hf_headers(token=token, library_name="ftlineage")
        url: str | None = f"{host}api/{repo_type}s/{repo}/{path}"
        while url is not None:
            response = get_session().get(url, headers=headers, timeout=timeout)
            hf_raise_for_status(response)
            following = response.links.get("next", {}).get("url")
            yield response.json(), following is None
            url = following if following and following.startswith(host) else None


def _mark(repo: str, item: Any) -> Mark:
    sha = item.get("id") if isinstance(item, dict) else None
    if not is_commit_sha(sha):
        raise _unsound(repo, "its list of commits holds one without an id")
    date = item.get("date")
    return Mark(str(sha), utc_text(parse_time(date)) if isinstance(date, str) else None)


def _targets(listed: Any) -> dict[str, str]:
    found = listed if isinstance(listed, list) else []
    return {
        str(item["name"]): str(item["targetCommit"])
        for item in found
        if isinstance(item, dict) and "name" in item and is_commit_sha(item.get("targetCommit"))
    }


def _unsound(repo: str, reason: str) -> HubAnswerMalformedError:
    return HubAnswerMalformedError(repo=repo, endpoint=endpoint(), reason=reason)

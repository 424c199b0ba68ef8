"""The values that pass between LocalHub's server and its routes: calls, replies, tokens, the request log."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from pathlib import Path
from typing import IO, Any, overload

from ftlineage.core import codec
from ftlineage.core.digest import is_commit_sha
from ftlineage.testing._repository import Repository, RepoType, Store
from ftlineage.testing._xet import XetStore

#: Plural in a URL to repository type.
KINDS: dict[str, RepoType] = {"models": "model", "datasets": "dataset", "spaces": "space"}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """Who a bearer token stands for; ``repos`` limits which private and gated repositories it opens."""

    user: str = "local"
    write: bool = True
    repos: frozenset[str] | None = None

    def opens(self, repo: str) -> bool:
        """Whether this token reads a private or gated repository."""
        return self.repos is None or repo in self.repos


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One line of the request log; ``revision`` is None where the route has none.

    A request that reads content without naming a revision reads ``main``, and says so here.
    """

    method: str
    path: str
    status: int
    repo: str | None = None
    repo_type: RepoType | None = None
    revision: str | None = None
    user: str | None = None

    @property
    def floating(self) -> bool:
        """Whether the answer depends on where a branch or tag stands."""
        return self.revision is not None and not is_commit_sha(self.revision)


class RequestLog(Sequence[Request]):
    """Every request answered so far, in order of answering; safe to read while requests run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Request] = []

    def add(self, request: Request) -> None:
        """Append one."""
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._requests.clear()

    def matching(self, path_contains: str, *, method: str | None = None) -> list[Request]:
        """Requests whose path (with its query) holds this text."""
        return [item for item in self if path_contains in item.path and method in (None, item.method)]

    def floating(self, repo: str | None = None) -> list[Request]:
        """Requests that read content at a branch or tag; empty after loads that are truly pinned."""
        return [item for item in self if item.floating and repo in (None, item.repo)]

    @overload
    def __getitem__(self, index: int) -> Request: ...
    @overload
    def __getitem__(self, index: slice) -> list[Request]: ...
    def __getitem__(self, index: int | slice) -> Request | list[Request]:
        with self._lock:
            return self._requests[index]

    def __len__(self) -> int:
        with self._lock:
            return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        with self._lock:
            return iter(list(self._requests))

    def __repr__(self) -> str:
        return "\n".join(f"{item.status} {item.method:6} {item.path}" for item in self)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FilePart:
    """Bytes ``start`` to ``stop`` of a stored object, sent without reading them into memory."""

    path: Path
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def read(self) -> bytes:
        """All of them."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(len(self))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a route answers."""

    status: int = 200
    body: bytes | FilePart = b""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    content_type: str = "application/json"


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON document."""
    return Reply(status=status, body=codec.compact_text(value).encode(), headers=headers or {})


@dataclasses.dataclass(kw_only=True)
class RefusedError(Exception):
    """A route's way to answer with an error; ``code`` is the Hub's ``X-Error-Code``."""

    status: int
    message: str
    code: str | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def reply(self) -> Reply:
        """The Hub's form of an error: a header for programs and a JSON body for people."""
        headers = {"X-Error-Message": self.message, **self.headers}
        if self.code:
            headers["X-Error-Code"] = self.code
        return json_reply({"error": self.message}, self.status, headers)


@dataclasses.dataclass(kw_only=True, slots=True)
class State:
    """What all requests to one hub share."""

    store: Store
    tokens: dict[str, Token]
    page_size: int
    xet: XetStore
    endpoint: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request as a route sees it; ``args`` are the named parts of the path, unquoted."""

    state: State
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Message
    body: IO[bytes]
    token: Token | None
    args: Mapping[str, str | None] = dataclasses.field(default_factory=dict)

    @property
    def repo_type(self) -> RepoType:
        """Type of the repository in the path."""
        return KINDS[self.args.get("kind") or "models"]

    @property
    def repo(self) -> str:
        """``namespace/name`` in the path."""
        return self.args.get("repo") or ""

    @property
    def revision(self) -> str:
        """Revision in the path, ``main`` when it names none."""
        return self.args.get("revision") or "main"

    def flag(self, name: str) -> bool:
        """Whether a query parameter is set to something true."""
        return (self.query.get(name) or [""])[-1].lower() in {"1", "true"}

    def json(self) -> Any:
        """The body as JSON; an empty body is an empty object."""
        return codec.parse(self.body.read() or b"{}")

    def repository(self, *, write: bool = False) -> Repository:
        """The repository in the path, if this token may see it and, where asked, write to it.

        Raises:
            RefusedError: 401 or 404 when it is missing or hidden, 401 or 403 when it may not be written.
        """
        key = (self.repo_type, self.repo)
        repository = self.state.store.get(*key) if key in self.state.store else None
        hidden = repository is not None and repository.references.private and not self._opens(self.repo)
        if repository is None or hidden:
            # The Hub does not tell a stranger whether a repository is missing or private.
            status, message = (404, "Repository not found") if self.token else (401, "Invalid username or password.")
            raise RefusedError(status=status, code="RepoNotFound", message=message)
        if write:
            self.require_write()
        return repository

    def require_write(self) -> Token:
        """The token, if it may write.

        Raises:
            RefusedError: 401 without a token, 403 with one that only reads.
        """
        if self.token is None:
            raise RefusedError(status=401, message="Invalid username or password.")
        if not self.token.write:
            raise RefusedError(status=403, message="You need write access")
        return self.token

    def require_gate(self, repository: Repository) -> None:
        """Refuse files of a gated repository to those who were not let in.

        Raises:
            RefusedError: 401 without a token, 403 with one that was not accepted.
        """
        if repository.references.gated and not self._opens(repository.id):
            message = (
                f"Access to {self.repo_type} {repository.id} is restricted and you are not in the authorized list."
            )
            raise RefusedError(status=403 if self.token else 401, code="GatedRepo", message=message)

    def _opens(self, repo: str) -> bool:
        return self.token is not None and self.token.opens(repo)

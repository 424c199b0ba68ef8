"""LocalHub: a loopback stand-in for the Hub, for tests, demos and continuous integration without a network.

It speaks the part of the Hub's HTTP API that the official clients use (``docs/local-hub.md`` lists
it), keeps real commits in a folder, and fails on demand. It is not a mirror and no server for
others: it binds to 127.0.0.1, keeps tokens in memory, and never contacts the real Hub.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from ftlineage.errors import PathNotFoundError
from ftlineage.testing import _client
from ftlineage.testing._faults import Fault, Faults
from ftlineage.testing._http import Request, RequestLog, State, Token
from ftlineage.testing._objects import Entry
from ftlineage.testing._repository import Commit, Gate, Repository, RepoType, Store
from ftlineage.testing._server import HubServer
from ftlineage.testing._xet import XetStore

__all__ = ["Commit", "Entry", "Fault", "Faults", "LocalHub", "Request", "RequestLog", "Token"]

#: The token that may do everything on a LocalHub; worthless anywhere else.
TOKEN = "hf_localhub"  # noqa: S105 - public on purpose

# Never part of a repository when a folder is uploaded; the same names the official client leaves out.
_NOT_UPLOADED = {".git", ".cache", "__pycache__"}


class LocalHub:
    """A Hub of your own at ``http://127.0.0.1:<port>``; use it as a context manager.

    Args:
        root: Folder that keeps repositories between runs; a temporary one, removed at the end, when None.
        port: 0 picks a free one.
        page_size: Entries a page in tree and history listings; make it small to exercise paging.
        clock: Unix time of commits. By default time is logical, one minute a commit from
            2026-01-01, so that equal pushes give equal commit ids on every machine.

    Example:
        >>> with LocalHub() as hub:
        ...     sha = hub.commit("acme/tiny", {"config.json": b"{}"})
        ...     hub.head("acme/tiny") == sha
        True
    """

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        port: int = 0,
        page_size: int = 1000,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._own_root = tempfile.TemporaryDirectory(prefix="localhub-") if root is None else None
        self.root = Path(self._own_root.name if self._own_root else root or "").absolute()
        self.faults = Faults()
        self.requests = RequestLog()
        self._port = port
        self._state = State(
            store=Store(self.root, clock),
            tokens={TOKEN: Token()},
            page_size=page_size,
            xet=XetStore(self.root / "xet"),
        )
        self._server: HubServer | None = None
        self._thread: threading.Thread | None = None

    # --- life ----------------------------------------------------------------------------------

    @property
    def endpoint(self) -> str:
        """What ``HF_ENDPOINT`` must be; kept after ``stop`` so that a stopped hub can be asked in vain."""
        return self._state.endpoint

    def start(self) -> Self:
        """Serve in a background thread."""
        self._server = HubServer(self._port, self._state, self.faults, self.requests)
        # A restarted hub comes back where its clients look for it.
        self._port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="localhub", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving; connections are closed, repositories stay until ``close``."""
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join()
        self._server = self._thread = None

    def wait(self) -> None:
        """Block until the hub is stopped, for programs that only serve."""
        thread = self._thread
        while thread is not None and thread.is_alive():
            # With a timeout, so that an interrupt gets through on every system.
            thread.join(1)

    def close(self) -> None:
        """Stop, and remove the root if it was temporary."""
        self.stop()
        if self._own_root is not None:
            self._own_root.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- pushing without HTTP ------------------------------------------------------------------

    def create_repo(
        self, repo: str, *, repo_type: RepoType = "model", private: bool = False, gated: Gate = False
    ) -> None:
        """Create a repository, or change who may read an existing one."""
        repository = self._state.store.create(repo_type, repo)
        repository.references.private, repository.references.gated = private, gated
        repository.save()

    def delete_repo(self, repo: str, *, repo_type: RepoType = "model") -> None:
        """Remove a repository with its history."""
        self._state.store.delete(repo_type, repo)

    def commit(
        self,
        repo: str,
        files: Mapping[str, bytes | str | Path | None],
        *,
        message: str = "Update",
        branch: str = "main",
        repo_type: RepoType = "model",
        author: str = "local",
    ) -> str:
        """Commit files to a branch and give the new commit id; repository and branch are made when missing.

        Args:
            repo: ``namespace/name``.
            files: Content by path: bytes, text as UTF-8, a file to copy, or None to delete the path.
            message: Title, and a description after an empty line.
            branch: A new one starts from ``main``.
            repo_type: ``model``, ``dataset`` or ``space``.
            author: User name of the commit.
        """
        repository = self._state.store.create(repo_type, repo)
        ref = f"refs/heads/{branch}"
        attributes = files.get(".gitattributes")
        ruling = {".gitattributes": _as_bytes(attributes)} if attributes is not None else {}
        title, _, description = message.partition("\n\n")
        with self._state.store.lock:
            if ref not in repository.references.refs:
                repository.set_ref(ref, repository.resolve("main"))
            rule = repository.lfs_rule(ref, ruling)
            changes = {path: None if item is None else self._entry(path, item, rule) for path, item in files.items()}
            made = repository.add_commit(ref, changes, title=title, description=description, author=author)
        return made.sha

    def upload_folder(
        self,
        repo: str,
        folder: str | Path,
        *,
        message: str = "Upload folder",
        branch: str = "main",
        repo_type: RepoType = "model",
    ) -> str:
        """Commit every file of a folder; files of the repository that the folder lacks stay.

        Raises:
            PathNotFoundError: No such folder.
        """
        root = Path(folder)
        if not root.is_dir():
            raise PathNotFoundError(path=str(folder))
        paths = (path for path in sorted(root.rglob("*")) if path.is_file())
        files: dict[str, bytes | str | Path | None] = {
            path.relative_to(root).as_posix(): path
            for path in paths
            if not _NOT_UPLOADED.intersection(path.relative_to(root).parts)
        }
        return self.commit(repo, files, message=message, branch=branch, repo_type=repo_type)

    def _entry(self, path: str, item: bytes | str | Path, rule: Callable[[str, int], bool]) -> Entry:
        objects = self._state.store.objects
        if isinstance(item, Path):
            with item.open("rb") as file:
                sha256 = objects.add(file)
        else:
            sha256 = objects.add(io.BytesIO(_as_bytes(item)))
        return objects.entry(sha256, lfs=rule(path, objects.path(sha256).stat().st_size))

    # --- references ----------------------------------------------------------------------------

    def head(self, repo: str, branch: str = "main", *, repo_type: RepoType = "model") -> str:
        """Commit id a branch, tag or full reference stands at."""
        return self._get(repo, repo_type).resolve(branch)

    def tag(self, repo: str, name: str, *, revision: str = "main", repo_type: RepoType = "model") -> str:
        """Set or move a tag; the commit it names."""
        return self._point(repo, f"refs/tags/{name}", revision, repo_type)

    def branch(self, repo: str, name: str, *, revision: str = "main", repo_type: RepoType = "model") -> str:
        """Set a branch, or move it anywhere as a force-push does; the commit it names."""
        return self._point(repo, f"refs/heads/{name}", revision, repo_type)

    def delete_ref(self, repo: str, name: str, *, repo_type: RepoType = "model") -> None:
        """Remove a branch, a tag, or a full reference."""
        repository = self._get(repo, repo_type)
        for ref in (f"refs/heads/{name}", f"refs/tags/{name}", name):
            repository.set_ref(ref, None)

    def forget_commit(self, repo: str, sha: str, *, repo_type: RepoType = "model") -> None:
        """Drop a commit so that asking for it fails, as after a force-push and the Hub's clean-up."""
        self._get(repo, repo_type).forget(sha)

    def _point(self, repo: str, ref: str, revision: str, repo_type: RepoType) -> str:
        repository = self._get(repo, repo_type)
        sha = repository.resolve(revision)
        repository.set_ref(ref, sha)
        return sha

    # --- looking -------------------------------------------------------------------------------

    def files(self, repo: str, *, revision: str = "main", repo_type: RepoType = "model") -> dict[str, Entry]:
        """What a revision holds: entry by path."""
        return dict(self._get(repo, repo_type).commit(revision).tree)

    def read(self, repo: str, path: str, *, revision: str = "main", repo_type: RepoType = "model") -> bytes:
        """Bytes of one file."""
        entry = self._get(repo, repo_type).commit(revision).tree.get(path)
        if entry is None:
            raise PathNotFoundError(path=f"{repo}/{path}")
        return self._state.store.objects.read(entry.sha256)

    def history(self, repo: str, *, revision: str = "main", repo_type: RepoType = "model") -> list[Commit]:
        """Commits from a revision back to the first."""
        return list(self._get(repo, repo_type).history(revision))

    def _get(self, repo: str, repo_type: RepoType) -> Repository:
        return self._state.store.get(repo_type, repo)

    # --- clients -------------------------------------------------------------------------------

    def add_token(
        self, token: str, *, user: str = "reader", write: bool = False, repos: list[str] | None = None
    ) -> None:
        """Let another token in.

        Args:
            token: What the client sends.
            user: Whose it is.
            write: Whether it may push.
            repos: Private and gated repositories it opens; None opens all.
        """
        self._state.tokens[token] = Token(user=user, write=write, repos=None if repos is None else frozenset(repos))

    def environ(self, *, home: str | Path | None = None, offline: bool = False, xet: bool = False) -> dict[str, str]:
        """Variables that point a new process at this hub.

        Set them before ``huggingface_hub`` is imported: it reads them once.

        Args:
            home: Folder for caches (``HF_HOME``); one inside the hub's own folder when None, because
                a stand-in's commits must never end up in the cache that real work uses.
            offline: Allow the caches only.
            xet: Let clients that have hf_xet upload through it, as they do on the real Hub.
        """
        return _client.environ(self.endpoint, TOKEN, home=home or self.root / "client", offline=offline, xet=xet)

    @contextlib.contextmanager
    def activate(self, *, home: str | Path | None = None, offline: bool = False, xet: bool = False) -> Iterator[Self]:
        """Point this process at the hub, Hugging Face libraries that are imported already included.

        Everything is put back at the end. Objects that keep an endpoint (``HfApi()``) keep the one
        they were made with. The process has one endpoint at a time: not for several threads at once.

        Args:
            home: Folder for caches; one inside the hub's own folder when None.
            offline: Allow the caches only.
            xet: Let hf_xet upload, where it is installed.
        """
        with _client.redirected(self.environ(home=home, offline=offline, xet=xet)):
            yield self


def _as_bytes(item: bytes | str | Path) -> bytes:
    if isinstance(item, Path):
        return item.read_bytes()
    return item.encode() if isinstance(item, str) else item

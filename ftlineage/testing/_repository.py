"""Repositories on disk: commits with real Git ids, branches, tags, pull-request references, access.

A store is a folder and survives its process: ``objects/`` holds every byte once under its
SHA-256, ``repos/<type>/<namespace>--<name>/`` one JSON file a commit and one for the references.
One process writes a store at a time. What Git would refuse as a path is refused.
"""

from __future__ import annotations

import io
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from ftlineage.core import codec
from ftlineage.core.digest import is_commit_sha
from ftlineage.errors import BadArgumentError, RepositoryNotFoundError, RevisionNotFoundError
from ftlineage.testing import _git
from ftlineage.testing._objects import GITATTRIBUTES, Entry, Objects, checked_path, is_lfs, write_atomic

RepoType = Literal["model", "dataset", "space"]
Gate = Literal["auto", "manual", False]

# Commit times are logical unless a clock is given: equal pushes give equal commit ids everywhere.
_FIRST_COMMIT = 1_767_225_600  # 2026-01-01T00:00:00Z
_MINUTE = 60
# As the Hub's own rule: no "--" (it joins the parts of folder names), no "..", no ".git" at the end.
_NAME = re.compile(r"(?!.*(--|\.\.|\.git$))[A-Za-z0-9_][A-Za-z0-9._-]{0,95}")


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One commit with its whole tree; ``seconds`` is Unix time."""

    sha: str
    parent: str | None
    title: str
    description: str
    author: str
    seconds: int
    tree: dict[str, Entry]


class References(msgspec.Struct, kw_only=True):
    """The changing part of a repository: full reference names to commit ids, and who may read it."""

    type: RepoType
    id: str
    private: bool = False
    gated: Gate = False
    refs: dict[str, str] = {}
    commits: int = 0


class Repository:
    """One model, dataset or space."""

    def __init__(self, store: Store, folder: Path, references: References) -> None:
        self.folder = folder
        self.references = references
        self._store = store
        self._read: dict[str, Commit] = {}

    @property
    def id(self) -> str:
        """``namespace/name``."""
        return self.references.id

    def resolve(self, revision: str) -> str:
        """Commit id of a branch, tag, full reference or 40-hex id; short ids are unknown, as on the Hub.

        Raises:
            RevisionNotFoundError: Nothing of that name.
        """
        refs = self.references.refs
        for name in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
            if name in refs:
                return refs[name]
        if is_commit_sha(revision) and self._commit_path(revision).is_file():
            return revision
        raise RevisionNotFoundError(repo=self.id, revision=revision)

    def commit(self, revision: str) -> Commit:
        """The commit a revision names."""
        sha = self.resolve(revision)
        if sha not in self._read:
            self._read[sha] = codec.convert(codec.parse(self._commit_path(sha).read_bytes()), Commit)
        return self._read[sha]

    def history(self, revision: str) -> Iterator[Commit]:
        """Commits from a revision back to the first."""
        commit = self.commit(revision)
        yield commit
        while commit.parent is not None:
            commit = self.commit(commit.parent)
            yield commit

    def lfs_rule(self, ref: str, files: Mapping[str, bytes] | None = None) -> Callable[[str, int], bool]:
        """Whether a path of some size is LFS on this branch, if ``files`` were added to it."""
        attributes = (files or {}).get(".gitattributes")
        if attributes is None:
            head = self.references.refs.get(ref)
            entry = self.commit(head).tree.get(".gitattributes") if head else None
            attributes = self._store.objects.read(entry.sha256) if entry else GITATTRIBUTES
        return lambda path, size: is_lfs(path, size, attributes)

    def add_commit(
        self,
        ref: str,
        changes: Mapping[str, Entry | None],
        *,
        title: str,
        description: str = "",
        author: str = "local",
        orphan: bool = False,
    ) -> Commit:
        """Move a branch by one commit.

        Args:
            ref: Full name, such as ``refs/heads/main``; a new one starts empty.
            changes: New entry by path, or None where the path is deleted.
            title: First line of the message.
            description: The rest of the message.
            author: User name.
            orphan: Start a new history: no parent, and only these files.
        """
        with self._store.lock:
            parent = None if orphan else self.references.refs.get(ref)
            tree = dict(self.commit(parent).tree) if parent else {}
            for path, entry in changes.items():
                tree.pop(path, None)
                if entry is not None:
                    tree[checked_path(path)] = entry
            self.references.commits += 1
            commit = self._make(parent, tree, title=title, description=description, author=author)
            write_atomic(self._commit_path(commit.sha), codec.pretty_bytes(codec.builtins(commit)))
            self.set_ref(ref, commit.sha)
            return commit

    def _make(self, parent: str | None, tree: dict[str, Entry], *, title: str, description: str, author: str) -> Commit:
        seconds = self._store.seconds(self.references.commits)
        sha = _git.commit_id(
            tree=_git.tree_ids({path: entry.blob_id for path, entry in tree.items()})[""],
            parent=parent,
            author=author,
            seconds=seconds,
            message=f"{title}\n\n{description}" if description else title,
        )
        return Commit(
            sha=sha,
            parent=parent,
            title=title,
            description=description,
            author=author,
            seconds=seconds,
            tree=dict(sorted(tree.items())),
        )

    def set_ref(self, ref: str, sha: str | None) -> None:
        """Point a full reference name at a commit, or remove it."""
        with self._store.lock:
            if sha is None:
                self.references.refs.pop(ref, None)
            else:
                self.references.refs[ref] = sha
            self.save()

    def forget(self, sha: str) -> None:
        """Drop a commit for good, as the Hub does some time after a force-push."""
        self._commit_path(sha).unlink()
        self._read.pop(sha, None)

    def save(self) -> None:
        """Write the references."""
        write_atomic(self.folder / "refs.json", codec.pretty_bytes(codec.builtins(self.references)))

    def _commit_path(self, sha: str) -> Path:
        return self.folder / "commits" / f"{sha}.json"


class Store:
    """All repositories under one folder."""

    def __init__(self, root: Path, clock: Callable[[], float] | None = None) -> None:
        self.lock = threading.RLock()
        self.objects = Objects(root / "objects")
        self._root = root / "repos"
        self._clock = clock
        self._repositories: dict[tuple[RepoType, str], Repository] = {}
        for path in sorted(self._root.glob("*/*/refs.json")):
            references = codec.convert(codec.parse(path.read_bytes()), References)
            self._repositories[references.type, references.id] = Repository(self, path.parent, references)

    def seconds(self, number: int) -> int:
        """Time of a repository's nth commit, in Unix seconds."""
        return int(self._clock()) if self._clock else _FIRST_COMMIT + _MINUTE * number

    def __contains__(self, key: tuple[RepoType, str]) -> bool:
        return key in self._repositories

    def get(self, repo_type: RepoType, repo: str) -> Repository:
        """A repository.

        Raises:
            RepositoryNotFoundError: There is none.
        """
        try:
            return self._repositories[repo_type, repo]
        except KeyError:
            raise RepositoryNotFoundError(repo=repo, kind=repo_type, endpoint="this LocalHub") from None

    def list(self, repo_type: RepoType) -> list[Repository]:
        """Every repository of a type, by id."""
        return [item for (kind, _), item in sorted(self._repositories.items()) if kind == repo_type]

    def create(self, repo_type: RepoType, repo: str, *, author: str = "local") -> Repository:
        """A new repository with the Hub's first commit (``.gitattributes``); an existing one is returned.

        Raises:
            BadArgumentError: The name is not ``namespace/name``.
        """
        namespace, slash, name = repo.partition("/")
        if not (slash and _NAME.fullmatch(namespace) and _NAME.fullmatch(name)):
            raise BadArgumentError(argument="repo", reason=f"{repo!r} is not namespace/name")
        with self.lock:
            if (repo_type, repo) not in self:
                folder = self._root / repo_type / f"{namespace}--{name}"
                made = Repository(self, folder, References(type=repo_type, id=repo))
                entry = self.objects.entry(self.objects.add(io.BytesIO(GITATTRIBUTES)), lfs=False)
                made.add_commit("refs/heads/main", {".gitattributes": entry}, title="initial commit", author=author)
                self._repositories[repo_type, repo] = made
            return self.get(repo_type, repo)

    def delete(self, repo_type: RepoType, repo: str) -> None:
        """Remove a repository; objects stay."""
        with self.lock:
            shutil.rmtree(self.get(repo_type, repo).folder)
            del self._repositories[repo_type, repo]

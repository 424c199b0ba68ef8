"""What the local Hub cache says about a commit, read from its files; nothing here touches the network.

Layout (huggingface_hub 2.4): ``models--org--name/{blobs,refs,snapshots/<commit>,trees/<commit>.json}``.
A file of a snapshot is a link to the blob named by its digest: SHA-256 for LFS, Git's blob id for
the rest. ``trees/<commit>.json``, where it exists, lists the whole commit. Both are local data that
anyone with write access can change: good for finding damage, no proof against an attacker.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ftlineage.core import codec
from ftlineage.core.digest import is_commit_sha
from ftlineage.core.layout import path_fault
from ftlineage.errors import CardMalformedError

RepoType = Literal["model", "dataset", "space"]

_TREE_FORMAT = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FOLDER = re.compile(r"(?P<kind>model|dataset|space)s--(?P<repo>.+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class HubFile:
    """One file of a commit: ``lfs_sha256`` where it is stored through LFS, Git's ``blob_id`` otherwise.

    Both are None where nothing vouches for the file.
    """

    path: str
    size: int | None = None
    lfs_sha256: str | None = None
    blob_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedSnapshot:
    """A folder of the cache that holds files of one commit."""

    repo: str
    repo_type: RepoType
    sha: str
    folder: Path


def cache_root() -> Path:
    """Folder of the Hub cache that clients in this process use.

    The client reads the variables once, when it is first imported; where that has not happened its
    rules are followed without importing it, because a gate in front of a server must start fast.
    """
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None:
        return Path(constants.HF_HUB_CACHE)
    default = Path("~/.cache").expanduser()
    home = _expanded("HF_HOME", str(Path(os.environ.get("XDG_CACHE_HOME", default)) / "huggingface"))
    older = os.environ.get("HUGGINGFACE_HUB_CACHE", str(Path(home) / "hub"))
    return Path(_expanded("HF_HUB_CACHE", older))


def snapshot_folder(repo: str, sha: str, repo_type: RepoType = "model") -> Path:
    """Where the cache keeps the files of a commit, whether they are there or not."""
    return _repository(repo, repo_type) / "snapshots" / sha


def cached_ref(repo: str, revision: str, repo_type: RepoType = "model") -> str | None:
    """The commit a branch or tag stood at when it was last downloaded; it may have moved long since."""
    path = _repository(repo, repo_type) / "refs" / revision
    if path_fault(revision) is not None:
        return None
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        return None
    return text if is_commit_sha(text) else None


def cached_files(snapshot: Path) -> tuple[HubFile, ...]:
    """The files of a cached commit: the whole list if the cache keeps one, else what the links tell."""
    listed = _listed(snapshot.parent.parent / "trees" / f"{snapshot.name}.json")
    return listed if listed is not None else _linked(snapshot)


def identify_snapshot(folder: Path) -> CachedSnapshot | None:
    """Which commit a folder is, if it is a snapshot in the cache that clients in this process use."""
    real = Path(os.path.realpath(folder))
    match = _FOLDER.fullmatch(real.parent.parent.name)
    inside = real.parent.parent.parent == Path(os.path.realpath(cache_root()))
    if match is None or not inside or real.parent.name != "snapshots" or not is_commit_sha(real.name):
        return None
    kind: Any = match["kind"]
    return CachedSnapshot(repo=match["repo"].replace("--", "/"), repo_type=kind, sha=real.name, folder=real)


def _expanded(variable: str, default: str) -> str:
    return os.path.expandvars(os.path.expanduser(os.environ.get(variable, default)))  # noqa: PTH111 - a text


def _repository(repo: str, repo_type: RepoType) -> Path:
    return cache_root() / f"{repo_type}s--{repo.replace('/', '--')}"


def _listed(tree: Path) -> tuple[HubFile, ...] | None:
    """The cached tree listing; a damaged or unknown one counts as absent, as it does for the client."""
    try:
        document = codec.parse(tree.read_bytes())
        if document["format_version"] != _TREE_FORMAT:
            return None
        return tuple(
            HubFile(
                path=path,
                size=entry["size"],
                lfs_sha256=entry.get("lfs_sha256"),
                blob_id=entry["blob_id"],
            )
            for path, entry in sorted(document["files"].items())
            if path_fault(path) is None
        )
    except (OSError, CardMalformedError, KeyError, TypeError, AttributeError):
        return None


def _linked(snapshot: Path) -> tuple[HubFile, ...]:
    names = sorted(path for path in snapshot.rglob("*") if path.is_file())
    return tuple(_from_link(path, path.relative_to(snapshot).as_posix()) for path in names)


def _from_link(path: Path, name: str) -> HubFile:
    # A plain file (a cache without links, or one that was put there) has nothing that vouches for it.
    blob = path.readlink().name if path.is_symlink() else ""
    return HubFile(
        path=name,
        size=path.stat().st_size,
        lfs_sha256=blob if _SHA256.fullmatch(blob) else None,
        blob_id=blob if is_commit_sha(blob) else None,
    )

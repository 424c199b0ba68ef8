"""Ids of trees and commits, so that what LocalHub calls a commit is what Git would call it.

Only ids are computed; nothing is stored in Git's own format and no ``git`` program is needed.
Format source: ``git help gitformat-pack`` and "Git Internals - Git Objects".
"""

from __future__ import annotations

from collections.abc import Mapping

from ftlineage.hashing.git import object_id

_FILE_MODE = b"100644"
_TREE_MODE = b"40000"


def lfs_pointer(sha256: str, size: int) -> bytes:
    """The small file that Git stores in place of an LFS object."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def tree_ids(blobs: Mapping[str, str]) -> dict[str, str]:
    """Tree id of every folder, the root under ``""``.

    Args:
        blobs: Blob id of each file by its path with ``/``.
    """
    children: dict[str, dict[str, str | None]] = {"": {}}
    for path, blob in blobs.items():
        folder, _, name = path.rpartition("/")
        children.setdefault(folder, {})[name] = blob
        while folder:
            above, _, name = folder.rpartition("/")
            children.setdefault(above, {})[name] = None
            folder = above
    ids: dict[str, str] = {}
    for folder in sorted(children, key=lambda item: (item != "", item.count("/")), reverse=True):
        ids[folder] = _tree_id(folder, children[folder], ids)
    return ids


def _tree_id(folder: str, names: Mapping[str, str | None], ids: Mapping[str, str]) -> str:
    # Git sorts a folder as if its name ended in "/".
    body = bytearray()
    for name, blob in sorted(names.items(), key=lambda item: (item[0] + ("/" if item[1] is None else "")).encode()):
        entry = blob or ids[f"{folder}/{name}" if folder else name]
        mode = _TREE_MODE if blob is None else _FILE_MODE
        body += mode + b" " + name.encode() + b"\0" + bytes.fromhex(entry)
    return object_id("tree", bytes(body))


def commit_id(*, tree: str, parent: str | None, author: str, seconds: int, message: str) -> str:
    """Id of a commit with one author who is also the committer, in UTC.

    Args:
        tree: Id of the root tree.
        parent: Id of the commit before it, or None for the first.
        author: User name; the address is ``<name>@localhub.invalid``.
        seconds: Unix time.
        message: Title, empty line, description.
    """
    who = f"{author} <{author}@localhub.invalid> {seconds} +0000"
    lines = [f"tree {tree}", *([f"parent {parent}"] if parent else []), f"author {who}", f"committer {who}"]
    return object_id("commit", ("\n".join(lines) + f"\n\n{message}\n").encode("utf-8", "surrogatepass"))

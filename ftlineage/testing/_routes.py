"""What LocalHub answers to readers: repository info, references, trees, paths, history, files.

Field names and headers are those the official client (huggingface_hub 2.4) reads; what it ignores is left out.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

from ftlineage.testing import _git
from ftlineage.testing._http import Call, FilePart, RefusedError, Reply, json_reply
from ftlineage.testing._objects import Entry
from ftlineage.testing._repository import Commit, Repository

Route = Callable[[Call], Reply]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def iso_time(seconds: int) -> str:
    """RFC 3339 in UTC with milliseconds, as the Hub writes it."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


# --- accounts ----------------------------------------------------------------------------------


def whoami(call: Call) -> Reply:
    """GET /api/whoami-v2."""
    if call.token is None:
        raise RefusedError(status=401, message="Invalid username or password.")
    access = {"displayName": "localhub", "role": "write" if call.token.write else "read"}
    return json_reply(
        {
            "type": "user",
            "id": "0" * 24,
            "name": call.token.user,
            "fullname": call.token.user,
            "email": None,
            "isPro": False,
            "orgs": [],
            "auth": {"type": "access_token", "accessToken": access},
        }
    )


def ignored(call: Call) -> Reply:
    """Telemetry and the like: taken and thrown away."""
    call.body.read()
    return json_reply({})


# --- repositories ------------------------------------------------------------------------------


def list_repositories(call: Call) -> Reply:
    """GET /api/models: ``search`` and ``author`` are honoured."""
    search = (call.query.get("search") or [""])[-1].lower()
    author = (call.query.get("author") or [""])[-1]
    found = []
    for repository in call.state.store.list(call.repo_type):
        hidden = repository.references.private and not (call.token and call.token.opens(repository.id))
        named = search in repository.id.lower() and repository.id.startswith(f"{author}/" if author else "")
        if named and not hidden:
            found.append(_info(call, repository, repository.commit("main")))
    return json_reply(found)


def info(call: Call) -> Reply:
    """GET /api/models/{repo} and .../revision/{revision}."""
    repository = call.repository()
    commit = repository.commit(call.revision)
    document = _info(call, repository, commit)
    wanted = call.query.get("expand") or call.query.get("expand[]")
    if wanted:
        document = {key: value for key, value in document.items() if key in {"_id", "id", *wanted}}
    return json_reply(document)


def _info(call: Call, repository: Repository, commit: Commit) -> dict[str, Any]:
    references = repository.references
    created = next(itertools.islice(repository.history(commit.sha), 0, None)).seconds
    return {
        "_id": commit.sha[:24],
        "id": references.id,
        "modelId": references.id,
        "author": references.id.partition("/")[0],
        "sha": commit.sha,
        "lastModified": iso_time(commit.seconds),
        "createdAt": iso_time(created),
        "private": references.private,
        "gated": references.gated,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "usedStorage": sum(entry.size for entry in commit.tree.values()),
        "siblings": [_sibling(path, entry, blobs=call.flag("blobs")) for path, entry in commit.tree.items()],
    }


def _sibling(path: str, entry: Entry, *, blobs: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"rfilename": path}
    if blobs:
        document |= {"blobId": entry.blob_id, "size": entry.size}
    if blobs and entry.lfs:
        document["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": entry.pointer_size}
    return document


def refs(call: Call) -> Reply:
    """GET .../refs."""
    names = call.repository().references.refs

    def listed(prefix: str) -> list[dict[str, str]]:
        return [
            {"name": name.removeprefix(prefix), "ref": name, "targetCommit": sha}
            for name, sha in names.items()
            if name.startswith(prefix)
        ]

    document = {"branches": listed("refs/heads/"), "tags": listed("refs/tags/"), "converts": []}
    if call.flag("include_prs"):
        document["pullRequests"] = listed("refs/pr/")
    return json_reply(document)


def commits(call: Call) -> Reply:
    """GET .../commits/{revision}, newest first."""
    found = [
        {
            "id": commit.sha,
            "title": commit.title,
            "message": commit.description,
            "date": iso_time(commit.seconds),
            "authors": [{"user": commit.author}],
        }
        for commit in call.repository().history(call.revision)
    ]
    return _paged(call, found)


# --- trees -------------------------------------------------------------------------------------


def tree(call: Call) -> Reply:
    """GET .../tree/{revision}/{path}: files and folders, in pages."""
    repository = call.repository()
    commit = repository.commit(call.revision)
    folder = (call.args.get("path") or "").strip("/")
    entries = list(_tree_entries(commit, folder, recursive=call.flag("recursive")))
    if folder and not entries:
        raise _entry_missing(commit, folder)
    if call.flag("expand"):
        entries = [entry | _last_commit(repository, commit, entry["path"]) for entry in entries]
    return _paged(call, entries, {"X-Repo-Commit": commit.sha})


def _tree_entries(commit: Commit, folder: str, *, recursive: bool) -> Iterator[dict[str, Any]]:
    prefix = f"{folder}/" if folder else ""
    ids = _git.tree_ids({path: entry.blob_id for path, entry in commit.tree.items()})
    folders = sorted(path for path in ids if path.startswith(prefix) and path != folder)
    for path in folders:
        if recursive or "/" not in path.removeprefix(prefix):
            yield {"type": "directory", "oid": ids[path], "size": 0, "path": path}
    for path, entry in commit.tree.items():
        if path.startswith(prefix) and (recursive or "/" not in path.removeprefix(prefix)):
            yield _file_entry(path, entry)


def _file_entry(path: str, entry: Entry) -> dict[str, Any]:
    document: dict[str, Any] = {"type": "file", "oid": entry.blob_id, "size": entry.size, "path": path}
    if entry.lfs:
        document["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": entry.pointer_size}
    return document


def _last_commit(repository: Repository, commit: Commit, path: str) -> dict[str, Any]:
    """The newest commit that changed a path, or anything below it."""
    last = commit
    for older in itertools.islice(repository.history(commit.sha), 1, None):
        if _below(older, path) != _below(commit, path):
            break
        last = older
    return {"lastCommit": {"id": last.sha, "title": last.title, "date": iso_time(last.seconds)}}


def _below(commit: Commit, path: str) -> list[Entry]:
    return [entry for name, entry in commit.tree.items() if name == path or name.startswith(f"{path}/")]


def paths_info(call: Call) -> Reply:
    """POST .../paths-info/{revision}: entries of the paths that exist; the others are left out, as on the Hub."""
    repository = call.repository()
    commit = repository.commit(call.revision)
    if "form" in call.headers.get("Content-Type", ""):
        form = urllib.parse.parse_qs(call.body.read().decode())
        expand = form.get("expand", ["false"])[-1].lower() == "true"
        paths = form.get("paths", [])
    else:
        asked = call.json()
        expand = bool(asked.get("expand"))
        paths = asked.get("paths", [])
    ids = _git.tree_ids({path: entry.blob_id for path, entry in commit.tree.items()})
    found: list[dict[str, Any]] = []
    for path in paths:
        name = path.strip("/")
        if name in commit.tree:
            found.append(_file_entry(name, commit.tree[name]))
        elif name and name in ids:
            found.append({"type": "directory", "oid": ids[name], "size": 0, "path": name})
    if expand:
        found = [entry | _last_commit(repository, commit, entry["path"]) for entry in found]
    return json_reply(found)


def _paged(call: Call, items: list[dict[str, Any]], headers: dict[str, str] | None = None) -> Reply:
    size = int((call.query.get("limit") or [str(call.state.page_size)])[-1])
    start = int((call.query.get("cursor") or ["0"])[-1])
    more = dict(headers or {})
    if start + size < len(items):
        query = {key: values[-1] for key, values in call.query.items()} | {"cursor": str(start + size)}
        more["Link"] = f'<{call.state.endpoint}{call.path}?{urllib.parse.urlencode(query)}>; rel="next"'
    return json_reply(items[start : start + size], headers=more)


# --- files -------------------------------------------------------------------------------------


def file(call: Call) -> Reply:
    """GET and HEAD /{repo}/resolve/{revision}/{path}."""
    repository = call.repository()
    call.require_gate(repository)
    commit = repository.commit(call.revision)
    path = call.args.get("path") or ""
    entry = commit.tree.get(path)
    if entry is None:
        raise _entry_missing(commit, path)
    headers = {"X-Repo-Commit": commit.sha, "Accept-Ranges": "bytes", "ETag": f'"{entry.etag}"'}
    if entry.lfs:
        headers |= {"X-Linked-Etag": f'"{entry.sha256}"', "X-Linked-Size": str(entry.size)}
    stored = call.state.store.objects.path(entry.sha256)
    start, stop, partial = _byte_range(call.headers.get("Range"), entry.size)
    if partial:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{entry.size}"
    return Reply(
        status=206 if partial else 200,
        body=FilePart(path=stored, start=start, stop=stop),
        headers=headers,
        content_type="application/octet-stream",
    )


def _byte_range(header: str | None, size: int) -> tuple[int, int, bool]:
    """Start, stop and whether a part was asked for (RFC 9110, one range).

    Raises:
        RefusedError: 416 when the range starts past the end.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match.groups() == ("", ""):
        return 0, size, False
    first, last = match.groups()
    if not first:
        return max(size - int(last), 0), size, True
    if int(first) >= size:
        headers = {"Content-Range": f"bytes */{size}"}
        raise RefusedError(status=416, message="Range Not Satisfiable", headers=headers)
    return int(first), min(int(last) + 1, size) if last else size, True


def _entry_missing(commit: Commit, path: str) -> RefusedError:
    # The commit lets clients remember that the file does not exist there.
    message = f"{path} does not exist at {commit.sha}"
    return RefusedError(status=404, code="EntryNotFound", message=message, headers={"X-Repo-Commit": commit.sha})

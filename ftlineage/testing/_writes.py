"""What LocalHub does for writers: repositories, uploads, commits, branches, tags.

A commit is applied whole or not at all, and ``parentCommit`` guards it. Uploaded objects are kept
only under the SHA-256 of what really arrived.
"""

from __future__ import annotations

import base64
import io
from typing import Any, cast

from ftlineage.core import codec
from ftlineage.errors import RevisionNotFoundError
from ftlineage.testing._http import Call, RefusedError, Reply, json_reply
from ftlineage.testing._objects import Entry
from ftlineage.testing._repository import Gate, Repository, RepoType

_CREATED = 201


# --- repositories ------------------------------------------------------------------------------


def create_repository(call: Call) -> Reply:
    """POST /api/repos/create."""
    token = call.require_write()
    asked = call.json()
    repo = f"{asked.get('organization') or token.user}/{asked['name']}"
    repo_type = cast("RepoType", asked.get("type") or "model")
    url = f"{call.state.endpoint}/{_url_prefix(repo_type)}{repo}"
    if (repo_type, repo) in call.state.store:
        return json_reply({"url": url, "error": "You already created this repo"}, 409)
    repository = call.state.store.create(repo_type, repo, author=token.user)
    repository.references.private = bool(asked.get("private")) or asked.get("visibility") == "private"
    repository.save()
    return json_reply({"url": url, "name": repo, "id": repo})


def delete_repository(call: Call) -> Reply:
    """DELETE /api/repos/delete."""
    token = call.require_write()
    asked = call.json()
    repo = f"{asked.get('organization') or token.user}/{asked['name']}"
    repo_type = cast("RepoType", asked.get("type") or "model")
    if (repo_type, repo) not in call.state.store:
        raise RefusedError(status=404, code="RepoNotFound", message="Repository not found")
    call.state.store.delete(repo_type, repo)
    return json_reply({})


def settings(call: Call) -> Reply:
    """PUT .../settings: ``private`` or ``visibility``, and ``gated``."""
    repository = call.repository(write=True)
    asked = call.json()
    if "private" in asked or "visibility" in asked:
        repository.references.private = bool(asked.get("private")) or asked.get("visibility") == "private"
    if "gated" in asked:
        repository.references.gated = cast("Gate", asked["gated"])
    repository.save()
    return json_reply({"private": repository.references.private, "gated": repository.references.gated})


def validate_yaml(call: Call) -> Reply:
    """POST /api/validate-yaml: every card is fine here."""
    call.body.read()
    return json_reply({"errors": [], "warnings": []})


# --- uploads -----------------------------------------------------------------------------------


def preupload(call: Call) -> Reply:
    """POST .../preupload/{revision}: which files go through LFS, and what is already there."""
    repository = call.repository(write=True)
    head = repository.references.refs.get(_branch_ref(call.revision))
    tree = repository.commit(head).tree if head else {}
    files = call.json()["files"]
    # A `.gitattributes` that arrives in this very commit rules it, so its sample is read.
    samples = {item["path"]: base64.b64decode(item.get("sample") or "") for item in files}
    rule = repository.lfs_rule(_branch_ref(call.revision), samples)
    return json_reply({"files": [_upload_mode(item, tree, lfs=rule(item["path"], item["size"])) for item in files]})


def _upload_mode(item: dict[str, Any], tree: dict[str, Entry], *, lfs: bool) -> dict[str, Any]:
    path = item["path"]
    answer = {"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
    return answer | ({"oid": tree[path].etag} if path in tree else {})


def lfs_batch(call: Call) -> Reply:
    """POST /{repo}.git/info/lfs/objects/batch: where to send the objects that are not here yet."""
    call.repository(write=True)
    answers = []
    for item in call.json()["objects"]:
        answer = {"oid": item["oid"], "size": item["size"]}
        if item["oid"] not in call.state.store.objects:
            answer["actions"] = {"upload": {"href": f"{call.state.endpoint}/__lfs/{item['oid']}", "header": {}}}
        answers.append(answer)
    return json_reply({"transfer": "basic", "objects": answers})


def lfs_put(call: Call) -> Reply:
    """PUT /__lfs/{oid}: the bytes must have the SHA-256 they claim."""
    arrived = call.state.store.objects.add(call.body)
    if arrived != call.args["oid"]:
        raise RefusedError(status=400, message=f"the uploaded bytes have SHA-256 {arrived}, not {call.args['oid']}")
    return json_reply({})


def xet_token(call: Call) -> Reply:
    """GET .../xet-write-token/{revision}: where a client that has hf_xet sends chunks."""
    call.repository(write=True)
    return json_reply(call.state.xet.grant())


# --- commits -----------------------------------------------------------------------------------


def commit(call: Call) -> Reply:
    """POST .../commit/{revision}: one JSON object a line."""
    repository = call.repository(write=True)
    token = call.require_write()
    pull_request = call.flag("create_pr")
    ref = _branch_ref(call.revision)
    with call.state.store.lock:
        head = repository.resolve(ref)
        header, changes = _operations(call, repository, ref)
        parent = header.get("parentCommit")
        if parent and not head.startswith(parent):
            raise RefusedError(status=412, message="A commit has happened since. Please refresh and try again.")
        if pull_request:
            ref = _next_pull_request(repository, head)
        made = repository.add_commit(
            ref,
            changes,
            title=header["summary"],
            description=header.get("description") or "",
            author=token.user,
        )
    home = f"{call.state.endpoint}/{_url_prefix(call.repo_type)}{repository.id}"
    document = {"success": True, "commitOid": made.sha, "commitUrl": f"{home}/commit/{made.sha}", "hookOutput": ""}
    if pull_request:
        document["pullRequestUrl"] = f"{home}/discussions/{ref.rpartition('/')[2]}"
    return json_reply(document)


def _operations(call: Call, repository: Repository, ref: str) -> tuple[dict[str, Any], dict[str, Entry | None]]:
    header: dict[str, Any] = {}
    changes: dict[str, Entry | None] = {}
    paths = repository.commit(ref).tree
    objects = call.state.store.objects
    for line in call.body:
        operation = codec.parse(line)
        value = operation["value"]
        match operation["key"]:
            case "header":
                header = value
            case "file":
                data = io.BytesIO(base64.b64decode(value["content"]))
                changes[value["path"]] = objects.entry(objects.add(data), lfs=False)
            case "lfsFile":
                if value["oid"] not in objects and not call.state.xet.take(value["oid"], objects):
                    raise RefusedError(status=400, message=f"LFS object {value['oid']} was never uploaded")
                changes[value["path"]] = objects.entry(value["oid"], lfs=True)
            case "deletedFile":
                changes[value["path"]] = None
            case "deletedFolder":
                folder = value["path"].rstrip("/") + "/"
                changes |= dict.fromkeys(path for path in paths if path.startswith(folder))
            case other:
                raise RefusedError(status=400, message=f"unknown operation {other!r}")
    return header, changes


def _next_pull_request(repository: Repository, head: str) -> str:
    number = 1 + sum(name.startswith("refs/pr/") for name in repository.references.refs)
    ref = f"refs/pr/{number}"
    repository.set_ref(ref, head)
    return ref


# --- references --------------------------------------------------------------------------------


def create_tag(call: Call) -> Reply:
    """POST .../tag/{revision} with the tag's name in the body."""
    repository = call.repository(write=True)
    ref = f"refs/tags/{call.json()['tag']}"
    return _create_ref(repository, ref, call.revision)


def create_branch(call: Call) -> Reply:
    """POST .../branch/{name}."""
    repository = call.repository(write=True)
    return _create_ref(repository, f"refs/heads/{call.revision}", call.json().get("startingPoint") or "main")


def _create_ref(repository: Repository, ref: str, revision: str) -> Reply:
    sha = repository.resolve(revision)
    if ref in repository.references.refs:
        raise RefusedError(status=409, message="Reference already exists")
    repository.set_ref(ref, sha)
    return Reply(status=_CREATED)


def delete_tag(call: Call) -> Reply:
    """DELETE .../tag/{name}."""
    return _delete_ref(call.repository(write=True), f"refs/tags/{call.revision}")


def delete_branch(call: Call) -> Reply:
    """DELETE .../branch/{name}; never ``main``."""
    if call.revision == "main":
        raise RefusedError(status=403, message="The default branch cannot be deleted")
    return _delete_ref(call.repository(write=True), f"refs/heads/{call.revision}")


def _delete_ref(repository: Repository, ref: str) -> Reply:
    if ref not in repository.references.refs:
        raise RevisionNotFoundError(repo=repository.id, revision=ref)
    repository.set_ref(ref, None)
    return json_reply({})


def super_squash(call: Call) -> Reply:
    """POST .../super-squash/{branch}: one commit without a parent in place of the history."""
    repository = call.repository(write=True)
    ref = _branch_ref(call.revision)
    with call.state.store.lock:
        tree = repository.commit(ref).tree
        title = call.json().get("message") or "Super-squash branch using huggingface_hub"
        repository.add_commit(ref, dict(tree), title=title, author=call.require_write().user, orphan=True)
    return json_reply({})


def _branch_ref(revision: str) -> str:
    return revision if revision.startswith("refs/") else f"refs/heads/{revision}"


def _url_prefix(repo_type: RepoType) -> str:
    return "" if repo_type == "model" else f"{repo_type}s/"

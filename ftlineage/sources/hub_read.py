"""Small files of a commit, read from the Hub into memory and checked; nothing is written to the cache.

Decides that bytes count only if they have the digest the commit gives them. Bytes that do not are
the fault of the line, a proxy or the Hub, and prove nothing about the version: undecided.
"""

from __future__ import annotations

from ftlineage.core.digest import sha256_hex
from ftlineage.errors import HubAnswerMalformedError, HubUnreachableError, StorageError
from ftlineage.hashing.git import object_id
from ftlineage.sources.hub import TIMEOUT, HubCommit
from ftlineage.sources.hub_cache import HubFile
from ftlineage.sources.hub_errors import endpoint, hub_errors


def read_hub_file(
    commit: HubCommit, file: HubFile, *, timeout: float = TIMEOUT, token: str | bool | None = None
) -> bytes:
    """The whole content of one file of a commit.

    Args:
        commit: As ``resolve_revision`` gave it.
        file: One of its files, with the size and digest that the Hub names.
        timeout: Seconds to wait for the connection, and between any two pieces of the body.
        token: As for ``HfApi``.

    Raises:
        UndecidedError: It cannot be had, or what came is not what the commit says.
    """
    size = file.size
    if size is None or (file.lfs_sha256 is None and file.blob_id is None):
        raise _unsound(commit, f"it gives no size or digest for {file.path}")
    try:
        with hub_errors(commit.repo, kind=commit.repo_type, revision=commit.sha, timeout=timeout):
            data = _download(commit, file.path, size, timeout=timeout, token=token)
    except StorageError as error:  # nothing was stored: the system's error is the network's
        raise HubUnreachableError(repo=commit.repo, endpoint=endpoint(), cause=error.cause) from error
    if len(data) != size:
        came = "more" if len(data) > size else f"only {len(data)}"
        raise _unsound(commit, f"{file.path} has {size} bytes and {came} arrived")
    if not is_content(file, data):
        raise _unsound(commit, f"what arrived as {file.path} is not what the commit holds")
    return data


def is_content(file: HubFile, data: bytes) -> bool:
    """Whether bytes are those of a file of a commit; True needs a digest that vouches for it."""
    if file.lfs_sha256 is not None:
        return sha256_hex(data) == file.lfs_sha256
    return file.blob_id is not None and object_id("blob", data) == file.blob_id


def _download(commit: HubCommit, path: str, size: int, *, timeout: float, token: str | bool | None) -> bytes:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    url = hf_hub_url(commit.repo, path, repo_type=commit.repo_type, revision=commit.sha)
    # A compressed body has another length than the file.
    headers = {**build_hf_headers(token=token, library_name="ftlineage"), "Accept-Encoding": "identity"}
    data = bytearray()
    with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
        if response.is_error:
            response.read()
        hf_raise_for_status(response)
        for piece in response.iter_bytes():
            data += piece
            if len(data) > size:
                break  # somebody sends without end
    return bytes(data)


def _unsound(commit: HubCommit, reason: str) -> HubAnswerMalformedError:
    return HubAnswerMalformedError(repo=commit.repo, endpoint=endpoint(), reason=reason)

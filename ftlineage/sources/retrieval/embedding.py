"""The model that made an index's vectors: a Hub commit, the digest of a local folder, or as declared.

A Hub model named without a commit is resolved to one, never guessed. A folder is recorded by its
name and the digest of its files. What a caller gives as ``EmbeddingModel``, or as a dictionary that
has ``revision`` or ``digest``, is taken at its word: models behind an API have neither commit nor
files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftlineage.core.digest import is_commit_sha
from ftlineage.core.sections import EmbeddingModel
from ftlineage.errors import BadArgumentError, RepositoryNotFoundError
from ftlineage.hashing.files import list_files, record_files, tree_digest

_ARGUMENT = "embedding_model"
_API_HINT = "For a model behind an API give ftlineage's EmbeddingModel, or {'model': NAME, 'revision': None}"


def observe_embedding_model(given: Any) -> EmbeddingModel | None:
    """What a caller says about the embedding model, pinned.

    Args:
        given: ``org/name``, ``org/name@revision``, a folder, an ``EmbeddingModel``, a dictionary of
            its fields, or None.

    Raises:
        BadArgumentError: Something else, or unknown fields.
        PathNotFoundError: No such folder.
        UndecidedError: The Hub cannot say which commit is meant.
    """
    match given:
        case None:
            return None
        case EmbeddingModel():
            return _checked(given)
        case Mapping():
            return _from_fields(dict(given))
        case str() | os.PathLike():
            return _resolved(given, None)
    kind = type(given).__name__
    raise BadArgumentError(argument=_ARGUMENT, reason=f"{kind} is neither a name, a folder nor an EmbeddingModel")


def _from_fields(fields: dict[str, Any]) -> EmbeddingModel:
    model, unknown = fields.get("model"), sorted(fields.keys() - {"model", "revision", "digest"})
    if unknown:
        raise BadArgumentError(argument=_ARGUMENT, reason=f"{unknown[0]!r} is none of model, revision and digest")
    if not isinstance(model, str):
        raise BadArgumentError(argument=_ARGUMENT, reason="the dictionary has no text under 'model'")
    revision = fields.get("revision")
    if "revision" not in fields and "digest" not in fields:
        return _resolved(model, None)
    if revision is not None and not is_commit_sha(revision):
        return _resolved(model, str(revision))
    return _checked(EmbeddingModel(model=model, revision=revision, digest=fields.get("digest")))


def _checked(model: EmbeddingModel) -> EmbeddingModel:
    """A struct can be built with anything in it; a card cannot hold anything."""
    if not model.model or model.model.startswith(("/", "~")):
        raise BadArgumentError(argument=_ARGUMENT, reason="a card holds names, not paths; give the folder as Path")
    if model.revision is not None and not is_commit_sha(model.revision):
        reason = f"{model.revision!r} is no commit; give 'org/name@{model.revision}' to have it resolved"
        raise BadArgumentError(argument=_ARGUMENT, reason=reason)
    return model


def _resolved(given: str | os.PathLike[str], requested: str | None) -> EmbeddingModel:
    from ftlineage.sources.base import parse_base, resolve_base

    if isinstance(given, str):
        name, revision = parse_base(given)
        revision = requested or revision
        if is_commit_sha(revision):  # pinned already: no need to ask
            return _checked(EmbeddingModel(model=name, revision=revision))
    try:
        resolved = resolve_base(given, requested)
    except RepositoryNotFoundError as error:
        raise RepositoryNotFoundError(
            repo=error.repo, kind=error.kind, endpoint=error.endpoint, hint=_API_HINT
        ) from error
    if resolved.origin == "hub":
        return EmbeddingModel(model=resolved.model, revision=resolved.revision)
    files = list_files(resolved.folder, keep=_is_content, enter=_is_content)
    return EmbeddingModel(model=resolved.model, digest="sha256:" + tree_digest(record_files(files, resolved.folder)))


def _is_content(name: str) -> bool:
    return not Path(name).name.startswith(".")

"""The base model: which one was meant, at which commit, and the digests of the files a load reads.

Decides between Hub and local folder by how the base is written, and resolves a Hub base to a
commit once. Refused: a Hub name that is also a folder here, because every load would silently take
the folder; a local folder with a revision; files that differ from what the Hub's commit says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ftlineage.core import codec
from ftlineage.core.layout import may_hold_recorded
from ftlineage.core.sections import Base, FileRecord, LoadedAs
from ftlineage.errors import (
    BadArgumentError,
    BadInputError,
    BadReferenceError,
    CardMalformedError,
    PathNotFoundError,
    RemoteCodeUnpinnableError,
    UndecidedError,
    UnsafePathError,
)
from ftlineage.hashing.files import list_files, record_files
from ftlineage.hashing.progress import progress_bar
from ftlineage.hashing.receipts import Receipts
from ftlineage.sources.base_files import is_weight, load_files
from ftlineage.sources.hub import (
    TIMEOUT,
    HubCommit,
    check_files,
    extra_files,
    fetch_files,
    resolve_revision,
)
from ftlineage.sources.hub_cache import identify_snapshot

__all__ = [
    "ResolvedBase",
    "code_sources",
    "observe_base",
    "parse_base",
    "pinned_kwargs",
    "prepare_base",
    "refuse_shadowed",
    "resolve_base",
]

_REPO = re.compile(r"[A-Za-z0-9][\w.\-]{0,95}(/[A-Za-z0-9_][\w.\-]{0,95})?", re.ASCII)
_LOCAL = ("/", "./", "../", "~", ".\\", "..\\")
# Where transformers looks for the code of a model, its tokenizer and its processor.
_CODE_CONFIGS = ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedBase:
    """A base at one commit, or a local folder.

    ``model`` is the Hub id, or the folder's name; ``folder`` is the local folder, or where the
    cache keeps the commit's files once they are downloaded; ``commit`` is None for a local folder.
    """

    model: str
    requested: str | None = None
    revision: str | None = None
    origin: Literal["hub", "local"]
    folder: Path
    commit: HubCommit | None = None


def parse_base(text: str) -> tuple[str, str | None]:
    """Split what a user writes into a model and a revision: ``org/name@rev``, ``hf://org/name``, a path.

    A path stays as it is written, an ``@`` in it included.

    Raises:
        BadReferenceError: A dataset, a web address, or an empty model or revision.
    """
    if text.startswith(("http://", "https://", "hf://datasets/", "hf://spaces/")):
        reason = "not a model" if text.startswith("hf://") else "write org/name, not an address"
        raise BadReferenceError(reference=text, reason=reason)
    is_hub = text.startswith("hf://")
    rest = text.removeprefix("hf://").removeprefix("models/") if is_hub else text
    if text and not is_hub and (text.startswith(_LOCAL) or Path(text).exists()):
        return text, None
    model, at, revision = rest.partition("@")
    if not model or (at and not revision):
        raise BadReferenceError(reference=text, reason="write org/name or org/name@revision")
    return model, revision or None


def is_path(name: str) -> bool:
    """Whether a model's name means a folder here: it begins like one, no repository can be called so, or it is one."""
    return name.startswith(_LOCAL) or _REPO.fullmatch(name) is None or _is_bare_folder(name)


def resolve_base(
    model: str | os.PathLike[str],
    requested: str | None = None,
    *,
    timeout: float = TIMEOUT,
    token: str | bool | None = None,
) -> ResolvedBase:
    """Decide which base is meant and, on the Hub, at which commit.

    ``Path`` objects and strings that begin with ``/``, ``./``, ``../`` or ``~`` are folders;
    ``org/name`` and ``hf://...`` are the Hub. A bare name that is a folder here is the folder, as
    for transformers. A folder inside the Hub cache is the Hub commit it holds.

    Args:
        model: Hub id, with ``@revision`` or not, or a folder.
        requested: Branch, tag or commit; may also stand in ``model``.
        timeout: Seconds to wait for the Hub at each step.
        token: As for ``HfApi``.

    Raises:
        BadArgumentError: The name means two things here, or a folder was given a revision.
        BadReferenceError, PathNotFoundError, BadInputError: Nothing that could be a base.
        UndecidedError: The Hub cannot say; see ``hub.resolve_revision``.
    """
    if not isinstance(model, str):
        return _local(Path(model), requested, timeout=timeout, token=token)
    name, written = parse_base(model)
    if written is not None and requested is not None and written != requested:
        reason = f"{model!r} names {written!r} and revision says {requested!r}"
        raise BadArgumentError(argument="revision", reason=reason)
    is_hub = model.startswith("hf://") or written is not None
    if not is_hub and is_path(name):
        return _local(Path(name).expanduser(), requested, timeout=timeout, token=token)
    if _REPO.fullmatch(name) is None:
        raise BadReferenceError(reference=model, reason="a Hub model is written org/name")
    return _hub(name, requested if written is None else written, timeout=timeout, token=token)


def pinned_kwargs(
    resolved: ResolvedBase, *, trust_remote_code: bool | None = None, timeout: float = TIMEOUT
) -> dict[str, str]:
    """What every ``from_pretrained`` of this base must be given: ``revision``, and ``code_revision`` where needed.

    ``revision`` does not pin code that lives in another repository (``auto_map`` with ``other/repo--file.Class``);
    that repository is resolved to its commit here, once.

    Args:
        resolved: As :func:`resolve_base` gave it.
        trust_remote_code: True raises if the code cannot be pinned; None leaves ``code_revision``
            out then; False does not look.
        timeout: Seconds to wait for the Hub at each step.

    Raises:
        RemoteCodeUnpinnableError: Code from several repositories.
        UndecidedError: The Hub cannot say at which commit the code is.
    """
    pins = {} if resolved.revision is None else {"revision": resolved.revision}
    if trust_remote_code is False:
        return pins
    try:
        code_revision = _code_revision(resolved, timeout)
    except UndecidedError:
        if trust_remote_code:
            raise
        return pins
    return pins if code_revision is None else {**pins, "code_revision": code_revision}


def refuse_shadowed(repo: str) -> None:
    """Raise if something here has the name of a Hub repository: transformers would take it without a word.

    Raises:
        BadInputError, BadArgumentError: A file or a folder has that name.
    """
    if Path(repo).is_file():
        raise BadInputError(path=repo, reason="a base is a folder, and this is a file")
    if Path(repo).exists():
        reason = f"there is a folder {repo} here, and every load of {repo!r} would take it instead of the Hub's"
        hint = f"Write ./{repo} for the folder; for the Hub's, rename the folder or start elsewhere"
        raise BadArgumentError(argument="base", reason=reason, hint=hint)


def prepare_base(resolved: ResolvedBase, *, timeout: float = TIMEOUT) -> None:
    """Bring in now the small files that :func:`observe_base` will hash, so that sealing needs no Hub hours later.

    Raises:
        UndecidedError: One of them cannot be downloaded.
    """
    commit = resolved.commit
    if commit is not None:
        small = [name for name in _wanted(commit) if not is_weight(name)]
        fetch_files(commit, small, timeout=timeout)


def observe_base(
    resolved: ResolvedBase,
    *,
    loaded_as: LoadedAs | None = None,
    code_revision: str | None = None,
    receipts: Receipts | None = None,
    timeout: float = TIMEOUT,
) -> Base:
    """Hash the files a load reads, as they lie here, and compare them with the Hub's digests.

    Small files that the cache lacks are downloaded. Weights that it lacks are not: then the Hub's
    SHA-256 stands for them and the section is marked ``declared``.

    Args:
        resolved: As :func:`resolve_base` gave it.
        loaded_as: How the model was instantiated.
        code_revision: Commit of code from another repository.
        receipts: Digests known from earlier; every byte is read when None.
        timeout: Seconds to wait for the Hub at each step.

    Raises:
        DigestMismatchError: A cached file is not what the commit says (trap T11).
        UnsafePathError: A file that a load would read lies in the cache and is not part of the commit.
        BadInputError: A local folder without weights.
        UndecidedError: A small file cannot be downloaded.
    """
    if resolved.commit is None:
        files, complete = _local_records(resolved.folder, receipts), True
    else:
        files, complete = _hub_records(resolved.commit, receipts, timeout)
    return Base(
        model=resolved.model,
        requested=resolved.requested,
        revision=resolved.revision,
        origin=resolved.origin,
        files=files,
        code_revision=code_revision,
        loaded_as=loaded_as,
        evidence="observed" if complete else "declared",
    )


# --- resolving ---------------------------------------------------------------------------------


def _hub(
    repo: str, requested: str | None, *, timeout: float, token: str | bool | None, named: bool = True
) -> ResolvedBase:
    refuse_shadowed(repo)
    commit = resolve_revision(repo, requested, timeout=timeout, token=token)
    return ResolvedBase(
        model=repo,
        requested=commit.requested if named else None,
        revision=commit.sha,
        origin="hub",
        folder=commit.folder,
        commit=commit,
    )


def _local(folder: Path, requested: str | None, *, timeout: float, token: str | bool | None) -> ResolvedBase:
    if not folder.is_dir():
        if folder.exists():
            raise BadInputError(path=str(folder), reason="a base is a folder, and this is a file")
        raise PathNotFoundError(path=str(folder))
    if requested is not None:
        raise BadArgumentError(argument="revision", reason=f"{folder.name} is a local folder and has no revisions")
    snapshot = identify_snapshot(folder)
    if snapshot is not None and snapshot.repo_type == "model":
        # Recorded and loaded by its Hub id: a path into one machine's cache means nothing elsewhere.
        return _hub(snapshot.repo, snapshot.sha, timeout=timeout, token=token, named=False)
    return ResolvedBase(model=folder.resolve().name, origin="local", folder=folder)


def _is_bare_folder(name: str) -> bool:
    return "/" not in name and Path(name).is_dir()


# --- hashing -----------------------------------------------------------------------------------


def _local_records(folder: Path, receipts: Receipts | None) -> list[FileRecord]:
    present = [path.relative_to(folder).as_posix() for path in list_files(folder, enter=may_hold_recorded)]
    names = load_files(present)
    if not any(is_weight(name) for name in names):
        raise BadInputError(path=folder.name, reason="holds no model weights")
    with progress_bar(_total(folder, names), "Hashing base") as update:
        return record_files([folder / name for name in names], folder, receipts=receipts, update=update)


def _hub_records(commit: HubCommit, receipts: Receipts | None, timeout: float) -> tuple[list[FileRecord], bool]:
    known = {file.path: file for file in commit.files}
    _refuse_extras(commit, known)
    names = _wanted(commit)
    # Weights kept in plain Git have no SHA-256 at the Hub; they are small, or Git would refuse them.
    absent = {
        name for name in names if is_weight(name) and known[name].lfs_sha256 and not (commit.folder / name).is_file()
    }
    here = [name for name in names if name not in absent]
    fetch_files(commit, here, timeout=timeout)
    with progress_bar(_total(commit.folder, here), "Hashing base") as update:
        records = check_files(commit, here, receipts=receipts, update=update)
    taken = [FileRecord(path=name, size=known[name].size or 0, sha256=known[name].lfs_sha256 or "") for name in absent]
    return sorted([*records, *taken], key=lambda record: record.path), not absent


def _wanted(commit: HubCommit) -> list[str]:
    """The files a load reads; of a commit that only the cache vouches for, those that are here."""
    names = load_files(file.path for file in commit.files)
    return [name for name in names if (commit.folder / name).is_file()] if commit.cached else names


def _refuse_extras(commit: HubCommit, known: Iterable[str]) -> None:
    extras = extra_files(commit)
    read = set(load_files([*known, *extras]))
    for name in extras:
        if name in read:
            reason = f"it lies in the cached snapshot of {commit.repo}@{commit.sha[:12]} and is no part of that commit"
            raise UnsafePathError(path=name, reason=reason, hint="A load would read it; remove it")


def _total(folder: Path, names: Iterable[str]) -> int:
    return sum((folder / name).stat().st_size for name in names)


# --- remote code -------------------------------------------------------------------------------


def _code_revision(resolved: ResolvedBase, timeout: float) -> str | None:
    """Commit of the one other repository that the model's code comes from; None if its code is its own."""
    sources = code_sources(resolved, timeout)
    others = sorted(sources - {resolved.model, ""})
    if not others:
        return None
    if len(sources) > 1:
        listed = ", ".join(others) + (" and its own repository" if len(others) < len(sources) else "")
        raise RemoteCodeUnpinnableError(model=resolved.model, sources=listed)
    return resolve_revision(others[0], timeout=timeout).sha


def code_sources(resolved: ResolvedBase, timeout: float = TIMEOUT) -> set[str]:
    """Repositories that ``auto_map`` entries name as where the model's code is; an empty string for its own."""
    names: Iterable[str] = _CODE_CONFIGS
    if resolved.commit is not None:
        listed = {file.path for file in resolved.commit.files}
        names = [name for name in _CODE_CONFIGS if name in listed]
        fetch_files(resolved.commit, names, timeout=timeout)
    found: set[str] = set()
    for name in names:
        found.update(_auto_map_sources(resolved.folder / name))
    return found


def _auto_map_sources(path: Path) -> set[str]:
    try:
        auto_map = codec.parse(path.read_bytes()).get("auto_map")
    except (OSError, CardMalformedError, AttributeError):
        # No such file, or none that transformers could read either.
        return set()
    entries: list[Any] = list(auto_map.values()) if isinstance(auto_map, dict) else []
    flat = [item for entry in entries for item in (entry if isinstance(entry, list) else [entry])]
    return {item.partition("--")[0] if "--" in item else "" for item in flat if isinstance(item, str)}

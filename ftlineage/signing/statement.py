"""in-toto statements, and the OMS predicate that lists the files of a folder.

Decides what a signer says: name and SHA-256 of every file, sorted, what was left out, and one root
digest over the list. The root alone binds no names (swapping two names can keep it), so files are
always compared by name. Refused: names that leave the folder or mean different files on different
systems, names that stand twice, other digests than SHA-256, shards, more than one subject.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ftlineage.core import codec
from ftlineage.core.layout import CLAIMS_NAME, README_NAME, SIGNATURE_NAME, path_fault
from ftlineage.signing.envelope import MAX_BYTES, fault, only, parse, read_object, text

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
OMS_PREDICATE = "https://model_signing/signature/v1.0"
_OMS_EXPERIMENT = "https://model_signing/Digests/v0.1"

# OMS leaves these out wherever it reads a folder.
OMS_IGNORED = (".git", ".gitattributes", ".github", ".gitignore")
# What people and later signers write beside a signed version.
WRITTEN_LATER = (README_NAME, CLAIMS_NAME, SIGNATURE_NAME)
# Where `hf download --local-dir` notes what it fetched: every copy of a published version has it.
DOWNLOAD_NOTES = ".cache/huggingface"
IGNORED = tuple(sorted((*OMS_IGNORED, *WRITTEN_LATER, DOWNLOAD_NOTES)))

MAX_RESOURCES = 200_000
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an OMS statement says about a folder.

    ``resources`` are (name, SHA-256 in hex) in the order of the statement; ``root`` is the digest
    over them, recomputed. ``ignore_paths`` were not looked at, nor anything below them.
    """

    name: str
    root: str
    resources: tuple[tuple[str, str], ...]
    ignore_paths: tuple[str, ...]
    allow_symlinks: bool = False


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """Any in-toto statement: its kind, its subjects as (name, digests), and the files if it is OMS's."""

    predicate_type: str
    subjects: tuple[tuple[str, dict[str, str]], ...]
    predicate: dict[str, Any]
    manifest: Manifest | None = None


def is_ignored(path: str, ignore_paths: Iterable[str] = IGNORED) -> bool:
    """Whether a file is one of the paths, or lies below one; names are compared whole."""
    return any(path == ignored or path.startswith(f"{ignored}/") for ignored in ignore_paths)


def make_statement(name: str, files: Iterable[tuple[str, str]]) -> bytes:
    """The statement over a folder's files, in its canonical form.

    Args:
        name: What the folder is called; informational.
        files: (name, SHA-256 in hex) of every file that is not ignored.

    Returns:
        RFC 8785 bytes: the same files give the same bytes.

    Raises:
        SignatureMalformedError: A name or digest that no reader would accept, or no files.
    """
    resources = [{"name": file, "algorithm": "sha256", "digest": sha256} for file, sha256 in sorted(files)]
    document = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": _root(entry["digest"] for entry in resources)}}],
        "predicateType": OMS_PREDICATE,
        "predicate": {
            "resources": resources,
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": list(IGNORED),
            },
        },
    }
    data = codec.canonical_bytes(document)
    read_manifest(data)  # never sign what nobody would accept
    return data


def read_manifest(payload: bytes) -> Manifest:
    """The files of an OMS statement.

    Raises:
        SignatureMalformedError: It is another statement, or malformed.
    """
    statement = read_statement(payload)
    if statement.manifest is None:
        if statement.predicate_type == _OMS_EXPERIMENT:
            raise fault(
                "$.predicateType", "made by model_signing 0.2, an experiment before the standard; sign it again"
            )
        raise fault("$.predicateType", f"{statement.predicate_type[:80]!r} is not {OMS_PREDICATE}")
    return statement.manifest


def read_statement(payload: bytes) -> Statement:
    """Any in-toto statement, version 1.

    Raises:
        SignatureMalformedError: It is none, or says it is OMS's and is not.
    """
    document = read_object(parse(payload, MAX_BYTES), "$")
    only(document, "$", {"_type", "subject", "predicateType", "predicate"})
    kind = text(document, "_type", "$")
    if kind != STATEMENT_TYPE:
        raise fault("$._type", f"{kind[:80]!r} is not {STATEMENT_TYPE}")
    predicate_type = text(document, "predicateType", "$")
    subjects = _read_subjects(document.get("subject"))
    predicate = read_object(document.get("predicate", {}), "$.predicate")
    manifest = _read_manifest(subjects, predicate) if predicate_type == OMS_PREDICATE else None
    return Statement(predicate_type=predicate_type, subjects=subjects, predicate=predicate, manifest=manifest)


def _read_subjects(value: Any) -> tuple[tuple[str, dict[str, str]], ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_RESOURCES:
        raise fault("$.subject", "it is missing, empty or no list")
    subjects = []
    for index, item in enumerate(value):
        where = f"$.subject[{index}]"
        entry = read_object(item, where)
        name = entry.get("name", "")
        digest = read_object(entry.get("digest"), f"{where}.digest")
        if not isinstance(name, str) or not digest or not all(isinstance(part, str) for part in digest.values()):
            raise fault(where, "a subject has a name and digests")
        subjects.append((name, digest))
    return tuple(subjects)


def _read_manifest(subjects: tuple[tuple[str, dict[str, str]], ...], predicate: dict[str, Any]) -> Manifest:
    if len(subjects) != 1:
        raise fault("$.subject", f"{len(subjects)} subjects, and a signature over a folder has one")
    where = "$.predicate"
    only(predicate, where, {"resources", "serialization"})
    allow_symlinks, ignore_paths = _read_serialization(
        read_object(predicate.get("serialization"), f"{where}.serialization")
    )
    resources = _read_resources(predicate.get("resources"), f"{where}.resources")
    for name, _ in resources:
        if is_ignored(name, ignore_paths):
            raise fault(f"{where}.serialization.ignore_paths", f"{_shown(name)} is listed and ignored at once")
    root = _root(sha256 for _, sha256 in resources)
    name, digests = subjects[0]
    if digests.get("sha256") != root:
        raise fault("$.subject[0].digest", "it is not the digest of the files listed")
    return Manifest(name=name, root=root, resources=resources, ignore_paths=ignore_paths, allow_symlinks=allow_symlinks)


def _read_serialization(value: dict[str, Any]) -> tuple[bool, tuple[str, ...]]:
    where = "$.predicate.serialization"
    only(value, where, {"method", "hash_type", "allow_symlinks", "ignore_paths", "shard_size"})
    method, hash_type = text(value, "method", where), text(value, "hash_type", where)
    if method != "files" or "shard_size" in value:
        raise fault(f"{where}.method", f"{method[:80]!r} is not supported; sign whole files")
    if hash_type != "sha256":
        raise fault(f"{where}.hash_type", f"{hash_type[:80]!r} is not supported; sign with sha256")
    allow_symlinks = value.get("allow_symlinks")
    if not isinstance(allow_symlinks, bool):
        raise fault(f"{where}.allow_symlinks", "it is missing or no boolean")
    ignored = value.get("ignore_paths", [])
    if not isinstance(ignored, list) or len(ignored) > MAX_RESOURCES:
        raise fault(f"{where}.ignore_paths", "it is no list")
    return allow_symlinks, tuple(_path(name, f"{where}.ignore_paths[{at}]") for at, name in enumerate(ignored))


def _read_resources(value: Any, where: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_RESOURCES:
        raise fault(where, "it is missing, empty, too long or no list")
    resources: dict[str, str] = {}
    for index, item in enumerate(value):
        place = f"{where}[{index}]"
        entry = read_object(item, place)  # OMS: fields that are not known here are ignored
        name = _path(entry.get("name"), f"{place}.name")
        if entry.get("algorithm") != "sha256":
            raise fault(f"{place}.algorithm", "it is not sha256")
        digest = entry.get("digest")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise fault(f"{place}.digest", "it is not 64 lower-case hex digits")
        if name in resources:
            raise fault(f"{place}.name", f"{_shown(name)} stands twice")
        resources[name] = digest
    return tuple(resources.items())


def _path(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise fault(where, "it is no text")
    problem = path_fault(value)
    if problem is not None:
        raise fault(where, f"{_shown(value)}: {problem}")
    return value


def _shown(name: str) -> str:
    return ascii(name[:80])


def _root(digests: Iterable[str]) -> str:
    """OMS's root digest: SHA-256 over the digests of the files, in the order of the list."""
    state = hashlib.sha256()
    for digest in digests:
        state.update(bytes.fromhex(digest))
    return state.hexdigest()

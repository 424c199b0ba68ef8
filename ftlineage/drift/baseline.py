"""A baseline: the floating references that were there when a project began to look.

Decides that a reference is the same while its file, id, kind and rule are: lines may move, and a
second one of the same kind in the same file is new. Paths are relative to the baseline's folder.
Refused: a file that is no baseline, or of a version this program does not know.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ftlineage.core import codec
from ftlineage.core.digest import text_sha256
from ftlineage.drift.reading import Seen
from ftlineage.drift.reference import Reference
from ftlineage.errors import BadInputError, CardMalformedError, PathNotFoundError

VERSION = 1
Key = tuple[str, str, str, str]


class Known(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Findings that are known: ``count`` of one id, kind and rule in one file."""

    path: str
    ref: str
    kind: str
    rule: str
    count: int = 1


class Baseline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file."""

    baseline: int
    references: list[Known]


def fingerprints(references: Iterable[Reference]) -> list[str]:
    """One digest for each reference, equal between scans while only lines move.

    Bound are path, id, kind, rule and the number of earlier ones of the same in the file.
    """
    times: Counter[Key] = Counter()
    result = []
    for reference in references:
        key = _key(reference, reference.path)
        result.append(text_sha256("\0".join((*key, str(times[key])))))
        times[key] += 1
    return result


def make_baseline(seen: Iterable[Seen], folder: Path) -> bytes:
    """The bytes of a baseline that knows every finding of a scan, to be kept in a folder."""
    counts = Counter(_key(one.reference, _inner(one.file, folder)) for one in seen if one.reference.rule)
    known = [Known(path=key[0], ref=key[1], kind=key[2], rule=key[3], count=counts[key]) for key in sorted(counts)]
    return codec.pretty_bytes(codec.builtins(Baseline(baseline=VERSION, references=known)))


def load_baseline(path: Path) -> Counter[Key]:
    """How many findings of each kind a baseline knows.

    Raises:
        PathNotFoundError: No such file.
        BadInputError: It is no baseline.
    """
    if not path.is_file():
        raise PathNotFoundError(path=str(path), hint=f"Make it: ftlineage scan --write-baseline {path}")
    try:
        found = codec.convert(codec.parse(path.read_bytes()), Baseline)
    except CardMalformedError as error:
        raise BadInputError(path=str(path), reason=f"no baseline of a scan: {error.where}: {error.reason}") from error
    except OSError as error:
        raise BadInputError(path=str(path), reason=(error.strerror or "cannot be read").lower()) from error
    if found.baseline != VERSION:
        raise BadInputError(path=str(path), reason=f"a baseline of version {found.baseline}, only {VERSION} is known")
    counts: Counter[Key] = Counter()
    for known in found.references:
        counts[known.path, known.ref, known.kind, known.rule] += known.count
    return counts


def split(seen: Iterable[Seen], known: Counter[Key], folder: Path) -> tuple[list[Seen], int]:
    """The findings that a baseline does not know, with everything that is none; and how many it knows."""
    left = Counter(known)
    new: list[Seen] = []
    old = 0
    for one in seen:
        key = _key(one.reference, _inner(one.file, folder))
        if one.reference.rule is not None and left[key] > 0:
            left[key] -= 1
            old += 1
        else:
            new.append(one)
    return new, old


def _key(reference: Reference, path: str) -> Key:
    return (path, reference.ref or "", reference.kind, reference.rule or "")


def _inner(file: str, folder: Path) -> str:
    return os.path.relpath(file, folder.absolute()).replace(os.sep, "/")

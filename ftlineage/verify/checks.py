"""The checks of ``ftlineage verify``: what a card claims and what was observed go in, findings come out.

Decides what counts as a fault, how it is named and what to do about it; reads nothing itself. One
fault gives one finding that names the file. Whatever is not proven to be as the card says is an
error: these functions never give the benefit of the doubt.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from ftlineage.core import words
from ftlineage.core.card import CARD_NAME, FORMAT, Card, is_newer_minor
from ftlineage.core.finding import Finding
from ftlineage.core.layout import is_pickle, path_fault
from ftlineage.core.sections import Adapter, FileRecord, Tensor, TensorHeader, Tensors
from ftlineage.errors import (
    FtlineageError,
    PathNotFoundError,
    SafetensorsMalformedError,
    UnsafePathError,
)
from ftlineage.hashing.tensors import content_digest

_RESTORE = "Restore it from where the version was published, or record what is here as a new version: {again}"
_ANOTHER_CARD = "Restore lineage.json from where the version was published; a card is never edited, only made again"
_LOADABLE = {".py": "code", ".safetensors": "weights", ".gguf": "weights", ".jinja": "a chat template"}


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the card as it lies in the folder.

    ``fault`` says why it could not be read. ``sha256`` is None where the header and the tensors
    were found as recorded, which proves every byte. ``data`` holds a small configuration's bytes.
    """

    path: str
    size: int | None = None
    sha256: str | None = None
    header: TensorHeader | None = None
    tensors: tuple[Tensor, ...] | None = None
    data: bytes | None = None
    fault: FtlineageError | None = None


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the card knows of one safetensors file: its header and its tensors by name."""

    header: TensorHeader
    tensors: dict[str, Tensor]


# --- the card ------------------------------------------------------------------------------------


def check_card(card: Card) -> list[Finding]:
    """The card is whole: its id is that of its content, the run finished, and its parts agree.

    The first fault alone is given, because a card that contradicts itself cannot judge files.
    """
    for check in (check_id, check_finished, check_adapter_listed, check_listed_paths, check_listed_tensors):
        found = check(card)
        if found:
            return found
    return check_format(card)


def check_id(card: Card) -> list[Finding]:
    """The id is the digest of the identity sections."""
    actual = card.content_id
    if actual == card.id:
        return []
    message = f"{CARD_NAME} was changed after it was made: its content has another id than it claims"
    return [
        Finding(
            code="card.id-mismatch",
            section="card",
            path=CARD_NAME,
            expected=card.id,
            actual=actual,
            message=message,
            hint=_ANOTHER_CARD,
        )
    ]


def check_finished(card: Card) -> list[Finding]:
    """The run that made the card was sealed."""
    if card.body.run.complete:
        return []
    return [_malformed("$.run.complete", "the run that wrote this card did not finish")]


def check_adapter_listed(card: Card) -> list[Finding]:
    """There is something to verify."""
    if card.body.adapter is not None and card.body.adapter.files:
        return []
    message = f"{CARD_NAME} lists no adapter files, so nothing here can be vouched for"
    hint = "Record the folder again, with the adapter in it"
    return [Finding(code="adapter.missing", section="adapter", path=CARD_NAME, message=message, hint=hint)]


def check_listed_paths(card: Card) -> list[Finding]:
    """Every path that will be opened stays inside its folder, none is a pickle, and none stands twice."""
    files = _adapter(card).files
    base = card.body.base.files if card.body.base is not None else []
    for file in [*files, *base]:
        fault = path_fault(file.path)
        if fault is not None:
            return [unsafe_path(UnsafePathError(path=file.path, reason=fault), where=f"{CARD_NAME} lists it")]
    for file in files:
        if is_pickle(file.path):
            return [_pickle(file.path, f"{CARD_NAME} lists it")]
    for where, listed in (("$.adapter.files", files), ("$.base.files", base)):
        twice = _twice((file.path,) for file in listed)
        if twice is not None:
            return [_malformed(where, f"{twice} stands twice")]
    return []


def check_listed_tensors(card: Card) -> list[Finding]:
    """The tensor list covers the files it speaks of, and its own digest and counts are right."""
    adapter = _adapter(card)
    tensors = adapter.tensors
    if tensors is None:
        return []
    listed = {file.path for file in adapter.files}
    named = [*(header.file for header in tensors.headers), *(tensor.file for tensor in tensors.entries)]
    stray = next((file for file in named if file not in listed), None)
    if stray is not None:
        return [_malformed("$.adapter.tensors", f"{words.clean(stray)} is not among the adapter's files")]
    headers, entries = ((header.file,) for header in tensors.headers), ((t.file, t.name) for t in tensors.entries)
    twice = _twice(headers) or _twice(entries)
    if twice is not None:
        return [_malformed("$.adapter.tensors", f"{twice} stands twice")]
    if tensors.count != len(tensors.entries):
        return [_malformed("$.adapter.tensors.count", f"{len(tensors.entries)} tensors are listed")]
    if tensors.digest != content_digest(tensors.entries):
        return [_malformed("$.adapter.tensors.digest", "it is not the digest of the tensors listed")]
    return []


def check_format(card: Card) -> list[Finding]:
    """A later minor format may hold parts this release cannot check."""
    if not is_newer_minor(card):
        return []
    message = f"the card has format {card.body.ftlineage}, this ftlineage knows {FORMAT}; newer parts were not checked"
    return [
        Finding(
            code="card.newer",
            severity="warning",
            section="card",
            path=CARD_NAME,
            expected=FORMAT,
            actual=card.body.ftlineage,
            message=message,
            hint="Upgrade: pip install --upgrade ftlineage",
        )
    ]


def card_fault(error: FtlineageError) -> Finding:
    """A card that could not be read at all."""
    if isinstance(error, PathNotFoundError):
        message = f"there is no {CARD_NAME} here, so nothing can be vouched for"
        return Finding(code="card.missing", section="card", path=CARD_NAME, message=message, hint=error.hint or None)
    if isinstance(error, UnsafePathError):
        return unsafe_path(error)
    hint = error.hint or _ANOTHER_CARD
    return Finding(code="card.malformed", section="card", path=CARD_NAME, message=error.sentence, hint=hint)


def not_promoted(target: str) -> Finding:
    """A promotion is demanded, and what was named is no version of a registry."""
    return Finding(
        code="promotion.missing",
        section="promotion",
        message=f"{words.clean(target)} was not named through a registry, so nothing shows that it was promoted",
        hint="Name the version as its registry does: ftlineage verify name@stage",
    )


# --- the folder against the card -----------------------------------------------------------------


def check_presence(
    files: Sequence[FileRecord],
    seen: Mapping[str, Observed],
    unlisted: Mapping[str, str | None],
    *,
    again: str,
) -> list[Finding]:
    """Every listed file is there, and nothing else that a loader could open.

    Args:
        files: What the card lists.
        seen: What was found of it.
        unlisted: Other files that count, with their SHA-256 where it was worth computing.
        again: The command that would record the folder anew.

    Returns:
        Findings; a file that was only renamed gives one.
    """
    missing = {file.path: file for file in files if isinstance(seen[file.path].fault, PathNotFoundError)}
    moved = _renamed(missing, unlisted)
    findings = [_missing(file, moved.get(path), again) for path, file in missing.items()]
    taken = set(moved.values())
    return findings + [_unlisted(path, again) for path in sorted(unlisted) if path not in taken]


def check_file(file: FileRecord, seen: Observed, expected: Expected | None, *, again: str) -> list[Finding]:
    """One file has the bytes the card says; says which tensor differs where that is known."""
    match seen.fault:
        case None:
            difference = _difference(file, seen, expected)
        case PathNotFoundError():
            return []
        case UnsafePathError() as error:
            return [unsafe_path(error)]
        case SafetensorsMalformedError() as error:
            difference = f"it is no longer a sound safetensors file: {error.reason}"
        case error:
            why = getattr(error, "cause", None) or getattr(error, "reason", error.sentence)
            difference = f"it cannot be read: {why}"
    if difference is None:
        return []
    return [
        Finding(
            code="adapter.changed",
            section="adapter",
            path=file.path,
            expected=file.sha256,
            actual=seen.sha256,
            message=f"{shown(file.path)} is not what the card says: {difference}",
            hint=_RESTORE.format(again=again),
        )
    ]


def check_refused(refused: Iterable[FtlineageError], listed: Collection[str]) -> list[Finding]:
    """What lies in the folder and must not even be opened; listed files are judged by :func:`check_file`."""
    findings = []
    for error in refused:
        path = str(getattr(error, "path", ""))
        if path not in listed and not any(name.startswith(f"{path}/") for name in listed):
            findings.append(unsafe_path(error))
    return findings


def expected_tensors(tensors: Tensors | None) -> dict[str, Expected]:
    """What the card knows of each safetensors file, by path; files without a header are hashed whole."""
    if tensors is None:
        return {}
    result = {header.file: Expected(header=header, tensors={}) for header in tensors.headers}
    for tensor in tensors.entries:
        if tensor.file in result:
            result[tensor.file].tensors[tensor.name] = tensor
    return result


def tensors_match(expected: Expected, seen: Observed) -> bool:
    """Whether a safetensors file's header and tensors are those of the card, which proves every byte."""
    return seen.header == expected.header and _by_name(seen.tensors or ()) == expected.tensors


def unsafe_path(error: FtlineageError, *, where: str = "it lies in the folder") -> Finding:
    """A path that is not opened, whatever it holds."""
    path = str(getattr(error, "path", ""))
    reason = getattr(error, "reason", None) or f"it cannot be read: {getattr(error, 'cause', error.sentence)}"
    return Finding(
        code="path.unsafe",
        section="path",
        path=words.clean(path),
        message=f"{shown(path)} is refused: {reason} ({where})",
        hint="Remove it, or replace it by a regular file",
    )


def typed(text: str) -> str:
    """Text from a card or a folder as one harmless word of a command that people will paste."""
    return shlex.quote(words.clean(text))


def shown(path: str) -> str:
    """A path for a sentence: look-alike letters and invisible characters are written out."""
    return path if path.isascii() and path.isprintable() else ascii(path)


# --- words ---------------------------------------------------------------------------------------


def _difference(file: FileRecord, seen: Observed, expected: Expected | None) -> str | None:
    """What differs, in words; None if nothing does."""
    if expected is not None and seen.header is not None and not tensors_match(expected, seen):
        return _tensor_difference(expected.tensors, _by_name(seen.tensors or ()))
    if seen.size != file.size:
        return f"{seen.size} bytes, the card says {file.size}"
    proven = expected is not None and seen.header is not None
    return None if proven or seen.sha256 == file.sha256 else "the same size, other bytes"


def _tensor_difference(expected: Mapping[str, Tensor], actual: Mapping[str, Tensor]) -> str:
    changed = [name for name in expected if name in actual and expected[name] != actual[name]]
    gone = [name for name in expected if name not in actual]
    added = [name for name in actual if name not in expected]
    if not (changed or gone or added):
        return "re-serialised: every tensor is the same, but the header or their order in the file is another"
    parts = [
        f"{_some(names)} {verb}"
        for names, verb in ((changed, "differs"), (gone, "is missing"), (added, "was added"))
        if names
    ]
    return "; ".join(parts)


def _some(names: Sequence[str]) -> str:
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return f"tensor {words.clean(names[0])}{more}"


def _renamed(missing: Mapping[str, FileRecord], unlisted: Mapping[str, str | None]) -> dict[str, str]:
    by_digest: dict[str, list[str]] = {}
    for name, sha256 in sorted(unlisted.items(), reverse=True):
        if sha256 is not None:
            by_digest.setdefault(sha256, []).append(name)
    return {path: here.pop() for path, file in missing.items() if (here := by_digest.get(file.sha256))}


def _missing(file: FileRecord, now: str | None, again: str) -> Finding:
    message = f"{shown(file.path)} is missing"
    if now is not None:
        message += f"; {shown(now)} has its bytes: it was renamed"
    hint = f"Rename it back: mv {typed(now)} {typed(file.path)}" if now is not None else _RESTORE.format(again=again)
    return Finding(
        code="adapter.missing",
        section="adapter",
        path=file.path,
        expected=file.sha256,
        actual=now and words.clean(now),
        message=message,
        hint=hint,
    )


def _unlisted(path: str, again: str) -> Finding:
    if is_pickle(path):
        return _pickle(path, "the card does not list it")
    kind = next((what for suffix, what in _LOADABLE.items() if path.lower().endswith(suffix)), "a file")
    return Finding(
        code="adapter.unlisted",
        section="adapter",
        path=path,
        message=f"{shown(path)} is {kind} that the card does not list, and a loader could open it",
        hint=f"Remove it, or record it as part of a new version: {again}",
    )


def _pickle(path: str, where: str) -> Finding:
    return Finding(
        code="adapter.unsafe-format",
        section="adapter",
        path=path,
        message=f"{shown(path)} is a pickle format, which can run code when it is loaded ({where})",
        hint="Remove it; adapters are saved as safetensors",
    )


def _malformed(where: str, reason: str) -> Finding:
    message = f"malformed lineage card at {where}: {reason}"
    return Finding(code="card.malformed", section="card", path=CARD_NAME, message=message, hint=_ANOTHER_CARD)


def _adapter(card: Card) -> Adapter:
    return card.body.adapter or Adapter(type="none")


def _twice(items: Iterable[tuple[str, ...]]) -> str | None:
    """The first item that stands twice, as text."""
    seen: set[tuple[str, ...]] = set()
    for item in items:
        if item in seen:
            return words.clean(" of ".join(reversed(item)))
        seen.add(item)
    return None


def _by_name(tensors: Iterable[Tensor]) -> dict[str, Tensor]:
    return {tensor.name: tensor for tensor in tensors}

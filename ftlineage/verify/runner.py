"""Verify: read what a card speaks of, and let the checks judge it.

Decides what is read and in which order: the card first, because nothing else can be judged without
it; then the folder; then every listed byte; then the base, if it is on this machine. Whatever is
wrong inside a folder that exists is a finding, never an exception; only a target that does not
exist is one. Imports no torch, NumPy or Hub client, so that a gate costs milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from ftlineage.core import codec
from ftlineage.core.card import CARD_NAME, PARTIAL_NAME, Card, read_card
from ftlineage.core.digest import sha256_hex
from ftlineage.core.finding import Finding, Report, make_report
from ftlineage.core.layout import ADAPTER_CONFIG, is_recorded, may_hold_recorded
from ftlineage.core.sections import Base, FileRecord
from ftlineage.errors import (
    BadInputError,
    CardMalformedError,
    FtlineageError,
    PathNotFoundError,
    StorageError,
)
from ftlineage.hashing.files import Listing, file_sha256, list_folder, open_regular, real_file, record_file
from ftlineage.hashing.parallel import map_by_size
from ftlineage.hashing.progress import Update, progress_bar
from ftlineage.hashing.receipts import FileReceipts, NoReceipts, Receipts
from ftlineage.hashing.tensors import hash_tensors
from ftlineage.verify import base_checks, checks
from ftlineage.verify.checks import Expected, Observed

_MAX_CONFIG_BYTES = 16 * 1024 * 1024


def verify(
    target: str | os.PathLike[str], *, base: str | os.PathLike[str] | None = None, full_base: bool = False
) -> Report:
    """Compare a version's folder with its card.

    Args:
        target: The folder, or the ``lineage.json`` in it.
        base: A folder with the base's files, to be compared too. Without it the Hub cache is
            looked at, and a base that is nowhere on this machine is only noted.
        full_base: Read every byte of the base even if it was hashed before.

    Returns:
        The verdict with its findings; falsy if anything is not as the card says.

    Raises:
        PathNotFoundError: ``target`` or ``base`` does not exist.
        BadInputError: ``target`` is a file that is no ``lineage.json``.
    """
    begun = time.perf_counter()
    folder = _folder(target)
    if base is not None and not os.path.isdir(base):  # noqa: PTH112 - see _folder
        hint = "--base names a folder with the base's files"
        if os.path.exists(base):  # noqa: PTH110 - see _folder
            raise BadInputError(path=str(base), reason="a base is a folder, and this is a file", hint=hint)
        raise PathNotFoundError(path=str(base), hint=hint)
    run = _Run(folder, str(target))
    run.all(Path(base) if base is not None else None, full_base=full_base)
    return make_report(
        run.findings,
        target=str(target),
        card=run.card_id,
        seconds=round(time.perf_counter() - begun, 6),
        counts=run.counts,
    )


class _Run:
    """One verification as it goes: what was found so far."""

    def __init__(self, folder: Path, target: str) -> None:
        self.folder = folder
        self.target = target
        self.findings: list[Finding] = []
        self.counts = {"files": 0, "tensors": 0, "bytes": 0, "base_files": 0}
        self.card_id: str | None = None
        self._again = ""

    def all(self, base: Path | None, *, full_base: bool) -> None:
        """Card, folder, bytes, base; each only if the one before allows to judge it."""
        try:
            card = read_card(_read(self.folder, CARD_NAME, codec.MAX_BYTES))
        except FtlineageError as error:
            self.findings.append(checks.card_fault(_with_hint(error, self.folder)))
            return
        self.findings += checks.check_card(card)
        if any(finding.severity == "error" for finding in self.findings):
            return
        self.card_id = card.id
        self._again = _record_command(self.target, card.body.base)
        configs = self._adapter(card)
        self._base(card, configs, base, full=full_base)

    def _adapter(self, card: Card) -> dict[str, dict[str, Any]]:
        adapter = card.body.adapter
        if adapter is None:
            return {}
        listing = _list(self.folder)
        expected = checks.expected_tensors(adapter.tensors)
        seen = _observe(self.folder, adapter.files, expected)
        listed = set(seen)
        unlisted = _digests(self.folder, [name for name in listing.files if name not in listed], adapter.files, seen)
        self.findings += checks.check_refused(listing.refused, listed)
        self.findings += checks.check_presence(adapter.files, seen, unlisted, again=self._again)
        configs = {}
        for file in adapter.files:
            found = checks.check_file(file, seen[file.path], expected.get(file.path), again=self._again)
            self.findings += found
            data = seen[file.path].data
            if data is not None and not found:
                configs[file.path] = _parse_config(data)
        self.counts |= {
            "files": len(adapter.files),
            "tensors": sum(len(file.tensors or ()) for file in seen.values()),
            "bytes": sum(file.size or 0 for file in seen.values()),
        }
        return configs

    def _base(self, card: Card, configs: Mapping[str, dict[str, Any]], base: Path | None, *, full: bool) -> None:
        claimed = card.body.base
        kind = card.body.adapter.type if card.body.adapter is not None else ""
        self.findings += base_checks.check_pinned(claimed, kind=kind)
        self.findings += base_checks.check_claims(claimed, configs)
        self.findings += base_checks.check_initialisation(configs)
        # A full model is served without its base, so that one is only compared when it is named.
        if claimed is None or (kind == "full" and base is None):
            return
        folder = base or _cached(claimed)
        seen = _observe_base(folder, base_checks.compared_files(claimed), full=full) if folder is not None else {}
        where = str(base) if base is not None else "the Hub cache"
        self.findings += base_checks.check_files(claimed, seen, where=where, whole=base is not None)
        self.counts["base_files"] = sum(found.fault is None for found in seen.values())
        if base is None:
            self.findings += base_checks.check_seen(claimed, seen)


# --- reading -------------------------------------------------------------------------------------


def _folder(target: str | os.PathLike[str]) -> Path:
    path = Path(target)
    # os.path answers False where pathlib raises: a parent that may not be entered, a name with NUL.
    if os.path.isdir(path):  # noqa: PTH112
        return path
    if os.path.isfile(path):  # noqa: PTH113
        if path.name == CARD_NAME:
            return path.parent
        raise BadInputError(path=str(target), reason=f"neither a folder nor a {CARD_NAME}", hint="Name the folder")
    raise PathNotFoundError(path=str(target))


def _read(folder: Path, name: str, limit: int) -> bytes:
    with open_regular(real_file(folder / name, folder), shown=name) as file:
        if file.size > limit:
            raise CardMalformedError(where="$", reason=f"{file.size} bytes, more than the {limit} that are read")
        data = bytearray(file.size)
        file.read_at(memoryview(data), 0)
    return bytes(data)


def _list(folder: Path) -> Listing:
    try:
        return list_folder(folder, keep=is_recorded, enter=may_hold_recorded)
    except FtlineageError as error:
        return Listing(files=(), refused=(error,))


def _observe(folder: Path, files: Sequence[FileRecord], expected: Mapping[str, Expected]) -> dict[str, Observed]:
    """Read every listed file: safetensors one after the other on all cores, the rest side by side."""
    with progress_bar(sum(file.size for file in files), "Verifying") as update:
        plain = [file for file in files if file.path not in expected]

        def work(file: FileRecord) -> Observed:
            return _observe_file(folder, file.path, None, update)

        seen = map_by_size(work, plain, [file.size for file in plain])
        weights = [file for file in files if file.path in expected]
        seen += [_observe_file(folder, file.path, expected[file.path], update) for file in weights]
    return {one.path: one for one in seen}


def _observe_file(folder: Path, path: str, expected: Expected | None, update: Update) -> Observed:
    try:
        if expected is not None:
            return _observe_tensors(real_file(folder / path, folder), path, expected, update)
        if PurePosixPath(path).name == ADAPTER_CONFIG:
            # Parsed later from these very bytes, not from a second look at the file.
            data = _read(folder, path, _MAX_CONFIG_BYTES)
            return Observed(path=path, size=len(data), sha256=sha256_hex(data), data=data)
        record = record_file(folder / path, folder, update=update)
        return Observed(path=path, size=record.size, sha256=record.sha256)
    except FtlineageError as error:
        return Observed(path=path, fault=error)


def _observe_tensors(real: Path, path: str, expected: Expected, update: Update) -> Observed:
    header, found = hash_tensors(real, path, update=update)
    size = real.stat().st_size
    seen = Observed(path=path, size=size, header=header, tensors=tuple(found))
    if checks.tensors_match(expected, seen):
        return seen
    return msgspec.structs.replace(seen, sha256=file_sha256(real, shown=path))


def _digests(
    folder: Path, names: Iterable[str], files: Iterable[FileRecord], seen: Mapping[str, Observed]
) -> dict[str, str | None]:
    """Unlisted files, with a digest where the size says it could be a listed one that was renamed."""
    sizes = {file.size for file in files if isinstance(seen[file.path].fault, PathNotFoundError)}
    result: dict[str, str | None] = {}
    for name in names:
        result[name] = None
        try:
            real = real_file(folder / name, folder)
            if real.stat().st_size in sizes:
                result[name] = file_sha256(real, shown=name)
        except (FtlineageError, OSError):
            continue  # it is unlisted all the same
    return result


def _observe_base(folder: Path, files: Sequence[FileRecord], *, full: bool) -> dict[str, Observed]:
    """The base's files as they lie in a folder; unchanged ones are known from receipts."""
    receipts: Receipts = NoReceipts() if full else FileReceipts()

    def work(file: FileRecord) -> Observed:
        try:
            size = real_file(folder / file.path, folder).stat().st_size
            if size != file.size:  # no need to read what cannot be equal
                return Observed(path=file.path, size=size)
            record = record_file(folder / file.path, folder, receipts=receipts, update=update)
            return Observed(path=file.path, size=record.size, sha256=record.sha256)
        except FtlineageError as error:
            return Observed(path=file.path, fault=error)

    with contextlib.closing(receipts), progress_bar(sum(file.size for file in files), "Comparing the base") as update:
        found = map_by_size(work, files, [file.size for file in files])
    return {one.path: one for one in found}


def _cached(base: Base) -> Path | None:
    """The base's snapshot in the Hub cache, if it is there."""
    from ftlineage.sources.hub_cache import snapshot_folder

    if base.origin != "hub" or base.revision is None:
        return None
    folder = snapshot_folder(base.model, base.revision)
    return folder if folder.is_dir() else None


def _parse_config(data: bytes) -> dict[str, Any]:
    """A configuration whose digest is right; one that is no object claims nothing."""
    try:
        config = codec.parse(data)
    except CardMalformedError:
        return {}
    return config if isinstance(config, dict) else {}


def _with_hint(error: FtlineageError, folder: Path) -> FtlineageError:
    if isinstance(error, PathNotFoundError):
        unfinished = f"{PARTIAL_NAME} is there: the run that wrote it was never sealed"
        record = f"Record it: ftlineage record {checks.typed(str(folder))} --base org/name@<40-hex commit>"
        return PathNotFoundError(path=CARD_NAME, hint=unfinished if (folder / PARTIAL_NAME).exists() else record)
    if isinstance(error, StorageError):
        return BadInputError(path=CARD_NAME, reason=error.cause, hint=error.hint)
    return error


def _record_command(target: str, base: Base | None) -> str:
    name = "org/name@<40-hex commit>"
    if base is not None and base.origin == "hub" and base.revision is not None:
        name = checks.typed(f"{base.model}@{base.revision}")
    return f"ftlineage record {checks.typed(target)} --base {name} --overwrite"

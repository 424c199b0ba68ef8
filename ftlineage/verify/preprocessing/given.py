"""The tokenizer and processor files that serving loads, against the processors that a card recorded.

Decides file by file: proven by its digest (as training saved it, as it lay in the base it came from,
or beside the adapter), else setting by setting, and refuses whatever a loader would prefer to the
recorded: a part inside ``processor_config.json``, a template that the card does not have. What has
other bytes and no setting to show for it is an error for a vocabulary, a warning for a config.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ftlineage.core import words
from ftlineage.core.digest import sha256_hex
from ftlineage.core.finding import Finding, Severity
from ftlineage.core.sections import Adapter, Base, FileRecord, Preprocessing, Preprocessor
from ftlineage.errors import BadInputError, PathNotFoundError
from ftlineage.hashing.files import open_regular, real_file
from ftlineage.verify.checks import shown
from ftlineage.verify.preprocessing.checks import MAX_EXPLAINED_BYTES, records_named
from ftlineage.verify.preprocessing.settings import (
    LEGACY_TEMPLATE,
    PREPROCESSOR_CONFIG,
    PROCESSOR_CONFIG,
    SPECIAL_TOKENS,
    TEMPLATE_FOLDER,
    TOKENIZER,
    TOKENIZER_CONFIG,
    VIDEO_CONFIG,
    file_changes,
    is_preprocessing_file,
    template_name,
    template_texts,
    templates_named,
)
from ftlineage.verify.preprocessing.words import Change, changes_sentence, expected_and_actual
from ftlineage.verify.text_change import first_difference

_HINT = "Serve with the processor files that lie beside the adapter, or train a version with these and record it"
# Configs are rewritten by every release of transformers that saves them; their settings decide.
_REWRITTEN = frozenset({PREPROCESSOR_CONFIG, VIDEO_CONFIG, PROCESSOR_CONFIG, TOKENIZER_CONFIG, SPECIAL_TOKENS})
_PARTS = frozenset({"image_processor", "feature_extractor", "video_processor"})
# Files whose every setting the card records, if it has a processor of such a kind.
_COMPLETE = {
    PREPROCESSOR_CONFIG: _PARTS,
    VIDEO_CONFIG: frozenset({"video_processor"}),
    PROCESSOR_CONFIG: _PARTS | {"processor"},
}


class GivenProcessors(NamedTuple):
    """Preprocessing files by path; ``whole`` if they are all that serving has (a folder was named)."""

    name: str
    files: Mapping[str, bytes]
    whole: bool


# --- reading -----------------------------------------------------------------------------------


def observe_given_processors(path: str | os.PathLike[str]) -> GivenProcessors:
    """Read the tokenizer, processor and template files of a folder, or one such file.

    Raises:
        PathNotFoundError: No such file or folder.
        BadInputError: It holds no such file, or one that is too large.
        UnsafePathError, StorageError: A file is no regular one, or cannot be read.
    """
    place = Path(path)
    if place.is_file():
        if not is_preprocessing_file(place.name):
            reason = "the name is not that of a tokenizer, processor or template file"
            raise BadInputError(path=str(path), reason=reason, hint="For example: --processor preprocessor_config.json")
        return GivenProcessors(str(path), {place.name: _read(place, place.name)}, whole=False)
    if not place.is_dir():
        hint = "--processor names the folder, or a file, that serving loads the processor from"
        raise PathNotFoundError(path=str(path), hint=hint)
    files = {name: _read(real_file(place / name, place), name) for name in sorted(_names(place))}
    if not files:
        reason = "no tokenizer, processor or template file is in it"
        raise BadInputError(path=str(path), reason=reason, hint="Name the folder that serving loads them from")
    return GivenProcessors(str(path), files, whole=True)


def _names(place: Path) -> Iterator[str]:
    yield from (entry.name for entry in place.iterdir() if is_preprocessing_file(entry.name))
    more = place / TEMPLATE_FOLDER
    if more.is_dir():
        yield from (f"{TEMPLATE_FOLDER}/{entry.name}" for entry in more.iterdir() if entry.suffix == ".jinja")


def _read(path: Path, name: str) -> bytes:
    with open_regular(path if not path.is_symlink() else path.resolve(), shown=name) as file:
        if file.size > MAX_EXPLAINED_BYTES:
            raise BadInputError(path=name, reason=f"more than the {MAX_EXPLAINED_BYTES} bytes that are read")
        data = bytearray(file.size)
        file.read_at(memoryview(data), 0)
    return bytes(data)


# --- checking ----------------------------------------------------------------------------------


def check_given_processors(
    preprocessing: Preprocessing, given: GivenProcessors, *, base: Base | None = None, adapter: Adapter | None = None
) -> list[Finding]:
    """Serving's processor files do what the recorded processors did.

    Args:
        preprocessing: The card's section.
        given: The files that serving loads.
        base: The card's base; a processor that came from it may be loaded from it again.
        adapter: The card's adapter; files beside it were verified with it.

    Returns:
        One finding for each file that differs, is missing, or is there and should not be.
    """
    if not preprocessing.processors:
        message = f"the card records no processor, so nothing in {words.clean(given.name)} can be vouched for"
        hint = "Record it: pass the processor to the trainer, or to run.seal(processor=...)"
        return [_finding("error", None, message, hint=hint)]
    check = _Check(preprocessing, given, base, adapter)
    findings = [finding for name in given.files if (finding := check.file(name)) is not None]
    return [*findings, *check.templates(), *(check.missing() if given.whole else ())]


class _Check:
    """One comparison: which given files are proven, and what is wrong with the others."""

    def __init__(
        self, preprocessing: Preprocessing, given: GivenProcessors, base: Base | None, adapter: Adapter | None
    ) -> None:
        self.preprocessing = preprocessing
        self.given = given
        self._adapter = {file.path: file.sha256 for file in (adapter.files if adapter is not None else [])}
        loaded = base is not None and any(_is_from(one, base) for one in preprocessing.processors)
        self._base = {file.path: file.sha256 for file in base.files} if base is not None and loaded else {}

    def file(self, name: str) -> Finding | None:
        """What is wrong with one given file; template files are judged by :meth:`templates`."""
        if template_name(name) is not None or name == LEGACY_TEMPLATE:
            return None
        data = self.given.files[name]
        own = PurePosixPath(name).name
        if self._is_proven(name, data):
            return None
        changes = file_changes(own, data, self.preprocessing)
        if self._base.get(name) == sha256_hex(data):
            # What the base's own file leaves out, its class fills in, then as now.
            changes = [change for change in changes if not (change.gone or change.added)]
            return self._changed(name, changes) if changes else None
        if changes:
            return self._changed(name, changes)
        return self._unknown(name, data)

    def templates(self) -> Iterator[Finding]:
        """The templates that a loader would find are those of the card."""
        found = template_texts(self.given.files)
        for name, (path, data) in found.items():
            cards = templates_named(self.preprocessing, name)
            if any(one.sha256 == sha256_hex(data) for one in self.preprocessing.chat_templates):
                continue
            if cards:
                said = first_difference(data, cards[0].text)
                yield _finding("error", path, f"{self._at(path)}: {said}", cards[0].sha256, sha256_hex(data))
            else:
                message = f"{self._at(path)} holds the chat template {words.clean(name)!r}, the card has none"
                yield _finding("error", path, message, None, sha256_hex(data))
        if self.given.whole and "default" not in found:
            for template in templates_named(self.preprocessing, "default")[:1]:
                message = f"{words.clean(self.given.name)} has no chat template, the card has one"
                yield _finding("error", "chat_template.jinja", message, template.sha256)

    def missing(self) -> Iterator[Finding]:
        """Recorded files that serving does not have, and that no other file stands for."""
        told: set[str] = set()
        for processor in self.preprocessing.processors:
            for record in processor.files:
                if record.path in told or record.path in self.given.files or self._stands_in(processor, record):
                    continue
                told.add(record.path)
                message = (
                    f"{shown(record.path)} is not in {words.clean(self.given.name)}; training used {processor.class_}"
                )
                yield _finding("error", record.path, message, record.sha256)

    def _is_proven(self, name: str, data: bytes) -> bool:
        from ftlineage.sources.processors import clean_file

        raw, clean = sha256_hex(data), sha256_hex(clean_file(name, data))
        recorded = {record.sha256 for record in records_named(self.preprocessing, name)}
        return bool(recorded & {raw, clean}) or (name in self._adapter and self._adapter[name] == raw)

    def _stands_in(self, processor: Preprocessor, record: FileRecord) -> bool:
        if template_name(record.path) is not None:
            return True  # judged as a text, wherever it stands
        if record.path == SPECIAL_TOKENS:
            return TOKENIZER_CONFIG in self.given.files
        if record.path in (PREPROCESSOR_CONFIG, VIDEO_CONFIG):
            from ftlineage.core import codec

            whole = codec.foreign_object(self.given.files.get(PROCESSOR_CONFIG, b""))
            return isinstance((whole or {}).get(processor.kind), dict)
        if record.path == PROCESSOR_CONFIG and self._base:
            return PROCESSOR_CONFIG not in self._base
        # A base may hold its vocabulary in other files than those that a save writes.
        names = [name for name in self._base if is_preprocessing_file(name) and name not in _REWRITTEN]
        proven = [name for name in names if sha256_hex(self.given.files.get(name, b"")) == self._base[name]]
        return record.path not in self._base and record.path not in _REWRITTEN and bool(proven) and proven == names

    def _changed(self, name: str, changes: Sequence[Change]) -> Finding:
        expected, actual = expected_and_actual(changes)
        return _finding("error", name, f"{self._at(name)}: {changes_sentence(changes)}", expected, actual)

    def _unknown(self, name: str, data: bytes) -> Finding | None:
        """A file of other bytes in which no recorded setting differs."""
        own = PurePosixPath(name).name
        records = records_named(self.preprocessing, own)
        kinds = {one.kind for one in self.preprocessing.processors}
        if kinds & _COMPLETE.get(own, frozenset()):
            return None  # every setting of the object is in the card, and each is the same
        if own == SPECIAL_TOKENS and not records and "tokenizer" in kinds:
            return None
        if not records:
            return self._unlisted(name, data)
        if own in _REWRITTEN:
            message = f"{self._at(name)} has other bytes than training's; no setting that the card records differs"
            return _finding("warning", name, message, records[0].sha256, sha256_hex(data))
        message = f"{self._at(name)} is not the file that training used: its vocabulary, merges or rules differ"
        return _finding("error", name, message, records[0].sha256, sha256_hex(data))

    def _unlisted(self, name: str, data: bytes) -> Finding:
        # Slow forms of a vocabulary are not read where the fast one is there.
        whole = self.given.files.get(TOKENIZER)
        spare = name not in _REWRITTEN and whole is not None and self._is_proven(TOKENIZER, whole)
        message = f"{self._at(name)} is a processor's file that the card does not record, and a loader could open it"
        return _finding("warning" if spare else "error", name, message, None, sha256_hex(data))

    def _at(self, name: str) -> str:
        """A file as sentences name it: where it lies, and what it is called there."""
        place = words.clean(self.given.name)
        return f"{shown(name)} in {place}" if self.given.whole else place


def _is_from(processor: Preprocessor, base: Base) -> bool:
    return processor.source == base.model and processor.revision == base.revision


def _finding(
    severity: Severity,
    path: str | None,
    message: str,
    expected: object = None,
    actual: object = None,
    *,
    hint: str = _HINT,
) -> Finding:
    return Finding(
        code="preprocessing.changed",
        severity=severity,
        section="preprocessing",
        path=path,
        expected=expected,
        actual=actual,
        message=message,
        hint=hint,
    )

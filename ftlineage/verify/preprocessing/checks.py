"""Preprocessing files of a version, against its card: what changed, by the name of the setting.

Decides how a changed tokenizer, processor or template file is said (``image_mean is [0.485], the
card says [0.5]`` instead of other bytes) and whether a card contradicts itself about them. Values
go in, findings come out; nothing is read here and nothing needs transformers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from ftlineage.core import codec, words
from ftlineage.core.card import CARD_NAME
from ftlineage.core.digest import sha256_hex, text_sha256
from ftlineage.core.finding import Finding
from ftlineage.core.sections import ChatTemplate, FileRecord, Preprocessing
from ftlineage.verify.checks import shown
from ftlineage.verify.preprocessing.settings import (
    TOKENIZER,
    file_changes,
    is_preprocessing_file,
    template_name,
    templates_named,
)
from ftlineage.verify.preprocessing.words import changes_sentence, expected_and_actual
from ftlineage.verify.text_change import first_difference

MAX_EXPLAINED_BYTES = 256 * 1024 * 1024
_RESTORE = "Restore it from where the version was published, or record what is here as a new version"


def explain_change(
    file: FileRecord, data: bytes | None, preprocessing: Preprocessing, *, again: str = ""
) -> Finding | None:
    """Say what changed in a file of the version's own folder, once its bytes are known to be others.

    Args:
        file: The file as the card lists it.
        data: What lies there now; None if it was too large to be read whole.
        preprocessing: The card's section.
        again: The command that would record the folder anew.

    Returns:
        The error to give, or None for a file that has nothing to do with preprocessing.
    """
    if not is_preprocessing_file(file.path):
        return None
    other: tuple[str, Any, Any] = ("other bytes", file.sha256, None)
    said, expected, actual = other if data is None else _difference(file, data, preprocessing)
    return Finding(
        code="preprocessing.changed",
        section="preprocessing",
        path=file.path,
        expected=expected,
        actual=actual,
        message=f"{shown(file.path)}: {said}",
        hint=f"{_RESTORE}: {again}" if again else _RESTORE,
    )


def _difference(file: FileRecord, data: bytes, preprocessing: Preprocessing) -> tuple[str, Any, Any]:
    name = template_name(file.path)
    if name is not None:
        template = _template_of(file, name, preprocessing)
        if template is not None and text_sha256(template.text) != sha256_hex(data):
            return first_difference(data, template.text), file.sha256, sha256_hex(data)
        return "another chat template than the card's", file.sha256, sha256_hex(data)
    changes = file_changes(PurePosixPath(file.path).name, data, preprocessing)
    if changes:
        return changes_sentence(changes), *expected_and_actual(changes)
    return _unnamed(file, data, preprocessing), file.sha256, sha256_hex(data)


def _template_of(file: FileRecord, name: str, preprocessing: Preprocessing) -> ChatTemplate | None:
    """The text a template file held: that of its digest, else that of its name."""
    exact = [one for one in preprocessing.chat_templates if one.sha256 == file.sha256]
    return next(iter([*exact, *templates_named(preprocessing, name)]), None)


def _unnamed(file: FileRecord, data: bytes, preprocessing: Preprocessing) -> str:
    """A change that no recorded setting shows."""
    from ftlineage.sources.processors import clean_file

    own = PurePosixPath(file.path).name
    if (size := len(data)) != file.size:
        other = f"{words.quantity(size, 'byte')}, the card says {file.size:,}"
    else:
        other = "the same size, other bytes"
    if own.endswith(".json") and codec.foreign_object(data) is None:
        return f"{other}; it is no JSON object"
    clean = sha256_hex(clean_file(own, data))
    if any(clean == record.sha256 for record in records_named(preprocessing, own)):
        kept = "truncation and padding" if own == TOKENIZER else "what a save notes about itself"
        return f"{other}; it differs from the card's in {kept} alone"
    if own == TOKENIZER:
        return f"{other}; its vocabulary, merges or rules are not those of the card"
    return f"{other}; no setting that the card records differs"


def records_named(preprocessing: Preprocessing, name: str) -> list[FileRecord]:
    """Every record of a file of this name among the card's processors."""
    return [file for one in preprocessing.processors for file in one.files if file.path == name]


# --- a card that contradicts itself --------------------------------------------------------------


def check_templates(preprocessing: Preprocessing) -> list[Finding]:
    """Each template's text has the digest that stands beside it."""
    return [
        Finding(
            code="card.malformed",
            section="card",
            path=CARD_NAME,
            expected=template.sha256,
            actual=text_sha256(template.text),
            message=(
                f"malformed lineage card at $.preprocessing.chat_templates[{number}]: "
                f"the sha256 of {words.clean(template.name)} is not that of its text"
            ),
            hint="Restore lineage.json from where the version was published; a card is never edited, only made again",
        )
        for number, template in enumerate(preprocessing.chat_templates)
        if template.sha256 != text_sha256(template.text)
    ]


def files_to_compare(preprocessing: Preprocessing, files: Iterable[FileRecord]) -> list[FileRecord]:
    """Files at the top of the version's folder that the card's processors are saved as, under another digest.

    Both digests may be right: a processor's file is recorded without the traces of the process that
    wrote it. :func:`check_own_files` decides it from the bytes.
    """
    chosen = []
    for file in files:
        records = records_named(preprocessing, file.path)
        if records and all(record.sha256 != file.sha256 for record in records):
            chosen.append(file)
    return chosen


def check_own_files(preprocessing: Preprocessing, data: Mapping[str, bytes]) -> list[Finding]:
    """What lies beside the adapter is what training used, as far as the card knows both.

    Args:
        preprocessing: The card's section.
        data: The bytes of :func:`files_to_compare`, already found to be as the card's adapter section says.
    """
    from ftlineage.sources.processors import clean_file

    findings = []
    for path, content in sorted(data.items()):
        clean = sha256_hex(clean_file(path, content))
        if any(record.sha256 == clean for record in records_named(preprocessing, path)):
            continue
        name = template_name(path)
        # A processor saves its own template over its tokenizer's; the card has the texts of both.
        if name is not None and any(one.sha256 == clean for one in preprocessing.chat_templates):
            continue
        if name is not None:
            own = templates_named(preprocessing, name)
            said = first_difference(content, own[0].text) if own else "another chat template than the card's"
            changes = []
        else:
            changes = file_changes(path, content, preprocessing)
            said = changes_sentence(changes) if changes else "it is not the file that training used"
        expected, actual = expected_and_actual(changes) if changes else (None, clean)
        findings.append(
            Finding(
                code="preprocessing.changed",
                section="preprocessing",
                path=path,
                expected=expected,
                actual=actual,
                message=f"{shown(path)}: {said} (the card lists this file, but says that training used another)",
                hint="Record the version again, with the preprocessing that training used beside it",
            )
        )
    return findings

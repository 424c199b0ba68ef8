"""The preprocessing part of a verification: what is read for it, and when it counts as proven.

Decides which files are looked at again (only those that a check needs) and whether every recorded
processor was seen: in the version's own folder, in the base that was compared, or in what was given.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ftlineage.core import words
from ftlineage.core.card import Card
from ftlineage.core.digest import sha256_hex
from ftlineage.core.finding import Finding
from ftlineage.core.sections import FileRecord, Preprocessing
from ftlineage.errors import FtlineageError
from ftlineage.verify.given import Given, Judged
from ftlineage.verify.version import VersionFiles, is_unanswered


def explained(
    version: VersionFiles, file: FileRecord, found: list[Finding], preprocessing: Preprocessing, *, again: str
) -> list[Finding]:
    """The finding for a changed file, naming the setting if it is one of preprocessing."""
    if not found or found[0].code != "adapter.changed":
        return found
    from ftlineage.verify.preprocessing.checks import MAX_EXPLAINED_BYTES, explain_change
    from ftlineage.verify.preprocessing.settings import is_preprocessing_file

    if not is_preprocessing_file(file.path):  # nothing to explain, and no reason to read weights again
        return found
    try:
        data = version.read(file.path, MAX_EXPLAINED_BYTES)
    except FtlineageError:
        return found
    if sha256_hex(data) == file.sha256:  # it changed while it was read; what it was then cannot be shown
        return found
    finding = explain_change(file, data, preprocessing, again=again)
    return found if finding is None else [finding]


def judge_preprocessing(version: VersionFiles, card: Card, given: Given, *, base_proven: bool) -> Judged:
    """Whether the preprocessing is the recorded one, as far as it can be seen.

    Args:
        version: Where the version lies; its listed files were found as recorded.
        card: Its card.
        given: What serving loads and runs.
        base_proven: Whether the base's files were compared and are as recorded.

    Raises:
        UsageError: What was named cannot be read.
    """
    findings = _own(version, card)
    if given.processor is not None:
        findings += _given_processors(card, given.processor)
    if given.code is not None:
        from ftlineage.verify.preprocessing.code import check_given_code, observe_given_code

        findings += check_given_code(card.body.preprocessing, observe_given_code(given.code))
    absent = None if given.processor is not None else _unseen_processors(card, base_proven=base_proven)
    if absent is None and given.code is None and card.body.preprocessing.code:
        absent = _absent("the preprocessing functions were not given to be compared", "Name their code: --code PATH")
    unseen = next((finding for finding in findings if finding.code == "preprocessing.unseen"), None)
    if absent is None and unseen is not None:
        absent = _absent(f"part of the preprocessing code was not compared: {unseen.message}", unseen.hint)
    return Judged(fact="preprocessing", findings=tuple(findings), absent=absent)


def _own(version: VersionFiles, card: Card) -> list[Finding]:
    """The card agrees with itself, and what lies beside the adapter is what training used."""
    preprocessing, adapter = card.body.preprocessing, card.body.adapter
    if not (preprocessing.processors or preprocessing.chat_templates) or adapter is None:
        return []
    from ftlineage.verify.preprocessing.checks import (
        MAX_EXPLAINED_BYTES,
        check_own_files,
        check_templates,
        files_to_compare,
    )

    findings = check_templates(preprocessing)
    wanted = files_to_compare(preprocessing, adapter.files)
    data = {}
    for file in wanted:
        try:
            content = version.read(file.path, MAX_EXPLAINED_BYTES)
        except FtlineageError as error:
            if is_unanswered(error):
                raise
            continue  # check_file said what is wrong with it
        if sha256_hex(content) == file.sha256:  # else that was said already
            data[file.path] = content
    return findings + (check_own_files(preprocessing, data) if data else [])


def _given_processors(card: Card, place: Path) -> list[Finding]:
    from ftlineage.verify.preprocessing.given import check_given_processors, observe_given_processors

    given = observe_given_processors(place)
    return check_given_processors(card.body.preprocessing, given, base=card.body.base, adapter=card.body.adapter)


def _unseen_processors(card: Card, *, base_proven: bool) -> Finding | None:
    """What to say if a recorded processor lies neither in the version nor in the base that was compared."""
    seen: Collection[str] = {file.path for file in card.body.adapter.files} if card.body.adapter is not None else ()
    base = card.body.base
    for processor in card.body.preprocessing.processors:
        from_base = (
            base_proven and base is not None and (processor.source, processor.revision) == (base.model, base.revision)
        )
        if not from_base and not all(file.path in seen for file in processor.files):
            name = words.clean(processor.class_)
            message = f"the recorded {name} lies neither beside the adapter nor in a base that was compared"
            return _absent(message, "Name the processor files the server loads: --processor PATH")
    return None


def _absent(message: str, hint: str | None) -> Finding:
    return Finding(code="preprocessing.absent", severity="note", section="preprocessing", message=message, hint=hint)

"""The preprocessing that a server uses, read and judged: processor files, code, and what was not shown.

Decides when the card's preprocessing section counts as proven: every processor was given or lies
beside the adapter, and the code was given and could be compared whole. Imports neither
transformers nor torch, and runs none of the code it reads.
"""

from __future__ import annotations

from pathlib import Path

from ftlineage.core import words
from ftlineage.core.card import Card
from ftlineage.core.finding import Finding
from ftlineage.core.sections import Preprocessing


def judge_preprocessing(
    card: Card, *, processor: Path | None, code: Path | None
) -> tuple[list[Finding], Finding | None]:
    """Compare processor files and preprocessing code that were named with the card.

    Args:
        card: A card that can judge.
        processor: The folder or file with what serving loads; None if none was named.
        code: The Python file or folder that serving runs; None if none was named.

    Returns:
        Findings, and what to say if the section must be proven and something was not shown.

    Raises:
        PathNotFoundError, BadInputError: What was named is not there, or is not what it should be.
        UnsafePathError, StorageError: It cannot be read.
    """
    body = card.body
    findings: list[Finding] = []
    if processor is not None:
        from ftlineage.verify.preprocessing_given import check_given_processors, observe_given_processors

        given = observe_given_processors(processor)
        findings += check_given_processors(body.preprocessing, given, base=body.base, adapter=body.adapter)
    if code is not None:
        from ftlineage.verify.preprocessing_code import check_given_code, observe_given_code

        findings += check_given_code(body.preprocessing, observe_given_code(code))
    beside = {file.path for file in body.adapter.files} if body.adapter is not None else set()
    absent = not_given(body.preprocessing, beside, processor=processor is not None, code=code is not None)
    return findings, absent or next((one for one in findings if one.code == "preprocessing.unseen"), None)


def not_given(preprocessing: Preprocessing, beside: set[str], *, processor: bool, code: bool) -> Finding | None:
    """What of the card's preprocessing nobody showed, as one note; None if all of it was there to compare.

    Args:
        preprocessing: The card's section.
        beside: Files in the version's own folder.
        processor: Whether processor files were named.
        code: Whether code was named.
    """
    lacking = [one for one in preprocessing.processors if not all(file.path in beside for file in one.files)]
    parts, flags = [], []
    if lacking and not processor:
        parts.append(f"the files of {words.clean(lacking[0].class_)}")
        flags.append("--processor PATH")
    if preprocessing.code and not code:
        parts.append(words.quantity(len(preprocessing.code), "preprocessing function"))
        flags.append("--code PATH")
    if not parts:
        return None
    message = f"not shown, so not compared: {' and '.join(parts)}"
    hint = f"Name what serving uses: {' '.join(flags)}"
    return Finding(code="preprocessing.unseen", severity="note", section="preprocessing", message=message, hint=hint)

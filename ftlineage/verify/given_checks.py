"""Prompts and retrieval indexes that a server will use, against those the card names.

Decides by digest; a prompt that differs is shown by its first differing line, an index by its count
and version. Something given that the card does not name is an error: nothing vouches for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from ftlineage.core import words
from ftlineage.core.digest import text_sha256
from ftlineage.core.finding import Finding
from ftlineage.core.sections import Prompt, Retrieval
from ftlineage.verify.text_change import first_difference

_LISTED = 3


def check_prompts(recorded: Sequence[Prompt], given: Mapping[str, str]) -> list[Finding]:
    """Every prompt that was given is the recorded one, to the byte.

    Args:
        recorded: The card's section.
        given: The texts that serving uses, by the card's names.
    """
    by_name = {prompt.name: prompt for prompt in recorded}
    findings = []
    for name, text in given.items():
        prompt = by_name.get(name)
        if prompt is None:
            findings.append(_prompts_changed(name, _unknown("prompt", name), hint=_names(by_name)))
        elif prompt.sha256 != text_sha256(text):
            difference = "it is another text" if prompt.text is None else first_difference(text, prompt.text)
            message = f"the prompt {words.clean(name)} is not the recorded one: {difference}"
            findings.append(_prompts_changed(name, message, (prompt.sha256, text_sha256(text))))
    return findings


def check_retrieval(recorded: Sequence[Retrieval], given: Mapping[str, Retrieval]) -> list[Finding]:
    """Every index that was given holds what the recorded one held.

    Args:
        recorded: The card's section.
        given: The indexes that serving uses, as observed now, by the card's names.
    """
    by_name = {index.name: index for index in recorded}
    findings = []
    for name, now in given.items():
        before = by_name.get(name)
        if before is None:
            findings.append(_retrieval_changed(name, _unknown("index", name), hint=_names(by_name)))
        elif (before.algorithm, before.digest) != (now.algorithm, now.digest):
            message = f"the index {words.clean(name)} is not the recorded one: {_index_difference(before, now)}"
            findings.append(_retrieval_changed(name, message, (before.digest, now.digest)))
    return findings


def prompts_not_given(recorded: Sequence[Prompt], given: Collection[str]) -> Finding | None:
    """What to say if the prompts are demanded and not all were given; None if they were."""
    left = _left(recorded, given)
    if not left:
        return None
    message = f"the card names the prompt {left}, and no file was given to compare with it"
    hint = "Name what the server uses: --prompt NAME=FILE"
    return Finding(code="prompts.absent", severity="note", section="prompts", message=message, hint=hint)


def retrieval_not_given(recorded: Sequence[Retrieval], given: Collection[str]) -> Finding | None:
    """What to say if the indexes are demanded and not all were given; None if they were."""
    left = _left(recorded, given)
    if not left:
        return None
    message = f"the card names the index {left}, and no file was given to compare with it"
    hint = "Name what the server uses: --retrieval NAME=PATH"
    return Finding(code="retrieval.absent", severity="note", section="retrieval", message=message, hint=hint)


def _index_difference(before: Retrieval, now: Retrieval) -> str:
    if before.algorithm != now.algorithm:
        return (
            f"its digest is made another way ({words.clean(str(now.algorithm))}, "
            f"the card says {words.clean(str(before.algorithm))})"
        )
    if before.count != now.count:
        return f"it has {now.count} entries, the card says {before.count}"
    if before.version != now.version:
        return f"it is at version {words.clean(str(now.version))}, the card says {words.clean(str(before.version))}"
    return "the same number of entries, other content"


def _left(recorded: Sequence[Prompt] | Sequence[Retrieval], given: Collection[str]) -> str:
    left = [words.clean(one.name) for one in recorded if one.name not in given]
    return ", ".join(left[:_LISTED]) + (f" and {len(left) - _LISTED} more" if len(left) > _LISTED else "")


def _unknown(noun: str, name: str) -> str:
    return f"the card names no {noun} {words.clean(name)}, so nothing vouches for what was given"


def _names(known: Collection[str]) -> str:
    return f"The card's names: {', '.join(words.clean(one) for one in known) or 'none'}"


_ANOTHER = "Serve the recorded one, or record what is served as a new version"


def _prompts_changed(
    name: str, message: str, digests: tuple[str | None, str | None] = (None, None), *, hint: str = _ANOTHER
) -> Finding:
    expected, actual = digests
    return Finding(
        code="prompts.changed",
        section="prompts",
        path=words.clean(name),
        expected=expected,
        actual=actual,
        message=message,
        hint=hint,
    )


def _retrieval_changed(
    name: str, message: str, digests: tuple[str | None, str | None] = (None, None), *, hint: str = _ANOTHER
) -> Finding:
    found = _prompts_changed(name, message, digests, hint=hint)
    return msgspec.structs.replace(found, code="retrieval.changed", section="retrieval")

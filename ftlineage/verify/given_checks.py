"""Prompts and retrieval indexes that a server will use, against those the card names.

Decides by digest; a prompt that differs is shown by its first differing line, an index by its count
and version. Something given that the card does not name is an error: nothing vouches for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ftlineage.core import words
from ftlineage.core.digest import text_sha256
from ftlineage.core.finding import Finding
from ftlineage.core.sections import Prompt, Retrieval

_LONGEST = 60


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
            findings.append(_unknown("prompts", "prompt", name, list(by_name)))
        elif prompt.sha256 != text_sha256(text):
            difference = "it is another text" if prompt.text is None else first_difference(prompt.text, text)
            message = f"the prompt {words.clean(name)} is not the recorded one: {difference}"
            findings.append(_changed("prompts", name, prompt.sha256, text_sha256(text), message))
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
            findings.append(_unknown("retrieval", "index", name, list(by_name)))
        elif (before.algorithm, before.digest) != (now.algorithm, now.digest):
            message = f"the index {words.clean(name)} is not the recorded one: {_index_difference(before, now)}"
            findings.append(_changed("retrieval", name, before.digest, now.digest, message))
    return findings


def not_given(
    section: str, recorded: Sequence[Prompt] | Sequence[Retrieval], given: Mapping[str, object]
) -> Finding | None:
    """What the card names in a section and was not given to be compared; None if nothing is left."""
    left = [words.clean(one.name) for one in recorded if one.name not in given]
    if not left:
        return None
    noun, flag = ("prompt", "--prompt NAME=FILE") if section == "prompts" else ("index", "--retrieval NAME=PATH")
    listed = ", ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")  # noqa: PLR2004
    return Finding(
        code=f"{section}.absent",
        severity="note",
        section=section,
        message=f"the card names the {noun} {listed}, and no file was given to compare with it",
        hint=f"Name what the server uses: {flag}",
    )


def first_difference(before: str, after: str) -> str:
    """The first line in which two texts differ, in words."""
    old, new = before.split("\n"), after.split("\n")
    for number, (left, right) in enumerate(zip(old, new, strict=False), start=1):
        if left != right:
            return f"line {number} is {_quoted(right, left)}, the card says {_quoted(left, right)}"
    if len(old) < len(new):
        return f"line {len(old) + 1} was added: {_quoted(new[len(old)], '')}"
    return f"line {len(new) + 1} is missing: {_quoted(old[len(new)], '')}"


def _quoted(line: str, other: str) -> str:
    """A line for a sentence: cut around the first character that differs, invisible ones written out."""
    same = next((at for at, (a, b) in enumerate(zip(line, other, strict=False)) if a != b), min(len(line), len(other)))
    start = max(0, same - _LONGEST // 2) if len(line) > _LONGEST else 0
    cut = line[start : start + _LONGEST]
    shown = cut if cut.isprintable() and cut.isascii() else ascii(cut)[1:-1]
    return f'"{"..." if start else ""}{shown}{"..." if start + _LONGEST < len(line) else ""}"'


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


def _unknown(section: str, noun: str, name: str, known: list[str]) -> Finding:
    listed = ", ".join(words.clean(one) for one in known) or "none"
    return Finding(
        code=f"{section}.changed",
        section=section,
        path=words.clean(name),
        message=f"the card names no {noun} {words.clean(name)}, so nothing vouches for what was given",
        hint=f"The card's names: {listed}",
    )


def _changed(section: str, name: str, expected: str, actual: str, message: str) -> Finding:
    return Finding(
        code=f"{section}.changed",
        section=section,
        path=words.clean(name),
        expected=expected,
        actual=actual,
        message=message,
        hint="Serve the recorded one, or record what is served as a new version",
    )

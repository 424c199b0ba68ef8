"""Options that several verbs take in the same form: ``NAME=VALUE``, repeatable."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ftlineage.errors import BadArgumentError


def pairs(option: str, texts: Iterable[str]) -> list[tuple[str, str]]:
    """``NAME=VALUE`` of every use of an option.

    Raises:
        BadArgumentError: A part is missing, or a name is given twice.
    """
    result: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise BadArgumentError(
                argument=f"{option} {text}", reason="expected NAME=VALUE", hint=_example(option, text)
            )
        if name in result:
            raise BadArgumentError(argument=option, reason=f"the name {name!r} stands twice")
        result[name] = value
    return list(result.items())


def named_paths(option: str, texts: Iterable[str]) -> dict[str, Path]:
    """``NAME=FILE`` of every use of an option, by name; see :func:`pairs`."""
    return {name: Path(value) for name, value in pairs(option, texts)}


def _example(option: str, text: str) -> str:
    stem = Path(text.strip("=")).stem or "tickets"
    return f"For example: {option} {stem}={text.strip('=') or 'tickets.jsonl'}"

"""A scan as workflow commands of GitHub Actions, which show findings beside the changed lines.

Decides the order: GitHub shows ten of each level and step, so the most severe come first.
"""

from __future__ import annotations

from collections.abc import Iterator

from ftlineage.core import words
from ftlineage.drift.outcome import Outcome, advice
from ftlineage.drift.revision import RULES

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
_ORDER = ("error", "warning", "note")


def commands(outcome: Outcome) -> Iterator[str]:
    """One command for each finding, then one notice for each file that was not read."""
    for one in sorted(outcome.graded, key=lambda each: _ORDER.index(each.severity)):
        reference = one.reference
        hint = advice(reference)
        message = words.clean(reference.message) + (f"\n{hint}" if hint else "")
        properties = {
            "file": reference.path,
            "line": str(reference.line),
            "col": str(reference.column),
            "title": f"{one.rule}: {RULES[reference.rule or 'FLOAT001']}",
        }
        yield _command(_COMMANDS[one.severity], properties, message)
    for path, reason in outcome.skipped:
        yield _command("notice", {"file": path, "title": "not read"}, words.clean(reason))


def _command(name: str, properties: dict[str, str], message: str) -> str:
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {listed}::{_data(message)}"


def _data(text: str) -> str:
    """Escaped as the runner reads it back: percent first."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

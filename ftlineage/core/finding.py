"""The single result type of verify, scan, drift, diff and gates.

A verdict is a value. An exception means "could not tell".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from ftlineage.core.words import cut

# Names come from files that strangers wrote: one of a megabyte must not make a sentence of a megabyte.
MOST_WORDS = 2000

Severity = Literal["error", "warning", "note"]
Verdict = Literal["ok", "failed", "undecided"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong or worth knowing.

    ``code`` is stable, ``section.what``, and documented in ``docs/findings.md``.
    """

    code: str
    severity: Severity = "error"
    section: str
    path: str | None = None
    expected: Any = None
    actual: Any = None
    message: str
    hint: str | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict with its findings; truthy when fine."""

    ok: bool
    verdict: Verdict
    target: str
    card: str | None = None
    seconds: float = 0.0
    counts: dict[str, int]
    findings: tuple[Finding, ...]

    def __bool__(self) -> bool:
        return self.ok


def make_report(
    findings: Iterable[Finding],
    *,
    target: str,
    card: str | None,
    seconds: float = 0.0,
    counts: dict[str, int] | None = None,
    undecided: bool = False,
) -> Report:
    """Decide the verdict: any error fails; otherwise missing evidence leaves it undecided."""
    listed = tuple(_readable(finding) for finding in findings)
    by_severity = Counter(finding.severity for finding in listed)
    failed = by_severity["error"] > 0
    verdict: Verdict = "failed" if failed else "undecided" if undecided else "ok"
    tally = {**(counts or {}), **{f"{severity}s": by_severity[severity] for severity in ("error", "warning", "note")}}
    return Report(
        ok=verdict == "ok",
        verdict=verdict,
        target=target,
        card=card,
        seconds=seconds,
        counts=tally,
        findings=listed,
    )


def _readable(finding: Finding) -> Finding:
    """The finding with words that somebody can read to their end."""
    hint = finding.hint or ""
    if max(len(finding.message), len(hint)) <= MOST_WORDS:
        return finding
    return msgspec.structs.replace(
        finding, message=cut(finding.message, MOST_WORDS), hint=cut(hint, MOST_WORDS) or None
    )

"""Reports: the verdict follows from severities, and words stay readable."""

from __future__ import annotations

import pytest

from ftlineage.core.finding import MOST_WORDS, Finding, Severity, make_report


def finding(severity: Severity = "error", **changes: str) -> Finding:
    return Finding(**{"code": "adapter.changed", "section": "adapter", "message": "m", **changes}, severity=severity)


@pytest.mark.parametrize(
    ("severities", "undecided", "verdict"),
    [
        ([], False, "ok"),
        (["warning", "note"], False, "ok"),
        (["note", "error"], False, "failed"),
        ([], True, "undecided"),
        (["error"], True, "failed"),
    ],
)
def test_verdicts(severities: list[Severity], undecided: bool, verdict: str) -> None:
    report = make_report(map(finding, severities), target="out", card=None, undecided=undecided)
    assert (report.verdict, report.ok, bool(report)) == (verdict, verdict == "ok", verdict == "ok")
    assert sum(report.counts.values()) == len(severities)


def test_words_of_a_stranger_cannot_be_endless() -> None:
    long = finding(message="x" * 50_000_000 + " is missing", hint="mv " + "y" * 9999)
    (told,) = make_report([long], target="out", card=None).findings
    assert len(told.message) == len(told.hint or "") == MOST_WORDS
    assert told.message.endswith("xxx is missing")
    usual = finding(message="x" * MOST_WORDS)
    assert make_report([usual], target="out", card=None).findings[0] is usual

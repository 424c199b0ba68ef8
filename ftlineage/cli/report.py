"""A report for people: every finding with its hint, then one line that says how it ended.

Decides the words of verdicts and their exit codes, the same for every command that gives one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from ftlineage.cli import output
from ftlineage.cli.errors import FINDINGS, FINE, UNDECIDED
from ftlineage.cli.output import Output, Style
from ftlineage.core import codec, words
from ftlineage.core.finding import Finding, Report, Severity, Verdict

VERDICT_CODES: dict[Verdict, int] = {"ok": FINE, "failed": FINDINGS, "undecided": UNDECIDED}
_VERDICTS: dict[Verdict, Style] = {"ok": "green", "failed": "red", "undecided": "yellow"}
_SEVERITIES: dict[Severity, Style] = {"error": "red", "warning": "yellow", "note": "cyan"}


def tell(report: Report, out: Output) -> int:
    """Write a report as text or JSON and return the exit code of its verdict."""
    if out.json:
        out.document(codec.builtins(report))
    else:
        for line in report_lines(report, out):
            out.text(line)
    return VERDICT_CODES[report.verdict]


def report_lines(report: Report, out: Output, conclusion: str | None = None) -> Iterator[str]:
    """The lines of a report for people: one finding after the other, then the verdict.

    Args:
        report: The verdict with its findings.
        out: Whether to be quiet.
        conclusion: What is said behind the verdict; how a version compares with its card if not given.
    """
    for finding in report.findings:
        yield from _finding(finding)
    if report.ok and out.quiet:
        return
    label, style = f"{report.verdict}:", _VERDICTS[report.verdict]
    indent = " " * (len(label) + 1)
    yield output.labelled(label, conclusion or _conclusion(report), style, indent=indent, stream=sys.stdout)


def _conclusion(report: Report) -> str:
    counts = report.counts
    nouns = (("files", "file"), ("tensors", "tensor"), ("base_files", "base file"))
    checked = [words.quantity(counts[key], noun) for key, noun in nouns if counts.get(key)]
    if counts.get("bytes"):
        checked.append(words.size(counts["bytes"]))
    extent = ", ".join([*checked, words.duration(report.seconds)])
    card = f" {words.short(report.card)}" if report.card else ""
    found = [words.quantity(counts[f"{key}s"], key) for key in ("error", "warning", "note") if counts.get(f"{key}s")]
    if report.ok:
        remarks = f"; {', '.join(found)}" if found else ""
        return f"{report.target} matches its card{card} ({extent}{remarks})"
    against = f" against card{card}" if card else ", no readable card"
    return f"{report.target}: {', '.join(found) or 'evidence is missing'}{against} ({extent})"


def _finding(finding: Finding) -> Iterator[str]:
    label, style, indent = f"{finding.severity}[{finding.code}]", _SEVERITIES[finding.severity], "  "
    yield output.labelled(label, finding.message, style, indent=indent, stream=sys.stdout)
    compared = _comparison(finding)
    if compared:
        yield output.sentence(compared, indent=indent, stream=sys.stdout)
    if finding.hint:
        yield output.hint(finding.hint, indent=indent, stream=sys.stdout)


def _comparison(finding: Finding) -> str:
    """Expected and actual, unless the message says them already."""
    if finding.expected is None or finding.actual is None:
        return ""
    if all(_shown(part) in finding.message for part in (*_parts(finding.expected), *_parts(finding.actual))):
        return ""
    return f"expected {_shown(finding.expected)}, found {_shown(finding.actual)}"


def _parts(value: Any) -> list[Any]:
    """Several settings are said one by one."""
    return list(value.values()) if isinstance(value, dict) else [value]


def _shown(value: Any) -> str:
    return words.short(value) if isinstance(value, str) else words.value(value)

"""``ftlineage verify``: the gate before serving."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ftlineage.cli import output
from ftlineage.cli.errors import FINDINGS, FINE, UNDECIDED
from ftlineage.cli.lazy import verb
from ftlineage.cli.output import Output, Style
from ftlineage.cli.target import folder_of
from ftlineage.core import codec, words
from ftlineage.core.finding import Finding, Report, Severity, Verdict

_CODES: dict[Verdict, int] = {"ok": FINE, "failed": FINDINGS, "undecided": UNDECIDED}
_VERDICTS: dict[Verdict, Style] = {"ok": "green", "failed": "red", "undecided": "yellow"}
_SEVERITIES: dict[Severity, Style] = {"error": "red", "warning": "yellow", "note": "cyan"}


@verb("ftlineage verify out/support-bot", "ftlineage verify out/support-bot --base models/base --json")
@click.argument("target")
@click.option(
    "--base", type=click.Path(path_type=Path), metavar="PATH", help="Check this copy of the base against the card too."
)
@click.option("--full-base", is_flag=True, help="Read every byte of the base, even if it was hashed before.")
def verify(out: Output, target: str, *, base: Path | None, full_base: bool) -> int:
    """Check a version against its card before serving it. TARGET is a folder with a lineage.json.

    Exits with 0 if every file is what the card says, 1 if anything is not (a missing or malformed
    card included), 2 if the command line is wrong, and 3 if it could not be decided.
    """
    from ftlineage.verify.runner import verify as run

    report = run(folder_of(target), base=base, full_base=full_base)
    if out.json:
        out.document(codec.builtins(report))
    else:
        for line in _lines(report, out):
            out.text(line)
    return _CODES[report.verdict]


def _lines(report: Report, out: Output) -> Iterator[str]:
    for finding in report.findings:
        yield from _finding(finding)
    if report.ok and out.quiet:
        return
    label, style = f"{report.verdict}:", _VERDICTS[report.verdict]
    indent = " " * (len(label) + 1)
    yield output.labelled(label, _conclusion(report), style, indent=indent, stream=sys.stdout)


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
    expected, actual = _shown(finding.expected), _shown(finding.actual)
    if expected in finding.message and actual in finding.message:
        return ""
    return f"expected {expected}, found {actual}"


def _shown(value: Any) -> str:
    return words.short(value) if isinstance(value, str) else words.value(value)

"""A scan for people: one line a finding, ``path:line:column``, so that editors and ``grep`` can follow it.

Lines are never wrapped. Text that comes from a file is cleaned before it is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from ftlineage.cli import output
from ftlineage.cli.output import Style
from ftlineage.core import words
from ftlineage.core.finding import Severity
from ftlineage.drift.outcome import Graded, Outcome
from ftlineage.drift.reference import Reference

_STYLES: dict[Severity, Style] = {"error": "red", "warning": "yellow", "note": "cyan"}


def lines(outcome: Outcome, shown: tuple[str, ...], *, quiet: bool) -> Iterator[str]:
    """The findings by path and line with the statuses that were asked for among them, notes, and the conclusion."""
    graded = {id(one.reference): one for one in outcome.graded}
    for reference in outcome.references:
        one = graded.get(id(reference))
        if one is not None:
            yield from _finding(one)
        elif reference.status in shown:
            yield f"{place(reference)}: {reference.status} {words.clean(reference.message)}{_cell(reference)}"
    if quiet:
        return
    for finding in outcome.report.findings:
        if finding.code.startswith("scan."):
            yield f"{words.clean(finding.path or '')}: {output.paint('note', 'cyan', sys.stdout)} {finding.message}"
    yield _verdict(outcome)
    hint = _hint(outcome)
    if hint:
        yield output.hint(hint, indent="  ", stream=sys.stdout)


def place(reference: Reference) -> str:
    """Where it stands, as editors open it."""
    return f"{words.clean(reference.path)}:{reference.line}:{reference.column}"


def conclusion(outcome: Outcome) -> str:
    """How a scan ended, in one sentence."""
    counts = outcome.report.counts
    found = [f"{counts[status]:,} {status}" for status in ("floating", "pinned", "dynamic", "local") if counts[status]]
    aside = [f"{counts[key]:,} {word}" for key, word in (("suppressed", "suppressed"), ("known", "in the baseline"))
             if counts[key]]  # fmt: skip
    extent = f"{words.quantity(counts['files'], 'file')}, {words.duration(outcome.report.seconds)}"
    listed = ", ".join(found) or "no references to the Hub"
    return f"{listed}{'; ' + ', '.join(aside) if aside else ''} ({extent})"


def _finding(one: Graded) -> Iterator[str]:
    reference = one.reference
    rule = output.paint(one.rule, _STYLES[one.severity], sys.stdout)
    mild = "" if one.severity == "error" else f" {one.severity}:"
    yield f"{place(reference)}: {rule}{mild} {words.clean(reference.message)}{_cell(reference)}"
    if reference.unpinnable:
        yield f"    cannot be pinned here: {words.clean(reference.unpinnable)}"


def _cell(reference: Reference) -> str:
    return "" if reference.cell is None else f" (cell {reference.cell}, line {reference.cell_line})"


def _verdict(outcome: Outcome) -> str:
    style: Style = "green" if outcome.report.ok else "red"
    return f"{output.paint(f'{outcome.report.verdict}:', style, sys.stdout)} {conclusion(outcome)}"


def _hint(outcome: Outcome) -> str:
    rules = {one.rule for one in outcome.graded}
    if rules & {"FLOAT009", "FLOAT010"}:
        return "Bring code and lock together: ftlineage lock"
    return "Write commits in place of what floats: ftlineage pin" if rules else ""

"""A scan with its verdict: every finding with its severity, the report, and what renderers need of both.

Decides that a finding is a reference with a rule, one finding each, and that notes about files that
were not read or suppressions that do nothing never fail a scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ftlineage.core import words
from ftlineage.core.finding import Finding, Report, Severity, make_report
from ftlineage.drift.baseline import fingerprints
from ftlineage.drift.reading import Seen
from ftlineage.drift.reference import Reference
from ftlineage.drift.scan import ScanResult
from ftlineage.drift.settings import Judge, Settings, Threshold, fails


class Graded(msgspec.Struct, frozen=True, kw_only=True):
    """One finding: the reference, how severe it is, and its digest that survives moved lines."""

    reference: Reference
    severity: Severity
    fingerprint: str

    @property
    def rule(self) -> str:
        """Its rule; a finding always has one."""
        return str(self.reference.rule)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A scan judged. ``references`` are all, in order; ``graded`` those with a rule."""

    report: Report
    references: tuple[Reference, ...]
    graded: tuple[Graded, ...]
    skipped: tuple[tuple[str, str], ...]
    files: tuple[str, ...] = ()


def judge_scan(
    result: ScanResult,
    seen: Sequence[Seen],
    *,
    settings: Settings,
    target: str,
    known: int = 0,
    fail_on: Threshold | None = None,
) -> Outcome:
    """The verdict on what is left of a scan after baseline and ``--since``.

    Args:
        result: The whole scan.
        seen: The references that are reported.
        settings: What severities come from.
        target: What was scanned, as typed.
        known: How many findings the baseline knows.
        fail_on: From which severity on the scan fails; the settings' own by default.
    """
    graded = _graded(seen, Judge(settings))
    left = msgspec.structs.replace(result, seen=tuple(seen))
    counts = {"files": result.files, "references": len(seen), **left.counts}
    counts |= {"suppressed": len(result.suppressed), "known": known, "skipped": len(result.skipped)}
    findings = [*(_finding(one) for one in graded), *_remarks(result)]
    report = make_report(findings, target=target, card=None, seconds=round(result.seconds, 3), counts=counts)
    failed = fails((one.severity for one in graded), fail_on or settings.keys.fail_on)
    report = msgspec.structs.replace(report, ok=not failed, verdict="failed" if failed else "ok")
    references = tuple(one.reference for one in seen)
    return Outcome(
        report=report, references=references, graded=tuple(graded), skipped=result.skipped, files=result.read
    )


def _graded(seen: Iterable[Seen], judge: Judge) -> list[Graded]:
    listed = [one for one in seen if one.reference.rule is not None]
    marks = fingerprints(one.reference for one in listed)
    graded = []
    for one, mark in zip(listed, marks, strict=True):
        grade = judge.grade(one.reference, one.file)
        if grade != "ignore":
            graded.append(Graded(reference=one.reference, severity=grade, fingerprint=mark))
    return graded


def advice(reference: Reference) -> str | None:
    """What to do about a finding."""
    if reference.unpinnable:
        return f"It cannot be pinned here: {words.clean(reference.unpinnable)}"
    if reference.rule in ("FLOAT009", "FLOAT010"):
        return "Pin what the lock file says, or lock again: ftlineage lock"
    if reference.rule == "FLOAT004":
        return "Write all 40 digits of the commit"
    if reference.rule is None or reference.slot is None:
        return None
    return f"Name a commit as {words.clean(reference.slot.key)}: ftlineage pin {words.clean(reference.path)}"


def _finding(one: Graded) -> Finding:
    reference = one.reference
    return Finding(
        code=one.rule,
        severity=one.severity,
        section="scan",
        path=reference.path,
        expected="a full commit id" if reference.status == "floating" else None,
        actual=reference.revision,
        message=f"line {reference.line}: {words.clean(reference.message)}",
        hint=advice(reference),
    )


def _remarks(result: ScanResult) -> Iterable[Finding]:
    for remark in result.remarks:
        message = f"line {remark.line}: {words.clean(remark.message)}"
        yield Finding(
            code="scan.suppression-faulty" if remark.is_faulty else "scan.suppression-unused",
            severity="note",
            section="scan",
            path=remark.path,
            message=message,
        )
    for path, reason in result.skipped:
        message = f"not read: {words.clean(reason)}"
        yield Finding(code="scan.skipped", severity="note", section="scan", path=path, message=message)

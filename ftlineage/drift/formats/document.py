"""A scan as the one JSON document of ``--json``: the report every command gives, and ``references``."""

from __future__ import annotations

from typing import Any

from ftlineage.core import codec
from ftlineage.drift.outcome import Outcome
from ftlineage.drift.reference import Reference

_KEYS = ("path", "line", "column", "ref", "kind", "status", "rule", "revision", "message", "cell", "cell_line")


def document(outcome: Outcome) -> dict[str, Any]:
    """The report with all references of every status, and the files that were not read."""
    report: dict[str, Any] = codec.builtins(outcome.report)
    return report | {
        "references": [entry(reference) for reference in outcome.references],
        "skipped": [{"path": path, "reason": reason} for path, reason in outcome.skipped],
    }


def entry(reference: Reference) -> dict[str, Any]:
    """One reference as programs read it."""
    return {key: getattr(reference, key) for key in _KEYS}

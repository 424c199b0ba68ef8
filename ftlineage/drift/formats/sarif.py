"""A scan as SARIF 2.1.0, for code scanning of GitHub, GitLab, Azure and editors.

Decides that a result is known again by its fingerprint, not by its line, and that locations are
relative URIs, so that nothing of this machine is in the file.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from ftlineage import __version__
from ftlineage.core import words
from ftlineage.drift.formats.rules import HELP, PAGE
from ftlineage.drift.outcome import Graded, Outcome, advice
from ftlineage.drift.revision import RULES

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_WORD = re.compile(r"[A-Za-z]+")
_RANKS = {name: number for number, name in enumerate(RULES)}


def sarif(outcome: Outcome) -> dict[str, Any]:
    """The log: one run, one result for each finding, a notification for each file that was not read."""
    driver = {
        "name": "ftlineage",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": "https://github.com/ftlineage/ftlineage",
        "rules": [_rule(rule) for rule in RULES],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder the scan was started in."}}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notices(outcome)}],
        "results": [_result(one) for one in outcome.graded],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Any) -> dict[str, Any]:
    title, text = RULES[rule], HELP[rule]
    return {
        "id": rule,
        "name": "".join(word.capitalize() for word in _WORD.findall(title)),
        "shortDescription": {"text": f"{title}."},
        "fullDescription": {"text": text},
        "help": {"text": text, "markdown": f"{text} See [{rule}]({PAGE}#{rule.lower()})."},
        "helpUri": f"{PAGE}#{rule.lower()}",
        "defaultConfiguration": {"level": "warning" if rule == "FLOAT008" else "error"},
        "properties": {"tags": ["supply-chain", "reproducibility"], "precision": "high"},
    }


def _result(one: Graded) -> dict[str, Any]:
    reference = one.reference
    hint = advice(reference)
    text = words.clean(reference.message) + (f". {hint}" if hint else "")
    region = {"startLine": reference.line, "startColumn": reference.column}
    return {
        "ruleId": one.rule,
        "ruleIndex": _RANKS[reference.rule or "FLOAT001"],
        "level": one.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": _place(reference.path), "region": region}}],
        "partialFingerprints": {"ftlineageReference/v1": one.fingerprint},
        "properties": {"ref": reference.ref, "kind": reference.kind, "revision": reference.revision},
    }


def _notices(outcome: Outcome) -> list[dict[str, Any]]:
    return [
        {
            "level": "note",
            "message": {"text": f"not read: {words.clean(reason)}"},
            "locations": [{"physicalLocation": {"artifactLocation": _place(path)}}],
        }
        for path, reason in outcome.skipped
    ]


def _place(path: str) -> dict[str, str]:
    return {"uri": quote(path, safe="/@+,=~!$&'()*;"), "uriBaseId": _ROOT}

"""A scan as JUnit XML, for GitLab, Jenkins and others: one test case a file, failed by its findings.

Decides that findings below the severity that fails the scan are the case's output, and a file that
was not read is skipped. Refused: characters that XML cannot carry; they are written out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from ftlineage.core import words
from ftlineage.drift.outcome import Graded, Outcome, advice

_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(outcome: Outcome, *, failing: Iterable[str]) -> bytes:
    """The XML document.

    Args:
        outcome: The scan.
        failing: The severities that fail a case.
    """
    severities = frozenset(failing)
    by_file: dict[str, list[Graded]] = {path: [] for path in outcome.files}
    for one in outcome.graded:
        by_file.setdefault(one.reference.path, []).append(one)
    suite = ET.Element("testsuite", {"name": "ftlineage scan"})
    failed = sum(_case(suite, path, listed, severities) for path, listed in sorted(by_file.items()))
    for path, reason in outcome.skipped:
        case = _element(suite, path)
        ET.SubElement(case, "skipped", {"message": _fit(reason)})
    seconds = f"{outcome.report.seconds:.3f}"
    numbers = {"tests": len(suite), "failures": failed, "errors": 0, "skipped": len(outcome.skipped)}
    for name, number in numbers.items():
        suite.set(name, str(number))
    suite.set("time", seconds)
    root = ET.Element("testsuites", {key: suite.attrib[key] for key in ("tests", "failures", "errors", "time")})
    root.append(suite)
    ET.indent(root)
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _case(suite: ET.Element, path: str, listed: list[Graded], severities: frozenset[str]) -> bool:
    case = _element(suite, path)
    bad = [one for one in listed if one.severity in severities]
    if bad:
        first = f"{bad[0].rule} {words.clean(bad[0].reference.message)}"
        message = first if len(bad) == 1 else f"{words.quantity(len(bad), 'floating reference')}: {first}"
        failure = ET.SubElement(case, "failure", {"type": bad[0].rule, "message": _fit(message)})
        failure.text = _fit("\n".join(_line(one) for one in bad))
    others = [one for one in listed if one.severity not in severities]
    if others:
        ET.SubElement(case, "system-out").text = _fit("\n".join(_line(one) for one in others))
    return bool(bad)


def _element(suite: ET.Element, path: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", {"classname": "ftlineage.scan", "name": _fit(path), "file": _fit(path)})


def _line(one: Graded) -> str:
    hint = advice(one.reference)
    where = f"{words.clean(one.reference.path)}:{one.reference.line}:{one.reference.column}"
    return f"{where}: {one.rule} {words.clean(one.reference.message)}" + (f"\n    {hint}" if hint else "")


def _fit(text: str) -> str:
    return _UNFIT.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)

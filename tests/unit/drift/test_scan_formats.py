"""A scan for other programs: what they need to read it, whatever stands in it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from ftlineage.core import codec
from ftlineage.drift.formats.document import document
from ftlineage.drift.formats.github import commands
from ftlineage.drift.formats.junit import junit
from ftlineage.drift.formats.rules import HELP
from ftlineage.drift.formats.sarif import sarif
from ftlineage.drift.outcome import judge_scan
from ftlineage.drift.reading import Seen
from ftlineage.drift.reference import Reference, Slot
from ftlineage.drift.revision import RULES
from ftlineage.drift.scan import Remark, ScanResult
from ftlineage.drift.settings import Keys, Settings

SHA = "c" * 40
HOSTILE = 'a\n::error::x,%0A:"<&]]>\x1b[31m\u202e.py'


def seen(path="a.py", line=3, rule: str | None = "FLOAT001", **changes) -> Seen:
    values: dict[str, Any] = {
        "column": 7, "ref": "org/name", "kind": "model", "status": "floating" if rule else "pinned", "rule": rule,
        "revision": None, "message": "org/name names no revision", "slot": Slot(key="revision", start=0, end=0),
    }  # fmt: skip
    reference = Reference(path=path, line=line, **values | changes)
    return Seen(reference=reference, file=f"/here/{path}", touches=((line, line),))


def outcome(*listed: Seen, fail_on=None, keys: Keys | None = None, **parts):
    given: dict[str, Any] = {"read": tuple(sorted({one.reference.path for one in listed})), "seconds": 0.25} | parts
    result = ScanResult(seen=tuple(listed), **given)
    settings = Settings(keys=keys or Keys(), folder="/here")
    return judge_scan(result, listed, settings=settings, target=".", fail_on=fail_on)


# --- the verdict ---------------------------------------------------------------------------------


def test_counts_and_verdict():
    code = seen(rule="FLOAT006", kind="code")
    found = outcome(seen(), code, seen(line=9, rule=None, revision=SHA), skipped=(("b.py", "binary"),), read=("a.py",))
    assert (found.report.ok, found.report.verdict) == (False, "failed")
    assert found.report.counts == {
        "files": 1, "references": 3, "floating": 1, "pinned": 1, "dynamic": 0, "local": 0, "suppressed": 0,
        "known": 0, "skipped": 1, "errors": 2, "warnings": 0, "notes": 1,
    }  # fmt: skip
    assert [finding.code for finding in found.report.findings] == ["FLOAT001", "FLOAT006", "scan.skipped"]
    assert found.report.findings[0].message == "line 3: org/name names no revision"
    assert found.report.findings[0].hint == "Name a commit as revision: ftlineage pin a.py"


@pytest.mark.parametrize(
    ("grade", "fail_on", "ok"),
    [
        ("warning", None, True),
        ("warning", "warning", False),
        ("note", "warning", True),
        ("note", "note", False),
        ("error", "never", True),
    ],
)
def test_what_fails_is_what_is_severe_enough(grade, fail_on, ok):
    found = outcome(seen(), fail_on=fail_on, keys=Keys(rules={"FLOAT001": grade}))
    assert (found.report.ok, found.report.verdict) == (ok, "ok" if ok else "failed")


def test_remarks_and_files_that_were_not_read_never_fail():
    remark = Remark(path="a.py", line=2, is_faulty=False, message="this suppression silences nothing")
    found = outcome(remarks=(remark,), skipped=(("b.py", "binary"),), fail_on="note")
    assert found.report.ok
    assert [finding.message for finding in found.report.findings] == [
        "line 2: this suppression silences nothing", "not read: binary",
    ]  # fmt: skip


def test_two_commits_that_disagree_are_to_be_locked_again():
    [finding] = outcome(seen(rule="FLOAT009", status="pinned", revision=SHA)).report.findings
    assert finding.hint == "Pin what the lock file says, or lock again: ftlineage lock"


def test_what_cannot_be_pinned_says_why():
    [finding] = outcome(seen(slot=None, unpinnable="the call takes no revision")).report.findings
    assert finding.hint == "It cannot be pinned here: the call takes no revision"


# --- json ----------------------------------------------------------------------------------------


def test_the_document_has_the_agreed_keys_and_all_statuses():
    given = document(outcome(seen(), seen(rule=None, revision=SHA, line=4), skipped=(("b.py", "binary"),)))
    assert given["references"][0] == {
        "path": "a.py", "line": 3, "column": 7, "ref": "org/name", "kind": "model", "status": "floating",
        "rule": "FLOAT001", "revision": None, "message": "org/name names no revision", "cell": None, "cell_line": None,
    }  # fmt: skip
    assert [entry["status"] for entry in given["references"]] == ["floating", "pinned"]
    assert given["skipped"] == [{"path": "b.py", "reason": "binary"}]
    assert {"ok", "verdict", "target", "card", "seconds", "counts", "findings"} <= given.keys()


# --- sarif ---------------------------------------------------------------------------------------


def test_sarif_has_what_code_scanning_asks_for():
    log = sarif(outcome(seen(), seen(line=5), seen("b c.py", rule="FLOAT002", revision="main")))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    driver = log["runs"][0]["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == list(RULES)
    for rule in driver["rules"]:
        assert rule["help"]["text"] == rule["fullDescription"]["text"] == HELP[rule["id"]]
        assert re.fullmatch(r"[A-Za-z]+", rule["name"]), rule["name"]
        assert rule["helpUri"].startswith("https://")
    for result in log["runs"][0]["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        [location] = result["locations"]
        place = location["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1
        assert place["artifactLocation"]["uriBaseId"] in log["runs"][0]["originalUriBaseIds"]
    marks = [result["partialFingerprints"]["ftlineageReference/v1"] for result in log["runs"][0]["results"]]
    assert len(set(marks)) == 3
    codec.parse(codec.pretty_bytes(log))


def test_sarif_fingerprints_survive_moved_lines():
    def marks(*lines: int):
        results = sarif(outcome(*(seen(line=line) for line in lines)))["runs"][0]["results"]
        return [result["partialFingerprints"] for result in results]

    assert marks(3, 8) == marks(30, 80)


def test_sarif_locations_are_relative_uris_of_any_name():
    name = 'ä b#?%\n"<:\\.py'
    log = sarif(outcome(seen(name), skipped=((name, "binary"),)))
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert re.fullmatch(r"[A-Za-z0-9\-._~%/@+,=!$&'()*;]+", place["uri"])
    assert unquote(place["uri"]) == name
    [notice] = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert notice["locations"][0]["physicalLocation"]["artifactLocation"] == place
    assert notice["message"]["text"] == "not read: binary"


# --- github --------------------------------------------------------------------------------------


def test_annotations_by_severity():
    keys = Keys(rules={"FLOAT001": "note", "FLOAT002": "warning"})
    found = outcome(seen(), seen(line=4, rule="FLOAT002"), seen(line=5, rule="FLOAT003"), keys=keys)
    assert [line.split(" ", 1)[0] for line in commands(found)] == ["::error", "::warning", "::notice"]
    assert next(iter(commands(outcome(seen())))) == (
        "::error file=a.py,line=3,col=7,title=FLOAT001%3A No revision is named%3A the default branch at the time of "
        "loading is taken::org/name names no revision%0AName a commit as revision: ftlineage pin a.py"
    )


def test_nothing_breaks_out_of_an_annotation():
    found = outcome(seen(HOSTILE, message=f"x {HOSTILE}", ref="org/name"), skipped=((HOSTILE, "odd\nreason"),))
    for line in commands(found):
        assert "\n" not in line
        assert "\r" not in line
        head, _, message = line.removeprefix("::").partition("::")
        properties = dict(part.split("=", 1) for part in head.split(" ", 1)[1].split(","))
        assert properties.keys() <= {"file", "line", "col", "title"}
        decoded = properties["file"].replace("%2C", ",").replace("%3A", ":").replace("%0A", "\n").replace("%25", "%")
        assert decoded == HOSTILE
        assert "\x1b" not in message


# --- junit ---------------------------------------------------------------------------------------


def parse(data: bytes) -> ET.Element:
    return ET.fromstring(data)  # noqa: S314 - our own output


def test_junit_has_one_case_a_file():
    found = outcome(
        seen(), seen(line=8), seen("b.py", rule="FLOAT003"), seen("ok.py", rule=None, revision=SHA),
        skipped=(("c.py", "binary"),), keys=Keys(rules={"FLOAT003": "note"}),
    )  # fmt: skip
    root = parse(junit(found, failing=("error",)))
    [suite] = root
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped", "time")} == {
        "tests": "4", "failures": "1", "errors": "0", "skipped": "1", "time": "0.250",
    }  # fmt: skip
    cases = {case.get("name"): case for case in suite}
    assert list(cases) == ["a.py", "b.py", "ok.py", "c.py"]
    [failure] = cases["a.py"]
    assert failure.get("message") == "2 floating references: FLOAT001 org/name names no revision"
    assert Counter((failure.text or "").split())["FLOAT001"] == 2
    assert [child.tag for child in cases["b.py"]] == ["system-out"]
    assert [child.tag for child in cases["c.py"]] == ["skipped"]
    assert len(cases["ok.py"]) == 0


def test_junit_is_sound_xml_whatever_it_holds():
    found = outcome(seen(HOSTILE, message=HOSTILE + "\ud800"), skipped=(("\x00", "\x08"),))
    suite = parse(junit(found, failing=("error",)))[0]
    assert suite.get("failures") == "1"
    assert "\\x1b" in (suite[0].get("name") or "")
    assert parse(junit(outcome(), failing=()))[0].get("tests") == "0"


def test_help_is_the_same_on_the_page_and_in_code():
    page = (Path(__file__).parents[3] / "docs" / "scan.md").read_text("utf-8")
    assert list(HELP) == list(RULES)
    for rule in RULES:
        assert f"### {rule}" in page

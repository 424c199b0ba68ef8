from __future__ import annotations

from ftlineage.cli.output import Output
from ftlineage.cli.report import report_lines
from ftlineage.core.finding import Finding, make_report
from tests.unit.cli.sample import sha

CARD = "sha256:" + sha("card")
COUNTS = {"files": 3, "tensors": 48, "bytes": 2_340_000, "base_files": 0}


def text(report, **flags):
    return "".join(line + "\n" for line in report_lines(report, Output(**flags)))


def failed():
    return make_report(
        [
            Finding(
                code="adapter.changed",
                section="adapter",
                path="adapter_model.safetensors",
                expected=sha("before"),
                actual=sha("after"),
                message="adapter_model.safetensors is not what the card says: the same size, other bytes",
                hint="Restore it from where the version was published, or record what is here as a new version: "
                "ftlineage record out/support-bot --base org/base-model-1b@1405df66cbe219b0bf6355bc3d60361a8376b6b4",
            ),
            Finding(
                code="base.mismatch",
                severity="warning",
                section="base",
                expected="main",
                actual="v2",
                message="expected main, found v2 in adapter_config.json",
            ),
            Finding(code="base.absent", severity="note", section="base", message="the base is not on this machine"),
        ],
        target="out/support-bot",
        card=CARD,
        seconds=4.2,
        counts=COUNTS,
    )


def test_a_failure_says_what_where_and_what_to_type(golden):
    golden("verify-failed.txt", text(failed()))


def test_quiet_leaves_findings_and_says_ok_in_silence():
    assert text(failed(), quiet=True) == text(failed())
    assert text(make_report([], target="x", card=CARD, counts=COUNTS), quiet=True) == ""


def test_ok_is_one_line():
    report = make_report([], target="out/bot", card=CARD, seconds=0.0412, counts=COUNTS)
    assert text(report) == f"ok: out/bot matches its card {sha('card')[:12]} (3 files, 48 tensors, 2.3 MB, 41 ms)\n"


def test_without_a_readable_card():
    finding = Finding(code="card.missing", section="card", message="there is no lineage.json here")
    report = make_report([finding], target="out/bot", card=None, counts={})
    assert text(report) == (
        "error[card.missing] there is no lineage.json here\nfailed: out/bot: 1 error, no readable card (0 ms)\n"
    )


def test_undecided():
    report = make_report([], target="out/bot", card=CARD, counts={}, undecided=True)
    assert text(report) == f"undecided: out/bot: evidence is missing against card {sha('card')[:12]} (0 ms)\n"


def test_hostile_findings_reach_no_terminal_raw():
    finding = Finding(code="x.y", section="x", message="a\x1b[2Jb", expected="\u202e", actual="\x07", hint="\x9b")
    shown = text(make_report([finding], target="t\x1b", card=None, counts={}))
    assert not set(shown) & set("\x1b\u202e\x07\x9b")

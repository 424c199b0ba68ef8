"""One issue that says what has moved on the Hub: opened, kept up to date, closed and opened again.

    ftlineage drift --json >drift.json; python drift_issue.py issue drift.json

Decides from the report of `ftlineage drift` alone: something matters, so the issue is open and says
it; nothing does, so it is closed; the Hub could not be asked, so it stays as it is. The issue is the
one with our label and title, since strangers can choose a title but not a label. It is written only
when its text changes. Needs nothing but Python and `gh`, with GH_TOKEN and GITHUB_REPOSITORY set.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TITLE = "References have moved on the Hub (ftlineage drift)"
LABEL = "ftlineage-drift"
ASKED = "number,title,body,state"
MOST = 60_000  # GitHub takes 65,536 characters


def quoted(lines: list[str]) -> str:
    """Lines as a block of text: indented, so that nothing in them is a mention, a link or markup."""
    return "\n".join(f"    {line}" for line in lines)


def page(report: dict[str, Any]) -> str:
    """What has moved, as Markdown; equal for equal moves, whatever the time."""
    findings = report.get("findings", [])
    if report.get("error") or "findings" not in report:
        said = str((report.get("error") or {}).get("message", "ftlineage drift gave no report"))
        return f"### ftlineage drift could not tell\n\n{quoted(said.splitlines())}\n"
    title = {"ok": "Nothing that matters has moved", "failed": TITLE}.get(report["verdict"], "The Hub left it open")
    parts = [f"### {title}"]
    for finding in findings:
        lines = [f"{finding['severity']}[{finding['code']}] {finding.get('path') or ''}".rstrip(), finding["message"]]
        parts.append(quoted([*lines, *([f"hint: {finding['hint']}"] if finding.get("hint") else [])]))
    told: list[Any] = []
    for diff in report.get("diffs", []):
        if (what := (diff["ref"], diff["path"], diff["lines"])) not in told:
            told.append(what)
            parts.append(quoted([f"{diff['ref']}: {diff['path']}", *diff["lines"]]))
    text = "\n\n".join(parts) + "\n"
    return text if len(text) <= MOST else text[:MOST].rsplit("\n", 1)[0] + "\n\n(cut)\n"


def gh(*words: str, text: str | None = None) -> str:
    """Ask GitHub's command line; its error ends the program."""
    command = ["gh", *words, "--repo", os.environ["GITHUB_REPOSITORY"]]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        sys.exit(f"::error::gh {words[0]} {words[1]}: {' '.join(done.stderr.split())}")
    return done.stdout


def find() -> dict[str, Any] | None:
    """The issue, open or closed; the newest if somebody copied it."""
    listed = gh("issue", "list", "--label", LABEL, "--state", "all", "--limit", "100", "--json", ASKED)
    ours = [issue for issue in json.loads(listed) if issue["title"] == TITLE]
    return max(ours, key=lambda issue: int(issue["number"]), default=None)


def keep(report: dict[str, Any]) -> str:
    """Bring the issue up to date and say what was done."""
    verdict = report.get("verdict")
    if verdict not in ("ok", "failed") or "findings" not in report:
        return "the issue stays as it is: nobody could tell what has moved"
    issue, text = find(), page(report)
    if verdict == "ok":
        if issue is None or issue["state"] != "OPEN":
            return "no issue is open"
        gh("issue", "close", str(issue["number"]), "--comment", "Nothing that matters differs any more.")
        return f"issue {issue['number']} is closed"
    if issue is None:
        described = ("--color", "0E8A16", "--description", "Kept up to date by ftlineage drift", "--force")
        gh("label", "create", LABEL, *described)
        made = gh("issue", "create", "--title", TITLE, "--label", LABEL, "--body-file", "-", text=text)
        return f"opened {made.strip()}"
    number = str(issue["number"])
    same = issue["body"].replace("\r\n", "\n").strip() == text.strip()
    if not same:
        gh("issue", "edit", number, "--body-file", "-", text=text)
    if issue["state"] != "OPEN":
        gh("issue", "reopen", number)
        return f"issue {number} is open again"
    return f"issue {number} says so already" if same else f"issue {number} is up to date"


def main() -> None:
    """`page REPORT` prints Markdown; `issue REPORT` keeps the issue."""
    act, path = sys.argv[1:]
    try:
        report = json.loads(Path(path).read_text("utf-8"))
    except ValueError:
        report = {}
    print(page(report) if act == "page" else keep(report))


if __name__ == "__main__":
    main()

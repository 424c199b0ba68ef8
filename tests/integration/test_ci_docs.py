"""What docs/ci.md tells people to copy: it parses, it asks for little, and what can be run here is run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

import ftlineage
from ftlineage.cli import errors as cli_errors
from tests.integration.ci_desk import FLOATING, PINNED, ROOT
from tests.integration.cli import run_in_shell

PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
FILES = re.findall(r"^```yaml (\S+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
WORKFLOWS = {name: text for name, text in FILES if name.startswith(".github/workflows/")}
GITLAB = yaml.safe_load(dict(FILES)[".gitlab-ci.yml"])
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))


def loaded(text: str) -> dict:
    """A workflow; YAML 1.1 reads its `on` as true."""
    document = yaml.safe_load(text)
    return {"on" if key is True else key: value for key, value in document.items()}


def steps(text: str) -> list[dict]:
    return [step for job in loaded(text)["jobs"].values() for step in job["steps"]]


def test_every_snippet_on_the_page_has_a_name_and_parses():
    assert [name for name, _ in FILES] == [
        ".github/workflows/references.yml",
        ".github/workflows/drift.yml",
        ".gitlab-ci.yml",
        ".pre-commit-config.yaml",
        ".pre-commit-config.yaml",
    ]
    assert PAGE.count("```yaml") == len(FILES)
    assert all(yaml.safe_load(text) for _, text in FILES)


def test_the_table_of_exit_codes_is_complete():
    table = PAGE.partition("## Exit codes")[2].partition("\n## ")[0]
    listed = [int(code) for code in re.findall(r"^\| (\d) \|", table, re.MULTILINE)]
    assert listed == [cli_errors.FINE, cli_errors.FINDINGS, cli_errors.USAGE, cli_errors.UNDECIDED]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_ask_for_what_they_need_and_no_more(name):
    workflow = loaded(WORKFLOWS[name])
    assert workflow["permissions"] == {}
    (job,) = workflow["jobs"].values()
    wanted = {"references.yml": {"security-events": "write"}, "drift.yml": {"issues": "write"}}[Path(name).name]
    assert job["permissions"] == {"contents": "read", **wanted}
    assert job["timeout-minutes"] <= 15
    # `pull_request_target` would run a stranger's files with our rights.
    triggers = {"references.yml": {"pull_request", "push"}, "drift.yml": {"schedule", "workflow_dispatch"}}
    assert set(workflow["on"]) == triggers[Path(name).name]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_full_commits_except_our_own_release(name):
    for line in re.findall(r"uses: (.+)", WORKFLOWS[name]):
        if line.startswith("ftlineage/"):
            assert line.startswith(f"ftlineage/ftlineage@v{Version(ftlineage.__version__).base_version} # ")
        else:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


@pytest.mark.parametrize("name", WORKFLOWS)
def test_inputs_exist_and_no_script_holds_an_expression(name):
    for step in steps(WORKFLOWS[name]):
        assert "run" not in step
        if step["uses"].startswith("ftlineage/"):
            assert set(step["with"]) <= set(ACTION["inputs"])
            assert step["with"]["mode"] in ("scan", "check", "drift")
        if step["uses"].startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False


def test_inputs_of_the_action_are_the_page_s():
    table = PAGE.partition("### Inputs")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == list(ACTION["inputs"])


# --- GitLab --------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with two equal references in one file, one of them silenced, one pinned."""
    silenced = FLOATING.replace('")\n', '")  # ftlineage: ignore[FLOAT001] kept by hand\n')
    (tmp_path / "train.py").write_text(FLOATING + FLOATING.splitlines()[-1] + "\n")
    (tmp_path / "other.py").write_text(silenced)
    (tmp_path / "pinned.py").write_text(PINNED.replace("base", "pinned"))
    return tmp_path


def script(job: str, folder: Path) -> tuple[list[int], str]:
    """Each line of a job as GitLab types it; exit codes, and everything that was said."""
    codes, said = [], ""
    for line in GITLAB[job]["script"]:
        done = run_in_shell(f'set -eo pipefail; ftlineage() {{ $F "$@"; }}\n{line}', cwd=folder)
        codes.append(done.code)
        said += done.out + done.err
    return codes, said


def test_the_merge_request_gets_its_two_reports(project):
    if shutil.which("jq") is None:
        pytest.skip("needs jq")
    codes, said = script("floating-references", project)
    assert codes == [0, 0, 1], said
    assert GITLAB["floating-references"]["artifacts"]["reports"] == {
        "junit": "floating.xml",
        "codequality": "code-quality.json",
    }
    assert GITLAB["floating-references"]["artifacts"]["when"] == "always"
    assert (project / "floating.xml").read_text("utf-8").count("<failure") == 1  # one test case a file
    listed = json.loads((project / "code-quality.json").read_bytes())
    assert [(one["location"]["path"], one["location"]["lines"]["begin"]) for one in listed] == [
        ("train.py", 3),
        ("train.py", 4),
    ]
    for one in listed:
        assert set(one) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert (one["check_name"], one["severity"]) == ("FLOAT001", "major")
    assert len({one["fingerprint"] for one in listed}) == 2


def test_what_is_new_in_a_line_keeps_its_fingerprint(project):
    if shutil.which("jq") is None:
        pytest.skip("needs jq")
    script("floating-references", project)
    before = json.loads((project / "code-quality.json").read_bytes())
    (project / "train.py").write_text("# moved down\n" + (project / "train.py").read_text())
    script("floating-references", project)
    after = json.loads((project / "code-quality.json").read_bytes())
    assert [one["fingerprint"] for one in after] == [one["fingerprint"] for one in before]


def test_other_jobs_type_what_exists(project):
    assert GITLAB["lock"]["script"] == ["ftlineage check"]
    assert GITLAB["drift"]["script"] == ["ftlineage drift"]
    assert script("lock", project)[0] == [1]  # references, and no lock
    codes, said = script("drift", project)
    assert (codes, "there is no such lock file" in said) == ([2], True)


@pytest.mark.parametrize("job", GITLAB)
def test_scripts_are_shell_that_parses(job):
    for line in [*GITLAB[job].get("before_script", ()), *GITLAB[job]["script"]]:
        done = subprocess.run(["bash", "-n"], input=line, capture_output=True, text=True, timeout=10, check=False)
        assert done.returncode == 0, done.stderr

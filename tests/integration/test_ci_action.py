"""The action as a runner executes it: its own ``run`` blocks, in order, with the variables a runner sets.

What is not ours stays out: ``actions/setup-python`` is the Python of the tests, and the installation
takes its dependencies from beside it, so that nothing is fetched. GitHub's command line is a program
on the path that keeps issues in a file.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from ftlineage.core import codec
from ftlineage.testing.hub import LocalHub
from tests.integration.ci_desk import FLOATING, PINNED, ROOT, call, commit, copy_of_this_repository, variables

ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS = ACTION["runs"]["steps"]
TITLE = "References have moved on the Hub (ftlineage drift)"
# Modules that a pull request could leave in the folder where everything starts.
HOSTILE = ("pip", "venv", "ensurepip", "json", "hatchling", "sitecustomize", "ftlineage", "click")
GH = f"""#!{sys.executable}
import json, os, pathlib, sys
state = pathlib.Path(os.environ["HOME"], "issues.json")
issues = json.loads(state.read_text()) if state.exists() else []
words = sys.argv[1:]
options = dict(zip(words, words[1:]))
if os.environ["GH_TOKEN"] != "job-token" or options["--repo"] != "acme/bot":
    sys.exit("HTTP 404: Not Found\\nno such repository")
with open(pathlib.Path(os.environ["HOME"], "gh.log"), "a") as log:
    log.write(" ".join(words[:2]) + "\\n")
match words[:2]:
    case ["issue", "list"]:
        assert options["--state"] == "all"
        print(json.dumps([one for one in issues if options["--label"] in one["labels"]]))
    case ["label", "create"]:
        pass
    case ["issue", "create"]:
        number = len(issues) + 1
        issues.append({{"number": number, "title": options["--title"], "body": sys.stdin.read(), "state": "OPEN",
                       "labels": [options["--label"]]}})
        print(f"https://github.com/acme/bot/issues/{{number}}")
    case ["issue", act]:
        (issue,) = [one for one in issues if one["number"] == int(words[2])]
        if act == "edit":
            issue["body"] = sys.stdin.read()
        else:
            issue["state"] = {{"close": "CLOSED", "reopen": "OPEN"}}[act]
    case _:
        sys.exit(f"unknown: {{words}}")
state.write_text(json.dumps(issues))
"""


@dataclass(kw_only=True)
class Runner:
    """One job on one machine: a workspace, the action's files, and the variables of both."""

    workspace: Path
    temp: Path
    action: Path
    env: dict[str, str]
    outputs: dict[str, str] = field(default_factory=dict)

    def step(self, number: int, **inputs: str) -> subprocess.CompletedProcess[str]:
        """One ``run`` block, as ``shell: bash`` runs it."""
        step = STEPS[number]
        files = {name: self.temp / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        script = self.temp / "step.sh"
        script.write_text(step["run"])
        env = {**self.env, **{name: str(file) for name, file in files.items()}}
        env |= {name: self.value(text, inputs) for name, text in step.get("env", {}).items()}
        done = call(["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)], cwd=self.workspace, env=env)
        self.outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        return done

    def run(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        done = self.step(2, **inputs)
        assert "Traceback" not in done.stderr
        assert self.outputs == {"exit-code": str(done.returncode)}, done.stderr
        return done

    def value(self, text: str, inputs: dict[str, str]) -> str:
        if "${{" not in text:
            return text
        name = text.removeprefix("${{ ").removesuffix(" }}")
        if name == "steps.python.outputs.python-path":
            return sys.executable
        key = name.removeprefix("inputs.")
        default = ACTION["inputs"][key]["default"].replace("${{ github.token }}", "job-token")
        return inputs.get(key.replace("-", "_"), default)

    @property
    def summary(self) -> str:
        return (self.temp / "github_step_summary").read_text()


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    place = tmp_path_factory.mktemp("runner")
    (place / "bin").mkdir()
    (place / "bin" / "gh").write_text(GH)
    (place / "bin" / "gh").chmod(0o755)
    (place / "temp").mkdir()
    env = variables(place)
    copy_of_this_repository(place / "action", env)
    env |= {
        "PATH": f"{place / 'bin'}:{env['PATH']}",
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_PATH": str(place / "action"),
        "GITHUB_REPOSITORY": "acme/bot",
        "RUNNER_TEMP": str(place / "temp"),
        "FTLINEAGE_CACHE": str(place / "cache"),
    }
    made = Runner(workspace=place, temp=place / "temp", action=place / "action", env=env)
    for name in HOSTILE:
        (place / f"{name}.py").write_text("open('hacked', 'w').close()\n")
    done = made.step(1)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture
def job(runner: Runner, tmp_path: Path) -> Runner:
    """A checkout of a project with one old floating reference, on a branch of its own."""
    commit(tmp_path / "work", {"old.py": FLOATING}, env=runner.env)
    return Runner(workspace=tmp_path / "work", temp=runner.temp, action=runner.action, env={**runner.env})


@pytest.fixture
def hub(job: Runner, tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub") as hub:
        hub.commit(
            "tiny-corp/base", {"README.md": "A base.\n", "model.safetensors": "first", "chat_template.jinja": "a\n"}
        )
        job.env |= {**hub.environ(home=tmp_path / "home"), "HOME": str(tmp_path)}
        program = str(job.temp / "ftlineage" / "bin" / "ftlineage")
        assert call([program, "lock"], cwd=job.workspace, env=job.env).returncode == 0
        yield hub


def issues(job: Runner) -> list[dict]:
    path = Path(job.env["HOME"], "issues.json")
    return json.loads(path.read_text()) if path.exists() else []


def acts(job: Runner) -> list[str]:
    """What ``gh`` was asked for since the last time."""
    path = Path(job.env["HOME"], "gh.log")
    said = path.read_text().splitlines() if path.exists() else []
    path.write_text("")
    return said


# --- what the file says --------------------------------------------------------------------------


def test_no_input_is_ever_text_of_a_script():
    runs = [step["run"] for step in STEPS if "run" in step]
    assert len(runs) == 2
    assert not any("${{" in run for run in runs)
    for script in ("action.sh", "drift_issue.py"):
        text = (ROOT / "ci" / script).read_text("utf-8")
        assert "eval" not in text.replace("evaluated", "")
        assert "shell=True" not in text
    assert all(step.get("shell") == "bash" for step in STEPS if "run" in step)


def test_every_input_is_used_and_every_other_action_is_a_full_commit():
    text = (ROOT / "action.yml").read_text("utf-8")
    assert {name for name in ACTION["inputs"] if f"${{{{ inputs.{name} }}}}" not in text} == set()
    assert re.findall(r"uses: (\S+)", text) == ["actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065"]
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]) for step in STEPS if "uses" in step)


def test_modules_in_the_workspace_are_never_imported(runner, job):
    assert not (runner.workspace / "hacked").exists()
    for name in HOSTILE:
        (job.workspace / f"{name}.py").write_text("open('hacked', 'w').close()\n")
    assert job.run().returncode == 1
    assert job.run(mode="check").returncode == 1
    assert job.run(mode="drift", issue="true").returncode == 2
    assert not (job.workspace / "hacked").exists()


# --- scan ----------------------------------------------------------------------------------------


def test_annotations_of_a_pull_request_are_of_its_own_lines(job):
    call(["git", "checkout", "--quiet", "-b", "change"], cwd=job.workspace, env=job.env)
    commit(job.workspace, {"new.py": FLOATING}, env=job.env)
    done = job.run(since="main", sarif="floating.sarif")
    assert done.returncode == 1, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith("::error file=new.py,line=3,col=28,title=FLOAT001%3A No revision is named")
    results = json.loads((job.workspace / "floating.sarif").read_text())["runs"][0]["results"]
    places = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results}
    assert places == {"new.py", "old.py"}


def test_a_baseline_and_paths_reach_the_scan(job):
    done = call([str(job.temp / "ftlineage/bin/ftlineage"), "scan", "--write-baseline", "b.json"],
                cwd=job.workspace, env=job.env)  # fmt: skip
    assert done.returncode == 0
    assert job.run(baseline="b.json").returncode == 0
    commit(job.workspace, {"a b/new.py": FLOATING, "ok.py": PINNED}, env=job.env)
    assert job.run(baseline="b.json").returncode == 1
    done = job.run(paths="\n  a b \n\n ok.py\n", format="text", output="result.txt")
    assert done.returncode == 1
    assert "a b/new.py:3:28: FLOAT001" in (job.workspace / "result.txt").read_text()
    assert job.run(paths="ok.py").returncode == 0


@pytest.mark.parametrize(
    "inputs",
    [
        {"paths": "$(touch hacked)\n`touch hacked`\n; touch hacked"},
        {"paths": "--output=hacked"},
        {"since": "main; touch hacked"},
        {"since": "--output=hacked"},
        {"baseline": "$(touch hacked)"},
        {"format": "text; touch hacked"},
        {"mode": "scan; touch hacked"},
        {"sarif": "", "output": "nowhere/$(touch hacked)"},
    ],
)
def test_hostile_inputs_are_arguments(job, inputs):
    assert job.run(**inputs).returncode == 2
    assert [path.name for path in job.workspace.iterdir() if path.name != ".git"] == ["old.py"]


def test_lines_of_a_file_are_no_commands_to_the_runner(job):
    done = job.run(format="text")
    lines = done.stdout.splitlines()
    token = lines[0].removeprefix("::stop-commands::")
    assert len(token) > 12
    assert lines[-1] == f"::{token}::"


# --- check and drift -----------------------------------------------------------------------------


def test_check_answers_offline(job, hub):
    hub.stop()
    assert job.run(mode="check").returncode == 0
    assert "    ok: ftlineage.lock answers 1 reference" in job.summary
    commit(job.workspace, {"new.py": FLOATING.replace("base", "other")}, env=job.env)
    done = job.run(mode="check")
    assert done.returncode == 1
    assert "tiny-corp/other" in job.summary


def test_one_issue_is_kept_through_everything_that_happens(job, hub):
    def drift() -> int:
        return job.run(mode="drift", issue="true").returncode

    first = hub.head("tiny-corp/base")
    assert (drift(), issues(job), acts(job)) == (0, [], ["issue list"])

    hub.commit("tiny-corp/base", {"README.md": "A better page.\n"})
    assert (drift(), issues(job), acts(job)) == (0, [], ["issue list"])

    hub.commit("tiny-corp/base", {"chat_template.jinja": "a\n::error::@everybody\n"})
    assert (drift(), acts(job)) == (1, ["issue list", "label create", "issue create"])
    (issue,) = issues(job)
    assert (issue["title"], issue["labels"], issue["state"]) == (TITLE, ["ftlineage-drift"], "OPEN")
    assert "    error[drift.chat-template] old.py:3\n" in issue["body"]
    assert "    hint: Look at it, then take it over: ftlineage update tiny-corp/base\n" in issue["body"]
    assert "\n    +::error::@everybody\n" in issue["body"]
    assert issue["body"] in job.summary

    assert (drift(), acts(job)) == (1, ["issue list"])  # the same text is not written again

    hub.commit("tiny-corp/base", {"model.safetensors": "second"})
    assert (drift(), acts(job)) == (1, ["issue list", "issue edit"])
    assert "error[drift.weights]" in issues(job)[0]["body"]

    hub.branch("tiny-corp/base", "main", revision=first)  # the vendor takes it back
    assert (drift(), acts(job)) == (0, ["issue list", "issue close"])
    assert (drift(), acts(job)) == (0, ["issue list"])

    hub.commit("tiny-corp/base", {"model.safetensors": "third"})
    assert (drift(), acts(job)) == (1, ["issue list", "issue edit", "issue reopen"])
    assert [one["state"] for one in issues(job)] == ["OPEN"]

    hub.stop()
    assert (drift(), acts(job)) == (3, [])
    assert "open" in job.summary


def test_drift_without_the_issue_asks_github_nothing(job, hub):
    hub.commit("tiny-corp/base", {"model.safetensors": "second"})
    done = job.run(mode="drift")
    assert (done.returncode, acts(job)) == (1, [])
    assert TITLE in job.summary
    token = done.stdout.splitlines()[0].removeprefix("::stop-commands::")
    assert len(token) > 12
    assert done.stdout.endswith(f"\n::{token}::\n")


def test_a_missing_lock_is_said(job):
    done = job.run(mode="drift", issue="true")
    assert done.returncode == 2
    assert "there is no such lock file" in job.summary


def test_an_issue_of_a_stranger_is_left_alone(job, hub):
    stranger = {"number": 1, "title": TITLE, "body": "mine", "state": "OPEN", "labels": []}
    Path(job.env["HOME"], "issues.json").write_text(codec.compact_text([stranger]))
    hub.commit("tiny-corp/base", {"model.safetensors": "second"})
    assert job.run(mode="drift", issue="true").returncode == 1
    assert [one["number"] for one in issues(job)] == [1, 2]
    assert issues(job)[0] == stranger


def test_github_that_fails_is_no_verdict(job, hub, tmp_path):
    hub.commit("tiny-corp/base", {"model.safetensors": "second"})
    job.env["GITHUB_REPOSITORY"] = "acme/other"  # which our gh refuses
    done = job.run(mode="drift", issue="true")
    assert done.returncode == 3
    assert done.stderr == "::error::gh issue list: HTTP 404: Not Found no such repository\n"

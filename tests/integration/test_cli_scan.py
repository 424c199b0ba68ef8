"""``ftlineage scan`` from the shell: exit codes, formats, baselines, revisions, settings."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.integration.cli import run, run_in_shell, run_in_terminal

SHA = "e6281661ce1c48d982bc483cf8a173c1bbeb5d31"
HEAD = "from datasets import load_dataset\n"
FLOATS = HEAD + 'load_dataset("stanfordnlp/imdb")\n'
PINNED = HEAD + f'load_dataset("stanfordnlp/imdb", revision="{SHA}")\n'
NEITHER = HEAD + 'load_dataset(name)\nload_dataset("json", data_files="a.json")\n'
KEYS = ["path", "line", "column", "ref", "kind", "status", "rule", "revision", "message", "cell", "cell_line"]


def git(root: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path) -> Path:
    """A repository with one floating reference, one pinned, one dynamic and one local."""
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "floats.py").write_text(FLOATS)
    (tmp_path / "pinned.py").write_text(PINNED.replace("imdb", "sst2"))
    (tmp_path / "neither.py").write_text(NEITHER)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def document(done) -> dict:
    assert done.err == ""
    return json.loads(done.out)


# --- verdicts ------------------------------------------------------------------------------------


def test_what_floats_is_1_and_says_where(project):
    done = run(["scan"], cwd=project)
    assert (done.code, done.err) == (1, "")
    lines = done.out.splitlines()
    assert lines[0] == (
        "floats.py:2:15: FLOAT001 stanfordnlp/imdb names no revision: it loads whatever the dataset is by then"
    )
    assert re.fullmatch(r"failed: 1 floating, 1 pinned, 1 dynamic, 1 local \(3 files, .*\)", lines[1])
    assert lines[2] == "  hint: Write commits in place of what floats: ftlineage pin"


def test_all_pinned_is_0(project):
    done = run(["scan", "pinned.py", "neither.py"], cwd=project)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("ok: 1 pinned, 1 dynamic, 1 local (2 files, ")
    assert run(["scan", "pinned.py", "-q"], cwd=project) == type(done)(code=0, out="", err="")


def test_nothing_to_find_is_0(tmp_path):
    done = run(["scan"], cwd=tmp_path)
    assert done.code == 0
    assert done.out.startswith("ok: no references to the Hub (0 files, ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "error: nowhere: no such file or folder"),
        (["--show", "everything"], "error: --show everything: expected dynamic, local, pinned"),
        (["--format", "xml"], "error: invalid value for '--format'"),
        (["--since", "nowhere"], "error: --since nowhere: Git knows no such revision"),
        (["--baseline", "none.json"], "error: none.json: no such file or folder"),
        (["--config", "none.toml"], "error: none.toml: no such file or folder"),
        (["-o", "no/such/folder/x"], "error: no/such/folder: no such file or folder"),
    ],
)
def test_what_was_typed_wrong_is_2(project, arguments, said):
    done = run(["scan", *arguments], cwd=project)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(said)


def test_settings_that_are_wrong_are_2_and_name_the_key(project):
    (project / "pyproject.toml").write_text("[tool.ftlineage.scan]\nexlude = []\n")
    done = run(["scan"], cwd=project)
    assert (done.code, done.out) == (2, "")
    assert "tool.ftlineage.scan: object contains unknown field `exlude`" in re.sub(r"\s+", " ", done.err)


def test_two_formats_at_once_are_2(project):
    done = run(["scan", "--format", "sarif", "--json"], cwd=project)
    assert (done.code, json.loads(done.out)["error"]["kind"]) == (2, "bad-argument")
    assert done.err.startswith("error: --json: cannot be had together with --format sarif")


@pytest.mark.parametrize("flags", [["--json"], ["--format", "json"]])
def test_an_error_is_a_document_too(project, flags):
    done = run(["scan", "nowhere", *flags], cwd=project)
    given = json.loads(done.out)
    assert (done.code, given["verdict"], given["error"]["kind"]) == (2, "undecided", "path-not-found")


def test_a_lock_that_is_broken_is_2(project):
    (project / "ftlineage.lock").write_text("nonsense")
    done = run(["scan"], cwd=project)
    assert (done.code, done.out) == (2, "")


# --- what is shown -------------------------------------------------------------------------------


def test_other_statuses_are_shown_when_asked_for(project):
    done = run(["scan", "--show", "dynamic,local", "--show", "pinned"], cwd=project)
    statuses = [line.split(": ", 1)[1].split()[0] for line in done.out.splitlines()[:4]]
    assert statuses == ["FLOAT001", "dynamic", "local", "pinned"]


@pytest.mark.parametrize("flags", [["--json"], ["--format", "json"]])
def test_json_holds_every_reference(project, flags):
    done = run(["scan", *flags], cwd=project)
    given = document(done)
    assert (done.code, given["ok"], given["verdict"], given["target"]) == (1, False, "failed", ".")
    assert [list(entry) for entry in given["references"]] == [KEYS] * 4
    assert [(entry["path"], entry["line"], entry["status"]) for entry in given["references"]] == [
        ("floats.py", 2, "floating"), ("neither.py", 2, "dynamic"), ("neither.py", 3, "local"),
        ("pinned.py", 2, "pinned"),
    ]  # fmt: skip
    assert given["counts"]["floating"] == len(given["findings"]) == 1


def test_paths_are_relative_to_the_current_folder(project):
    (project / "deep").mkdir()
    assert document(run(["scan", "..", "--json"], cwd=project / "deep"))["references"][0]["path"] == "../floats.py"
    outside = document(run(["scan", str(project), "--json"], cwd=project.parent))
    assert outside["references"][0]["path"] == f"{project.name}/floats.py"


def test_sarif_github_and_junit(project):
    sarif = json.loads(run(["scan", "--format", "sarif"], cwd=project).out)
    assert [result["ruleId"] for result in sarif["runs"][0]["results"]] == ["FLOAT001"]
    github = run(["scan", "--format", "github"], cwd=project)
    assert (github.code, github.out.count("\n")) == (1, 1)
    assert github.out.startswith("::error file=floats.py,line=2,col=15,title=FLOAT001%3A ")
    suite = ET.fromstring(run(["scan", "--format", "junit"], cwd=project).out)[0]  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github", "junit"])
def test_a_result_in_a_file(project, form):
    done = run(["scan", "--format", form, "-o", "result"], cwd=project)
    assert (done.code, done.out) == (1, "")
    assert "result holds the result: 1 floating" in done.err
    assert "imdb" in (project / "result").read_text()


def test_a_terminal_gets_colour_and_whole_lines(project):
    code, shown = run_in_terminal(["scan"], columns=40, cwd=project)
    assert code == 1
    assert "floats.py:2:15: \x1b[1;31mFLOAT001\x1b[0m stanfordnlp/imdb names no revision: it loads whatever" in shown


def test_what_files_say_does_not_reach_the_terminal_raw(project):
    (project / "a\x1b[31m\n::error::.py").write_text(FLOATS.replace("stanfordnlp/imdb", "org/na\u202eme"))
    for form in ("text", "github"):
        done = run(["scan", "--format", form], cwd=project)
        assert "\x1b" not in done.out
        assert "\u202e" not in done.out
        assert all(
            line.startswith(("::error file=", "::notice", "a\\x1b", "floats", "failed", "  hint"))
            for line in done.out.splitlines()
        )


# --- only what is new ----------------------------------------------------------------------------


def test_a_baseline_silences_what_was_there(project):
    done = run(["scan", "--write-baseline", "known.json"], cwd=project)
    assert (done.code, done.out) == (0, "")
    assert done.err == "known.json knows 1 finding. Use it: ftlineage scan --baseline known.json\n"
    done = run(["scan", "--baseline", "known.json"], cwd=project)
    assert done.code == 0
    assert "; 1 in the baseline" in done.out
    (project / "floats.py").write_text("\n\n" + FLOATS + 'load_dataset("rajpurkar/squad")\n')
    given = document(run(["scan", "--baseline", "known.json", "--json"], cwd=project))
    assert [finding["actual"] or finding["message"][:23] for finding in given["findings"]] == [
        "line 5: rajpurkar/squad"
    ]
    assert given["counts"]["known"] == 1


def test_a_baseline_of_the_settings_counts_from_any_folder(project):
    (project / "ftlineage.toml").write_text('[scan]\nbaseline = "known.json"\n')
    done = run(["scan", "--write-baseline", "known.json", "--json"], cwd=project)
    assert json.loads(done.out) == {"ok": True, "verdict": "ok", "baseline": "known.json", "counts": {"known": 1}}
    (project / "deep").mkdir()
    assert run(["scan", "..", "-q"], cwd=project / "deep").code == 0


def test_only_what_was_added_since_a_revision(project):
    assert run(["scan", "--since", "main"], cwd=project).code == 0
    (project / "floats.py").write_text(FLOATS + 'load_dataset("rajpurkar/squad")\n')
    (project / "new.py").write_text(FLOATS)
    given = document(run(["scan", "--since", "main", "--json"], cwd=project))
    assert [(entry["path"], entry["line"]) for entry in given["references"]] == [("floats.py", 3), ("new.py", 2)]


def test_since_outside_of_git_is_2(tmp_path):
    done = run(["scan", "--since", "main"], cwd=tmp_path)
    assert done.code == 2
    assert "lies in no Git repository" in re.sub(r"\s+", " ", done.err)


# --- severities ----------------------------------------------------------------------------------


def test_severities_decide_the_exit_code(project):
    (project / "ftlineage.toml").write_text('[scan.severity]\n"floats.py" = "warning"\n')
    done = run(["scan"], cwd=project)
    assert done.code == 0
    assert "floats.py:2:15: FLOAT001 warning: stanfordnlp/imdb" in done.out
    assert run(["scan", "--fail-on", "warning"], cwd=project).code == 1
    assert run(["scan", "--fail-on", "never", "--config", "ftlineage.toml"], cwd=project).code == 0


def test_hooks_leave_out_what_is_excluded(project):
    (project / "ftlineage.toml").write_text('[scan]\nexclude = ["floats.py"]\n')
    assert run(["scan", "-q"], cwd=project).code == 0
    assert run(["scan", "floats.py", "-q"], cwd=project).code == 1
    assert run(["scan", "floats.py", "pinned.py", "--force-exclude", "-q"], cwd=project).code == 0


# --- trees that want to break it -----------------------------------------------------------------


def test_a_hostile_tree_is_read_to_its_end(tmp_path):
    (tmp_path / "good.py").write_text(FLOATS)
    (tmp_path / "bad.py").write_text("load_dataset('org/name'")
    (tmp_path / "binary.py").write_bytes(b"\0" * 100)
    (tmp_path / "nested.py").write_text("load_dataset(" + "(" * 5000 + "'org/name'" + ")" * 5000 + ")\n")
    (tmp_path / "nested.json").write_text('{"model_name_or_path":' * 5000)
    (tmp_path / "jinja.yaml").write_text("{% if x %}\nbase_model: Qwen/Qwen2.5-0.5B\n{% endif %}\n")
    (tmp_path / os.fsdecode(b"latin\xe9.py")).write_bytes(b"# \xe9\n" + FLOATS.encode())
    (tmp_path / "new\nline.py").write_text(FLOATS)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.py").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.py")
    done = run(["scan", "--json"], cwd=tmp_path)
    given = document(done)
    assert done.code == 1
    assert [entry["path"] for entry in given["references"]] == ["good.py", "latin\\xe9.py", "new\nline.py"]
    assert {entry["path"] for entry in given["skipped"]} == {
        "bad.py", "binary.py", "nested.py", "nested.json", "jinja.yaml",
    }  # fmt: skip
    assert not [entry for entry in given["skipped"] if "the reader failed" in entry["reason"]]
    for form in ("text", "sarif", "github", "junit"):
        done = run(["scan", "--format", form], cwd=tmp_path)
        assert (done.code, done.err) == (1, "")


def test_a_closed_pipe_and_a_full_disk(project):
    assert run_in_shell("set -o pipefail; $F scan | true; exit ${PIPESTATUS[0]}", cwd=project).code in (1, 141)
    done = run_in_shell("$F scan > /dev/full", cwd=project)
    assert (done.code, done.out) == (3, "")


def test_the_network_is_never_asked(project):
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    assert run(["scan"], cwd=project, **nowhere).code == 1

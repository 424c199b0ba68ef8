"""The pre-commit hook through pre-commit itself: installed from a clone of this repository, run by ``git commit``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.ci_desk import (
    FLOATING,
    PINNED,
    ROOT,
    call,
    commit,
    copy_of_this_repository,
    git,
    variables,
)

DOCS = (ROOT / "docs" / "ci.md").read_text("utf-8")
CONFIGS = re.findall(r"^```yaml \.pre-commit-config\.yaml\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return variables(home, PRE_COMMIT_HOME=str(home / "pre-commit"))


@pytest.fixture(scope="module")
def project(tmp_path_factory, env) -> Path:
    """A repository that uses the first snippet of the page, with its address and revision replaced by a copy's."""
    place = tmp_path_factory.mktemp("ci")
    sha = copy_of_this_repository(place / "ftlineage", env)
    config = CONFIGS[0].replace("https://github.com/ftlineage/ftlineage", str(place / "ftlineage"))
    config = re.sub(r"rev: v\S+.*", f"rev: {sha}", config)
    project = place / "project"
    commit(project, {".pre-commit-config.yaml": config, "train.py": PINNED, "old.py": FLOATING}, env=env)
    done = call([sys.executable, "-m", "pre_commit", "install"], cwd=project, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def test_a_commit_that_floats_is_refused_and_a_pinned_one_goes_through(project, env):
    (project / "train.py").write_text(FLOATING)
    (project / "notes.md").write_text("AutoModel.from_pretrained('tiny-corp/base')\n")
    git(project, "add", "--all", env=env)
    refused = call(["git", "commit", "-m", "float"], cwd=project, env=env)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert "train.py:3:28: FLOAT001 tiny-corp/base names no revision" in refused.stderr
    # Only what is staged: the other file floated before, and a page is no code.
    assert "old.py" not in refused.stderr
    assert "failed: 1 floating (1 file, " in refused.stderr

    (project / "train.py").write_text(PINNED + "print()\n")
    git(project, "add", "--all", env=env)
    done = call(["git", "commit", "-m", "pin"], cwd=project, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"floating references \(ftlineage scan\)\.+Passed", done.stderr)


def test_the_hook_reads_what_a_scan_reads(project, env):
    files = {
        "sft.yaml": "model_name_or_path: tiny-corp/base\nmodel_revision: main\noutput_dir: out\ndataset_name: a-b/c\n",
        "serve.sh": "#!/bin/sh\nvllm serve tiny-corp/base\n",
        "Dockerfile": "FROM python:3.13\nRUN hf download tiny-corp/base\n",
        "Makefile": "get:\n\thf download tiny-corp/base\n",
        "note.ipynb": '{"cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null,'
        ' "source": ["from transformers import AutoModel\\n", "AutoModel.from_pretrained(\\"tiny-corp/base\\")"]}],'
        ' "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n',
    }
    for name, text in files.items():
        (project / name).write_text(text)
    git(project, "add", "--all", env=env)
    try:
        done = call([sys.executable, "-m", "pre_commit", "run"], cwd=project, env=env)
    finally:
        git(project, "reset", "--hard", "--quiet", env=env)
    assert done.returncode == 1
    assert {name for name in files if f"\n{name}:" in done.stdout} == set(files), done.stdout


def test_both_snippets_name_the_same_hook():
    ours = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))[0]
    local = yaml.safe_load(CONFIGS[1])["repos"][0]["hooks"][0]
    assert local["language"] == "system"
    assert {key: ours[key] for key in local if key != "language"} == {
        key: value for key, value in local.items() if key != "language"
    }


def test_pre_commit_accepts_our_manifest_and_the_snippets(tmp_path, env):
    manifest = str(ROOT / ".pre-commit-hooks.yaml")
    done = call([sys.executable, "-m", "pre_commit", "validate-manifest", manifest], cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (0, "")
    assert len(CONFIGS) == 2
    for number, config in enumerate(CONFIGS):
        path = tmp_path / f"{number}.yaml"
        path.write_text(config)
        done = call([sys.executable, "-m", "pre_commit", "validate-config", str(path)], cwd=tmp_path, env=env)
        assert (done.returncode, done.stdout) == (0, "")

"""This repository as others see it: a commit of a repository, installed from there without a network."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOATING = 'from transformers import AutoModel\n\nAutoModel.from_pretrained("tiny-corp/base")\n'
SHA = "060db6499f32faf8b98477b0a26969ef7d8b9987"
PINNED = FLOATING.replace('"tiny-corp/base"', f'"tiny-corp/base", revision="{SHA}"')


def variables(home: Path, **more: str) -> dict[str, str]:
    """An environment without the developer's settings, in which pip takes everything from what is installed here."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": "t@t.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        # Build tools and dependencies are here already; nothing is fetched.
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which is how pip spells it: the option is its opposite
        "PIP_CONFIG_FILE": os.devnull,
        "PYTHONPATH": os.pathsep.join(site.getsitepackages()),
        **more,
    }


def call(command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=dict(env), capture_output=True, text=True, timeout=200, check=False)


def git(folder: Path, *words: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    done = call(["git", *words], cwd=folder, env=env)
    assert done.returncode == 0, done.stderr
    return done


def commit(folder: Path, files: Mapping[str, str], *, env: Mapping[str, str]) -> str:
    """Write files, commit everything, and give the commit."""
    if not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        git(folder, "init", "--quiet", "--initial-branch=main", env=env)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    git(folder, "add", "--all", env=env)
    git(folder, "commit", "--quiet", "--no-verify", "--message=work", env=env)
    return git(folder, "rev-parse", "HEAD", env=env).stdout.strip()


def copy_of_this_repository(to: Path, env: Mapping[str, str]) -> str:
    """What is tracked here, or would be, as one commit."""
    listed = call(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, env=env)
    if listed.returncode != 0:
        pytest.skip("not a Git checkout")
    wanted = ("ftlineage/", "ci/", "action.yml", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
    for name in listed.stdout.split("\0"):
        if name.startswith(wanted) and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    return commit(to, {}, env=env)

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftlineage.core.digest import sha256_hex
from ftlineage.core.sections import Script, Unrecorded
from ftlineage.sources.code import observe_script
from tests.unit.sources.gitrepo import repository, write

ROOT = Path(__file__).parents[3]
REPORT = """
from pathlib import Path
from ftlineage.sources.code import code_folder, observe_script
found = observe_script(None)
print(getattr(found, "path", None), getattr(found, "reason", None), code_folder().name, sep="|")
"""


@pytest.fixture(autouse=True)
def _settings(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))


def started(folder: Path, *arguments: str, text: str | None = None) -> list[str]:
    """What a Python process started in some way says of its own script: path, reason, code folder."""
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip().split("|")


def test_a_script_in_a_repository_is_named_from_its_top(tmp_path):
    repo = repository(tmp_path / "repo", {"jobs/train.py": "print(1)\n"})

    expected = Script(path="jobs/train.py", sha256=sha256_hex(b"print(1)\n"))
    assert observe_script(repo / "jobs" / "train.py") == expected


def test_a_script_outside_of_one_has_its_bare_name(tmp_path):
    write(tmp_path, {"train.py": "x"})
    (tmp_path / "link.py").symlink_to("train.py")

    assert observe_script(tmp_path / "train.py") == Script(path="train.py", sha256=sha256_hex(b"x"))
    assert observe_script(tmp_path / "link.py") == observe_script(tmp_path / "train.py")


def test_a_script_that_is_gone(tmp_path):
    assert observe_script(tmp_path / "train.py") == Unrecorded(
        section="recipe", element="script", reason="train.py: no such file or folder"
    )


def test_started_as_a_file(tmp_path):
    repo = repository(tmp_path / "repo", {"jobs/train.py": REPORT})

    assert started(tmp_path, str(repo / "jobs" / "train.py")) == ["jobs/train.py", "None", "jobs"]


def test_started_as_a_module_of_the_users_own(tmp_path):
    repo = repository(tmp_path / "repo", {"jobs/__init__.py": "", "jobs/train.py": REPORT})

    assert started(repo, "-m", "jobs.train") == ["jobs/train.py", "None", "jobs"]


def test_given_as_text(tmp_path):
    assert started(tmp_path, "-c", REPORT) == [
        "None",
        "given to python -c: no file holds what ran",
        tmp_path.name,
    ]


def test_typed_at_a_prompt(tmp_path):
    assert started(tmp_path, "-", text=REPORT)[1] == "typed at a prompt: no file holds what ran"


def test_an_installed_module(tmp_path):
    # `python -m timeit` runs what it is given, and __main__ is the module of the standard library.
    text = REPORT.strip().replace("\n", ";")
    path, reason, folder = started(tmp_path, "-m", "timeit", "-n1", "-r1", text)[0:3]

    assert path == "None"
    assert reason == "started as the installed module timeit: its package is in the environment"
    assert folder.startswith(tmp_path.name)


def test_an_installed_command():
    found = observe_script(Path(sys.executable).parent / "pip")

    assert isinstance(found, Unrecorded)
    assert found.reason == "started by the installed command pip: its package is in the environment"


def test_a_notebook(monkeypatch):
    import __main__

    monkeypatch.delattr(__main__, "__file__", raising=False)
    monkeypatch.setattr(__main__, "get_ipython", lambda: None, raising=False)
    found = observe_script(None)

    assert isinstance(found, Unrecorded)
    assert found.reason == "run in a notebook or an IPython prompt: no file holds what ran"

"""The wheel: complete, free of what does not belong, and usable outside the checkout without any extra."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import ftlineage

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built as ``make wheel`` does, with the network closed."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The wheel installed into a folder of its own, without its dependencies."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True, timeout=120, capture_output=True)
    return target


def run(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_every_file_of_the_package_is_in_the_wheel(names):
    tracked = subprocess.run(
        ["git", "ls-files", "ftlineage"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    if tracked.returncode != 0:
        pytest.skip("not a Git checkout")
    assert set(tracked.stdout.split()) - names == set()


def test_what_other_programs_look_for_is_in_the_wheel(names):
    assert {"ftlineage/py.typed", "ftlineage/schema/lineage.schema.json", "ftlineage/testing/hub.py"} <= names
    assert any(name.startswith("ftlineage/cli/templates/") for name in names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_nothing_else_is_in_the_wheel(names):
    folders = {name.partition("/")[0] for name in names}
    assert folders == {"ftlineage", f"ftlineage-{ftlineage.__version__}.dist-info"}
    assert not any("__pycache__" in name or "/test_" in name for name in names)


def test_the_base_install_needs_no_heavy_library(metadata):
    needed = {line.split(">=")[0].split("<")[0] for line in metadata.get_all("Requires-Dist") if "extra ==" not in line}
    assert needed == {
        "bcrypt", "click", "cryptography", "huggingface-hub", "jinja2", "msgspec", "packaging", "pyyaml", "rfc8785",
        "rich", "tqdm",
    }  # fmt: skip


def test_metadata_says_what_pyproject_says(metadata):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert metadata["Version"] == ftlineage.__version__
    assert metadata["Requires-Python"] == project["requires-python"]
    assert metadata["License-Expression"] == project["license"]
    assert set(metadata.get_all("Provides-Extra")) == {
        name.replace("_", "-") for name in project["optional-dependencies"]
    }


def test_it_runs_outside_the_checkout(installed, tmp_path):
    said = run(installed, tmp_path, "-m", "ftlineage", "--version")
    assert (said.returncode, said.stdout) == (0, f"ftlineage {ftlineage.__version__}\n")
    where = run(installed, tmp_path, "-c", "import ftlineage; print(ftlineage.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(installed)


def test_it_verifies_and_shows_outside_the_checkout(installed, tmp_path):
    card = ROOT / "tests" / "compat" / "v1" / "full.lineage.json"
    folder = tmp_path / "version"
    folder.mkdir()
    (folder / "lineage.json").write_bytes(card.read_bytes())

    shown = run(installed, tmp_path, "-m", "ftlineage", "show", "version", "--json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["id"] == json.loads(card.read_bytes())["id"]

    page = run(installed, tmp_path, "-m", "ftlineage", "show", "version", "--html", "card.html")
    assert page.returncode == 0, page.stderr
    assert (tmp_path / "card.html").read_text("utf-8").lower().startswith("<!doctype html>")

    verified = run(installed, tmp_path, "-m", "ftlineage", "verify", "version", "--json")
    assert verified.returncode == 1, verified.stderr
    assert {finding["code"] for finding in json.loads(verified.stdout)["findings"]} >= {"adapter.missing"}


def test_the_schema_is_found_in_the_installed_package(installed, tmp_path):
    program = (
        "import json; from importlib.resources import files; "
        "print(json.loads(files('ftlineage').joinpath('schema/lineage.schema.json').read_bytes())['title'])"
    )
    assert run(installed, tmp_path, "-c", program).stdout == "ftlineage card, format 1\n"

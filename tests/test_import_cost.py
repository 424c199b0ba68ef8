"""What starting costs: which modules a process loads, measured in processes of their own.

Modules are counted, not seconds: the list is the same on a busy machine. `bench/startup.py` has the times.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import sealed

ROOT = Path(__file__).parents[1]

# More than 20 ms each, and nothing that starting or verifying needs.
HEAVY = frozenset(
    {
        "PIL", "accelerate", "datasets", "httpx2", "huggingface_hub", "jinja2", "numpy", "pandas", "peft", "pyarrow",
        "safetensors", "tokenizers", "torch", "transformers", "trl",
    }
)  # fmt: skip
_LINE = re.compile(r"import time:\s+\d+ \|\s+\d+ \|\s*(\S+)")


def loaded(*arguments: str) -> tuple[set[str], subprocess.CompletedProcess[str]]:
    """Modules that a Python process imported, and how it ended."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=ROOT,
        # coverage and other start-up hooks would add modules of their own
        env={name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST_"))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    modules = {match[1] for line in run.stderr.splitlines() if (match := _LINE.match(line))}
    assert "site" in modules, run.stderr  # the trace was really written
    return modules, run


def heavy(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules} & HEAVY


def own(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == "ftlineage"}


@pytest.fixture(scope="module")
def adapter(tmp_path_factory) -> Path:
    return sealed.sealed(tmp_path_factory.mktemp("import-cost") / "adapter")


def test_the_trace_sees_heavy_modules():
    modules, _ = loaded("-c", "import numpy")

    assert heavy(modules) == {"numpy"}


def test_importing_the_package_loads_nothing_else():
    modules, run = loaded("-c", "import ftlineage")

    assert run.returncode == 0
    assert own(modules) == {"ftlineage"}
    assert heavy(modules) == set()


def test_listing_its_names_loads_nothing_else():
    modules, run = loaded("-c", "import ftlineage; print(dir(ftlineage), ftlineage.__version__)")

    assert run.returncode == 0
    assert own(modules) == {"ftlineage"}


def test_the_version_loads_nothing_else():
    modules, run = loaded("-m", "ftlineage", "--version")

    assert run.stdout.startswith("ftlineage ")
    # Python itself runs __main__ without an import.
    assert own(modules) == {"ftlineage"}
    assert not modules & {"msgspec", "typer", "rich", "asyncio", "http.client"}
    assert heavy(modules) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["verify", "--help"], ["demo", "--help"], ["record", "--help"]])
def test_help_loads_no_heavy_library(arguments):
    modules, run = loaded("-m", "ftlineage", *arguments)

    assert (run.returncode, "Usage: ftlineage" in run.stdout) == (0, True)
    assert heavy(modules) == set()


@pytest.mark.parametrize("form", [[], ["--json"], ["--quiet"]])
def test_verify_loads_no_heavy_library(adapter, form):
    modules, run = loaded("-m", "ftlineage", "verify", str(adapter), *form)

    assert run.returncode == 0, run.stdout + run.stderr
    if form == ["--json"]:
        assert json.loads(run.stdout)["verdict"] == "ok"
    assert heavy(modules) == set()
    # Its own sources are for recording: what verifying needs of them is decided in few places.
    assert not own(modules) & {"ftlineage.record.run", "ftlineage.sources.data", "ftlineage.sources.preprocessing"}


def test_a_failed_verify_loads_no_heavy_library(adapter, tmp_path):
    broken = tmp_path / "adapter"
    broken.mkdir()
    for path in adapter.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    (broken / "tokenizer.json").write_bytes(b"{}")
    modules, run = loaded("-m", "ftlineage", "verify", str(broken))

    assert run.returncode == 1
    assert heavy(modules) == set()


def test_show_loads_no_heavy_library(adapter):
    modules, run = loaded("-m", "ftlineage", "show", str(adapter))

    assert run.returncode == 0, run.stderr
    assert heavy(modules) == set()


def test_reading_a_card_in_python_loads_no_heavy_library(adapter):
    modules, run = loaded("-c", f"import ftlineage; print(ftlineage.load_card({str(adapter)!r}).id)")

    assert run.stdout.startswith("sha256:")
    assert heavy(modules) == set()


def test_observing_code_and_environment_loads_no_heavy_library():
    program = (
        "from pathlib import Path; from ftlineage.sources.code import observe_code; "
        "from ftlineage.sources.environment import observe_environment; "
        "observe_code(Path.cwd()); observe_environment()"
    )
    modules, run = loaded("-c", program)

    assert run.returncode == 0, run.stderr
    assert heavy(modules) == set()


def test_scan_loads_no_heavy_library(tmp_path):
    (tmp_path / "a.py").write_text('from datasets import load_dataset\nload_dataset("stanfordnlp/imdb")\n')
    modules, run = loaded("-m", "ftlineage", "scan", str(tmp_path))
    assert run.returncode == 1
    assert heavy(modules) == set()
    assert "multiprocessing" not in modules  # processes are for large trees

"""What a command loads before it works: nothing it does not need. Times are measured in ``bench``."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.integration.cli import environment
from tests.unit.cli import sample

HEAVY = {"torch", "transformers", "peft", "datasets", "pyarrow", "numpy", "pandas", "huggingface_hub"}
PAGES = {"rich", "jinja2"}

SCRIPT = """
import sys
sys.argv = ["ftlineage", *sys.argv[1:]]
from ftlineage.__main__ import main
code = main()
print(code, *{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def loaded(arguments, folder):
    """Exit code and the top-level modules in memory at the end of a command."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    return int(code), set(modules)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("startup")
    (path / "lineage.json").write_bytes(sample.full_card().to_bytes())
    return path


@pytest.mark.parametrize(
    ("arguments", "code", "absent"),
    [
        (["--version"], 0, HEAVY | PAGES | {"click", "msgspec", "rfc8785", "typing", "typer", "asyncio"}),
        (["--help"], 0, HEAVY | PAGES | {"typer", "asyncio"}),
        (["show", ".", "--json"], 0, HEAVY | PAGES),
        (["show", "."], 0, HEAVY | {"jinja2"}),
        (["show", ".", "--html", "card.html"], 0, HEAVY | {"rich"}),
        (["verify", "."], 1, HEAVY | PAGES | {"tqdm"}),
        (["diff", ".", "."], 0, HEAVY | PAGES),
        (["verfy"], 2, HEAVY | PAGES),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_loads_only_what_it_needs(arguments, code, absent, folder):
    found, modules = loaded(arguments, folder)
    assert found == code
    assert sorted(modules & absent) == []

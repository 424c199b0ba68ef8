from __future__ import annotations

import importlib
import subprocess
import sys
from types import FunctionType

import pytest

import ftlineage


@pytest.mark.parametrize("name", [name for name in ftlineage.__all__ if name != "__version__"])
def test_public_names_resolve_to_what_their_module_defines(name):
    assert getattr(ftlineage, name) is getattr(importlib.import_module(ftlineage._PUBLIC[name]), name)


def test_dir_is_the_public_names():
    assert dir(ftlineage) == sorted(ftlineage.__all__)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="module 'ftlineage' has no attribute 'nothing'"):
        _ = ftlineage.nothing


def in_a_fresh_python(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["verify", "diff"])
@pytest.mark.parametrize(
    "before",
    [
        "",
        "import ftlineage.{name}",
        "import ftlineage.core.card, ftlineage.{name}",
        "from ftlineage import {name} as f; import ftlineage.{name}",
        "import ftlineage; ftlineage.{name}; import ftlineage.{name}",
    ],
)
def test_functions_are_not_shadowed_by_the_subpackages_of_the_same_name(name, before):
    script = f"{before.format(name=name)}\nimport ftlineage\nprint(type(ftlineage.{name}).__name__)"
    assert in_a_fresh_python(script) == FunctionType.__name__


def test_importing_the_package_imports_next_to_nothing():
    script = "import sys; before = set(sys.modules); import ftlineage; print(*sorted(set(sys.modules) - before))"
    assert set(in_a_fresh_python(script).split()) <= {"__future__", "types", "ftlineage"}

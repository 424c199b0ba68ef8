from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests import layer_rules
from tests.layer_rules import LAYERS, RANK, ROOT, faults, heavy_libraries, may_import, read_modules

HEAVY = frozenset({"torch", "numpy", "transformers"})


def found(root: Path, files: dict[str, str]) -> list[str]:
    """Faults of a made-up tree, given as ``{"core/card.py": source}``."""
    for name, source in {"__init__.py": '"""x"""', **files}.items():
        path = root / "ftlineage" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        for folder in path.relative_to(root / "ftlineage").parents:
            init = root / "ftlineage" / folder / "__init__.py"
            if not init.exists():
                init.write_text('"""x"""')
    return faults(read_modules(root), HEAVY)


# --- the real tree -----------------------------------------------------------------------------


def test_the_house_keeps_its_rules():
    modules = read_modules(ROOT)

    assert len(modules) > 40
    assert faults(modules, heavy_libraries()) == []


def test_test_files_stay_short():
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for folder in ("tests", "bench", "recipes")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "vendored" not in path.parts  # other projects' files, unmodified
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) >= 400
    }

    assert long == {}


def test_heavy_libraries_are_those_ruff_knows():
    assert {"torch", "transformers", "peft", "datasets", "pyarrow", "numpy", "huggingface_hub"} <= heavy_libraries()


def test_every_exception_is_still_needed():
    modules = {module.name: module for module in read_modules(ROOT)}

    for name, libraries in layer_rules.HEAVY_ALLOWED.items():
        eager = {one.target.partition(".")[0] for one in modules[name].imports if not one.lazy}
        assert set(libraries) <= eager, name
    for name in layer_rules.INIT_ALLOWED:
        assert len(modules[name].tree.body) > 1, name


# --- the order ---------------------------------------------------------------------------------


def test_the_order_is_the_one_of_the_design():
    order = [name for names in LAYERS for name in names]

    assert order[:2] == ["errors", "core"]
    assert len(order) == len(set(order)) == len(RANK)
    assert may_import("verify", "sources")
    assert may_import("verify", "verify")
    assert not may_import("verify", "diff")
    assert not may_import("hashing", "stats")
    assert not may_import("sources", "store")
    assert not may_import("core", "hashing")
    assert not may_import("trace", "registry")
    assert may_import("serve", "registry")
    assert not may_import("ui", "cli")
    assert may_import("cli", "testing")
    assert not may_import("record", "testing")
    assert not may_import("testing", "store")
    assert not may_import("core", "nothing_we_know")


# --- seeded faults: one tree, one fault, one sentence -------------------------------------------

CLEAN = {
    "errors.py": "class X(Exception): ...",
    "core/card.py": "from pathlib import PurePosixPath\nfrom ftlineage.errors import X",
    "store/cards.py": "import os\nfrom ftlineage.core.card import X\nfrom ftlineage import __version__",
    "verify/runner.py": "import ftlineage\nfrom ftlineage.store import cards",
    "testing/hub.py": "from ftlineage.core import card",
    "cli/demo.py": "from ftlineage.testing.hub import LocalHub",
    "__main__.py": "from ftlineage.cli.demo import main",
}

SEEDED: dict[str, tuple[dict[str, str], *tuple[str, ...]]] = {
    "going up": (
        {"core/card.py": "from ftlineage.store.other import read"},
        "ftlineage.core.card:1 imports ftlineage.store.other.read: core must not know store",
    ),
    "going up inside a function": (
        {"core/card.py": "def f():\n    import ftlineage.store.cards\n"},
        "ftlineage.core.card:2 imports ftlineage.store.cards: core must not know store",
    ),
    "going up for types alone": (
        {"core/card.py": "import typing\nif typing.TYPE_CHECKING:\n    from ftlineage.verify import runner"},
        "ftlineage.core.card:3 imports ftlineage.verify.runner: core must not know verify",
    ),
    "sideways": (
        {"verify/runner.py": "from ftlineage.diff import cards"},
        "ftlineage.verify.runner:1 imports ftlineage.diff.cards: verify must not know diff",
    ),
    "sideways through the root": (
        {"verify/runner.py": "from ftlineage import diff"},
        "ftlineage.verify.runner:1 imports ftlineage.diff: verify must not know diff",
    ),
    "a layer that does not exist yet": (
        {"trace/attribution.py": "from ftlineage.registry import state"},
        "ftlineage.trace.attribution:1 imports ftlineage.registry.state: trace must not know registry",
    ),
    "a place without a layer": ({"utils.py": ""}, "ftlineage.utils is in no layer: add utils to LAYERS"),
    "a test double in the product": (
        {"record/run.py": "from ftlineage.testing.hub import LocalHub"},
        "ftlineage.record.run:1 imports ftlineage.testing.hub.LocalHub: record must not know testing",
    ),
    "a test double that needs the product": (
        {"testing/hub.py": "from ftlineage.store import cards"},
        "ftlineage.testing.hub:1 imports ftlineage.store.cards: testing must not know store",
    ),
    "an eager root": (
        {"__init__.py": "from ftlineage.verify.runner import verify"},
        "ftlineage:1 imports ftlineage.verify.runner.verify before it is asked for",
    ),
    "a relative import": (
        {"verify/runner.py": "from .checks import check\nfrom .. import diff"},
        "ftlineage.verify.runner:1 imports .checks.check relatively",
        "ftlineage.verify.runner:2 imports ..diff relatively",
    ),
    "a heavy module of our own": (
        {"record/callback.py": "import transformers", "record/run.py": "from ftlineage.record.callback import C"},
        "ftlineage.record.run:1 imports ftlineage.record.callback at module level: it loads transformers",
    ),
    "a cycle": (
        {
            "core/a.py": "from ftlineage.core import b",
            "core/b.py": "from ftlineage.core.c import x",
            "core/c.py": "try:\n    import ftlineage.core.a\nexcept ImportError:\n    pass",
        },
        "import cycle: ftlineage.core.a -> ftlineage.core.b -> ftlineage.core.c -> ftlineage.core.a",
    ),
    "files in core": (
        {"core/card.py": "import os.path"},
        "ftlineage.core.card:1 imports os.path: core does no input, output or clock",
    ),
    "a real path in core": (
        {"core/card.py": "from pathlib import Path, PurePath"},
        "ftlineage.core.card:1 imports pathlib.Path: core does no input, output or clock",
    ),
    "the network in core": (
        {"core/card.py": "from urllib.request import urlopen"},
        "ftlineage.core.card:1 imports urllib.request.urlopen: core does no input, output or clock",
    ),
    "a clock in core": (
        {"core/event.py": "import datetime\nstamp = datetime.datetime.now()"},
        "ftlineage.core.event:2 calls now(): core does no input, output or clock",
    ),
    "opening in core": (
        {"core/card.py": "def f(path):\n    return open(path)"},
        "ftlineage.core.card:2 calls open(): core does no input, output or clock",
    ),
    "chance in errors": (
        {"errors.py": "import random"},
        "ftlineage.errors:1 imports random: errors does no input, output or clock",
    ),
    "torch at module level": (
        {"sources/base.py": "import torch.nn as nn"},
        "ftlineage.sources.base:1 imports torch at module level: import it where it is used",
    ),
    "torch in a class body": (
        {"sources/base.py": "class A:\n    from torch import nn"},
        "ftlineage.sources.base:2 imports torch at module level: import it where it is used",
    ),
    "torch inside a function of the base install": (
        {"hashing/tensors.py": "def f():\n    import torch"},
        "ftlineage.hashing.tensors:2 imports torch: hashing must work without it",
    ),
    "an __init__ with names": (
        {"diff/__init__.py": '"""x"""\nfrom ftlineage.diff.cards import diff', "diff/cards.py": "diff = 1"},
        "ftlineage.diff/__init__.py is not just a docstring",
    ),
    "an __init__ without a word": ({"diff/__init__.py": ""}, "ftlineage.diff/__init__.py is not just a docstring"),
    "a long file": ({"diff/cards.py": "x = 1\n" * 400}, "ftlineage.diff.cards has 400 lines, 400 or more"),
    "a long function": (
        {"diff/cards.py": "def f():\n" + "    x = 1\n" * 39},
        "ftlineage.diff.cards:1 f() has 40 lines, 40 or more",
    ),
    "a long method": (
        {
            "diff/cards.py": "class A:\n    async def f(self):\n        '''Two\n        lines.'''\n"
            + "        x = 1\n" * 39
        },
        "ftlineage.diff.cards:2 f() has 40 lines, 40 or more",
    ),
}


def test_a_clean_tree_has_no_fault(tmp_path):
    assert found(tmp_path, CLEAN) == []


@pytest.mark.parametrize("fault", SEEDED)
def test_a_seeded_fault_is_caught(tmp_path, fault):
    files, *sentences = SEEDED[fault]

    assert found(tmp_path, {**CLEAN, **files}) == sentences


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("sources/base.py", "def f():\n    import torch"),
        ("sources/base.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"),
        ("hashing/rows.py", "def f():\n    import numpy"),
        ("record/callback.py", "import transformers"),
        ("record/run.py", "def f():\n    from ftlineage.record import callback"),
        ("core/words.py", "import datetime as dt\nx = dt.datetime.fromisoformat('2026-01-01')"),
        ("diff/cards.py", "def f():\n    '''" + "Doc.\n    " * 30 + "'''\n" + "    x = 1\n" * 38),
        ("diff/cards.py", "x = 1\n" * 399),
        ("sources/retrieval/__init__.py", '"""x"""\nfrom ftlineage.core.card import X'),
        ("core/a.py", "def f():\n    from ftlineage.core.b import g"),
    ],
)
def test_what_is_allowed_is_no_fault(tmp_path, name, source):
    others = {"core/b.py": "from ftlineage.core.a import f"} if name == "core/a.py" else {}

    assert found(tmp_path, {**CLEAN, **others, name: source}) == []

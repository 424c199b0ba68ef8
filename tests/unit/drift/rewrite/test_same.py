import itertools

import pytest

from ftlineage.drift.rewrite.same import same_but

SHA = "0f" * 20
SHAS = frozenset({SHA})

SAME = [
    ("a.py", 'f("x")\n', f'f("x", revision="{SHA}")  # default @ 2026-08-20\n'),
    ("a.py", 'd = {"a": 1}\n', f'd = {{"a": 1, "revision": "{SHA}"}}\n'),
    ("a.py", 'f(revision="main")\n', f'f(revision="{SHA}")\n'),
    ("a.py", "def f(r=None): ...\n", f'def f(r="{SHA}"): ...\n'),
    ("a.py", 'run(["--model", "x"])\n', f'run(["--model", "x", "--revision", "{SHA}"])\n'),
    ("a.yaml", "a: x\nb: 1\n", f"a: x\nrevision: {SHA}  # default @ 2026-08-20\nb: 1\n"),
    ("a.yaml", "a: !tag {b: 1e3}\n", f"a: !tag {{b: 1e3, revision: {SHA}}}\n"),
    ("a.yaml", "args: [--model, x]\n", f"args: [--model, x, --revision, {SHA}]\n"),
    ("a.yaml", "a: &x {b: c}\nd: *x\n", f"a: &x {{b: c, r: {SHA}}}\nd: *x\n"),
    ("a.json", '{"a": null}', f'{{"a": "{SHA}"}}'),
    ("a.json", '// c\n{"a": null}', f'// c\n{{"a": "{SHA}"}}'),
    ("a.toml", 'a = "x"\n', f'a = "x"\nrevision = "{SHA}"  # default @ 2026-08-20\n'),
    ("a.sh", "anything", "goes here: there is no loader"),
    ("a.py", "this does not parse (", "nor does this ("),
]
OTHER = [
    ("a.py", 'f("x")\n', f'f("x", revision="{SHA}"\n'),
    ("a.py", 'f("x")\n', f'f("y", revision="{SHA}")\n'),
    ("a.py", 'f("x", y=1)\n', f'f("x", revision="{SHA}")\n'),
    ("a.py", 'f("x", 1)\n', f'f("x", revision="{SHA}", extra=1)\n'),
    ("a.py", 'x = """\nf(1)\n"""\n', 'x = """\nf(1)  # main @ 2026-08-20\n"""\n'),
    ("a.yaml", "a: x\nb: 1\n", f"a: x\nrevision: {SHA}\nb: 2\n"),
    ("a.yaml", "a: x\nb: 1\n", f"a: x\nrevision: {SHA}\n"),
    ("a.yaml", "a: x\n", f"a: x\n revision: {SHA}\n"),
    ("a.yaml", "a: |\n  x\n", f"a: |\n  x\n  # {'1' * 40}\n"),
    ("a.yaml", "a: [1, 2]\n", f"a: [2, {SHA}, 1]\n"),
    ("a.json", '{"a": [1]}', f'{{"a": "{SHA}", "b": 1}}'),
    ("a.toml", 'a = "x"\n', f'a = "x"\na = "{SHA}"\n'),
]


@pytest.mark.parametrize(("path", "old", "new"), SAME)
def test_growth_by_commits_alone_is_the_same(path, old, new):
    assert same_but(old, new, path, SHAS)
    assert same_but("\ufeff" + old, "\ufeff" + new, path, SHAS)


@pytest.mark.parametrize(("path", "old", "new"), OTHER)
def test_every_other_difference_is_one(path, old, new):
    assert not same_but(old, new, path, SHAS)


def test_the_code_of_a_notebook_must_parse_too():
    old = '{"cells": [{"cell_type": "code", "source": ["!pip install x\\n", "f(\\"x\\")\\n"]}]}'
    good = old.replace('f(\\"x\\")', f'f(\\"x\\", r=\\"{SHA}\\")')
    broken = old.replace('f(\\"x\\")', f'f(\\"x\\", r=\\"{SHA}\\"')
    assert same_but(old, good, "a.ipynb", SHAS)
    assert not same_but(old, broken, "a.ipynb", SHAS)


def test_a_document_of_aliases_of_aliases_ends():
    names = [f"a{number}" for number in range(40)]
    more = "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in itertools.pairwise(names))
    text = f"a0: &a0 [x]\n{more}"
    assert same_but(text, text + f"r: {SHA}\n", "a.yaml", SHAS)

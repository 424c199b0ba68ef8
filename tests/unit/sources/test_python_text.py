"""Source text read without running it: the same text as of live code, and only values that are plain to see."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
from pathlib import Path

import pytest

from ftlineage.errors import BadInputError
from ftlineage.sources.python_text import (
    UNKNOWN,
    Made,
    Rounded,
    body_literals,
    parse_source,
    read_definitions,
    same_when_rounded,
    value_of,
)
from ftlineage.sources.source_text import source_text

MODULE = '''\
import functools

def marked(function):
    @functools.wraps(function)
    def wrapper(row):
        return function(row)
    return wrapper

@marked
@functools.cache
def decorated(row):
    """With a text."""
    return row
    # and a comment that belongs to it

# and one that does not

class Outer:
    side = "right"

    @staticmethod
    def method(
        row,
    ):
        return row

    async def later(self):
        return (
            1
        )

if True:
    def indented(row):
        return row  # kept

pick = lambda row: (
    row["a"]
)

def last(row): return row'''


def definition(text: str, name: str, path: str = ""):
    (found,) = (one for one in read_definitions(text, parse_source(text, shown="x.py"), name) if path in one.name)
    return found


def value(expression: str, **names: object):
    return value_of(ast.parse(expression, mode="eval").body, lambda name: names.get(name, UNKNOWN))


def test_the_text_of_a_definition_is_that_of_the_live_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "prep_text.py"
    path.write_text(MODULE)
    spec = importlib.util.spec_from_file_location("prep_text", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "prep_text", module)
    spec.loader.exec_module(module)

    live = {
        "marked": module.marked,
        "marked.wrapper": module.decorated,
        "decorated": inspect.unwrap(module.decorated),
        "Outer": module.Outer,
        "Outer.method": module.Outer.method,
        "Outer.later": module.Outer.later,
        "indented": module.indented,
        "<lambda>": module.pick,
        "last": module.last,
    }
    for name, one in live.items():
        assert definition(MODULE, name.rpartition(".")[2], name).text == source_text(one), name


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("(0.485, 0.456, 0.406)", (0.485, 0.456, 0.406)),
        ("[1 / 255, -2, 3 % 2, 2**3, 7 // 2]", [1 / 255, -2, 1, 8, 3]),
        ("{'mean': [0.5], 'std': {1, 2}}", {"mean": [0.5], "std": {1, 2}}),
        ("tuple([0.5, 0.5])", (0.5, 0.5)),
        ("np.array([0.5, 0.25], dtype=np.float32)", Rounded([0.5, 0.25])),
        ("torch.tensor((1, 2))", Rounded((1, 2))),
        ("SCALE * 2", 6),
        ("config.MEAN", (0.5,)),
        ("T.Normalize(mean=[0.5], std=other)", Made("Normalize", (), {"mean": [0.5], "std": UNKNOWN})),
        ("Compose([Resize(32)])", Made("Compose", ([Made("Resize", (32,), {})],), {})),
        ("[0.5, other]", UNKNOWN),
        ("{[]: 1}", UNKNOWN),
        ("1 / 0", UNKNOWN),
        ("'x' * 10**9", UNKNOWN),
        ("9**9**9", UNKNOWN),
        ("[x for x in y]", UNKNOWN),
        ("f'{x}'", UNKNOWN),
        ("int('x')", UNKNOWN),
        ("(lambda: 1)()", UNKNOWN),
        ("not 1", UNKNOWN),
    ],
)
def test_what_an_expression_is_worth(expression: str, expected: object):
    assert value(expression, SCALE=3, **{"config.MEAN": (0.5,)}) == expected


def test_powers_in_a_row_stay_small():
    assert value("(2**64) ** 64 ** 1") is UNKNOWN or isinstance(value("(2**64) ** 64 ** 1"), int)
    assert value("((((2**64)**64)**64)**64)**64") is UNKNOWN


def test_literals_of_a_body_go_by_the_name_they_get():
    text = """\
def normalise(x, clip=3):
    mean = (0.5, 0.5)
    std: list = [0.2]
    rows, empty, text = [], "", None
    y = Normalize([0.1, 0.2], std=[0.3], inplace=False)
    z = np.asarray([1, 2], dtype="float32")
    mean = mean[0]
    mean = (0.4, 0.4)
    return resize(x, size=224, mode=clip)"""

    assert body_literals(text) == {
        "mean": (0.5, 0.5),
        "std": [0.2],
        "Normalize.0": [0.1, 0.2],
        "Normalize.std": [0.3],
        "Normalize.inplace": False,
        "z": [1, 2],
        "mean (2)": (0.4, 0.4),
        "resize.size": 224,
    }


def test_literals_of_a_class_are_those_of_its_methods():
    text = "class Prep:\n    side = 'left'\n    def run(self, x):\n        scale = 2\n        return x * scale"

    assert body_literals(text) == {"scale": 2}


@pytest.mark.parametrize("text", ["", "lambda x: f(x, size=1)", "x = 1", "def broken(", "def f(): pass\ndef g(): pass"])
def test_other_text_has_no_literals(text: str):
    assert body_literals(text) == {}


def test_no_more_than_some_literals_are_kept():
    body = "\n".join(f"    a{number} = {number + 1}" for number in range(500))

    assert len(body_literals(f"def f():\n{body}")) == 64


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f(:\n", "prep.py: not readable as Python at line 1."),
        ("x = '\0'", "prep.py: not readable as Python."),
        ("(" * 5000, "prep.py: not readable as Python at line 1."),
        ("-" * 200_000 + "1", "prep.py: not readable as Python."),
    ],
)
def test_text_that_is_no_python_is_refused(text: str, reason: str):
    with pytest.raises(BadInputError) as caught:
        parse_source(text, shown="prep.py")

    # Which of two faults Python meets first differs between releases.
    assert str(caught.value).partition(" at line")[0].rstrip(".") == reason.partition(" at line")[0].rstrip(".")


def test_warnings_about_foreign_text_stay_quiet():
    assert isinstance(parse_source("x = '\\d'\ny = 1 is 1", shown="x.py"), ast.Module)


def test_numbers_of_an_array_may_be_rounded():
    import struct

    (single,) = struct.unpack("f", struct.pack("f", 0.485))

    assert same_when_rounded([0.485, 1], [single, 1])
    assert not same_when_rounded([0.485], [0.4851])
    assert not same_when_rounded([0.5], [0.5, 0.5])
    assert not same_when_rounded("a", [0.5])

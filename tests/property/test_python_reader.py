"""Whatever text it is given, the Python reader answers or refuses in one way, and what it says is true of the text."""

from __future__ import annotations

import ast
import warnings

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ftlineage.drift.python.reader import collect_wrappers, read_python
from ftlineage.drift.python.wrappers import Wrappers
from ftlineage.errors import BadInputError

_SAMPLE = """\
import os, argparse
from dataclasses import dataclass, field
MODELS = {"a": "org-a/m1", "b": {"path": "org-b/m2", "revision": "main"}}
NAME, REV = "org-a/m1", f"{'v'}1"
parser = argparse.ArgumentParser()
parser.add_argument("--model", default="org-a/m3")
args = parser.parse_args()

@dataclass
class Args(Args):
    model: str = field(default_factory=lambda: "org-a/m4")

def load(name=NAME, *rest, revision=None, **kwargs):
    name = name or load(name)
    for one in [name, *rest, *(other for other in MODELS.values())]:
        AutoModel.from_pretrained(one, revision=revision, **kwargs)
    return load(name, **MODELS)

if (x := os.getenv("BASE", "org-a/m5")):
    load(x); load(**{"name": "org-a/m6"}); load(*["org-a/m7"])
SentenceTransformer(args.model)("é", load_dataset("imdb"))
try:
    evaluate.load("f1")
except* ValueError:
    subprocess.run(["vllm", "serve", NAME, "--port", "1"])
match args:
    case {"a": 1}:
        open("hf://datasets/org-a/d/x")
"""
_LINES = _SAMPLE.splitlines(keepends=True)
_PIECES = st.sampled_from(
    [
        *_LINES,
        "load(",
        ")",
        '"org-a/m"',
        "from_pretrained",
        "=",
        ",",
        "\n",
        "    ",
        "é",
        "\ufeff",
        "\r\n",
        "\x00",
        "\x0c",
        "f'''{",
        "\\\n",
    ]
)


@st.composite
def _mutated(draw: st.DrawFn) -> str:
    """The sample with lines moved, left out and put in."""
    lines = list(_LINES)
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(lines)))
        match draw(st.integers(0, 2)):
            case 0:
                del lines[at : at + draw(st.integers(1, 3))]
            case 1:
                lines.insert(at, draw(_PIECES))
            case _:
                text = "".join(lines)
                cut = draw(st.integers(0, len(text)))
                lines = [text[:cut], draw(_PIECES), text[cut:]]
    return "".join(lines)


def _check(text: str) -> None:
    tree = Wrappers()
    try:
        found = read_python(text, "pkg/a.py")
        tree.add(collect_wrappers(text, "pkg/b.py"))
        read_python(text, "pkg/c.py", tree)
    except BadInputError:
        return
    for one in found:
        assert 1 <= one.line <= text.count("\n") + text.count("\r") + 1
        assert one.column >= 1
        assert (one.slot is None) == (one.unpinnable is not None)
        if one.slot is not None:
            assert 0 <= one.slot.start <= one.slot.end <= len(text)
            filled = text[: one.slot.start] + one.slot.before + "0" * 40 + one.slot.after + text[one.slot.end :]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse(filled.removeprefix("\ufeff"))


@settings(deadline=None, max_examples=200)
@given(text=_mutated())
@example(text=_SAMPLE)
def test_changed_programs(text):
    _check(text)


@settings(deadline=None, max_examples=100)
@given(text=st.lists(_PIECES, max_size=30).map("".join) | st.text(max_size=200))
def test_any_text(text):
    _check(text)


def test_deep_and_wide_programs_end():
    _check('AutoModel.from_pretrained("o-a/m")\n' + "x = " + "(" * 3000 + ")" * 3000)
    _check(
        'a0 = "o-a/m"\n'
        + "".join(f"a{n} = a{n - 1} if x else a{n - 1}\n" for n in range(1, 60))
        + "A.from_pretrained(a59)"
    )
    _check("A.from_pretrained(" + "+".join(['"o-a/m"'] * 5000) + ")")
    _check("x = {" + ", ".join(f'"k{n}": "o-a/m{n}"' for n in range(3000)) + "}\nA.from_pretrained(x[y])")

from __future__ import annotations

import functools
import importlib.util
import sys
import textwrap

import pytest

from ftlineage.core import codec
from ftlineage.core.digest import text_sha256
from ftlineage.core.sections import CodeDigest
from ftlineage.errors import BadArgumentError
from ftlineage.sources.functions import observe_function, observe_functions


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write a module of the user's and import it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(source: str, name: str = "prep"):
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(source))
        sys.modules.pop(name, None)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return make


def one(function) -> CodeDigest:
    (digest,) = observe_function("formatting", function)
    return digest


def test_a_function_by_its_text(load):
    prep = load("""
        def formatting(row):
            return row["text"]
    """)

    assert one(prep.formatting) == CodeDigest(
        name="prep.formatting",
        role="formatting",
        sha256=text_sha256('def formatting(row):\n    return row["text"]'),
        path="prep.py",
    )


def test_indentation_and_line_ends_are_no_part_of_it(load, tmp_path):
    (tmp_path / "crlf.py").write_bytes(b"if True:\r\n    def formatting(row):\r\n        return row\r\n")
    first = load("def formatting(row):\n    return row")
    spec = importlib.util.spec_from_file_location("crlf", tmp_path / "crlf.py")
    assert spec is not None
    assert spec.loader is not None
    second = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(second)

    assert one(first.formatting).sha256 == one(second.formatting).sha256


def test_a_changed_line_is_seen(load):
    before = one(load("def f(row):\n    return row", "a").f)
    after = one(load("def f(row):\n    return row.strip()", "a").f)

    assert before.sha256 != after.sha256


def test_a_changed_constant_is_named_while_the_text_stays(load):
    source = """
        MEAN = {mean}
        UNUSED = 7

        def normalise(pixels):
            return [[pixel - mean for mean in MEAN] for pixel in pixels]
    """
    before = one(load(source.format(mean=(0.5, 0.5))).normalise)
    after = one(load(source.format(mean=(0.485, 0.456))).normalise)

    assert before.sha256 == after.sha256
    assert (before.constants, after.constants) == ({"MEAN": [0.5, 0.5]}, {"MEAN": [0.485, 0.456]})


def test_closures_defaults_and_nested_functions_are_looked_through(load):
    prep = load("""
        SCALE = 2
        NAME = "col"

        def make(limit):
            def inner(row, sep=", ", *, keep=True):
                def shorten(text):
                    return text[: limit * SCALE]
                return shorten(row[NAME])
            return inner
    """)
    found = one(prep.make(12))

    assert found.name == "prep.make.inner"
    assert found.constants == {"NAME": "col", "SCALE": 2, "keep": True, "limit": 12, "sep": ", "}


def test_helpers_of_the_users_own_are_followed(load):
    load("STD = 0.25", "config")
    prep = load("""
        import json
        import config

        def scale(x):
            return x / config.STD

        def clean(x):
            return scale(json.loads(x))

        def formatting(row):
            return clean(row)
    """)
    found = observe_function("transform", prep.formatting)

    assert [(digest.name, digest.role) for digest in found] == [
        ("prep.formatting", "transform"),
        ("prep.clean", "transform"),
        ("prep.scale", "transform"),
    ]
    assert found[2].constants == {"config.STD": 0.25}


def test_functions_that_call_each_other_end(load):
    prep = load("""
        def odd(n):
            return n and even(n - 1)

        def even(n):
            return not n or odd(n - 1)
    """)

    assert [digest.name for digest in observe_function("x", prep.odd)] == ["prep.odd", "prep.even"]


def test_lambdas_by_their_own_text(load):
    prep = load("""
        TAIL = "!"
        pair = [lambda row: row["a"], lambda row: row["b"] + TAIL]
        call = dict(
            formatting=lambda row: (
                row["c"]
            ),
        )
        maker = lambda k: lambda row: row[k]
        made = maker("z")
    """)

    texts = ['lambda row: row["a"]', 'lambda row: row["b"] + TAIL', 'lambda row: (\n        row["c"]\n    )']
    functions = [*prep.pair, prep.call["formatting"]]
    assert [one(function).sha256 for function in functions] == [text_sha256(text) for text in texts]
    assert one(prep.pair[1]).constants == {"TAIL": "!"}
    assert one(prep.maker).sha256 == text_sha256("lambda k: lambda row: row[k]")
    assert (one(prep.made).sha256, one(prep.made).constants) == (text_sha256("lambda row: row[k]"), {"k": "z"})


def test_partials_name_their_arguments(load):
    prep = load("""
        import functools

        def resize(size, image, mode="fit"):
            return image

        small = functools.partial(functools.partial(resize, 32), mode="crop")

        def transform(image):
            return small(image)
    """)

    assert one(prep.small).name == "prep.resize"
    assert one(prep.small).constants == {"0": 32, "mode": "crop"}
    outer, inner = observe_function("transform", prep.transform)
    assert outer.constants == {"small": {"partial": "prep.resize", "0": 32, "mode": "crop"}}
    assert inner.name == "prep.resize"


def test_callable_objects_name_their_attributes(load):
    prep = load("""
        FILL = -100

        class Base:
            def pad(self, rows):
                return [FILL, *rows]

        class Collator(Base):
            side = "right"

            def __init__(self, limit):
                self.limit = limit
                self.nested = {"mean": [0.5], "helper": trim}
                self._cache = object()

            def __call__(self, rows):
                return self.pad(rows)[: self.limit]

        def trim(text):
            return text.strip()
    """)
    collator, *helpers = observe_function("collator", prep.Collator(limit=9))

    assert collator.name == "prep.Collator"
    assert collator.constants == {
        "Collator.side": "right",
        "limit": 9,
        "nested": {"mean": [0.5], "helper": "prep.trim"},
    }
    assert {one.name: one.constants for one in helpers} == {"prep.trim": {}, "prep.Base": {"FILL": -100}}


def test_bound_methods(load):
    prep = load("""
        class Prep:
            std = 0.25

            def __init__(self):
                self.mean = 0.5

            def run(self, row):
                return (row - self.mean) / self.std
    """)
    method, owner = observe_function("transform", prep.Prep().run)

    assert (method.name, method.constants) == ("prep.Prep.run", {"mean": 0.5})
    assert (owner.name, owner.constants) == ("prep.Prep", {"Prep.std": 0.25})


def test_decorated_functions_and_their_decorators(load):
    prep = load("""
        import functools

        SUFFIX = " END"

        def marked(function):
            @functools.wraps(function)
            def wrapper(row):
                return function(row) + SUFFIX
            return wrapper

        @functools.cache
        def cached(row):
            return row

        @marked
        def formatting(row):
            return row["text"]
    """)
    written, wrapper = observe_function("formatting", prep.formatting)

    assert written.name == "prep.formatting"
    assert written.sha256 == text_sha256('@marked\ndef formatting(row):\n    return row["text"]')
    assert (wrapper.name, wrapper.constants) == ("prep.marked.wrapper", {"SUFFIX": " END"})
    assert one(prep.cached).name == "prep.cached"


def test_a_library_object_that_holds_user_code(load):
    prep = load("""
        import contextlib

        SHIFT = 3

        @contextlib.contextmanager
        def around(row):
            yield row + SHIFT
    """)
    found = observe_function("transform", prep.around)

    assert found[0].name == "prep.around"
    assert found[0].constants == {"SHIFT": 3}


def test_library_collators_by_class_and_settings():
    from transformers import DataCollatorForLanguageModeling

    from tests.unit.sources.preprocessors import tokenizer

    first = observe_function("collator", DataCollatorForLanguageModeling(tokenizer(), mlm=False))
    second = observe_function("collator", DataCollatorForLanguageModeling(tokenizer(), mlm=False, pad_to_multiple_of=8))

    assert len(first) == 1
    assert first[0].name == "transformers.data.data_collator.DataCollatorForLanguageModeling"
    assert first[0].constants["mlm"] is False
    assert "TokenizersBackend" in first[0].constants["tokenizer"]
    assert second[0].constants["pad_to_multiple_of"] == 8
    assert first[0].sha256 == second[0].sha256


def test_code_without_a_text_is_recorded_by_name():
    typed: dict = {}
    exec("def typed(row): return row", typed)  # noqa: S102 - as at a prompt

    import numpy as np

    assert (one(str.strip).name, one(np.log).name) == ("str.strip", "numpy.log")
    assert (one(len).name, one(len).sha256, one(len).path) == ("len", None, None)
    assert (one(typed["typed"]).sha256, one(typed["typed"]).path) == (None, None)


def test_roles_pairs_and_digests_observed_earlier(load):
    prep = load("def f(row):\n    return row\n\ndef g(row):\n    return f(row)")
    early = observe_function("formatting", prep.f)

    found = observe_functions([("collator", prep.g), prep.f, *early])
    assert [(digest.role, digest.name) for digest in found] == [
        ("collator", "prep.g"),
        ("collator", "prep.f"),
        ("preprocessing", "prep.f"),
        ("formatting", "prep.f"),
    ]


def test_what_cannot_be_called_is_refused():
    with pytest.raises(BadArgumentError, match="functions: a int cannot be called"):
        observe_functions([3])


def test_arrays_sets_and_long_values(load):
    prep = load("""
        import numpy as np

        SMALL = np.array([[1.0, 2.0]])
        LARGE = np.arange(1000)
        HALF = np.float32(0.5)
        KINDS = {"b", "a"}
        STOPWORDS = [f"word{n}" for n in range(100)]
        PROMPT = "x" * 500

        def f(row):
            return SMALL, LARGE, HALF, KINDS, STOPWORDS, PROMPT
    """)
    found = one(prep.f).constants

    assert found["SMALL"] == [[1.0, 2.0]]
    assert (found["LARGE"]["dtype"], found["LARGE"]["shape"], len(found["LARGE"]["sha256"])) == ("int64", [1000], 64)
    assert found["HALF"] == 0.5
    assert found["KINDS"] == ["a", "b"]
    assert (found["STOPWORDS"]["items"], len(found["STOPWORDS"]["sha256"])) == (100, 64)
    assert found["PROMPT"] == {"characters": 500, "sha256": text_sha256("x" * 500)}


def test_no_secret_path_row_or_address_enters_the_constants(load, tmp_path):
    prep = load(f"""
        API_KEY = "abc0123"
        CACHE = {str(tmp_path)!r} + "/rows.txt"
        URL = "https://ann:pw@example.org/x"
        EXAMPLES = ["I lost my card in Lisbon yesterday, and the app will not open any more."]

        class Thing:
            pass

        THING = Thing()

        def f(row):
            return API_KEY, CACHE, URL, EXAMPLES, THING
    """)
    digests = observe_function("x", prep.f)
    text = codec.compact_text(codec.builtins(digests))

    assert [digest.name for digest in digests] == ["prep.f", "prep.Thing"]
    for private in ("abc0123", str(tmp_path), "ann", "Lisbon", "0x"):
        assert private not in text, private
    assert digests[0].constants["CACHE"] == "rows.txt"
    assert digests[0].constants["THING"] == "prep.Thing"


def test_a_constant_that_holds_itself_ends(load):
    prep = load("LOOP = []\nLOOP.append(LOOP)\nBIG = [LOOP] * 50\n\ndef f(row):\n    return LOOP, BIG")

    assert one(prep.f).constants["BIG"] == "list"


def test_names_do_not_depend_on_how_the_module_was_run(load):
    prep = load("def f(row):\n    return row", "__main__x")
    prep.f.__globals__["__name__"] = "__main__"

    assert one(prep.f).name == "f"


def test_equal_objects_give_equal_digests(load):
    prep = load("""
        class Normalise:
            def __init__(self, mean):
                self.mean = mean
            def __call__(self, x):
                return x - self.mean
    """)
    compose = functools.partial(map, prep.Normalise(0.5))

    assert observe_function("x", compose) == observe_function("x", functools.partial(map, prep.Normalise(0.5)))
    assert observe_function("x", compose) != observe_function("x", functools.partial(map, prep.Normalise(0.4)))
    assert [digest.name for digest in observe_function("x", compose)] == ["map", "prep.Normalise"]

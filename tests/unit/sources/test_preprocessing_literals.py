"""Literals in the bodies of user functions are constants too."""

from __future__ import annotations

import importlib.util
import sys
import textwrap

import pytest

from ftlineage.sources.functions import observe_function


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write a module of the user's and import it."""

    def make(source: str):
        path = tmp_path / "prep.py"
        path.write_text(textwrap.dedent(source))
        spec = importlib.util.spec_from_file_location("prep", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "prep", module)
        spec.loader.exec_module(module)
        return module

    return make


def test_literals_in_a_body_are_named(load):
    prep = load("""
        STD = 0.25

        def normalise(pixels, size=32):
            mean, STD_ = 0, 1
            mean = (0.5, 0.5)
            return resize(pixels, size=size, mode="crop") - mean[0] * STD

        def resize(pixels, size, mode):
            return pixels
    """)

    assert observe_function("transform", prep.normalise)[0].constants == {
        "STD": 0.25,
        "mean": [0.5, 0.5],
        "resize.mode": "crop",
        "size": 32,
    }


def test_what_a_name_really_holds_goes_before_what_is_written(load):
    prep = load("def make(mean):\n    def f(x):\n        other = 1\n        return x - mean\n    return f\n")
    (found,) = observe_function("transform", prep.make(3))

    assert found.constants == {"mean": 3, "other": 1}

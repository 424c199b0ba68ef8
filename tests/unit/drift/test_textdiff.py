from __future__ import annotations

import pytest

from ftlineage.drift.classify import DriftClass, FileDrift
from ftlineage.drift.textdiff import MOST_LINES, MOST_WIDTH, diff_texts, is_worth_showing


def test_json_is_compared_key_by_key_even_on_one_line():
    found = diff_texts("config.json", b'{"a":1,"b":2,"c":3}', b'{"a":1,"b":4,"c":3}')
    assert found is not None
    assert found.lines == ['   "a": 1,', '-  "b": 2,', '+  "b": 4,', '   "c": 3']


def test_a_template_inside_settings_is_compared_line_by_line():
    found = diff_texts(
        "tokenizer_config.json", b'{"chat_template": "one\\ntwo\\nthree"}', b'{"chat_template": "one\\nTWO\\nthree"}'
    )
    assert found is not None
    assert found.lines == ['   "chat_template": "one', "-two", "+TWO", ' three"']


def test_what_is_shown_is_short_and_cannot_act_on_a_terminal():
    found = diff_texts("chat_template.jinja", b"\n" * 200, b"\x1b[2J" + b"x" * 1000 + b"\ny" * 200)
    assert found is not None
    assert (len(found.lines), found.left_out) == (MOST_LINES, 400 + 1 - MOST_LINES)
    shown = diff_texts("a.jinja", b"", b"\x1b[2J" + b"x" * 1000)
    assert shown is not None
    assert shown.lines[0].startswith("+\\x1b[2Jxx")
    assert len(shown.lines[0]) <= MOST_WIDTH + 3


@pytest.mark.parametrize("data", [b"\xff\xfe", b"line\n" * 5000])
def test_binary_and_long_files_are_not_shown(data):
    assert diff_texts("config.json", b"{}", data) is None


def test_json_that_is_none_is_compared_as_text():
    found = diff_texts("config.json", b"{not json", b"{not json\nat all")
    assert found is not None
    assert found.lines == [" {not json", "+at all"]


@pytest.mark.parametrize(
    ("path", "class_", "worth"),
    [
        ("config.json", DriftClass.CONFIG, True),
        ("chat_template.jinja", DriftClass.CHAT_TEMPLATE, True),
        ("modeling.py", DriftClass.CODE, True),
        ("tokenizer_config.json", DriftClass.TOKENIZER, True),
        ("tokenizer.json", DriftClass.TOKENIZER, False),
        ("README.md", DriftClass.DOCS, False),
        ("model.safetensors", DriftClass.WEIGHTS, False),
    ],
)
def test_which_files_are_worth_showing(path, class_, worth):
    assert is_worth_showing(FileDrift(path=path, change="changed", class_=class_)) is worth

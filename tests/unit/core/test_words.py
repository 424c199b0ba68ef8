from __future__ import annotations

import pytest

from ftlineage.core import words


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain naïve 日本 عربى", "plain naïve 日本 عربى"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("tab\tnew\nline", "tab\\tnew\\nline"),
        ("lone \udc80", "lone \\udc80"),
        ("c1 \x9b2J", "c1 \\x9b2J"),
        ("tag \U000e0041", "tag \\U000e0041"),
        ("family \U0001f468\u200d\U0001f469", "family \U0001f468\u200d\U0001f469"),
    ],
)
def test_clean_writes_out_what_would_act(given, shown):
    assert words.clean(given) == shown


def test_clean_keeps_lines_of_a_passage_but_not_carriage_returns():
    assert words.clean("a\n\tb\rc", lines=True) == "a\n\tb\\rc"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (1_240_000_000, "1.2 GB"),
        (5 * 10**18, "5000.0 PB"),
    ],
)
def test_size(given, shown):
    assert words.size(given) == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [(0.04, "40 ms"), (4.21, "4.2 s"), (59.99, "60.0 s"), (252, "4 min 12 s"), (11_100, "3 h 05 min")],
)
def test_duration(given, shown):
    assert words.duration(given) == shown


@pytest.mark.parametrize(
    ("count", "noun", "shown"), [(1, "entry", "1 entry"), (2, "entry", "2 entries"), (10_003, "row", "10,003 rows")]
)
def test_quantity(count, noun, shown):
    assert words.quantity(count, noun) == shown


def test_short_shortens_digests_only():
    assert words.short("sha256:" + "ab" * 32) == "abababababab"
    assert words.short("cd" * 20) == "cdcdcdcdcdcd"
    assert words.short("v1.2") == "v1.2"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-08-14T09:16:40Z", "2026-08-14 09:16 UTC"),
        ("2026-08-14T11:16:40.5+02:00", "2026-08-14 09:16 UTC"),
        ("2026-08-14T09:16:40", "2026-08-14T09:16:40"),
        ("yesterday", "yesterday"),
    ],
)
def test_moment(given, shown):
    assert words.moment(given) == shown


def test_value_is_one_line():
    assert words.value({"a": 0.000123456, "b": [1, True, None], "c": {}}) == "a=0.000123456 b=1, true, null c={}"
    assert words.value([]) == "[]"
    assert words.value("text") == "text"


def test_measures_are_rounded_settings_are_not():
    assert (words.measure(0.42133771), words.value(0.42133771)) == ("0.4213", "0.42133771")
    assert words.measure({"before": 1}) == "before=1"


def test_long_text_loses_its_middle():
    assert words.cut("x" * 30, 30) == "x" * 30
    assert words.cut("a" * 30 + "b" * 30, 30) == "a" * 15 + " [...] " + "b" * 8
    assert len(words.cut("é" * 1_000_000, 99)) == 99

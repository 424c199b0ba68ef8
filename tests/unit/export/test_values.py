"""Times, licences and settings in the forms the formats share."""

from __future__ import annotations

import pytest

from ftlineage.core.sections import Adapter
from ftlineage.export import values
from tests.unit.core.cards import minimal_card


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-11-20T09:12:41Z", "2026-11-20T09:12:41Z"),
        ("2026-11-20T09:12:41.999+05:30", "2026-11-20T03:42:41Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00+01:00", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("2026-11-20T09:12:41", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_whole_seconds_in_utc_or_absent(stamp, expected):
    assert values.timestamp(stamp) == expected


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("MIT", "MIT"),
        ("cc-by-sa-4.0", "CC-BY-SA-4.0"),
        ("gpl-2.0-or-later with classpath-exception-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0"),
        ("llama3.2", None),
        ("other", None),
        ("unknown", None),
        ("LicenseRef-house", None),
        ("MIT OR LicenseRef-house", None),
        ("", None),
        ("m\u0131t", None),
        ("(" * 150 + "mit" + ")" * 150, None),
        ("(" * 99 + "mit" + ")" * 99, None),
        ("mit or " * 40 + "mit", None),
    ],
)
def test_licences_of_the_spdx_list(licence, expected):
    assert values.spdx_licence(licence) == expected


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("llama3.2", "LicenseRef-llama3.2"),
        ("my own: v1/x", "LicenseRef-my-own-v1-x"),
        ("LicenseRef-house", "LicenseRef-house"),
        ("\u6f22", "LicenseRef-unnamed"),
    ],
)
def test_names_of_other_licences(licence, expected):
    assert values.reference_name(licence) == expected


def test_settings_are_exact_and_in_order():
    given = {"b": 2e-05, "a": "x\ny", "none": None, "flag": False, "nested": {"k": [1, None]}, "e": "\x1b"}
    assert values.settings(given, "p:") == [
        ("p:b", "2e-05"),
        ("p:a", "x\ny"),
        ("p:flag", "false"),
        ("p:nested", '{"k":[1,null]}'),
        ("p:e", "\\x1b"),
    ]


def test_nested_settings_do_not_grow():
    value: dict = {"leaf": 1}
    for _ in range(60):
        value = {"k" * 50: value, "again": 1}
    assert sum(len(part) for pair in values.settings({"deep": value}) for part in pair) < 60 * 70 + 100


@pytest.mark.parametrize(
    ("kind", "expected"), [("lora", "lora adapter of acme/tiny at "), ("full", "full fine-tune of acme/tiny at ")]
)
def test_the_summary(kind, expected):
    assert values.summary(minimal_card(adapter=Adapter(type=kind))) == expected + "a" * 40
    assert values.summary(minimal_card(base=None)) == "model"

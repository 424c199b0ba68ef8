import enum
from pathlib import Path

import pytest

from ftlineage.core import codec
from ftlineage.core.sections import FileRecord
from ftlineage.errors import CardMalformedError


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a":1,"a":2}', "the key 'a' stands twice in one object"),
        (b'{"x":{"a":1,"b":0,"a":1}}', "the key 'a' stands twice in one object"),
        (b"[NaN]", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e999]", "a number is too large for a double"),
        (b"[9007199254740992]", "the integer 9007199254740992 is beyond 2**53; such numbers are strings"),
        (b"[" + b"9" * 5000 + b"]", "is beyond 2**53"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b'["\\ud800"]', "a string holds a lone surrogate"),
        (b'{"\\ud800":1}', "a string holds a lone surrogate"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64 levels"),
        (b"[" * 1_000_000, "nested too deeply"),
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
    ],
)
def test_hostile_json_is_refused_with_the_reason(data, reason):
    with pytest.raises(CardMalformedError) as caught:
        codec.parse(data)
    assert reason in caught.value.reason


def test_json_beyond_the_limit_is_not_parsed(monkeypatch):
    monkeypatch.setattr(codec, "MAX_BYTES", 10)
    with pytest.raises(CardMalformedError, match="11 bytes, more than the 10 that are read"):
        codec.parse(b'"123456789"')


def test_the_largest_exact_integer_is_read():
    assert codec.parse(b"[9007199254740991,-9007199254740991]") == [2**53 - 1, 1 - 2**53]


def test_canonical_bytes_follow_rfc_8785():
    # Learning rates are where a plain sorted dump differs from the standard.
    assert codec.canonical_bytes({"b": 5e-05, "a": 1e-07, "c": 1.0}) == b'{"a":1e-7,"b":0.00005,"c":1}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53 + 1])
def test_values_without_canonical_form_are_refused(value):
    with pytest.raises(CardMalformedError, match="no canonical form"):
        codec.canonical_bytes([value])


def test_conversion_names_the_place():
    with pytest.raises(CardMalformedError) as caught:
        codec.convert([{"path": "x", "size": 1, "sha256": "zz"}], list[FileRecord])
    assert caught.value.where == "$[0].sha256"


class _Colour(enum.Enum):
    RED = "red"


class _Text(str, enum.Enum):  # noqa: UP042 - the form that transformers uses
    LINEAR = "linear"


def _function() -> None:
    """Stand for a callable argument."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"q_proj", "a_proj", "k_proj"}, ["a_proj", "k_proj", "q_proj"]),
        (_Colour.RED, "red"),
        (_Text.LINEAR, "linear"),
        (2**60, str(2**60)),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (Path("/home/ann/models/base"), "base"),
        ((1, (2, None)), [1, [2, None]]),
        ({1: True}, {"1": True}),
        (object(), "builtins.object"),
        (_function, f"{__name__}._function"),
        (int, "builtins.int"),
        ("lone \ud800", "lone ?"),
        (5e-5, 5e-5),
    ],
)
def test_arguments_become_plain_values(value, expected):
    assert codec.jsonable(value) == expected
    codec.canonical_bytes(codec.jsonable(value))

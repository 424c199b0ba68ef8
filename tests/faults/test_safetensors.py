"""Hostile safetensors files: each is refused with one sentence, never read, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlineage.errors import SafetensorsMalformedError
from ftlineage.hashing.tensors import MAX_HEADER, hash_tensors, read_header, record_tensors
from tests.safetensors_bytes import document, entry, raw

GOOD = entry("U8", [4], 0, 4)
GOOD_TEXT = b'{"dtype":"U8","shape":[4],"data_offsets":[0,4]}'
BIG = 2**63


def one(described: object, data: bytes = b"1234") -> bytes:
    return document({"t": described}, data)


CASES: dict[str, tuple[bytes, str]] = {
    # the length prefix
    "empty file": (b"", "0 bytes, too short for a header"),
    "seven bytes": (b"\0" * 7, "7 bytes, too short for a header"),
    "prefix past the end": (raw(b"{}", length=3), "the header claims 3 bytes, the file ends before"),
    "prefix beyond 100 MB": (
        raw(b"{}", length=MAX_HEADER + 1),
        "the header claims 100000001 bytes, more than the 100000000 that are allowed",
    ),
    "prefix of all ones": (
        b"\xff" * 8 + b"{}",
        "the header claims 18446744073709551615 bytes, more than the 100000000 that are allowed",
    ),
    "prefix in the other byte order": (
        (2).to_bytes(8, "big") + b"{}",
        "the header claims 144115188075855872 bytes, more than the 100000000 that are allowed",
    ),
    "empty header": (raw(b""), "the header is not one JSON object"),
    # the header's text
    "leading space": (raw(b" {}"), "the header is not one JSON object"),
    "leading byte order mark": (raw(b"\xef\xbb\xbf{}"), "the header is not one JSON object"),
    "trailing newline": (raw(b"{}\n"), "the header is not one JSON object"),
    "trailing NUL": (raw(b"{}\0"), "the header is not one JSON object"),
    "a list": (raw(b"[]"), "the header is not one JSON object"),
    "two objects": (raw(b"{}{}"), "the header is not JSON at character 2"),
    "truncated JSON": (
        raw(b'{"t":{}'),
        "the header is not JSON at character 7",
    ),
    "not UTF-8": (raw(b'{"\xff":1}'), "the header is not UTF-8 at byte 2"),
    "raw control character": (
        raw(b'{"a\nb":1}'),
        "the header is not JSON at character 3",
    ),
    "NaN": (raw(b'{"t":NaN}'), "NaN in the header is not JSON"),
    "Infinity": (raw(b'{"t":-Infinity}'), "-Infinity in the header is not JSON"),
    "deep nesting": (raw(b'{"t":' + b"[" * 200_000 + b"]" * 200_000 + b"}"), "the header is nested too deeply"),
    "a number of a million digits": (
        raw(b'{"t":' + b"9" * 1_000_000 + b"}"),
        "a number in the header has 1000000 digits",
    ),
    "the name twice": (
        raw(b'{"t":%b,"t":%b}' % (GOOD_TEXT, GOOD_TEXT), b"1234"),
        "the name 't' stands twice in the header",
    ),
    "a key twice inside": (
        raw(b'{"t":{"dtype":"U8","dtype":"I8","shape":[4],"data_offsets":[0,4]}}', b"1234"),
        "the name 'dtype' stands twice in the header",
    ),
    "the name twice by escape": (
        raw(b'{"t":%b,"\\u0074":%b}' % (GOOD_TEXT, GOOD_TEXT), b"1234"),
        "the name 't' stands twice in the header",
    ),
    "lone surrogate in a name": (
        raw(b'{"\\ud800":%b}' % GOOD_TEXT, b"1234"),
        "the tensor name '\\ud800' holds a lone surrogate",
    ),
    # metadata
    "metadata is a list": (document({"__metadata__": []}), "__metadata__ is not a map from text to text"),
    "metadata is null": (document({"__metadata__": None}), "__metadata__ is not a map from text to text"),
    "metadata holds a number": (
        document({"__metadata__": {"a": 1}}),
        "__metadata__ is not a map from text to text",
    ),
    "metadata holds a map": (
        document({"__metadata__": {"a": {}}}),
        "__metadata__ is not a map from text to text",
    ),
    # what describes a tensor
    "described by a list": (one([]), "tensor 't' is not described by dtype, shape and data_offsets"),
    "no dtype": (
        one({"shape": [4], "data_offsets": [0, 4]}),
        "tensor 't' is not described by dtype, shape and data_offsets",
    ),
    "one key too many": (
        one({**GOOD, "strides": [1]}),
        "tensor 't' is not described by dtype, shape and data_offsets",
    ),
    "unknown dtype": (one(entry("F128", [4], 0, 4)), "tensor 't' has the unknown dtype 'F128'"),
    "lower-case dtype": (one(entry("u8", [4], 0, 4)), "tensor 't' has the unknown dtype 'u8'"),
    "dtype is a number": (one({**GOOD, "dtype": 8}), "tensor 't' has the unknown dtype 8"),
    "dtype is a list": (one({**GOOD, "dtype": []}), "tensor 't' has the unknown dtype []"),
    "negative length": (one(entry("U8", [-4], 0, 4)), "tensor 't' has the impossible shape [-4]"),
    "two negative lengths": (one(entry("U8", [-2, -2], 0, 4)), "tensor 't' has the impossible shape [-2, -2]"),
    "length is a float": (one({**GOOD, "shape": [4.0]}), "tensor 't' has the impossible shape [4.0]"),
    "length is true": (one({**GOOD, "shape": [True]}), "tensor 't' has the impossible shape [True]"),
    "length is text": (one({**GOOD, "shape": ["4"]}), "tensor 't' has the impossible shape ['4']"),
    "shape is a number": (one({**GOOD, "shape": 4}), "tensor 't' has the impossible shape 4"),
    "shape is null": (one({**GOOD, "shape": None}), "tensor 't' has the impossible shape None"),
    "length beyond 64 bits": (
        one({**GOOD, "shape": [2**64]}),
        "tensor 't' has the impossible shape [18446744073709551616]",
    ),
    "product wraps to the right size": (
        one(entry("U8", [2**32, 2**32, 4], 0, 4)),
        "tensor 't' has the shape [4294967296, 4294967296, 4], whose size overflows or is no whole byte",
    ),
    "product overflows before a zero": (
        one(entry("U8", [BIG, BIG, 0], 0, 0), b""),
        f"tensor 't' has the shape [{BIG}, {BIG}, 0], whose size overflows or is no whole byte",
    ),
    "half a byte": (
        one(entry("F4", [7], 0, 4)),
        "tensor 't' has the shape [7], whose size overflows or is no whole byte",
    ),
    "too few bytes": (one(entry("F32", [2], 0, 4)), "tensor 't' needs 8 bytes and has 4"),
    "too many bytes": (one(entry("U8", [3], 0, 4)), "tensor 't' needs 3 bytes and has 4"),
    "offsets backwards": (one(entry("U8", [4], 4, 0)), "tensor 't' has the impossible offsets [4, 0]"),
    "offset negative": (one(entry("U8", [4], -4, 0)), "tensor 't' has the impossible offsets [-4, 0]"),
    "one offset": (one({**GOOD, "data_offsets": [0]}), "tensor 't' has the impossible offsets [0]"),
    "three offsets": (one({**GOOD, "data_offsets": [0, 4, 4]}), "tensor 't' has the impossible offsets [0, 4, 4]"),
    "offsets are floats": (
        one({**GOOD, "data_offsets": [0.0, 4.0]}),
        "tensor 't' has the impossible offsets [0.0, 4.0]",
    ),
    # how tensors lie in the file
    "past the end": (one(entry("U8", [400], 0, 400)), "tensor 't' ends at byte 472, the file at 76"),
    "starts past the end": (one(entry("U8", [4], 4, 8)), "tensor 't' ends at byte 72, the file at 68"),
    "trailing bytes": (one(GOOD, b"12345"), "1 bytes at the end belong to no tensor"),
    "bytes without any tensor": (document({}, b"polyglot"), "8 bytes at the end belong to no tensor"),
    "a hole": (
        document({"a": entry("U8", [1], 0, 1), "b": entry("U8", [2], 2, 4)}, b"1234"),
        "1 bytes before tensor 'b' belong to no tensor",
    ),
    "a hole at the front": (one(entry("U8", [3], 1, 4)), "1 bytes before tensor 't' belong to no tensor"),
    "overlap": (
        document({"a": entry("U8", [3], 0, 3), "b": entry("U8", [2], 2, 4)}, b"1234"),
        "tensor 'b' overlaps the one before it",
    ),
    "the same bytes twice": (
        document({"a": GOOD, "b": GOOD}, b"1234"),
        "tensor 'b' overlaps the one before it",
    ),
    "one inside another": (
        document({"a": GOOD, "b": entry("U8", [1], 1, 2)}, b"1234"),
        "tensor 'b' overlaps the one before it",
    ),
    "an empty tensor inside another": (
        document({"a": GOOD, "b": entry("U8", [0], 2, 2)}, b"1234"),
        "tensor 'b' overlaps the one before it",
    ),
    "an empty tensor past the end": (
        document({"a": GOOD, "b": entry("U8", [0], 9, 9)}, b"1234"),
        "tensor 'b' ends at byte 129, the file at 124",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_with_one_sentence(tmp_path: Path, case: str) -> None:
    data, reason = CASES[case]
    path = tmp_path / "adapter_model.safetensors"
    path.write_bytes(data)
    for read in (read_header, lambda p: hash_tensors(p, p.name), lambda p: record_tensors(p, p.name)):
        with pytest.raises(SafetensorsMalformedError) as caught:
            read(path)
        assert caught.value.reason == reason
        assert str(caught.value) == f"adapter_model.safetensors is not a sound safetensors file: {reason}."


LIBRARY_ALSO_REFUSES = sorted(
    set(CASES)
    # Stricter than the library on purpose: bytes that one reader may skip and another not.
    # The library takes the later of two entries of one name, so what a reader shows of a file may not be what it loads.
    - {"one key too many", "leading space", "trailing newline", "the name twice", "the name twice by escape"}
    - {"metadata is null"}
)


@pytest.mark.parametrize("case", LIBRARY_ALSO_REFUSES)
def test_the_library_refuses_it_too(tmp_path: Path, case: str) -> None:
    """So what we refuse is no file that people really have."""
    library = pytest.importorskip("safetensors")
    path = tmp_path / "m.safetensors"
    path.write_bytes(CASES[case][0])
    with pytest.raises(library.SafetensorError), library.safe_open(path, framework="numpy") as opened:
        opened.keys()


def test_a_long_shape_is_cut_in_the_sentence(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(one(entry("U8", [-1] * 10_000, 0, 4)))
    with pytest.raises(SafetensorsMalformedError) as caught:
        read_header(path)
    assert len(str(caught.value)) < 200

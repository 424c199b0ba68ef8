"""Properties of the safetensors reader: what is sound reads back, and no changed byte goes unseen."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlineage.errors import SafetensorsMalformedError
from ftlineage.hashing.tensors import DTYPE_BITS, hash_tensors, record_tensors, summarise
from tests import safetensors_bytes

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(lambda name: name != "__metadata__")


@st.composite
def tensors(draw: Any) -> tuple[str, list[int], bytes]:
    dtype = draw(st.sampled_from(sorted(DTYPE_BITS)))
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    elements = 1
    for length in shape:
        elements *= length
    if elements * DTYPE_BITS[dtype] % 8:
        shape, elements = [*shape, 8], elements * 8
    size = elements * DTYPE_BITS[dtype] // 8
    return dtype, shape, draw(st.binary(min_size=size, max_size=size))


files = st.dictionaries(names, tensors(), max_size=5)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tensors") / "m.safetensors"


def digests(path: Path) -> object:
    header, found = hash_tensors(path, "m")
    return header, found


@given(content=files, metadata=st.none() | st.dictionaries(names, names, max_size=3))
@settings(max_examples=150, deadline=None)
def test_what_is_written_reads_back(path: Path, content: dict, metadata: dict[str, str] | None) -> None:
    path.write_bytes(safetensors_bytes.write(content, metadata))
    _, found = hash_tensors(path, "m")
    assert {t.name: (t.dtype, t.shape, t.sha256) for t in found} == {
        name: (dtype, shape, hashlib.sha256(data).hexdigest()) for name, (dtype, shape, data) in content.items()
    }
    file, _, same = record_tensors(path, "m")
    assert (file.sha256, same) == (hashlib.sha256(path.read_bytes()).hexdigest(), found)


@given(content=files, data=st.data())
@settings(max_examples=150, deadline=None)
def test_no_flipped_bit_survives(path: Path, content: dict, data: st.DataObject) -> None:
    sound = safetensors_bytes.write(content, {"format": "pt"})
    path.write_bytes(sound)
    before = digests(path)
    bit = data.draw(st.integers(0, 8 * len(sound) - 1))
    flipped = bytearray(sound)
    flipped[bit // 8] ^= 1 << bit % 8
    path.write_bytes(flipped)
    with contextlib.suppress(SafetensorsMalformedError):
        assert digests(path) != before


@given(content=files, order=st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_order_never_changes_the_content_digest(path: Path, content: dict, order: Any) -> None:
    path.write_bytes(safetensors_bytes.write(content))
    header, found = hash_tensors(path, "m")
    items = list(content.items())
    order.shuffle(items)
    path.write_bytes(safetensors_bytes.write(dict(items), {"format": "pt"}))
    again, moved = hash_tensors(path, "m")
    assert summarise([header], found).digest == summarise([again], moved).digest


@given(noise=st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_noise_is_read_or_refused_and_nothing_else(path: Path, noise: bytes) -> None:
    for data in (noise, len(noise).to_bytes(8, "little") + noise, (2).to_bytes(8, "little") + b"{}" + noise):
        path.write_bytes(data)
        with contextlib.suppress(SafetensorsMalformedError):
            hash_tensors(path, "m")

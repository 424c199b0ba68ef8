"""Properties of verification: no changed byte of a recorded file survives, and no changed identity of a card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlineage.core import codec
from ftlineage.core.card import OUTSIDE
from ftlineage.verify.runner import verify
from tests import sealed

FILES = ("adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "tokenizer.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sealed.sealed(tmp_path_factory.mktemp("verify") / "out")


@pytest.fixture(autouse=True)
def _restored(folder: Path) -> Iterator[None]:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    yield
    for path, data in before.items():
        path.write_bytes(data)


PREPROCESSING = ("chat_template.jinja", "tokenizer.json")


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(max_examples=120, deadline=None)
def test_no_flipped_bit_of_a_recorded_file_survives(folder: Path, name: str, data: st.DataObject) -> None:
    path = folder / name
    sound = path.read_bytes()
    path.write_bytes(flipped(sound, data.draw(st.integers(0, 8 * len(sound) - 1))))
    report = verify(folder)
    path.write_bytes(sound)
    found = [finding for finding in report.findings if finding.severity == "error"]
    code = "preprocessing.changed" if name in PREPROCESSING else "adapter.changed"
    assert [(finding.code, finding.path) for finding in found] == [(code, name)]


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_a_flipped_bit_of_a_card_is_seen_or_lies_outside_its_identity(folder: Path, data: st.DataObject) -> None:
    path = folder / "lineage.json"
    sound = path.read_bytes()
    changed = flipped(sound, data.draw(st.integers(0, 8 * len(sound) - 1)))
    path.write_bytes(changed)
    report = verify(folder)
    path.write_bytes(sound)
    if report:
        before, after = codec.parse(sound), codec.parse(changed)
        assert after["id"] == before["id"]
        assert {k: v for k, v in after.items() if k not in OUTSIDE} == {
            k: v for k, v in before.items() if k not in OUTSIDE
        }


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_cut_of_any_file_is_seen(folder: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*FILES, "lineage.json"]))
    path = folder / name
    sound = path.read_bytes()
    # The card ends with a newline that carries nothing.
    keep = data.draw(st.integers(0, len(sound.rstrip()) - 1))
    path.write_bytes(sound[:keep])
    report = verify(folder)
    path.write_bytes(sound)
    assert [finding.path for finding in report.findings if finding.severity == "error"] == [name]


@given(noise=st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_noise_for_a_card_is_a_finding_and_never_an_exception(folder: Path, noise: bytes) -> None:
    (folder / "lineage.json").write_bytes(noise)
    assert [finding.code for finding in verify(folder).findings] == ["card.malformed"]

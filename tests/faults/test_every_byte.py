"""Every byte that a card vouches for, changed one at a time: each change is seen, and the right file is named."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftlineage.core import codec
from ftlineage.core.card import OUTSIDE
from ftlineage.core.sections import Base
from ftlineage.sources.adapter import observe_adapter
from ftlineage.verify.runner import verify
from tests import safetensors_bytes, sealed
from tests.faults.harms import CARD, CHANGED, CONFIG, RECORDED, TOKENIZER, WEIGHTS, errors

SAMPLES = 40
SEED = 20261123


def each_flip(path: Path, positions: Iterator[int] | range) -> Iterator[int]:
    """Flip one random bit at each position, one after the other; the file is sound again afterwards."""
    chance = random.Random(SEED)
    sound = path.read_bytes()
    with path.open("r+b", buffering=0) as out:
        for at in positions:
            out.seek(at)
            out.write(bytes([sound[at] ^ 1 << chance.randrange(8)]))
            yield at
            out.seek(at)
            out.write(sound[at : at + 1])
    assert path.read_bytes() == sound


def sampled(size: int) -> list[int]:
    """The first and the last bytes, and some between, in every region of a large file."""
    chance = random.Random(SEED)
    step = size // SAMPLES
    return [0, 7, 8, size - 1, *(start + chance.randrange(step) for start in range(0, size - step, step))]


@pytest.mark.parametrize("name", RECORDED)
def test_no_byte_of_a_small_version_survives(folder: Path, name: str) -> None:
    for at in each_flip(folder / name, range((folder / name).stat().st_size)):
        found = [(finding.code, finding.path) for finding in errors(verify(folder))]
        assert found == [(CHANGED[name], name)], at
    assert verify(folder)


def test_no_byte_of_a_card_survives_but_those_outside_its_id(folder: Path) -> None:
    path = folder / CARD
    sound = codec.parse(path.read_bytes())
    for at in each_flip(path, range(0, path.stat().st_size, 3)):
        report = verify(folder)
        if report:
            changed = codec.parse(path.read_bytes())
            differing = {key for key in sound.keys() | changed.keys() if sound.get(key) != changed.get(key)}
            assert differing <= set(OUTSIDE) - {"id"}, at
        else:
            assert [finding.path for finding in errors(report)] == [CARD], at


@pytest.mark.parametrize("name", sorted(sealed.BASE_FILES.keys() - {"README.md"}))
def test_no_byte_of_a_base_survives(tmp_path: Path, name: str) -> None:
    base = sealed.write_base(tmp_path / "base")
    described = Base(model="acme/base", revision=sealed.REVISION, origin="hub", files=sealed.base_records(base))
    folder = sealed.sealed(tmp_path / "out", base=described)
    assert verify(folder, base=base)
    for at in each_flip(base / name, range((base / name).stat().st_size)):
        found = [(finding.code, finding.path) for finding in errors(verify(folder, base=base))]
        assert found == [("base.changed", name)], at
    assert verify(folder, base=base)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Two adapters in one folder, weights in two shards of many tensors, a tokenizer of some size."""
    out = sealed.write_adapter(tmp_path / "large")
    noise = random.Random(SEED)
    for number in (1, 2):
        tensors = {
            f"{sealed.PREFIX}.{layer}.lora_A.{number}": ("BF16", [8, 64], noise.randbytes(1024)) for layer in range(99)
        }
        (out / f"model-0000{number}-of-00002.safetensors").write_bytes(safetensors_bytes.write(tensors))
    sealed.write_adapter(out / "second")

    (out / TOKENIZER).write_bytes(noise.randbytes(2_000_000))
    sealed.seal(out, adapter=observe_adapter(out))
    assert verify(out)
    return out


@pytest.mark.parametrize(
    "name",
    [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        TOKENIZER,
        f"second/{WEIGHTS}",
        f"second/{CONFIG}",
    ],
)
def test_no_sampled_byte_of_a_large_version_survives(large: Path, name: str) -> None:
    for at in each_flip(large / name, iter(sampled((large / name).stat().st_size))):
        found = [(finding.code, finding.path) for finding in errors(verify(large))]
        assert found == [(CHANGED.get(name, "adapter.changed"), name)], at

"""A base's tensors are read from the headers of the files that a loader takes, and from nothing else."""

import os
from pathlib import Path

import pytest

from ftlineage.core import codec
from ftlineage.errors import SafetensorsMalformedError, UnsafePathError
from ftlineage.verify.effect.base_tensors import read_base_tensors
from tests.adapter_folders import write_base

ONE: dict[str, tuple[int, ...]] = {"a.weight": (2, 3)}
TWO: dict[str, tuple[int, ...]] = {"b.weight": (4,)}


def write_index(folder: Path, files: dict[str, object]) -> None:
    (folder / "model.safetensors.index.json").write_bytes(codec.pretty_bytes({"weight_map": files}))


def test_one_file(tmp_path: Path) -> None:
    base = read_base_tensors(write_base(tmp_path, ONE | TWO, tie_word_embeddings=True))
    assert base is not None
    assert base.tensors == {"a.weight": (2, 3), "b.weight": (4,)}
    assert base.config == {"model_type": "llama", "tie_word_embeddings": True}
    assert not base.is_quantised


def test_shards_of_an_index(tmp_path: Path) -> None:
    write_base(tmp_path, ONE, "model-00001-of-00002.safetensors")
    write_base(tmp_path, TWO, "model-00002-of-00002.safetensors")
    write_base(tmp_path, {"c.weight": (1,)}, "consolidated.safetensors")
    shards = {"a.weight": "model-00001-of-00002.safetensors", "b.weight": "model-00002-of-00002.safetensors"}
    write_index(tmp_path, {**shards})
    base = read_base_tensors(tmp_path)
    assert base is not None
    assert base.tensors == {"a.weight": (2, 3), "b.weight": (4,)}


def test_a_shard_that_is_not_here_is_known_by_name(tmp_path: Path) -> None:
    write_base(tmp_path, ONE, "one.safetensors")
    write_index(tmp_path, {"a.weight": "one.safetensors", "b.weight": "two.safetensors"})
    base = read_base_tensors(tmp_path)
    assert base is not None
    assert base.tensors == {"a.weight": (2, 3), "b.weight": None}


def test_names_that_leave_the_folder_are_not_opened(tmp_path: Path) -> None:
    outside = write_base(tmp_path / "outside", TWO)
    write_base(tmp_path / "base", {}, "one.safetensors")
    write_index(
        tmp_path / "base", {"a": str(outside / "model.safetensors"), "b": "../outside/model.safetensors", "c": 3}
    )
    base = read_base_tensors(tmp_path / "base")
    assert base is not None
    assert base.tensors == {"a": None, "b": None, "c": None}


def test_other_names_than_transformers_chooses(tmp_path: Path) -> None:
    write_base(tmp_path, ONE, "weights.safetensors")
    write_base(tmp_path, TWO, "adapter_model.safetensors")
    base = read_base_tensors(tmp_path)
    assert base is not None
    assert base.tensors == {"a.weight": (2, 3)}


def test_pickles_and_nothing_at_all(tmp_path: Path) -> None:
    assert read_base_tensors(tmp_path) is None
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK")
    (tmp_path / "config.json").write_bytes(b"{}")
    assert read_base_tensors(tmp_path) is None
    assert read_base_tensors(tmp_path / "absent") is None


@pytest.mark.parametrize("text", [b"[]", b"{", b'{"weight_map": []}', b"\xff"])
def test_an_index_that_is_none(tmp_path: Path, text: bytes) -> None:
    write_base(tmp_path, ONE, "one.safetensors")
    (tmp_path / "model.safetensors.index.json").write_bytes(text)
    (tmp_path / "config.json").write_bytes(text)
    base = read_base_tensors(tmp_path)
    assert base is not None
    assert base.tensors == ONE
    assert base.config.keys() <= {"weight_map"}


def test_a_snapshot_in_the_hub_cache(tmp_path: Path) -> None:
    repository = tmp_path / "models--acme--base"
    write_base(repository / "blobs", ONE, "0" * 64)
    snapshot = repository / "snapshots" / ("1" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").symlink_to(Path("../../blobs") / ("0" * 64))
    base = read_base_tensors(snapshot)
    assert base is not None
    assert base.tensors == {"a.weight": (2, 3)}


def test_a_link_to_elsewhere(tmp_path: Path) -> None:
    outside = write_base(tmp_path / "outside", ONE)
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "model.safetensors").symlink_to(outside / "model.safetensors")
    with pytest.raises(UnsafePathError, match="leaves the folder"):
        read_base_tensors(tmp_path / "base")


def test_a_broken_file(tmp_path: Path) -> None:
    write_base(tmp_path, ONE)
    os.truncate(tmp_path / "model.safetensors", 12)
    with pytest.raises(SafetensorsMalformedError):
        read_base_tensors(tmp_path)


def test_packed_weights(tmp_path: Path) -> None:
    base = read_base_tensors(write_base(tmp_path, ONE, quantization_config={"quant_method": "gptq"}))
    assert base is not None
    assert base.is_quantised

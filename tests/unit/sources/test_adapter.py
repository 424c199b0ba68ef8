"""What a folder of weights is, what is listed of it, and what is refused; no torch needed."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core import codec
from ftlineage.errors import (
    BadInputError,
    PathNotFoundError,
    SafetensorsMalformedError,
    UnsafeFormatError,
    UnsafePathError,
)
from ftlineage.sources.adapter import (
    canonical_config,
    changes_base,
    config_digest,
    normalise_modes,
    observe_adapter,
    write_adapter_config,
)
from tests import safetensors_bytes

REVISION = "0123456789abcdef0123456789abcdef01234567"
CONFIG: dict[str, Any] = {
    "base_model_name_or_path": "/home/ann/models/base",
    "init_lora_weights": True,
    "modules_to_save": None,
    "peft_type": "LORA",
    "r": 8,
    "revision": None,
    "target_modules": ["v_proj", "q_proj"],
}
WEIGHTS = {
    "base_model.model.q_proj.lora_A.weight": ("F32", [2, 2], bytes(range(16))),
    "base_model.model.q_proj.lora_B.weight": ("F32", [2, 2], bytes(range(16, 32))),
}


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(codec.pretty_bytes(value))


def make_adapter(folder: Path, config: dict[str, Any] = CONFIG, tensors: safetensors_bytes.Tensors = WEIGHTS) -> Path:
    write_json(folder / "adapter_config.json", config)
    (folder / "adapter_model.safetensors").write_bytes(safetensors_bytes.write(tensors, {"format": "pt"}))
    return folder


# --- one adapter ---------------------------------------------------------------------------------


def test_one_adapter(tmp_path: Path) -> None:
    make_adapter(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    found = observe_adapter(tmp_path)
    assert (found.type, found.init, found.target_modules, found.members) == ("lora", "true", ["q_proj", "v_proj"], [])
    assert found.config == {
        "init_lora_weights": True,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": 8,
        "target_modules": ["q_proj", "v_proj"],
    }
    assert found.config_digest == config_digest(found.config)
    assert [(file.path, file.sha256) for file in found.files] == [
        (name, hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
        for name in ("adapter_config.json", "adapter_model.safetensors", "tokenizer.json")
    ]
    assert found.tensors is not None
    assert (found.tensors.count, found.tensors.parameters) == (2, 8)
    assert [tensor.name for tensor in found.tensors.entries] == sorted(WEIGHTS)


def test_what_is_left_out(tmp_path: Path) -> None:
    make_adapter(tmp_path)
    before = observe_adapter(tmp_path)
    for name in (
        "README.md",
        "lineage.json",
        "lineage.partial.json",
        "model.sig",
        "claims.jsonl",
        ".gitattributes",
        ".cache/huggingface/x.lock",
        "training_args.bin",
        "trainer_state.json",
        "checkpoint-4/adapter_model.bin",
        "checkpoint-4/optimizer.pt",
        "runs/now/events.out.tfevents.1",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"anything")
    assert observe_adapter(tmp_path) == before


# --- several, full, bare -------------------------------------------------------------------------


def test_several_adapters(tmp_path: Path) -> None:
    make_adapter(tmp_path)
    other = {
        **CONFIG,
        "peft_type": "IA3",
        "init_ia3_weights": False,
        "revision": REVISION,
        "target_modules": "all-linear",
    }
    del other["init_lora_weights"]
    make_adapter(tmp_path / "second", other)
    found = observe_adapter(tmp_path)
    assert (found.type, found.init, found.target_modules) == ("mixed", "true", ["q_proj", "v_proj"])
    assert [(m.name, m.folder, m.type, m.init, m.target_modules, m.revision) for m in found.members] == [
        ("default", ".", "lora", "true", ["q_proj", "v_proj"], None),
        ("second", "second", "ia3", "false", ["all-linear"], REVISION),
    ]
    assert found.tensors is not None
    assert found.tensors.count == 4


def test_adapters_in_subfolders_only(tmp_path: Path) -> None:
    make_adapter(tmp_path / "a")
    make_adapter(tmp_path / "b")
    found = observe_adapter(tmp_path)
    assert (found.type, found.config, found.config_digest, found.init) == ("lora", {}, None, None)
    assert [member.name for member in found.members] == ["a", "b"]


def test_which_member_holds_which_tensors_matters(tmp_path: Path) -> None:
    changed = {name: (dtype, shape, data[::-1]) for name, (dtype, shape, data) in WEIGHTS.items()}
    for one, two in ((WEIGHTS, changed), (changed, WEIGHTS)):
        make_adapter(tmp_path / str(one is WEIGHTS) / "a", tensors=one)
        make_adapter(tmp_path / str(one is WEIGHTS) / "b", tensors=two)
    first, swapped = (observe_adapter(tmp_path / name).tensors for name in ("True", "False"))
    assert first is not None
    assert swapped is not None
    assert first.digest != swapped.digest


def test_a_full_fine_tune(tmp_path: Path) -> None:
    config = {"_name_or_path": "/home/ann/base", "architectures": ["B", "A"], "hidden_size": 4, "model_type": "llama"}
    write_json(tmp_path / "config.json", config)
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes.write(WEIGHTS))
    found = observe_adapter(tmp_path)
    assert (found.type, found.init, found.members, found.target_modules) == ("full", None, [], [])
    assert found.config == {"architectures": ["B", "A"], "hidden_size": 4, "model_type": "llama"}
    assert found.config_digest == config_digest(found.config)


def test_a_model_config_with_infinity(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b'{"time_step_limit": [0.0, Infinity]}')
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes.write(WEIGHTS))
    assert observe_adapter(tmp_path).config == {"time_step_limit": [0.0, "Infinity"]}


def shards(folder: Path, weight_map: dict[str, str] | None = None) -> Path:
    write_json(folder / "config.json", {"model_type": "llama"})
    for number, (name, tensor) in enumerate(WEIGHTS.items(), 1):
        path = folder / f"model-0000{number}-of-00002.safetensors"
        path.write_bytes(safetensors_bytes.write({name: tensor}))
    right = {name: f"model-0000{number}-of-00002.safetensors" for number, name in enumerate(WEIGHTS, 1)}
    index = {"metadata": {"total_size": 32}, "weight_map": weight_map or right}
    write_json(folder / "model.safetensors.index.json", index)
    return folder


def test_shards_have_the_digest_of_one_file(tmp_path: Path) -> None:
    sharded = observe_adapter(shards(tmp_path / "sharded")).tensors
    whole = observe_adapter(make_adapter(tmp_path / "whole")).tensors
    assert sharded is not None
    assert whole is not None
    assert (sharded.digest, len(sharded.headers), len(whole.headers)) == (whole.digest, 2, 1)


A, B = WEIGHTS
ONE, TWO = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


@pytest.mark.parametrize(
    ("weight_map", "reason"),
    [
        ({A: ONE, B: ONE}, f"tensor {B} of {ONE} is not there"),
        ({A: ONE, B: TWO, "x": TWO}, f"tensor x of {TWO} is not there"),
        (
            {A: ONE, B: "model-00003-of-00003.safetensors"},
            f"tensor {B} of model-00003-of-00003.safetensors is not there",
        ),
        ({A: ONE, B: "../model.safetensors"}, f"tensor {B} of ../model.safetensors is not there"),
        ({A: 1}, "weight_map is no map from tensors to files"),
        ([A], "weight_map is no map from tensors to files"),
    ],
)
def test_an_index_that_does_not_fit_its_shards(tmp_path: Path, weight_map: Any, reason: str) -> None:
    with pytest.raises(BadInputError) as caught:
        observe_adapter(shards(tmp_path, weight_map))
    assert (caught.value.path, caught.value.reason) == ("model.safetensors.index.json", reason)


def test_bare_tensors(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(safetensors_bytes.write(WEIGHTS))
    found = observe_adapter(tmp_path)
    assert (found.type, found.config, found.config_digest) == ("tensors", {}, None)


# --- refused -------------------------------------------------------------------------------------


PICKLES = ["adapter_model.bin", "pytorch_model.bin", "second/adapter_model.bin", "x.pt", "x.pth", "x.pkl", "x.PICKLE"]


@pytest.mark.parametrize("name", [*PICKLES, "x.ckpt", "x.joblib", "x.npz"])
def test_pickles_are_refused(tmp_path: Path, name: str) -> None:
    make_adapter(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UnsafeFormatError) as caught:
        observe_adapter(tmp_path)
    assert caught.value.path == name
    assert str(caught.value).startswith(f"{name} is a pickle format: loading it can run code, so it is refused. ")


def test_arrays_of_objects_are_refused_and_plain_ones_are_not(tmp_path: Path) -> None:
    make_adapter(tmp_path)
    (tmp_path / "mean.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'shape': (1,), }\n\0\0\0\0")
    assert "mean.npy" in [file.path for file in observe_adapter(tmp_path).files]
    (tmp_path / "mean.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'shape': (1,), }\n\x80\x04.")
    with pytest.raises(UnsafeFormatError, match=r"mean\.npy is a pickle format"):
        observe_adapter(tmp_path)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (b"[]", "expected a JSON object"),
        (b"{", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b'{"r": 1, "r": 2}', "the key 'r' stands twice in one object"),
        (b'{"r": NaN}', "NaN is not JSON"),
        (b"{}", "peft_type is missing: this is no adapter configuration"),
        (b" " * (16 * 1024 * 1024 + 1), "16777217 bytes, too large for a configuration"),
    ],
)
def test_broken_configurations(tmp_path: Path, config: bytes, reason: str) -> None:
    make_adapter(tmp_path)
    (tmp_path / "adapter_config.json").write_bytes(config)
    with pytest.raises(BadInputError) as caught:
        observe_adapter(tmp_path)
    assert (caught.value.path, caught.value.reason) == ("adapter_config.json", reason)


def test_no_weights(tmp_path: Path) -> None:
    write_json(tmp_path / "adapter_config.json", CONFIG)
    with pytest.raises(BadInputError, match=r"no safetensors weights are here\. Save the adapter there first"):
        observe_adapter(tmp_path)
    make_adapter(tmp_path / "other")
    with pytest.raises(BadInputError, match=r"^adapter_config\.json: no safetensors weights lie beside it\.$"):
        observe_adapter(tmp_path)


def test_other_faults_keep_their_own_errors(tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError, match=r"gone: no such file or folder\. Name the folder"):
        observe_adapter(tmp_path / "gone")
    make_adapter(tmp_path)
    (tmp_path / "leak").symlink_to("/etc/hostname")
    with pytest.raises(UnsafePathError, match="'leak' is refused: the symbolic link leaves the folder"):
        observe_adapter(tmp_path)
    (tmp_path / "leak").unlink()
    (tmp_path / "adapter_model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(SafetensorsMalformedError, match=r"^adapter_model\.safetensors is not a sound"):
        observe_adapter(tmp_path)


# --- canonical configurations --------------------------------------------------------------------


def test_t14_order_of_set_lists_is_not_identity_and_order_of_others_is() -> None:
    lists = {
        name: ["b", "a"] for name in ("target_modules", "exclude_modules", "feedforward_modules", "modules_to_save")
    }
    swapped = {name: ["a", "b"] for name in lists}
    assert canonical_config(lists) == canonical_config(swapped)
    assert canonical_config({"layer_replication": [[4, 8], [0, 4]]}) != canonical_config(
        {"layer_replication": [[0, 4], [4, 8]]}
    )


def test_canonical_configurations_hold_nothing_private() -> None:
    config = {
        "base_model_name_or_path": "/home/ann/base",
        "revision": "main",
        "tokenizer_name_or_path": "/home/ann/tokenizers/mine",
        "corda_config": {"cache_file": "C:\\Users\\ann\\cache.bin"},
        "target_modules": r".*\.(q|v)_proj",
    }
    assert canonical_config(config) == {
        "corda_config": {"cache_file": "cache.bin"},
        "target_modules": r".*\.(q|v)_proj",
        "tokenizer_name_or_path": "mine",
    }


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        ({"peft_type": "LORA", "init_lora_weights": True}, False),
        ({"peft_type": "LORA", "init_lora_weights": False}, False),
        ({"peft_type": "LORA", "init_lora_weights": "gaussian"}, False),
        ({"peft_type": "LORA"}, False),
        ({"peft_type": "LORA", "init_lora_weights": "pissa"}, True),
        ({"peft_type": "LORA", "init_lora_weights": "pissa_niter_16"}, True),
        ({"peft_type": "LORA", "init_lora_weights": "olora"}, True),
        ({"peft_type": "LORA", "init_lora_weights": "loftq"}, True),
        ({"peft_type": "LORA", "init_lora_weights": "corda"}, True),
        ({"peft_type": "LORA", "init_lora_weights": "some_day"}, True),
        ({"peft_type": "C3A", "init_weights": "xavier_uniform"}, False),
    ],
)
def test_which_initialisations_change_the_base(config: dict[str, Any], changes: bool) -> None:
    assert changes_base(config) is changes


# --- writing -------------------------------------------------------------------------------------


def test_writing_the_revision_keeps_the_rest_and_is_stable(tmp_path: Path) -> None:
    make_adapter(tmp_path, {**CONFIG, "some_day": {"b": 1, "a": [2, 1]}})
    write_adapter_config(tmp_path, base_model="acme/base", revision=REVISION)
    first = (tmp_path / "adapter_config.json").read_bytes()
    assert codec.parse(first) == {
        **CONFIG,
        "base_model_name_or_path": "acme/base",
        "revision": REVISION,
        "target_modules": ["q_proj", "v_proj"],
        "some_day": {"b": 1, "a": [2, 1]},
    }
    make_adapter(tmp_path, {"some_day": {"a": [2, 1], "b": 1}, **dict(reversed(CONFIG.items()))})
    write_adapter_config(tmp_path, base_model="acme/base", revision=REVISION)
    assert (tmp_path / "adapter_config.json").read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]


def test_t21_weights_become_readable_as_the_umask_allows(tmp_path: Path) -> None:
    make_adapter(tmp_path)
    weights, hidden = tmp_path / "adapter_model.safetensors", tmp_path / ".private"
    hidden.write_bytes(b"")
    for mask, expected in ((0o022, 0o644), (0o027, 0o640), (0o077, 0o600)):
        weights.chmod(0o600)
        hidden.chmod(0o600)
        before = os.umask(mask)
        try:
            normalise_modes(tmp_path)
            assert os.umask(mask) == mask
        finally:
            os.umask(before)
        assert stat.S_IMODE(weights.stat().st_mode) == expected
        assert stat.S_IMODE(hidden.stat().st_mode) == 0o600


def test_modes_are_only_ever_widened(tmp_path: Path) -> None:
    make_adapter(tmp_path)
    (tmp_path / "adapter_config.json").chmod(0o755)
    normalise_modes(tmp_path)
    assert stat.S_IMODE((tmp_path / "adapter_config.json").stat().st_mode) == 0o755

"""The table of names is that of the installed transformers, and is followed as transformers follows its own."""

from pathlib import Path
from typing import Any

import pytest

from docs.generate_names import TABLE, table
from ftlineage.core import codec
from ftlineage.verify.effect import table as landing_table
from ftlineage.verify.effect.table import loaded_names

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def installed() -> dict[str, Any]:
    return table()


def test_the_table_is_that_of_the_installed_transformers(installed: dict[str, Any]) -> None:
    written = codec.foreign_object(TABLE.read_bytes())
    assert written is not None
    changed = [key for key in installed if installed[key] != written.get(key)]
    assert changed == [], "run: python -m docs.generate_names"


def test_the_package_reads_the_table_it_ships(installed: dict[str, Any]) -> None:
    assert Path(landing_table.__file__).with_name("table.json") == TABLE
    assert landing_table.table().transformers == installed["transformers"]
    assert landing_table.table().rules == installed["rules"]


CONFIGS: list[dict[str, Any]] = [
    {"model_type": "mixtral", "architectures": ["MixtralForCausalLM"]},
    {"model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"]},
    {"model_type": "vit", "architectures": ["ViTForImageClassification"]},
    {"model_type": "qwen2_vl", "architectures": ["Qwen2VLForConditionalGeneration"]},
    {"model_type": "detr", "architectures": ["DetrForObjectDetection"]},
]
NAMES = [
    "model.layers.31.block_sparse_moe.experts.7.w1.weight",
    "model.layers.31.block_sparse_moe.gate.weight",
    "model.layers.4.mlp.experts.127.up_proj.weight",
    "vit.encoder.layer.11.attention.attention.query.weight",
    "visual.blocks.3.attn.qkv.weight",
    "model.layers.12.self_attn.q_proj.bias",
    "lm_head.weight",
    "bert.embeddings.LayerNorm.gamma",
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config["model_type"])
def test_renaming_agrees_with_transformers(config: dict[str, Any]) -> None:
    """What transformers makes of a name by the root's rules is among the names found."""
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping
    from transformers.core_model_loading import WeightConverter, rename_source_key

    mapping = get_checkpoint_conversion_mapping(config["architectures"][0])
    if mapping is None:
        mapping = get_checkpoint_conversion_mapping(config["model_type"]) or []
    renamings = [rule for rule in mapping if not isinstance(rule, WeightConverter)]
    converters = [rule for rule in mapping if isinstance(rule, WeightConverter)]
    found = {(name, form) for name, form, _ in loaded_names(NAMES, config)}
    for name in NAMES:
        renamed, _ = rename_source_key(name, renamings, converters)
        assert renamed == name or (name, renamed) in found


def test_numbers_are_kept() -> None:
    names = [
        f"model.layers.{layer}.block_sparse_moe.experts.{expert}.w2.weight" for layer in (0, 31) for expert in (1, 700)
    ]
    found = list(loaded_names(names, CONFIGS[0]))
    assert (names[0], "model.layers.0.mlp.experts.down_proj", False) in found
    assert (names[3], "model.layers.31.mlp.experts.down_proj", False) in found
    assert (names[3], "model.layers.31.mlp.experts.700.w2.weight", True) in found

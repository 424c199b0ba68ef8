"""LoRA on everything linear of real architectures lands on the checkpoints they save: no false alarm, no blind eye."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core import codec
from ftlineage.core.sections import Adapter, Tensor
from ftlineage.hashing.tensors import summarise
from ftlineage.sources.adapter import observe_adapter
from ftlineage.verify.effect.base_tensors import BaseTensors, read_base_tensors
from ftlineage.verify.effect.landing import check_landing
from tests.adapter_folders import CONFIG_PATH, ROOT

pytestmark = [
    pytest.mark.heavy,
    # peft 0.21 uses a property that transformers 5.23 deprecates.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    # GPT-2 holds its weights transposed, and PEFT says that it noticed.
    pytest.mark.filterwarnings("ignore:.*fan_in_fan_out is set to:UserWarning"),
    # PEFT writes patterns for merged experts into the configuration even where none was targeted.
    pytest.mark.filterwarnings("ignore:The following .*_pattern keys did not match:RuntimeWarning"),
]

TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 64,
}
GROUPED = {**TEXT, "num_key_value_heads": 2}
EXPERTS = {**GROUPED, "num_experts_per_tok": 2}
VISION = {key: value for key, value in TEXT.items() if key != "vocab_size"} | {"image_size": 32, "patch_size": 8}
ROPE = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]}}
QWEN_VISION = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "mlp_ratio": 2, "patch_size": 8}
D_MODEL = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "vocab_size": 64,
}
# Class of the model and options of its configuration.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaForCausalLM", GROUPED),
    "llama with tied embeddings": ("LlamaForCausalLM", {**GROUPED, "tie_word_embeddings": True}),
    "llama without a head": ("LlamaModel", GROUPED),
    "qwen2": ("Qwen2ForCausalLM", GROUPED),
    "qwen3 moe": ("Qwen3MoeForCausalLM", {**EXPERTS, "head_dim": 8, "num_experts": 4, "moe_intermediate_size": 16}),
    "mixtral": ("MixtralForCausalLM", {**EXPERTS, "num_local_experts": 4}),
    "phi3, with fused projections": ("Phi3ForCausalLM", {**GROUPED, "pad_token_id": 0}),
    "gpt2": ("GPT2LMHeadModel", {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 64}),
    "bert": ("BertForMaskedLM", TEXT),
    "roberta": ("RobertaForMaskedLM", TEXT),
    "vit": ("ViTForImageClassification", VISION),
    "t5": (
        "T5ForConditionalGeneration",
        {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "vocab_size": 64},
    ),
    "whisper": (
        "WhisperForConditionalGeneration",
        {**D_MODEL, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1},
    ),
    "mamba": ("MambaForCausalLM", {"hidden_size": 32, "num_hidden_layers": 2, "vocab_size": 64, "state_size": 4}),
    "falcon h1": (
        "FalconH1ForCausalLM",
        {
            **GROUPED,
            "head_dim": 8,
            "mamba_d_ssm": 32,
            "mamba_n_heads": 4,
            "mamba_d_head": 8,
            "mamba_d_state": 4,
            "mamba_n_groups": 1,
        },
    ),
    "llava": (
        "LlavaForConditionalGeneration",
        {
            "text_config": {"model_type": "llama", **GROUPED},
            "vision_config": {"model_type": "clip_vision_model", **VISION},
            "image_token_index": 5,
        },
    ),
    "gemma3": (
        "Gemma3ForConditionalGeneration",
        {
            "text_config": {**GROUPED, "head_dim": 8},
            "vision_config": {"model_type": "siglip_vision_model", **VISION},
            "mm_tokens_per_image": 4,
            "image_token_index": 5,
        },
    ),
    "qwen2-vl": (
        "Qwen2VLForConditionalGeneration",
        {
            "text_config": {**GROUPED, **ROPE},
            "vision_config": QWEN_VISION,
            "image_token_id": 5,
            "video_token_id": 6,
            "vision_start_token_id": 7,
            "vision_end_token_id": 8,
        },
    ),
}
# PEFT refuses these modules of Mamba.
REFUSED = {"mamba": ["out_proj"], "falcon h1": ["out_proj"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path]]:
    """A base and an untrained adapter on everything linear of it, saved once."""
    folders: dict[str, tuple[Path, Path]] = {}

    def make(name: str) -> tuple[Path, Path]:
        if name not in folders:
            folders[name] = save(name, tmp_path_factory.mktemp("model"))
        return folders[name]

    return make


def save(name: str, folder: Path) -> tuple[Path, Path]:
    import peft
    import transformers

    class_name, options = MODELS[name]
    kind = getattr(transformers, class_name)
    model = kind(kind.config_class(**options))
    model.save_pretrained(folder / "base", max_shard_size="40KB")
    config = peft.LoraConfig(r=4, target_modules="all-linear", exclude_modules=REFUSED.get(name))
    peft.get_peft_model(model, config).save_pretrained(folder / "adapter", save_embedding_layers=False)
    return folder / "base", folder / "adapter"


def read(base: Path, adapter: Path) -> tuple[Adapter, dict[str, Any], BaseTensors]:
    config = codec.foreign_object((adapter / CONFIG_PATH).read_bytes())
    seen = read_base_tensors(base)
    assert config is not None
    assert seen is not None
    return observe_adapter(adapter), {CONFIG_PATH: config}, seen


def renamed(section: Adapter, before: str, after: str) -> Adapter:
    """The adapter with another beginning of every name."""
    assert section.tensors is not None
    entries: Sequence[Tensor] = section.tensors.entries
    changed = [
        Tensor(
            file=one.file,
            name=after + one.name.removeprefix(before),
            dtype=one.dtype,
            shape=one.shape,
            sha256=one.sha256,
        )
        for one in entries
    ]
    return Adapter(type=section.type, tensors=summarise([], changed))


@pytest.mark.parametrize("name", MODELS)
def test_it_lands_and_mangled_it_does_not(name: str, made: Callable[[str], tuple[Path, Path]]) -> None:
    section, configs, seen = read(*made(name))
    assert len(list(made(name)[0].glob("*.safetensors"))) > 1
    assert check_landing(section, configs, seen) == []
    for mangled in ("", f"{ROOT}{ROOT}", f"{ROOT}_orig_mod.", f"{ROOT}model.model.", f"{ROOT}decoder.decoder."):
        (finding,) = check_landing(renamed(section, ROOT, mangled), configs, seen)
        assert finding.message.startswith("none of the "), mangled


ORDER = list(MODELS)


@pytest.mark.parametrize(("name", "other"), list(zip(ORDER, ORDER[7:] + ORDER[:7], strict=True)))
def test_it_does_not_land_on_another_model(name: str, other: str, made: Callable[[str], tuple[Path, Path]]) -> None:
    section, configs, _ = read(*made(name))
    _, _, seen = read(*made(other))
    (finding,) = check_landing(section, configs, seen)
    assert (finding.code, finding.severity) == ("adapter.keys-unmatched", "error")


@pytest.mark.parametrize("name", ["mixtral", "qwen3 moe"])
def test_experts_by_their_parameters(name: str, made: Callable[[str], tuple[Path, Path]], tmp_path: Path) -> None:
    """The checkpoint holds every expert's matrices, the loaded model two tensors for all of them."""
    import peft
    import transformers

    base, _ = made(name)
    model = getattr(transformers, MODELS[name][0]).from_pretrained(base)
    targets = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
    config = peft.LoraConfig(r=4, target_modules=["q_proj"], target_parameters=targets)
    peft.get_peft_model(model, config).save_pretrained(tmp_path / "adapter", save_embedding_layers=False)
    section, configs, seen = read(base, tmp_path / "adapter")
    assert section.tensors is not None
    assert any(".mlp.experts.base_layer.lora_A.weight" in one.name for one in section.tensors.entries)
    assert check_landing(section, configs, seen) == []
    assert len(check_landing(renamed(section, ROOT, f"{ROOT}model."), configs, seen)) == 1

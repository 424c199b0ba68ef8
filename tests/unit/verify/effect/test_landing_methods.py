"""Every method of PEFT, as the installed PEFT writes it: untrained it is inert, trained it acts, and it lands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core import codec
from ftlineage.core.finding import Finding
from ftlineage.core.sections import Adapter
from ftlineage.sources.adapter import observe_adapter
from ftlineage.testing.tiny import build_tiny_causal, build_tiny_encoder, build_tiny_vision
from ftlineage.verify.effect.acting import check_acting
from ftlineage.verify.effect.base_tensors import BaseTensors, read_base_tensors
from ftlineage.verify.effect.landing import check_landing

pytestmark = [
    pytest.mark.heavy,
    # peft 0.21 uses a property that transformers 5.23 deprecates.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    # PEFT doubts what these tests choose on purpose, and looks for a CUDA toolkit to build BOFT's kernel with.
    pytest.mark.filterwarnings("ignore:`lora_bias=True` was passed but the targeted layer:UserWarning"),
    pytest.mark.filterwarnings("ignore:Specified to not save vera_A and vera_B:UserWarning"),
    pytest.mark.filterwarnings("ignore:Unsupported layer type .*LlamaRMSNorm:UserWarning"),
    pytest.mark.filterwarnings("ignore:Adapter 'default'. .*lora_B.bias:UserWarning"),
    pytest.mark.filterwarnings("ignore:Setting boft_n_butterfly_factor to 1:UserWarning"),
    pytest.mark.filterwarnings("ignore:Failed to load the CUDA extension:UserWarning"),
]

QV = ["q_proj", "v_proj"]
Config = tuple[str, dict[str, Any]]
# By what PEFT calls the method; untrained, these leave every output as it was.
UNTRAINED_IS_INERT: dict[str, Config] = {
    "lora": ("LoraConfig", {"target_modules": "all-linear"}),
    "dora": ("LoraConfig", {"target_modules": QV, "use_dora": True}),
    "rslora": ("LoraConfig", {"target_modules": QV, "use_rslora": True}),
    "mica": ("LoraConfig", {"target_modules": QV, "init_lora_weights": "mica"}),
    "lora with a bias": ("LoraConfig", {"target_modules": QV, "lora_bias": True}),
    "lora on embeddings": ("LoraConfig", {"target_modules": ["embed_tokens", "q_proj"]}),
    "lora on parameters": ("LoraConfig", {"target_modules": [], "target_parameters": ["mlp.gate_proj.weight"]}),
    "lora with patterns": (
        "LoraConfig",
        {
            "target_modules": QV,
            "rank_pattern": {"q_proj": 2},
            "alpha_pattern": {"v_proj": 4},
            "layers_to_transform": [1],
        },
    ),
    "adalora": ("AdaLoraConfig", {"target_modules": QV, "total_step": 10}),
    "ia3": ("IA3Config", {"target_modules": ["k_proj", "down_proj"], "feedforward_modules": ["down_proj"]}),
    "vera": ("VeraConfig", {"target_modules": ["q_proj", "o_proj"]}),
    "vera without its projection": ("VeraConfig", {"target_modules": ["q_proj", "o_proj"], "save_projection": False}),
    "loha": ("LoHaConfig", {"target_modules": QV, "r": 4}),
    "lokr": ("LoKrConfig", {"target_modules": QV, "r": 2, "decompose_both": True}),
    "lokr as lycoris": ("LoKrConfig", {"target_modules": QV, "r": 4, "init_weights": "lycoris"}),
    "oft": ("OFTConfig", {"target_modules": QV, "r": 0, "oft_block_size": 8}),
    "boft": ("BOFTConfig", {"target_modules": QV, "boft_block_size": 4}),
    "miss": ("MissConfig", {"target_modules": QV, "r": 4}),
    "road": ("RoadConfig", {"target_modules": QV, "group_size": 8}),
    "shira": ("ShiraConfig", {"target_modules": QV, "r": 4}),
    "waveft": ("WaveFTConfig", {"target_modules": QV, "n_frequency": 10}),
    "randlora": ("RandLoraConfig", {"target_modules": ["q_proj", "o_proj"], "r": 4}),
    "delora": ("DeloraConfig", {"target_modules": QV, "r": 4}),
    "hira": ("HiraConfig", {"target_modules": QV, "r": 4}),
    "adaption prompt": ("AdaptionPromptConfig", {"adapter_len": 4, "adapter_layers": 1}),
}
# Untrained, these cannot be told from trained ones by their tensors alone.
UNTRAINED_MAY_ACT: dict[str, Config] = {
    "pissa": ("LoraConfig", {"target_modules": QV, "init_lora_weights": "pissa"}),
    "olora": ("LoraConfig", {"target_modules": QV, "init_lora_weights": "olora"}),
    "orthogonal": ("LoraConfig", {"target_modules": QV, "init_lora_weights": "orthogonal"}),
    "lora without initialisation": ("LoraConfig", {"target_modules": QV, "init_lora_weights": False}),
    "prompt tuning": ("PromptTuningConfig", {"num_virtual_tokens": 4}),
    "p-tuning": ("PromptEncoderConfig", {"num_virtual_tokens": 4, "encoder_hidden_size": 16}),
    "prefix tuning": ("PrefixTuningConfig", {"num_virtual_tokens": 4}),
    "ln tuning": ("LNTuningConfig", {"target_modules": ["input_layernorm", "norm"]}),
    "trainable tokens": ("TrainableTokensConfig", {"token_indices": [1, 2]}),
    "fourierft": ("FourierFTConfig", {"target_modules": QV, "n_frequency": 10}),
    "c3a": ("C3AConfig", {"target_modules": QV, "block_size": 8}),
}
# An all-zero LoRA beside whole tensors that act by themselves.
BESIDE: dict[str, Config] = {
    "modules to save": ("LoraConfig", {"target_modules": QV, "modules_to_save": ["lm_head"]}),
    "token indices": ("LoraConfig", {"target_modules": QV, "trainable_token_indices": [1, 2]}),
}


@pytest.fixture(scope="module")
def causal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_causal(tmp_path_factory.mktemp("bases") / "llama")


@pytest.fixture(scope="module")
def seen(causal: Path) -> BaseTensors:
    tensors = read_base_tensors(causal)
    assert tensors is not None
    return tensors


def load(causal: Path) -> Any:
    from transformers import LlamaForCausalLM

    return LlamaForCausalLM.from_pretrained(causal)


def save(model: Any, folder: Path) -> tuple[Adapter, dict[str, dict[str, Any]]]:
    """The adapter as its folder is recorded, with its configurations."""
    model.save_pretrained(folder, save_embedding_layers=False)
    return observed(folder)


def observed(folder: Path) -> tuple[Adapter, dict[str, dict[str, Any]]]:
    configs = {}
    for path in folder.rglob("adapter_config.json"):
        config = codec.foreign_object(path.read_bytes())
        assert config is not None
        configs[path.relative_to(folder).as_posix()] = config
    return observe_adapter(folder), configs


def wrap(causal: Path, config: Config) -> Any:
    import peft

    name, options = config
    return peft.get_peft_model(load(causal), getattr(peft, name)(task_type="CAUSAL_LM", **options))


def train(model: Any) -> None:
    """A step, as far as tensors can show one: every trained number moves."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.01)


def acting(section: Adapter, configs: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity) for finding in check_acting(section, configs)]


@pytest.mark.parametrize("name", [*UNTRAINED_IS_INERT, *UNTRAINED_MAY_ACT, *BESIDE])
def test_untrained_then_trained(name: str, causal: Path, seen: BaseTensors, tmp_path: Path) -> None:
    model = wrap(causal, {**UNTRAINED_IS_INERT, **UNTRAINED_MAY_ACT, **BESIDE}[name])
    section, configs = save(model, tmp_path / "untrained")
    severity = "error" if name in UNTRAINED_IS_INERT else "warning"
    assert acting(section, configs) == [("adapter.inert", severity)] * (name not in UNTRAINED_MAY_ACT)
    assert check_landing(section, configs, seen) == []
    train(model)
    section, configs = save(model, tmp_path / "trained")
    assert acting(section, configs) == []
    assert check_landing(section, configs, seen) == []


@pytest.mark.parametrize("name", ["lora", "dora", "ia3", "vera", "oft", "lokr", "boft"])
def test_inert_adapters_give_the_outputs_of_the_base(name: str, causal: Path) -> None:
    """What is called inert was measured to be: PEFT's model with it answers as the base does."""
    import torch

    tokens = torch.arange(1, 13)[None]
    base = load(causal).eval()
    with torch.no_grad():
        expected = base(tokens).logits
        assert torch.allclose(wrap(causal, UNTRAINED_IS_INERT[name]).eval()(tokens).logits, expected, atol=1e-6)


@pytest.mark.parametrize(
    "name", [*UNTRAINED_IS_INERT, "prompt tuning", "prefix tuning", "ln tuning", "trainable tokens"]
)
def test_a_base_of_another_size(name: str, causal: Path, seen: BaseTensors, tmp_path: Path) -> None:
    section, configs = save(wrap(causal, {**UNTRAINED_IS_INERT, **UNTRAINED_MAY_ACT}[name]), tmp_path)
    shapes = {key: tuple(length + 32 for length in shape or ()) for key, shape in seen.tensors.items()}
    other = BaseTensors(tensors={**shapes}, config={**seen.config, "hidden_size": 96, "head_dim": 24})
    codes = [finding.code for finding in check_landing(section, configs, other)]
    # Their tensors do not show how wide the module is, or are as large as a block.
    shapeless = {"oft", "road", "shira", "waveft", "randlora", "adaption prompt", "lora on parameters"}
    assert codes == ["adapter.keys-unmatched"] * (name not in shapeless)


def test_several_adapters_in_a_folder(causal: Path, seen: BaseTensors, tmp_path: Path) -> None:
    import peft

    model = wrap(causal, UNTRAINED_IS_INERT["rslora"])
    train(model)
    model.add_adapter("polite", peft.LoraConfig(target_modules=["o_proj"], task_type="CAUSAL_LM"))
    section, configs = save(model, tmp_path)
    assert set(configs) == {"adapter_config.json", "polite/adapter_config.json"}
    (finding,) = check_acting(section, configs)
    assert (finding.severity, finding.path) == ("error", "polite/adapter_model.safetensors")
    assert check_landing(section, configs, seen) == []


def encoder(folder: Path) -> tuple[Path, Any]:
    from transformers import BertForSequenceClassification

    build_tiny_encoder(folder)
    # The head is not in the checkpoint, and transformers says so.
    return folder, BertForSequenceClassification.from_pretrained(folder)


def vision(folder: Path) -> tuple[Path, Any]:
    from transformers import ViTForImageClassification

    build_tiny_vision(folder)
    return folder, ViTForImageClassification.from_pretrained(folder)


@pytest.mark.parametrize("build", [encoder, vision])
def test_classifiers_with_new_heads(build: Callable[[Path], tuple[Path, Any]], tmp_path: Path) -> None:
    import peft

    folder, model = build(tmp_path / "base")
    config = peft.LoraConfig(
        target_modules="all-linear", exclude_modules=["classifier"], modules_to_save=["classifier"], bias="lora_only"
    )
    wrapped = peft.get_peft_model(model, config)
    section, configs = save(wrapped, tmp_path / "untrained")
    seen = read_base_tensors(folder)
    assert seen is not None
    assert check_landing(section, configs, seen) == []
    assert acting(section, configs) == [("adapter.inert", "warning")]
    train(wrapped)
    section, configs = save(wrapped, tmp_path / "trained")
    assert check_landing(section, configs, seen) == []
    assert acting(section, configs) == []


def test_an_adapter_for_another_architecture(causal: Path, tmp_path: Path) -> None:
    folder, _ = encoder(tmp_path / "bert")
    section, configs = save(wrap(causal, UNTRAINED_IS_INERT["lora"]), tmp_path / "adapter")
    other = read_base_tensors(folder)
    assert other is not None
    found: list[Finding] = check_landing(section, configs, other)
    assert [finding.message.partition(" modules")[0] for finding in found] == ["none of the 14"]

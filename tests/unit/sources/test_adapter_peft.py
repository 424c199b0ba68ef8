"""Every PEFT method as PEFT itself saves it: observed, equal between two equal saves, different when changed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core.sections import Adapter
from ftlineage.errors import UnsafeFormatError
from ftlineage.sources.adapter import changes_base, normalise_modes, observe_adapter, write_adapter_config
from ftlineage.verify.runner import verify
from tests import sealed

pytestmark = pytest.mark.heavy

ATTENTION = ["q_proj", "v_proj"]


@pytest.fixture(autouse=True)
def _third_party_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        # peft 0.21 on torch 2.13: deprecations and advice of its own, none about what is saved.
        warnings.filterwarnings("ignore", module=r"(peft|torch|transformers)\..*")
        yield


@pytest.fixture(scope="module")
def base() -> Callable[[], Any]:
    """A new random Llama of two layers, 32 wide, always with the same weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip

    def build() -> Any:
        torch.manual_seed(0)
        return LlamaForCausalLM(config)

    return build


def lora(**extra: Any) -> Any:
    from peft import LoraConfig

    return LoraConfig(r=4, target_modules=ATTENTION, **extra)


def configuration(method: str) -> Any:
    import peft

    causal = {"task_type": "CAUSAL_LM"}
    return {
        "lora": lora,
        "dora": lambda: lora(use_dora=True),
        "rslora": lambda: lora(use_rslora=True),
        "pissa": lambda: lora(init_lora_weights="pissa"),
        "olora": lambda: lora(init_lora_weights="olora"),
        "gaussian": lambda: lora(init_lora_weights="gaussian"),
        "modules_to_save": lambda: lora(modules_to_save=["lm_head", "embed_tokens"]),
        "trainable_token_indices": lambda: lora(trainable_token_indices=[1, 2]),
        "ia3": lambda: peft.IA3Config(target_modules=[*ATTENTION, "down_proj"], feedforward_modules=["down_proj"]),
        "adalora": lambda: peft.AdaLoraConfig(target_modules=ATTENTION, total_step=10, init_r=4, target_r=2),
        "vera": lambda: peft.VeraConfig(r=4, target_modules=ATTENTION),
        "loha": lambda: peft.LoHaConfig(r=4, target_modules=ATTENTION),
        "lokr": lambda: peft.LoKrConfig(r=4, target_modules=ATTENTION),
        "oft": lambda: peft.OFTConfig(r=4, oft_block_size=0, target_modules=ATTENTION),
        "boft": lambda: peft.BOFTConfig(boft_block_size=4, target_modules=ATTENTION),
        "hra": lambda: peft.HRAConfig(r=4, target_modules=ATTENTION),
        "vblora": lambda: peft.VBLoRAConfig(r=4, target_modules=ATTENTION, num_vectors=8, vector_length=16, topk=2),
        "fourierft": lambda: peft.FourierFTConfig(n_frequency=10, target_modules=ATTENTION),
        "prompt_tuning": lambda: peft.PromptTuningConfig(num_virtual_tokens=4, **causal),
        "p_tuning": lambda: peft.PromptEncoderConfig(num_virtual_tokens=4, encoder_hidden_size=16, **causal),
        "prefix_tuning": lambda: peft.PrefixTuningConfig(num_virtual_tokens=4, **causal),
        "ln_tuning": lambda: peft.LNTuningConfig(**causal),
        "trainable_tokens": lambda: peft.TrainableTokensConfig(token_indices=[1, 2], target_modules=["embed_tokens"]),
    }[method]()


METHODS = {
    "lora": ("lora", "true", ATTENTION),
    "dora": ("lora", "true", ATTENTION),
    "rslora": ("lora", "true", ATTENTION),
    "pissa": ("lora", "pissa", ATTENTION),
    "olora": ("lora", "olora", ATTENTION),
    "gaussian": ("lora", "gaussian", ATTENTION),
    "modules_to_save": ("lora", "true", ATTENTION),
    "trainable_token_indices": ("lora", "true", ATTENTION),
    "ia3": ("ia3", "true", ["down_proj", *ATTENTION]),
    "adalora": ("adalora", "true", ATTENTION),
    "vera": ("vera", "true", ATTENTION),
    "loha": ("loha", "true", ATTENTION),
    "lokr": ("lokr", "true", ATTENTION),
    "oft": ("oft", "true", ATTENTION),
    "boft": ("boft", "true", ATTENTION),
    "hra": ("hra", "true", ATTENTION),
    "vblora": ("vblora", None, ATTENTION),
    "fourierft": ("fourierft", "false", ATTENTION),
    "prompt_tuning": ("prompt_tuning", None, []),
    "p_tuning": ("p_tuning", None, []),
    "prefix_tuning": ("prefix_tuning", None, []),
    "ln_tuning": ("ln_tuning", None, []),
    "trainable_tokens": ("trainable_tokens", "true", ["embed_tokens"]),
}


def save(model: Any, config: Any, folder: Path, *, seed: int = 1) -> Adapter:
    import torch
    from peft import get_peft_model

    torch.manual_seed(seed)
    get_peft_model(model, config).save_pretrained(folder, save_embedding_layers=False)
    write_adapter_config(folder, base_model=sealed.MODEL, revision=sealed.REVISION)
    normalise_modes(folder)
    return observe_adapter(folder)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_observed(tmp_path: Path, base: Callable[[], Any], method: str) -> None:
    found = save(base(), configuration(method), tmp_path / "one")
    kind, init, targets = METHODS[method]
    assert (found.type, found.init) == (kind, init)
    assert set(targets) <= set(found.target_modules)
    assert [file.path for file in found.files] == ["adapter_config.json", "adapter_model.safetensors"]
    assert found.tensors is not None
    assert found.tensors.count == len(found.tensors.entries) > 0
    assert found.config["peft_type"] == kind.upper()
    assert changes_base(found.config) is (method in ("pissa", "olora"))
    # The same seed again: the same section, down to the bytes of the configuration (trap T14).
    assert save(base(), configuration(method), tmp_path / "two") == found
    sealed.seal(tmp_path / "one")
    faults = {finding.code for finding in verify(tmp_path / "one").findings if finding.severity == "error"}
    assert faults <= {"adapter.inert"}  # nothing was trained


def test_one_changed_setting_changes_only_the_configuration(tmp_path: Path, base: Callable[[], Any]) -> None:
    plain = save(base(), lora(lora_alpha=8), tmp_path / "one")
    changed = save(base(), lora(lora_alpha=16), tmp_path / "two")
    assert plain.tensors == changed.tensors
    assert plain.config_digest != changed.config_digest


def test_another_seed_changes_the_tensors(tmp_path: Path, base: Callable[[], Any]) -> None:
    one = save(base(), lora(), tmp_path / "one", seed=1).tensors
    two = save(base(), lora(), tmp_path / "two", seed=2).tensors
    assert one is not None
    assert two is not None
    assert one.digest != two.digest


def test_several_adapters_of_one_model(tmp_path: Path, base: Callable[[], Any]) -> None:
    from peft import get_peft_model

    model = get_peft_model(base(), lora())
    model.add_adapter("french", lora(modules_to_save=["lm_head"]))
    model.add_adapter("german", configuration("rslora"))
    model.save_pretrained(tmp_path, save_embedding_layers=False)
    found = observe_adapter(tmp_path)
    assert (found.type, found.init) == ("lora", "true")
    assert [(member.name, member.folder) for member in found.members] == [
        ("default", "."),
        ("french", "french"),
        ("german", "german"),
    ]
    assert found.members[1].config["modules_to_save"] == ["lm_head"]
    assert found.tensors is not None
    assert {header.file for header in found.tensors.headers} == {
        "adapter_model.safetensors",
        "french/adapter_model.safetensors",
        "german/adapter_model.safetensors",
    }


def test_a_merged_model_is_a_full_one(tmp_path: Path, base: Callable[[], Any]) -> None:
    from peft import get_peft_model

    get_peft_model(base(), lora(init_lora_weights=False)).merge_and_unload().save_pretrained(tmp_path)
    found = observe_adapter(tmp_path)
    assert (found.type, found.config["model_type"], found.members) == ("full", "llama", [])
    assert [file.path for file in found.files] == ["config.json", "generation_config.json", "model.safetensors"]


def test_a_sharded_model_has_the_content_of_a_whole_one(tmp_path: Path, base: Callable[[], Any]) -> None:
    base().save_pretrained(tmp_path / "whole")
    base().save_pretrained(tmp_path / "sharded", max_shard_size="20kB")
    whole, sharded = observe_adapter(tmp_path / "whole").tensors, observe_adapter(tmp_path / "sharded").tensors
    assert whole is not None
    assert sharded is not None
    assert len(sharded.headers) > 1
    assert (whole.digest, whole.parameters) == (sharded.digest, sharded.parameters)
    assert whole.parameters == sum(parameter.numel() for parameter in base().parameters())


def test_pickled_adapters_are_refused(tmp_path: Path, base: Callable[[], Any]) -> None:
    import torch
    from peft import get_peft_model, get_peft_model_state_dict

    model = get_peft_model(base(), lora())
    model.peft_config["default"].save_pretrained(tmp_path)
    torch.save(get_peft_model_state_dict(model, save_embedding_layers=False), tmp_path / "adapter_model.bin")
    with pytest.raises(UnsafeFormatError, match=r"^adapter_model\.bin is a pickle format"):
        observe_adapter(tmp_path)


def test_every_set_that_peft_shuffles_is_sorted() -> None:
    """A later PEFT that turns another list into a set must be noticed (trap T14)."""
    import dataclasses

    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    from ftlineage.sources.adapter import SET_LISTS

    shuffled = set()
    for kind in PEFT_TYPE_TO_CONFIG_MAPPING.values():
        for field in dataclasses.fields(kind):
            try:
                value = getattr(kind(**{field.name: ["a", "b"]}), field.name)
            except (TypeError, ValueError, ImportError, AttributeError):
                continue  # no list belongs there, or not alone
            if isinstance(value, set):
                shuffled.add(field.name)
    assert shuffled == {"exclude_modules", "feedforward_modules", "target_modules"}
    assert shuffled <= set(SET_LISTS)

"""From training to the gate: what was trained a step passes, what was not, or belongs elsewhere, does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftlineage.core.finding import Report
from ftlineage.record.declared import record_declared
from ftlineage.testing.tiny import build_tiny_causal
from ftlineage.verify.runner import verify
from tests.integration.recording import TRAINS

pytestmark = TRAINS

CODES = {"adapter.inert", "adapter.keys-unmatched"}
# The methods of PEFT whose adapters are recorded, by the class of their configuration.
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "lora": ("LoraConfig", {"target_modules": "all-linear"}),
    "dora": ("LoraConfig", {"target_modules": ["q_proj"], "use_dora": True}),
    "pissa": ("LoraConfig", {"target_modules": ["q_proj"], "init_lora_weights": "pissa"}),
    "modules to save": ("LoraConfig", {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}),
    "ia3": ("IA3Config", {"target_modules": ["k_proj", "down_proj"], "feedforward_modules": ["down_proj"]}),
    "adalora": ("AdaLoraConfig", {"target_modules": ["q_proj"], "total_step": 10}),
    "vera": ("VeraConfig", {"target_modules": ["q_proj", "o_proj"]}),
    "loha": ("LoHaConfig", {"target_modules": ["q_proj"]}),
    "lokr": ("LoKrConfig", {"target_modules": ["q_proj"]}),
    "oft": ("OFTConfig", {"target_modules": ["q_proj"], "r": 0, "oft_block_size": 8}),
    "ln tuning": ("LNTuningConfig", {"target_modules": ["norm"]}),
    "trainable tokens": ("TrainableTokensConfig", {"token_indices": [5, 6]}),
    "prompt tuning": ("PromptTuningConfig", {"num_virtual_tokens": 4}),
    "prefix tuning": ("PrefixTuningConfig", {"num_virtual_tokens": 4}),
}


def wrapped(base: Path, name: str) -> Any:
    import peft
    from transformers import LlamaForCausalLM

    class_name, options = METHODS[name]
    model = LlamaForCausalLM.from_pretrained(base)
    return peft.get_peft_model(model, getattr(peft, class_name)(task_type="CAUSAL_LM", **options))


def step(model: Any) -> None:
    """One step of gradient descent on next tokens."""
    import torch

    tokens = torch.arange(5, 21)[None]
    optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.5)
    model.train()(input_ids=tokens, labels=tokens, attention_mask=torch.ones_like(tokens)).loss.backward()
    optimizer.step()


def recorded(model: Any, folder: Path, base: Path) -> Report:
    """What the gate says of a model's adapter, saved by PEFT and recorded afterwards."""
    model.save_pretrained(folder, save_embedding_layers=False)
    record_declared(folder, base=str(base))
    return verify(folder, base=base)


def of_ours(report: Report) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity) for finding in report.findings if finding.code in CODES]


@pytest.mark.filterwarnings("ignore:Unsupported layer type .*LlamaRMSNorm:UserWarning")
@pytest.mark.parametrize("name", METHODS)
def test_a_trained_adapter_of_every_method_passes(name: str, tiny_causal: Path, workplace: Path) -> None:
    model = wrapped(tiny_causal, name)
    step(model)
    report = recorded(model, workplace / "adapter", tiny_causal)
    assert report.ok
    assert of_ours(report) == []


def test_an_untrained_adapter_fails(tiny_causal: Path, workplace: Path) -> None:
    report = recorded(wrapped(tiny_causal, "lora"), workplace / "adapter", tiny_causal)
    assert [finding.message for finding in report.findings if finding.severity == "error"] == [
        (
            "adapter_model.safetensors cannot change the base's output: none of its 14 modules acts "
            "(model.layers.0.mlp.down_proj: lora_B is all zeros)"
        )
    ]


def test_a_base_in_shards(tiny_causal: Path, workplace: Path) -> None:
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM.from_pretrained(tiny_causal)
    model.save_pretrained(workplace / "sharded", max_shard_size="60KB")
    assert len(list((workplace / "sharded").glob("*.safetensors"))) > 1
    adapted = wrapped(workplace / "sharded", "lora")
    step(adapted)
    report = recorded(adapted, workplace / "adapter", workplace / "sharded")
    assert report.ok
    assert of_ours(report) == []


def test_several_adapters_of_which_one_was_never_trained(tiny_causal: Path, workplace: Path) -> None:
    import peft

    model = wrapped(tiny_causal, "lora")
    step(model)
    model.add_adapter("polite", peft.LoraConfig(target_modules=["o_proj"], task_type="CAUSAL_LM"))
    report = recorded(model, workplace / "adapter", tiny_causal)
    (finding,) = [one for one in report.findings if one.code in CODES]
    assert (finding.severity, finding.path) == ("error", "polite/adapter_model.safetensors")


def test_an_adapter_recorded_for_a_base_of_another_size(
    tiny_causal: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card is sound, the base is the one it names, and still it was trained on another one."""
    model = wrapped(tiny_causal, "lora")
    step(model)
    monkeypatch.setattr("ftlineage.testing.tiny.HIDDEN", 32)
    other = build_tiny_causal(workplace / tiny_causal.name)
    report = recorded(model, workplace / "adapter", other)
    (finding,) = [one for one in report.findings if one.severity == "error"]
    assert finding.code == "adapter.keys-unmatched"
    assert finding.message == (
        "adapter_model.safetensors: model.layers.0.mlp.down_proj was trained on a weight of 64 x 128, "
        "the base's has 32 x 64 (tensor lora_A.weight: 8 x 128) (and 13 other modules)"
    )

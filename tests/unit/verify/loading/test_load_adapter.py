"""Every PEFT method is loaded as PEFT itself loads it, to the bit; what PEFT leaves out in silence is an error."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import ftlineage
from ftlineage.core import codec
from ftlineage.errors import BadInputError, WeightsMismatchError
from ftlineage.testing.tiny import build_tiny_causal
from tests import sealed
from tests.loading import LOADS, TARGETS, base_section, causal, equal, logits, lora, save, trained

pytestmark = [
    *LOADS,
    pytest.mark.filterwarnings("ignore:Failed to load the CUDA extension:UserWarning"),  # BOFT on a CPU
    pytest.mark.filterwarnings("ignore:Setting boft_n_butterfly_factor:UserWarning"),
    pytest.mark.filterwarnings("ignore:Specified to not (save|load) vera_A:UserWarning"),
    pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning"),  # LN tuning of an RMS norm
]
TASK = {"task_type": "CAUSAL_LM"}


def methods() -> dict[str, Any]:
    import peft

    return {
        "lora": lora(),
        "lora without a task": lora(task_type=None),
        "dora": lora(use_dora=True),
        "rslora": lora(use_rslora=True),
        "patterns": lora(rank_pattern={"layers.1.self_attn.q_proj": 3}, alpha_pattern={"layers.1.self_attn.q_proj": 7}),
        "parameters": lora(target_modules=[], target_parameters=["mlp.gate_proj.weight"]),
        "embedding": lora(target_modules=["embed_tokens", "q_proj"]),
        "head": lora(modules_to_save=["lm_head"]),
        "head and embedding": lora(modules_to_save=["embed_tokens", "lm_head"]),
        "tokens": lora(trainable_token_indices=[1, 2, 3]),
        "pissa": lora(init_lora_weights="pissa"),
        "olora": lora(init_lora_weights="olora"),
        "orthogonal": lora(init_lora_weights="orthogonal"),
        "ia3": peft.IA3Config(target_modules=[*TARGETS, "down_proj"], feedforward_modules=["down_proj"], **TASK),
        "adalora": peft.AdaLoraConfig(target_modules=TARGETS, total_step=10, **TASK),
        "vera": peft.VeraConfig(target_modules=["q_proj"], **TASK),
        "vera without projections": peft.VeraConfig(target_modules=["q_proj"], save_projection=False, **TASK),
        "prompt": peft.PromptTuningConfig(num_virtual_tokens=4, **TASK),
        "p-tuning": peft.PromptEncoderConfig(num_virtual_tokens=4, encoder_hidden_size=32, **TASK),
        "prefix": peft.PrefixTuningConfig(num_virtual_tokens=4, **TASK),
        "adaption prompt": peft.AdaptionPromptConfig(adapter_len=4, adapter_layers=1, **TASK),
        "loha": peft.LoHaConfig(target_modules=TARGETS, **TASK),
        "lokr": peft.LoKrConfig(target_modules=TARGETS, **TASK),
        "oft": peft.OFTConfig(target_modules=TARGETS, oft_block_size=8, r=0, **TASK),
        "boft": peft.BOFTConfig(target_modules=TARGETS, boft_block_size=4, boft_n_butterfly_factor=1, **TASK),
        "norms": peft.LNTuningConfig(target_modules=["input_layernorm"], **TASK),
        "trainable tokens": peft.TrainableTokensConfig(
            token_indices=[1, 2, 3], target_modules=["embed_tokens"], **TASK
        ),
        "vblora": peft.VBLoRAConfig(target_modules=["q_proj"], num_vectors=16, vector_length=4, topk=2, **TASK),
        "fourier": peft.FourierFTConfig(target_modules=TARGETS, n_frequency=50, **TASK),
        "hra": peft.HRAConfig(target_modules=TARGETS, **TASK),
    }


NAMES = (
    "lora", "lora without a task", "dora", "rslora", "patterns", "parameters", "embedding", "head",
    "head and embedding", "tokens", "pissa", "olora", "orthogonal", "ia3", "adalora", "vera",
    "vera without projections", "prompt", "p-tuning", "prefix", "adaption prompt", "loha", "lokr", "oft", "boft",
    "norms", "trainable tokens", "vblora", "fourier", "hra",
)  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_causal(tmp_path_factory.mktemp("bases") / "tiny")


def test_no_method_is_left_out_here() -> None:
    assert set(NAMES) == set(methods())


@pytest.mark.parametrize("name", NAMES)
def test_a_method_is_loaded_as_peft_loads_it(name: str, base: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    before = trained(base, methods()[name])
    folder = save(before, tmp_path / "out", base)

    loaded = ftlineage.load(folder, base=base)

    theirs = PeftModel.from_pretrained(causal(base), str(folder))
    assert type(loaded) is type(theirs)
    assert equal(loaded, theirs)
    assert torch.equal(logits(loaded), logits(theirs))
    assert torch.equal(logits(loaded), logits(before))
    assert not loaded.training


@pytest.mark.parametrize("name", ["lora", "dora", "head", "adalora", "ia3"])
def test_half_precision_is_raised_as_peft_raises_it(name: str, base: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    folder = tmp_path / "out"
    section = base_section(base, dtype="bfloat16")
    save(trained(causal(base, dtype="bfloat16"), methods()[name]), folder, base, section=section)

    loaded = ftlineage.load(folder, base=base)

    theirs = PeftModel.from_pretrained(causal(base, dtype="bfloat16"), str(folder))
    assert equal(loaded, theirs)
    assert torch.equal(logits(loaded), logits(theirs))
    assert loaded.get_base_model().dtype == torch.bfloat16


def test_a_model_to_train_on_is_the_one_that_peft_gives(base: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    folder = save(trained(base, lora()), tmp_path / "out", base)

    loaded = ftlineage.load(folder, base=base, is_trainable=True)

    theirs = PeftModel.from_pretrained(causal(base), str(folder), is_trainable=True)
    assert equal(loaded, theirs)
    assert loaded.training is theirs.training
    assert any(parameter.requires_grad for parameter in loaded.parameters())


def test_all_adapters_of_a_folder_are_loaded_under_their_names(base: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    before = trained(base, lora())
    before.add_adapter("polite", lora(r=2, use_dora=True))
    before.add_adapter("short", lora(target_modules=["o_proj"]))
    with torch.no_grad():
        for key, value in before.named_parameters():
            if "lora_" in key:
                value.add_(torch.randn_like(value), alpha=0.05)
    folder = save(before.eval(), tmp_path / "out", base)

    loaded = ftlineage.load(folder, base=base)

    theirs = PeftModel.from_pretrained(causal(base), str(folder))
    for name in ("polite", "short"):
        theirs.load_adapter(str(folder / name), name)
    assert list(loaded.peft_config) == ["default", "polite", "short"]
    assert loaded.active_adapter == "default"
    assert equal(loaded, theirs)
    for name in loaded.peft_config:
        loaded.set_adapter(name)
        before.set_adapter(name)
        assert torch.equal(logits(loaded), logits(before))


def test_adapters_in_subfolders_alone_begin_with_the_first_name(base: Path, tmp_path: Path) -> None:
    before = trained(base, lora())
    before.save_pretrained(tmp_path / "once")
    for name in ("b", "a"):
        shutil.copytree(tmp_path / "once", tmp_path / "out" / name)
    sealed.seal(tmp_path / "out", base=base_section(base))

    loaded = ftlineage.load(tmp_path / "out", base=base)

    assert (list(loaded.peft_config), loaded.active_adapter) == (["a", "b"], "a")


# --- what is refused -----------------------------------------------------------------------------


def rewrite_tensors(folder: Path, base: Path, change: Any) -> None:
    """Let ``change(tensors)`` edit the weights and record what came of it: a sound version that does not fit."""
    from safetensors.torch import load_file, save_file

    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, {"format": "pt"})
    sealed.seal(folder, base=base_section(base))


def rewrite_config(folder: Path, base: Path, **changes: Any) -> None:
    path = folder / "adapter_config.json"
    config = json.loads(path.read_bytes()) | changes
    path.write_bytes(codec.pretty_bytes(config))
    sealed.seal(folder, base=base_section(base))


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return save(trained(base, lora()), tmp_path / "out", base)


def test_an_initialisation_that_draws_random_numbers_is_refused(base: Path, tmp_path: Path) -> None:
    folder = save(trained(base, lora(init_lora_weights="pissa_niter_4")), tmp_path / "out", base)
    with pytest.raises(BadInputError) as caught:
        ftlineage.load(folder, base=base)
    assert caught.value.sentence == (
        "adapter_config.json: the initialisation pissa_niter_4 changed the base's own weights, and cannot be repeated"
    )


def test_a_setting_of_a_later_peft_is_refused_if_it_is_on(base: Path, folder: Path) -> None:
    import peft

    rewrite_config(folder, base, use_magic=False)
    assert ftlineage.load(folder, base=base).peft_config["default"].r == 4
    rewrite_config(folder, base, use_magic=True)
    with pytest.raises(BadInputError) as caught:
        ftlineage.load(folder, base=base)
    assert caught.value.sentence == (
        f"adapter_config.json: peft {peft.__version__} does not know the setting use_magic"
    )


def test_a_runtime_setting_in_the_file_is_ignored_as_peft_ignores_it(base: Path, folder: Path) -> None:
    rewrite_config(folder, base, runtime_config={"ephemeral_gpu_offload": True})
    assert ftlineage.load(folder, base=base).peft_config["default"].runtime_config.ephemeral_gpu_offload is False


def test_an_adapter_for_another_task_takes_the_class_of_that_task(base: Path, folder: Path) -> None:
    from peft import PeftModelForFeatureExtraction

    rewrite_config(folder, base, task_type="FEATURE_EXTRACTION")
    assert type(ftlineage.load(folder, base=base)) is PeftModelForFeatureExtraction


def build(folder: Path, base: Path) -> Any:
    """What is built from the bytes of a folder, whatever ``verify`` says of it."""
    from safetensors.torch import load_file

    from ftlineage.verify.loading.adapter import HeldAdapter, build_peft_model

    config = json.loads((folder / "adapter_config.json").read_bytes())
    tensors = load_file(folder / "adapter_model.safetensors")
    adapter = HeldAdapter(name="default", path="adapter_config.json", config=config, tensors=tensors)
    return build_peft_model(causal(base), [adapter], is_trainable=False)


A = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda tensors: tensors.pop(A), f"{A} of the model is filled by no tensor"),
        (
            lambda tensors: tensors.update({"extra.weight": tensors[A].clone()}),
            "tensor extra.weight names nothing in the model",
        ),
        (
            lambda tensors: tensors.update({A.replace("layers.0", "layers.9"): tensors[A].clone()}),
            f"tensor {A.replace('layers.0', 'layers.9')} names nothing in the model",
        ),
        (
            lambda tensors: tensors.update({A: tensors[A][:2].clone()}),
            (
                "size mismatch for base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight: copying "
                "a param with shape torch.Size([2, 64]) from checkpoint, the shape in current model is "
                "torch.Size([4, 64])"
            ),
        ),
    ],
    ids=["missing", "extra", "another layer", "another rank"],
)
def test_weights_that_do_not_fit_are_an_error(base: Path, folder: Path, change: Any, reason: str) -> None:
    rewrite_tensors(folder, base, change)
    with pytest.raises(WeightsMismatchError) as caught:
        build(folder, base)
    assert caught.value.sentence == f"adapter_config.json does not fit LlamaForCausalLM: {reason}"


def test_modules_that_the_base_lacks_are_an_error(base: Path, folder: Path) -> None:
    rewrite_config(folder, base, target_modules=["nowhere"])
    with pytest.raises(WeightsMismatchError, match=r"does not fit LlamaForCausalLM: Target modules"):
        build(folder, base)


def test_a_head_that_was_to_be_saved_and_is_not_there_is_an_error(base: Path, tmp_path: Path) -> None:
    folder = save(trained(base, lora(modules_to_save=["lm_head"])), tmp_path / "out", base)
    rewrite_tensors(folder, base, lambda tensors: tensors.pop("base_model.model.lm_head.weight"))
    with pytest.raises(WeightsMismatchError) as caught:
        build(folder, base)
    assert caught.value.sentence == (
        "adapter_config.json does not fit LlamaForCausalLM: base_model.model.lm_head.weight is missing"
    )


def test_an_unknown_method_is_refused(base: Path, folder: Path) -> None:
    import peft

    rewrite_config(folder, base, peft_type="MAGIC")
    with pytest.raises(BadInputError) as caught:
        build(folder, base)
    assert caught.value.sentence == f"adapter_config.json: peft {peft.__version__} does not know the method MAGIC"


def test_replicated_layers_are_built_as_peft_builds_them(base: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    folder = save(trained(base, lora(layer_replication=[(0, 2), (1, 2)])), tmp_path / "out", base)
    assert equal(build(folder, base), PeftModel.from_pretrained(causal(base), str(folder)))

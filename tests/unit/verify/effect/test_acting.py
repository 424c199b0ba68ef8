"""An adapter acts unless its digests prove that it cannot."""

from typing import Any

import pytest

from ftlineage.core.sections import Adapter, Tensor
from ftlineage.verify.effect.acting import check_acting
from tests.adapter_folders import CONFIG_PATH, LORA, ONE, ROOT, adapter, lora, lora_layers, tensor

ZERO = b"\0"
Q = "model.layers.0.self_attn.q_proj"


def check(tensors: list[Tensor], config: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    """Severity and message of every finding; each of them is ``adapter.inert``."""
    found = check_acting(adapter(tensors), {CONFIG_PATH: LORA if config is None else config})
    assert {finding.code for finding in found} <= {"adapter.inert"}
    assert all((finding.hint is None) == (finding.severity == "note") for finding in found)
    return [(finding.severity, finding.message) for finding in found]


def test_a_trained_adapter_acts() -> None:
    assert check(lora_layers()) == []


def test_every_b_is_zero() -> None:
    (finding,) = check_acting(adapter(lora_layers(b=ZERO)), {CONFIG_PATH: LORA})
    assert finding.message == (
        "adapter_model.safetensors cannot change the base's output: none of its 14 modules acts "
        "(model.layers.0.mlp.down_proj: lora_B is all zeros)"
    )
    assert (finding.code, finding.severity, finding.section) == ("adapter.inert", "error", "adapter")
    assert (finding.path, finding.expected, finding.actual) == ("adapter_model.safetensors", 14, 0)
    assert (
        finding.hint == "Serve a version saved after training; a checkpoint from before the first step looks like this"
    )


def test_some_modules_do_not_act() -> None:
    tensors = [*lora_layers(layers=1), *lora("model.layers.1.self_attn.q_proj", 8, 8, b=ZERO)]
    assert check(tensors) == [
        (
            "note",
            (
                "1 of 8 modules of adapter_model.safetensors do not act, the first is "
                "model.layers.1.self_attn.q_proj: lora_B is all zeros"
            ),
        )
    ]


@pytest.mark.parametrize("dtype", ["F32", "BF16", "F16", "F64", "F8_E4M3", "F8_E5M2"])
@pytest.mark.parametrize("sign", ["plus", "minus"])
def test_both_zeros_of_every_type(dtype: str, sign: str) -> None:
    width = {"F64": 8, "F32": 4, "BF16": 2, "F16": 2}.get(dtype, 1)
    element = bytes(width) if sign == "plus" else bytes(width - 1) + b"\x80"
    assert check(lora(Q, 8, 8, b=element, dtype=dtype))[0][0] == "error"
    assert check(lora(Q, 8, 8, b=element[:-1] + b"\x01", dtype=dtype)) == []


def test_zeros_larger_than_one_piece() -> None:
    rows = (1 << 20) // 2 + 3
    assert check(lora(Q, rows, 8, b=ZERO))[0][0] == "error"


@pytest.mark.parametrize(
    ("changes", "inert"),
    [
        ({"lora_alpha": 0}, True),
        ({"lora_alpha": 0, "alpha_pattern": {"q_proj": 8}}, False),
        ({"alpha_pattern": {r"layers\.\d+\.self_attn\.q_proj": 0}}, True),
        ({"alpha_pattern": {"k_proj": 0}}, False),
        ({"alpha_pattern": {"(a+)+": 0}}, False),
        ({"lora_alpha": None}, False),
    ],
)
def test_a_scale_of_zero(changes: dict[str, Any], inert: bool) -> None:
    found = check(lora(Q, 8, 8), {**LORA, **changes})
    assert [severity for severity, _ in found] == ["error"] * inert
    assert all("q_proj: lora_alpha is 0)" in message for _, message in found)


def test_a_trained_head_beside_it_acts() -> None:
    head = tensor(f"{ROOT}score.weight", [2, 8])
    assert check([*lora(Q, 8, 8, b=ZERO), head]) == [
        (
            "warning",
            (
                "only the whole tensors saved in adapter_model.safetensors change the base's output; "
                f"its one module does not act ({Q}: lora_B is all zeros)"
            ),
        )
    ]


def test_trained_tokens_beside_it_act() -> None:
    tokens = tensor(f"{ROOT}model.embed_tokens.token_adapter.trainable_tokens_delta", [2, 8])
    assert [severity for severity, _ in check([*lora(Q, 8, 8, b=ZERO), tokens])] == ["warning"]


def test_a_trained_bias_of_lora_b_acts() -> None:
    assert check([*lora(Q, 8, 8, b=ZERO), tensor(f"{ROOT}{Q}.lora_B.bias", [8])]) == []
    assert check([*lora(Q, 8, 8, b=ZERO), tensor(f"{ROOT}{Q}.lora_B.bias", [8], ZERO)])[0][0] == "error"


def test_an_empty_tensor_is_no_zero() -> None:
    """DeepSpeed's shards that were never gathered are another fault, and only that one."""
    assert check([tensor(f"{ROOT}{Q}.lora_A.weight", [0]), tensor(f"{ROOT}{Q}.lora_B.weight", [0])]) == []


# Parameters with the element that fills them, None for bytes that are nothing special.
UNTRAINED: dict[str, tuple[str, dict[str, bytes | None]]] = {
    "lora_A of MiCA": ("LORA", {"lora_A.weight": ZERO, "lora_B.weight": None}),
    "an embedding": ("LORA", {"lora_embedding_A": ZERO, "lora_embedding_B": None}),
    "DoRA": ("LORA", {"lora_A.weight": None, "lora_B.weight": ZERO, "lora_magnitude_vector": None}),
    "AdaLoRA": ("ADALORA", {"lora_A": None, "lora_B": None, "lora_E": ZERO}),
    "VeRA": ("VERA", {"vera_lambda_b": ZERO, "vera_lambda_d": None}),
    "IA3": ("IA3", {"ia3_l": ONE["F32"]}),
    "LoHa": ("LOHA", {"hada_w1_a": None, "hada_w1_b": None, "hada_w2_a": None, "hada_w2_b": ZERO}),
    "LoKr": ("LOKR", {"lokr_w1": ZERO, "lokr_w2": None}),
    "OFT": ("OFT", {"oft_R.weight": ZERO}),
    "BOFT": ("BOFT", {"boft_R": ZERO, "boft_s": ONE["F32"]}),
    "RoAd": ("ROAD", {"road_theta": ZERO, "road_alpha": ONE["F32"]}),
    "MiSS": ("MISS", {"miss_block": ZERO}),
    "adaption prompt": ("ADAPTION_PROMPT", {"adaption_gate": ZERO, "adaption_prompt": None}),
}


def parameters(name: str, *, trained: str | None = None) -> list[Tensor]:
    contents = UNTRAINED[name][1]
    return [
        tensor(f"{ROOT}{Q}.{key}", [4, 4], None if key == trained else content) for key, content in contents.items()
    ]


@pytest.mark.parametrize("name", UNTRAINED)
def test_untrained_methods(name: str) -> None:
    assert [severity for severity, _ in check(parameters(name), {"peft_type": UNTRAINED[name][0]})] == ["error"]


@pytest.mark.parametrize(
    ("name", "trained"),
    [(name, key) for name, (_, contents) in UNTRAINED.items() for key, content in contents.items() if content],
)
def test_one_trained_parameter_is_enough(name: str, trained: str) -> None:
    assert check(parameters(name, trained=trained), {"peft_type": UNTRAINED[name][0]}) == []


def test_the_words_for_methods_without_factors() -> None:
    assert check(parameters("IA3"), {"peft_type": "IA3"})[0][1].endswith("q_proj: ia3_l changes nothing)")
    assert check(parameters("BOFT"), {"peft_type": "BOFT"})[0][1].endswith("q_proj: boft_R and boft_s change nothing)")


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("PROMPT_TUNING", "prompt_embeddings"),
        ("PREFIX_TUNING", "prompt_embeddings"),
        ("LN_TUNING", f"{ROOT}model.norm.ln_tuning_layers.weight"),
        ("TRAINABLE_TOKENS", f"{ROOT}model.embed_tokens.trainable_tokens_delta"),
        ("TOMORROWS", f"{ROOT}{Q}.tomorrow_A"),
    ],
)
def test_what_acts_by_being_there(method: str, name: str) -> None:
    assert check([tensor(name, [4, 8], ZERO)], {"peft_type": method}) == []


def test_full_models_and_bare_tensors_are_not_judged() -> None:
    assert check_acting(adapter([tensor("w", [2], ZERO)], method="full"), {}) == []
    assert check_acting(Adapter(type="none"), {CONFIG_PATH: LORA}) == []
    assert check_acting(adapter(lora(Q, 8, 8, b=ZERO)), {CONFIG_PATH: {"peft_type": 3}}) == []


def test_each_adapter_of_a_folder_is_judged() -> None:
    tensors = [*lora(Q, 8, 8), *lora(Q, 8, 8, b=ZERO, file="polite/adapter_model.safetensors")]
    configs = {CONFIG_PATH: LORA, "polite/adapter_config.json": LORA}
    (finding,) = check_acting(adapter(tensors), configs)
    assert (finding.severity, finding.path) == ("error", "polite/adapter_model.safetensors")


def test_only_the_file_that_loaders_open_is_judged() -> None:
    tensors = [*lora(Q, 8, 8, b=ZERO), *lora(Q, 8, 8, file="extra.safetensors")]
    assert check(tensors)[0][0] == "error"
    assert check(lora(Q, 8, 8, b=ZERO, file="extra.safetensors"))[0][0] == "error"


def test_names_from_a_file_are_made_safe() -> None:
    hostile = lora("model.\x1b[2Jq\u202e", 8, 8, b=ZERO)
    message = check(hostile)[0][1]
    assert r"model.\x1b[2Jq\u202e: lora_B" in message

"""Every tensor of an adapter lands on a module of its base, or one finding says which does not."""

from typing import Any

import pytest

from ftlineage.core.sections import Tensor
from ftlineage.verify.effect.base_tensors import BaseTensors
from ftlineage.verify.effect.landing import cannot_tell, check_landing
from tests.adapter_folders import (
    CONFIG_PATH,
    HIDDEN,
    LORA,
    ROOT,
    TOKENS,
    adapter,
    base,
    base_shapes,
    lora,
    lora_layers,
    tensor,
)

Q = "model.layers.0.self_attn.q_proj"
HINT = "Serve it on the base it was trained on, and save it with PEFT: model.save_pretrained(folder)"


def check(tensors: list[Tensor], on: BaseTensors | None = None, **config: Any) -> list[str]:
    """The messages; all of them are errors with a hint, or notes without."""
    found = check_landing(adapter(tensors), {CONFIG_PATH: {**LORA, **config}}, base() if on is None else on)
    assert all(finding.code == "adapter.keys-unmatched" and finding.section == "adapter" for finding in found)
    assert all((finding.severity, finding.hint) in (("error", HINT), ("note", None)) for finding in found)
    return [finding.message for finding in found]


def test_it_lands() -> None:
    assert check(lora_layers()) == []


def test_nothing_lands() -> None:
    config = {CONFIG_PATH: LORA}
    (finding,) = check_landing(adapter(lora_layers("transformer.h")), config, base())
    assert finding.message == (
        "none of the 14 modules of adapter_model.safetensors exists in the base; engines serve the bare base then "
        "(the first is transformer.h.0.mlp.down_proj)"
    )
    assert (finding.path, finding.expected, finding.actual) == ("adapter_model.safetensors", 14, 0)


def test_some_do_not_land() -> None:
    assert check(lora_layers(layers=3)) == [
        (
            "7 of 21 modules of adapter_model.safetensors do not exist in the base, the first is "
            "model.layers.2.mlp.down_proj; engines leave them out"
        )
    ]


@pytest.mark.parametrize(
    "mangled",
    [
        "",  # saved without PEFT's prefix
        "base_model.",
        "base_model.model.base_model.model.",
        "base_model.model.model.",  # once too often
        "base_model.model._orig_mod.",
        "base_model.model.module.",
        "base_model.model.language_model.",
        "base_model.model.bert.",
        "diffusion_model.",
    ],
)
def test_a_mangled_prefix(mangled: str) -> None:
    tensors = [tensor(mangled + one.name.removeprefix(ROOT), one.shape) for one in lora_layers()]
    (message,) = check(tensors, task_type="CAUSAL_LM")
    assert message.startswith("none of the 14 modules of adapter_model.safetensors exists in the base")


@pytest.mark.parametrize(
    "suffix", [".lora_A.default.weight", ".lora_A", ".lora_a.weight", ".lora_A.weight_1", ".loraA.weight", ".ia3_l"]
)
def test_a_mangled_parameter(suffix: str) -> None:
    (message,) = check([*lora_layers(layers=1), tensor(f"{ROOT}model.layers.1.self_attn.q_proj{suffix}", [2, 8])])
    assert message.startswith("1 of 8 modules of adapter_model.safetensors do not exist in the base, the first is")


def test_names_without_and_with_a_head() -> None:
    """A head's model puts a prefix before its base model's names; checkpoints of both kinds are loaded into both."""
    bare = base(base_shapes(""))
    assert check(lora_layers("layers")) == []
    assert check(lora_layers("layers"), bare) == []
    assert check(lora_layers("model.layers"), bare) == []
    assert check(lora_layers("model.model.layers"), bare) != []


def test_the_prefix_is_that_of_the_model_type() -> None:
    shapes = {"encoder.layer.0.attention.self.query.weight": (8, 8)}
    on = base(shapes, model_type="bert")
    assert check(lora("bert.encoder.layer.0.attention.self.query", 8, 8), on) == []
    assert check(lora("model.encoder.layer.0.attention.self.query", 8, 8), on) == []
    assert check(lora("vit.encoder.layer.0.attention.self.query", 8, 8), on) != []


def test_a_base_of_another_size() -> None:
    (finding,) = check_landing(adapter(lora_layers()), {CONFIG_PATH: LORA}, base(wider()))
    assert finding.message == (
        "adapter_model.safetensors: model.layers.0.mlp.down_proj was trained on a weight of 8 x 12, the base's has "
        "16 x 24 (tensor lora_A.weight: 2 x 12) (and 13 other modules)"
    )
    assert (finding.expected, finding.actual) == ([16, 24], [8, 12])


def wider() -> dict[str, tuple[int, ...]]:
    return {name: tuple(2 * length for length in shape) for name, shape in base_shapes().items()}


def test_one_module_of_another_size() -> None:
    assert check([*lora(Q, 8, 8), *lora("model.layers.1.self_attn.k_proj", 8, 8)]) == [
        (
            "adapter_model.safetensors: model.layers.1.self_attn.k_proj was trained on a weight of 8 x 8, "
            "the base's has 4 x 8 (tensor lora_A.weight: 2 x 8)"
        )
    ]


def test_packed_weights_need_only_be_there() -> None:
    four_bit = base({f"{Q}.weight": (32, 1), f"{Q}.weight.absmax": (1,)}, quantization_config={"quant_method": "bnb"})
    assert check(lora(Q, 8, 8), four_bit) == []
    gptq = base({f"{Q}.qweight": (1, 8), f"{Q}.scales": (1, 8)})
    assert check(lora(Q, 8, 8), gptq) == []
    assert check(lora("model.layers.0.self_attn.v_proj", 8, 8), gptq) != []


def test_a_transposed_weight_and_convolutions() -> None:
    """GPT-2's Conv1D holds ``[in, out]``; a convolution's ``lora_A`` has its kernel."""
    on = base(
        {"transformer.h.0.attn.c_attn.weight": (8, 24), "conv.weight": (16, 3, 5, 5), "grouped.weight": (16, 4, 3)},
        model_type="gpt2",
    )
    grouped = [tensor(f"{ROOT}grouped.lora_A.weight", [4, 8, 3]), tensor(f"{ROOT}grouped.lora_B.weight", [16, 2, 1])]
    conv = [tensor(f"{ROOT}conv.lora_A.weight", [4, 3, 5, 5]), tensor(f"{ROOT}conv.lora_B.weight", [16, 4, 1, 1])]
    assert check([*lora("transformer.h.0.attn.c_attn", 24, 8, rank=4), *conv, *grouped], on, r=4) == []
    assert check([tensor(conv[0].name, [4, 4, 5, 5]), conv[1]], on, r=4) == [
        (
            "adapter_model.safetensors: conv was trained on a weight of 16 x 4, the base's has 16 x 3 x 5 x 5 "
            "(tensor lora_A.weight: 4 x 4 x 5 x 5)"
        )
    ]


def test_embeddings_may_be_resized_but_not_widened() -> None:
    def embedding(tokens: int, width: int) -> list[Tensor]:
        where = f"{ROOT}model.embed_tokens.lora_embedding"
        return [tensor(f"{where}_A", [2, tokens]), tensor(f"{where}_B", [width, 2])]

    assert check(embedding(TOKENS, HIDDEN)) == []
    assert check(embedding(TOKENS + 2, HIDDEN)) == []
    assert len(check(embedding(TOKENS, HIDDEN + 1))) == 1


def test_tied_weights_are_in_no_checkpoint() -> None:
    assert check(lora("lm_head", TOKENS, HIDDEN)) == []
    assert check(lora("model.layers.0.lm_head", TOKENS, HIDDEN)) != []


def test_heads_that_are_new() -> None:
    head = tensor(f"{ROOT}score.weight", [3, HIDDEN])
    assert check([*lora_layers(), head], modules_to_save=["classifier", "score"]) == []
    assert check([*lora_layers(), head], modules_to_save=None) == [
        (
            "1 of 15 modules of adapter_model.safetensors do not exist in the base, the first is score.weight; "
            "engines leave them out"
        )
    ]


def test_whole_tensors_of_the_base() -> None:
    embedding = tensor(f"{ROOT}model.embed_tokens.weight", [TOKENS + 4, HIDDEN])
    targeted = tensor(f"{ROOT}model.embed_tokens.base_layer.weight", [TOKENS, HIDDEN])
    bias = tensor(f"{ROOT}model.layers.0.input_layernorm.bias", [HIDDEN])
    assert check([*lora_layers(), embedding, targeted]) == []
    assert len(check([*lora_layers(), bias])) == 1
    assert check([*lora_layers(), bias], base({**base_shapes(), bias.name.removeprefix(ROOT): (HIDDEN,)})) == []
    assert check([*lora_layers(), tensor(embedding.name, [TOKENS, HIDDEN + 1])]) == [
        (
            "adapter_model.safetensors: tensor base_model.model.model.embed_tokens.weight has the shape 32 x 9, "
            "the base's has 32 x 8"
        )
    ]


# --- ranks ---------------------------------------------------------------------------------------


def test_ranks_that_differ() -> None:
    tensors = [tensor(f"{ROOT}{Q}.lora_A.weight", [4, 8]), tensor(f"{ROOT}{Q}.lora_B.weight", [8, 2])]
    assert check(tensors, r=4) == [
        f"adapter_model.safetensors: {Q} has lora_A 4 x 8 and lora_B 8 x 2, whose ranks differ"
    ]


def test_another_rank_than_the_configuration_says() -> None:
    assert check(lora_layers(rank=4)) == [
        (
            "adapter_model.safetensors: model.layers.0.mlp.down_proj has the rank 4, its configuration says 2 "
            "(and 13 other modules)"
        )
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        {"q_proj": 4},
        {"self_attn.q_proj": 4},
        {"model.layers.0.self_attn.q_proj": 4},
        {r".*\.q_proj": 4},
        {r"layers\.\d+\.self_attn\.q_proj": 4},
        {"^model.layers.0.self_attn.q_proj": 4},
        {"(a+)+$": 9, "q_proj": 4},
    ],
)
def test_rank_patterns(pattern: dict[str, int]) -> None:
    assert check(lora(Q, 8, 8, rank=4), rank_pattern=pattern) == []


def test_a_rank_pattern_of_another_module() -> None:
    assert check(lora(Q, 8, 8, rank=4), rank_pattern={"k_proj": 4, "proj": 4}) != []
    assert check(lora(Q, 8, 8, rank=4), rank_pattern={"q_proj": 8}) != []


def test_half_a_pair() -> None:
    assert check(lora(Q, 8, 8)[:1]) == [
        f"adapter_model.safetensors: {Q} has lora_A.weight and no lora_B.weight, so it does nothing"
    ]


def test_shards_that_were_never_gathered() -> None:
    tensors = [tensor(f"{ROOT}{Q}.lora_A.weight", [0]), tensor(f"{ROOT}{Q}.lora_B.weight", [0])]
    assert check(tensors) == [f"adapter_model.safetensors: {Q} has lora_A 0 and lora_B 0, which are no matrices"]


# --- merged and renamed weights ------------------------------------------------------------------


def test_experts_that_transformers_merges() -> None:
    shapes = {
        f"model.layers.0.block_sparse_moe.experts.{expert}.{name}.weight": (8, 8)
        for expert in range(3)
        for name in ("w1", "w2", "w3")
    }
    on = base({**shapes, "model.layers.0.block_sparse_moe.gate.weight": (3, 8)}, model_type="mixtral")
    merged = lora("model.layers.0.mlp.experts.base_layer", 16, 8, rank=6) + lora(
        "model.layers.0.mlp.experts", 8, 8, rank=6
    )
    assert check(merged, on, target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]) == []
    assert check(lora("model.layers.0.mlp.gate", 3, 8), on) == []
    assert check(lora("model.layers.0.block_sparse_moe.experts.2.w1", 8, 8), on) == []
    assert check(lora("model.layers.0.mlp.expert", 8, 8), on) != []


def test_towers_of_a_vision_language_model() -> None:
    on = base(
        {
            "language_model.model.layers.0.self_attn.q_proj.weight": (8, 8),
            "language_model.lm_head.weight": (32, 8),
            "vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight": (4, 4),
        },
        model_type="llava",
        architectures=["LlavaForConditionalGeneration"],
        text_config={"model_type": "llama"},
        vision_config={"model_type": "clip_vision_model"},
    )
    for name in ("model.language_model.layers", "language_model.model.layers", "model.layers"):
        assert check(lora(f"{name}.0.self_attn.q_proj", 8, 8), on) == []
    assert check(lora("model.vision_tower.encoder.layers.0.self_attn.q_proj", 4, 4), on) == []
    assert check(lora("lm_head", 32, 8), on) == []
    assert len(check(lora("model.vision_tower.encoder.layers.0.self_attn.q_proj", 8, 8), on)) == 1
    assert len(check(lora("model.audio_tower.layers.0.self_attn.q_proj", 8, 8), on)) == 1


def test_models_that_transformers_does_not_bring() -> None:
    """Their code may rename anything: the same module of any layer will do, another module will not."""
    for config in ({"model_type": "tomorrows"}, {"auto_map": {"AutoModel": "modeling.My"}}):
        assert check(lora_layers("decoder.blocks"), base(**config)) == []
        assert check(lora("decoder.blocks.0.attention.wq", 8, 8), base(**config)) != []


# --- other methods, other folders ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "parameters", "wrong"),
    [
        ("ADALORA", {"lora_A": [3, 8], "lora_B": [4, 3], "lora_E": [3, 1]}, {"lora_B": [8, 3]}),
        ("VERA", {"vera_lambda_b": [4], "vera_lambda_d": [16]}, {"vera_lambda_b": [5]}),
        ("IA3", {"ia3_l": [4, 1]}, {"ia3_l": [5, 1]}),
        ("IA3", {"ia3_l": [1, 8]}, {"ia3_l": [1, 9]}),
        (
            "LOHA",
            {"hada_w1_a": [4, 2], "hada_w1_b": [2, 8], "hada_w2_a": [4, 2], "hada_w2_b": [2, 8]},
            {"hada_w1_a": [6, 2]},
        ),
        ("LOKR", {"lokr_w1": [2, 4], "lokr_w2": [2, 2]}, {"lokr_w2": [2, 3]}),
        ("LOKR", {"lokr_w1": [2, 4], "lokr_w2_a": [2, 1], "lokr_w2_b": [1, 2]}, {"lokr_w2_a": [3, 1]}),
        ("BOFT", {"boft_R": [1, 2, 2, 2], "boft_s": [4, 1]}, {"boft_s": [5, 1]}),
        ("MISS", {"miss_block": [2, 4]}, {"miss_block": [2, 5]}),
    ],
)
def test_shapes_of_other_methods(method: str, parameters: dict[str, list[int]], wrong: dict[str, list[int]]) -> None:
    def tensors(shapes: dict[str, list[int]]) -> list[Tensor]:
        return [tensor(f"{ROOT}model.layers.0.self_attn.k_proj.{name}", shape) for name, shape in shapes.items()]

    assert check(tensors(parameters), peft_type=method) == []
    assert len(check(tensors({**parameters, **wrong}), peft_type=method)) == 1


def test_shared_tensors_and_norms() -> None:
    assert check([tensor("base_model.vera_A", [16, 8]), *vera()], peft_type="VERA") == []
    assert len(check([tensor("base_model.vera.vera_A", [16, 8]), *vera()], peft_type="VERA")) == 1
    norm = f"{ROOT}model.norm.ln_tuning_layers.weight"
    assert check([tensor(norm, [HIDDEN])], peft_type="LN_TUNING") == []
    assert len(check([tensor(norm, [HIDDEN + 1])], peft_type="LN_TUNING")) == 1


def vera() -> list[Tensor]:
    return [tensor(f"{ROOT}{Q}.vera_lambda_b", [8]), tensor(f"{ROOT}{Q}.vera_lambda_d", [16])]


def test_a_method_nobody_here_knows() -> None:
    assert check([tensor(f"{ROOT}{Q}.tomorrow_A", [2, 8])], peft_type="TOMORROWS") == [
        (
            "adapter_config.json has the method tomorrows, of which it is not known how its tensors are named; "
            "it was not checked that they land on the base"
        )
    ]


def test_each_adapter_of_a_folder_is_judged() -> None:
    tensors = [*lora_layers(), *lora_layers("h", file="polite/adapter_model.safetensors")]
    configs = {CONFIG_PATH: LORA, "polite/adapter_config.json": LORA}
    (finding,) = check_landing(adapter(tensors), configs, base())
    assert finding.path == "polite/adapter_model.safetensors"
    assert finding.message.startswith("none of the 14 modules of polite/adapter_model.safetensors exists in the base")


def test_a_full_model_lands_nowhere() -> None:
    assert check_landing(adapter([tensor("w", [2])], method="full"), {}, base()) == []


def test_names_from_a_file_are_made_safe() -> None:
    (message,) = check(lora("model.\x1b[2Jq\u202e", 8, 8))
    assert message.endswith(r"(the first is model.\x1b[2Jq\u202e)")


def test_what_cannot_be_told_is_a_note() -> None:
    finding = cannot_tell("the base acme/base is not on this machine")
    assert (finding.code, finding.severity) == ("acts.absent", "note")
    assert finding.hint == "Name its folder: --base PATH"
    assert finding.message == (
        "the base acme/base is not on this machine, so it was not checked that the adapter's tensors land on it"
    )


def test_repeated_layers_are_those_they_were_copied_from() -> None:
    repeated: dict[str, Any] = {"layer_replication": [[0, 2], [1, 2]]}
    assert check(lora_layers(layers=3), **repeated) == []
    assert check(lora_layers(layers=4), **repeated) != []
    for hostile in ([[0, 10**9]], [["a", 1]], "x", [[0]], [[2, 0]]):
        assert check(lora_layers(layers=3), layer_replication=hostile) != []

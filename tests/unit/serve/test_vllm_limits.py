"""Our limits against vLLM's own: the same configurations go through both."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ftlineage.serve.vllm_limits import adapter_fault, lora_rank, max_lora_rank, version_note

GOOD = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}
ACCEPTED = [
    {},
    {"use_rslora": True},
    {"modules_to_save": None},
    {"modules_to_save": ["classifier", "score"]},
    {"bias": "none"},
    {"init_lora_weights": True},
    {"init_lora_weights": False},
    {"init_lora_weights": "gaussian"},
    {"init_lora_weights": "EVA"},
    {"init_lora_weights": "lora_ga"},
    {"rank_pattern": {"layers.0": 64}},
    {"rank_pattern": None},
    {"layer_replication": None},
    {"alora_invocation_tokens": []},
    {"target_modules": "all-linear"},
    {"r": 512},
    {"use_dora": False},
    {"exclude_modules": ["lm_head"], "megatron_config": None, "unknown": {"deep": [1]}},
]
REFUSED = [
    ({"use_dora": True}, "it uses DoRA"),
    ({"lora_bias": True}, "it uses a bias inside LoRA (lora_bias)"),
    ({"modules_to_save": ["embed_tokens", "score"]}, "it trains whole modules (modules_to_save: embed_tokens)"),
    ({"bias": "all"}, "it trains biases (bias: all)"),
    ({"init_lora_weights": "pissa_niter_4"}, "its initialisation pissa_niter_4 changed the base's own weights"),
    ({"init_lora_weights": "olora"}, "its initialisation olora changed the base's own weights"),
    ({"init_lora_weights": "loftq"}, "its initialisation loftq changed the base's own weights"),
    ({"alora_invocation_tokens": [1, 2]}, "it uses Activated LoRA"),
    ({"layer_replication": [[0, 4]]}, "it uses layer_replication"),
    ({"use_bdlora": {"nblocks": 2}}, "it uses block-diagonal LoRA"),
    ({"use_qalora": True}, "it uses QALoRA"),
    ({"r": 0}, "a rank in its configuration is no positive whole number"),
    ({"rank_pattern": {"layers.0": 0}}, "a rank in its configuration is no positive whole number"),
    ({"r": 513}, "its rank 513 is above the highest vLLM takes, 512"),
    ({"rank_pattern": {"layers.0": 1024}}, "its rank 1024 is above the highest vLLM takes, 512"),
]
OLDER = (
    "vLLM 0.24.0 is older than 0.33.0: adapters loaded at run time can be mixed up there "
    "(vllm-project/vllm#47724), and its limits may be others"
)
# vLLM reads these files as LoRA; what it would serve is not what was trained.
REFUSED_BY_US_ALONE = [
    ({"peft_type": "IA3"}, "it serves LoRA adapters, and this is IA3"),
    ({"peft_type": "ADALORA"}, "it serves LoRA adapters, and this is ADALORA"),
    ({"peft_type": None}, "it is no PEFT adapter"),
    ({"r": True}, "a rank in its configuration is no positive whole number"),
]


def judge(config):
    """Vllm's verdict: its sentence, or None."""
    from vllm.lora.peft_helper import PEFTHelper

    try:
        PEFTHelper.from_dict(config).validate_legal(SimpleNamespace(max_lora_rank=512))
    except (ValueError, TypeError) as error:
        return str(error)
    return None


@pytest.mark.parametrize("change", ACCEPTED, ids=str)
def test_what_vllm_serves_we_let_through(vllm, change):
    assert judge(GOOD | change) is None
    assert adapter_fault(GOOD | change) is None


@pytest.mark.parametrize(("change", "reason"), REFUSED, ids=str)
def test_what_vllm_refuses_we_refuse_before_it_is_started(vllm, change, reason):
    assert judge(GOOD | change) is not None
    assert adapter_fault(GOOD | change) == reason


@pytest.mark.parametrize("key", ["r", "lora_alpha", "target_modules"])
def test_what_vllm_needs_must_be_there(vllm, key):
    config = {name: value for name, value in GOOD.items() if name != key}

    assert judge(config) == f"Missing required configuration fields: {{{key!r}}}"
    assert adapter_fault(config) == f"the configuration lacks {key}"


@pytest.mark.parametrize(("change", "reason"), REFUSED_BY_US_ALONE, ids=str)
def test_what_vllm_would_take_for_a_lora(change, reason):
    assert adapter_fault(GOOD | change) == reason


def test_the_rank_is_the_highest_of_any_module():
    assert lora_rank(GOOD) == 8
    assert lora_rank(GOOD | {"rank_pattern": {"a": 4, "b": 40}}) == 40


@pytest.mark.parametrize(
    ("rank", "flag"), [(1, 1), (2, 8), (8, 8), (9, 16), (65, 128), (257, 320), (321, 512), (512, 512)]
)
def test_the_flag_is_the_smallest_that_is_enough(rank, flag):
    assert max_lora_rank(rank) == flag


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("0.33.0", None),
        ("0.33.1", "ftlineage was tested against vLLM 0.33.0, this is 0.33.1"),
        ("0.24.0", OLDER),
        ("dev", "vLLM dev is not a release; ftlineage was tested against 0.33.0"),
    ],
)  # fmt: skip
def test_other_releases_get_a_note(version, said):
    assert version_note(version) == said

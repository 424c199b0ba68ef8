"""Whatever an adapter and a base claim, the checks answer: with findings, never with an exception, and soon."""

import re
import time
import warnings
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ftlineage.core.sections import Tensor
from ftlineage.core.words import clean
from ftlineage.verify.effect.acting import check_acting
from ftlineage.verify.effect.adapter_tensors import METHODS, PROMPT_METHODS
from ftlineage.verify.effect.base_tensors import BaseTensors
from ftlineage.verify.effect.landing import check_landing
from ftlineage.verify.effect.ranks import rank_of
from tests.adapter_folders import CONFIG_PATH, ROOT, adapter, base, base_shapes, lora_layers, tensor

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 300) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PARTS = ["model", "layers", "0", "self_attn", "q_proj", "base_layer", "lora_A", "lora_B", "weight", "", "experts", "é"]
PARAMETERS = sorted({name for method in METHODS.values() for name in method.parameters} | {"prompt_embeddings"})
NAMES = st.builds(
    lambda root, parts, parameter: ".".join([*root, *parts, parameter]),
    st.sampled_from([[], [ROOT[:-1]], ["base_model"]]),
    st.lists(st.sampled_from(PARTS), max_size=8),
    st.sampled_from(PARAMETERS) | st.text(max_size=5),
)
SHAPES = st.lists(st.integers(0, 9), max_size=4)
TENSORS = st.dictionaries(NAMES, SHAPES, max_size=6)
CONFIGS = st.fixed_dictionaries(
    {"peft_type": st.sampled_from([*METHODS, *PROMPT_METHODS, "xlora"]).map(str.upper) | JSON},
    optional=dict.fromkeys(
        ("r", "lora_alpha", "rank_pattern", "alpha_pattern", "modules_to_save", "target_parameters", "task_type"), JSON
    ),
)
BASE_CONFIGS = st.fixed_dictionaries(
    {"model_type": st.sampled_from(["llama", "mixtral", "llava", "bert", "tomorrows"]) | JSON},
    optional={"architectures": JSON, "text_config": JSON, "hidden_size": JSON, "quantization_config": JSON},
)
BASES = st.dictionaries(
    st.sampled_from(list(base_shapes())) | NAMES, st.none() | SHAPES.map(tuple), min_size=1, max_size=6
)


@given(TENSORS, CONFIGS, BASES, BASE_CONFIGS)
def test_they_always_answer(
    tensors: dict[str, list[int]], config: dict[str, Any], shapes: dict[str, Any], base_config: dict[str, Any]
) -> None:
    section = adapter([tensor(name, shape) for name, shape in tensors.items()])
    found = check_acting(section, {CONFIG_PATH: config})
    found += check_landing(section, {CONFIG_PATH: config}, BaseTensors(tensors=shapes, config=base_config))
    assert len(found) <= 2
    assert all(clean(finding.message) == finding.message for finding in found)


@given(st.sampled_from(range(28)), st.sampled_from(["drop", "name", "widen"]), st.data())
def test_one_fault_in_a_sound_adapter_is_one_error(index: int, kind: str, data: st.DataObject) -> None:
    tensors = lora_layers()
    before = tensors[index]
    if kind == "drop":
        changed: list[Tensor] = []
    elif kind == "name":
        position = data.draw(st.integers(0, len(before.name) - 1))
        name = before.name[:position] + "~" + before.name[position + 1 :]
        changed = [tensor(name, before.shape)]
    else:
        side = data.draw(st.integers(0, 1))
        shape = [length + (place == side) for place, length in enumerate(before.shape)]
        changed = [tensor(before.name, shape)]
    section = adapter([*tensors[:index], *changed, *tensors[index + 1 :]])
    found = check_landing(section, {CONFIG_PATH: {"peft_type": "LORA", "r": 2}}, base())
    assert [(finding.code, finding.severity) for finding in found] == [("adapter.keys-unmatched", "error")]


def peft_matches(pattern: str, module: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the compiler's opinion of strange sets
        try:
            return re.match(rf"(.*\.)?({pattern})$", module) is not None
        except re.error:
            return False


@settings(max_examples=300)
@given(st.text("ab.*+?|()[]\\d^$0{}", max_size=12))
def test_patterns_mean_what_they_mean_to_peft_or_nothing(pattern: str) -> None:
    """``peft.utils.other.get_pattern_key``, where the pattern is tried at all."""
    for module in ("a.0.b", "ab", "b.ab"):
        rank = rank_of({"r": 1, "rank_pattern": {pattern: 2}}, module)
        matched = peft_matches(pattern, module)
        literal = module == pattern or module.endswith(f".{pattern}")
        assert rank in ((2,) if literal else (None, 2 if matched else 1))


def test_hostile_patterns_and_names_take_no_time() -> None:
    begun = time.perf_counter()
    long = "a." * 50_000 + "b"
    for pattern in (r"(a+)+$", r"(.*)*x", r".*.*.*.*x", r"(a|a)*x", r"\d+\d+\d+\d+x", "a?" * 40 + "a" * 40, r".*x"):
        for module in (long, "a." * 99 + "b", "0" * 199):
            assert rank_of({"r": 1, "rank_pattern": {pattern: 2}}, module) in (None, 1)
    section = adapter([tensor(f"{ROOT}{long}.lora_A.weight", [2, 8])])
    assert len(check_landing(section, {CONFIG_PATH: {"peft_type": "LORA", "r": 2}}, base())) == 1
    assert time.perf_counter() - begun < 1

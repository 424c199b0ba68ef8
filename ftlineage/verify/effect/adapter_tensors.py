"""An adapter's tensors by the module they change: the names PEFT gives them, read without PEFT.

Decides which part of a tensor's name is the module of the base and which is the parameter that
PEFT added, and which parameters leave a module as it was. The table was measured with PEFT 0.21:
what a freshly made, untrained adapter of every method holds in its file (``docs/acting.md``).
Refuses nothing: a name that PEFT does not write belongs to no method, and the checks judge that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ftlineage.core.sections import Adapter, Tensor

WEIGHTS = "adapter_model.safetensors"
ROOT = "base_model.model."


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """What leaves a module as it was.

    ``factors`` are multiplied with each other, so one that is all zeros is enough. ``shifts`` and
    ``scales`` act by themselves, so all of them must be all zeros, or all ones.
    ``others`` decide nothing alone.
    """

    factors: frozenset[str] = frozenset()
    shifts: frozenset[str] = frozenset()
    scales: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()

    @property
    def parameters(self) -> frozenset[str]:
        """Every parameter of the method."""
        return self.factors | self.shifts | self.scales | self.others


def _method(factors: str = "", shifts: str = "", scales: str = "", others: str = "") -> Method:
    return Method(
        factors=frozenset(factors.split()),
        shifts=frozenset(shifts.split()),
        scales=frozenset(scales.split()),
        others=frozenset(others.split()),
    )


# By `peft_type`, in lower case. LN tuning, trained tokens, bias and `modules_to_save` replace tensors of the
# base, and prompts are put before the input: they act by being there.
METHODS: Mapping[str, Method] = {
    "lora": _method(
        "lora_A.weight lora_B.weight lora_embedding_A lora_embedding_B",
        shifts="lora_B.bias",
        others="lora_magnitude_vector lora_magnitude_vector.weight",
    ),
    "adalora": _method("lora_A lora_B lora_E"),
    "vera": _method("vera_lambda_b vera_lambda_d"),
    "ia3": _method(scales="ia3_l"),
    "loha": _method("hada_w1_a hada_w1_b hada_w2_a hada_w2_b hada_t1 hada_t2"),
    "lokr": _method("lokr_w1 lokr_w1_a lokr_w1_b lokr_w2 lokr_w2_a lokr_w2_b lokr_t2"),
    "oft": _method(shifts="oft_R.weight"),
    "boft": _method(shifts="boft_R", scales="boft_s"),
    "hira": _method("hira_A hira_B"),
    "delora": _method("delora_A delora_B delora_lambda", others="delora_w_norm"),
    "miss": _method(shifts="miss_block"),
    "randlora": _method("randlora_lambda randlora_gamma", others="randlora_A randlora_B"),
    "shira": _method(shifts="shira_weight", others="shira_indices"),
    "road": _method(shifts="road_theta", scales="road_alpha"),
    "waveft": _method(shifts="waveft_spectrum"),
    "fourierft": _method(shifts="fourierft_spectrum"),
    "c3a": _method(shifts="c3a_kernel"),
    "adaption_prompt": _method("adaption_gate", others="adaption_prompt"),
    "ln_tuning": _method(others="ln_tuning_layers.weight ln_tuning_layers.bias"),
    "trainable_tokens": _method(others="trainable_tokens_delta token_adapter.trainable_tokens_delta"),
}
# LoRA may train rows of the embedding beside it (`trainable_token_indices`).
_TOKENS = METHODS["trainable_tokens"].others
PROMPT_METHODS = frozenset({"prompt_tuning", "multitask_prompt_tuning", "p_tuning", "prefix_tuning", "cpt"})


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter of a folder: its configuration's path, its weights' path, its tensors."""

    config_path: str
    weights: str
    method: str
    config: Mapping[str, Any]
    tensors: tuple[Tensor, ...]


class Sorted(msgspec.Struct, frozen=True, kw_only=True):
    """An adapter's tensors: by module and parameter, shared by all modules, and whole tensors of the base."""

    modules: dict[str, dict[str, Tensor]]
    shared: dict[str, Tensor]
    whole: dict[str, Tensor]


def members(adapter: Adapter, configs: Mapping[str, Mapping[str, Any]]) -> Iterator[Member]:
    """Every adapter of a folder with the tensors that a loader takes for it.

    Args:
        adapter: The card's section, whose digests were found right.
        configs: Every adapter configuration in the folder, by path.
    """
    entries = adapter.tensors.entries if adapter.tensors is not None else []
    for path, config in configs.items():
        folder = path.rpartition("/")[0]
        here = [tensor for tensor in entries if tensor.file.rpartition("/")[0] == folder]
        weights = f"{folder}/{WEIGHTS}" if folder else WEIGHTS
        kind = config.get("peft_type")
        yield Member(
            config_path=path,
            weights=weights,
            method=kind.lower() if isinstance(kind, str) else "",
            config=config,
            # A loader opens this file alone; without it, whatever lies there is judged.
            tensors=tuple([tensor for tensor in here if tensor.file == weights] or here),
        )


def sort(tensors: Iterable[Tensor], method: str) -> Sorted:
    """Tensors by what they are for.

    Args:
        tensors: Of one adapter.
        method: Its ``peft_type`` in lower case.

    Returns:
        ``modules`` by the tensor's name without the parameter, which still begins as the file has it.
    """
    parameters = METHODS[method].parameters | _TOKENS if method in METHODS else _TOKENS
    modules: dict[str, dict[str, Tensor]] = {}
    shared: dict[str, Tensor] = {}
    whole: dict[str, Tensor] = {}
    for tensor in tensors:
        module, parameter = split(tensor.name, parameters)
        if is_shared(tensor.name):
            shared[tensor.name] = tensor
        elif parameter:
            modules.setdefault(module, {})[parameter] = tensor
        else:
            whole[tensor.name] = tensor
    return Sorted(modules=modules, shared=shared, whole=whole)


def is_shared(name: str) -> bool:
    """Whether a tensor is one that all modules share, such as VeRA's ``base_model.vera_A``."""
    return name.startswith("base_model.") and name.count(".") == 1


def split(name: str, parameters: frozenset[str]) -> tuple[str, str]:
    """A tensor's name as module and parameter; the parameter is empty if it is none of the method's."""
    parts = name.rsplit(".", 2)
    for count in (2, 1):
        parameter = ".".join(parts[-count:])
        if len(parts) > count and parameter in parameters:
            return name[: -len(parameter) - 1], parameter
    return name, ""

"""Does a trained prompt fit its base? It names no module: only its width has to be the base's.

Decided from the adapter's shape and the base's ``config.json``; a base that does not say how wide it
is fits everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftlineage.core import words
from ftlineage.verify.checks import shown
from ftlineage.verify.effect.adapter_tensors import Member

_TENSOR = "prompt_embeddings"
_WIDTHS = ("hidden_size", "n_embd", "d_model", "dim")
_LAYERS = ("num_hidden_layers", "n_layer", "num_layers")
_HEADS = ("num_attention_heads", "n_head", "num_heads")

Fault = tuple[str, Any, Any]


def prompt_fault(member: Member, config: Mapping[str, Any]) -> Fault | None:
    """What is wrong with a prompt adapter: a sentence, what the base needs, what is there; None if nothing."""
    tensor = next((tensor for tensor in member.tensors if tensor.name == _TENSOR), None)
    if tensor is None:
        there = words.clean(member.tensors[0].name) if member.tensors else "no tensor"
        return f"{shown(member.weights)} holds {there} and no {_TENSOR}, so nothing is put before the input", None, None
    needed = _prefix_widths(config) if member.method == "prefix_tuning" else _prompt_widths(config)
    if len(tensor.shape) == 2 and (not needed or tensor.shape[1] in needed):  # noqa: PLR2004 - [tokens, width]
        return None
    message = (
        f"{shown(member.weights)}: {_TENSOR} is {' x '.join(map(str, tensor.shape))}, "
        f"the base needs a width of {' or '.join(map(str, sorted(needed))) or 'one matrix'}"
    )
    return message, sorted(needed), tensor.shape


def _parts(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A model's configuration and those of its parts: which one reads the prompt is not said."""
    return [config, *(part for part in config.values() if isinstance(part, dict))]


def _prompt_widths(config: Mapping[str, Any]) -> set[int]:
    return {width for part in _parts(config) if (width := _number(part, _WIDTHS)) is not None}


def _prefix_widths(config: Mapping[str, Any]) -> set[int]:
    """Keys and values of every layer, with all heads or, with grouped queries, those of the keys alone."""
    found = set()
    for part in _parts(config):
        width, layers, heads = _number(part, _WIDTHS), _number(part, _LAYERS), _number(part, _HEADS)
        if width is None or layers is None:
            continue
        found.add(2 * layers * width)
        groups, head = _number(part, ("num_key_value_heads",)), _number(part, ("head_dim",))
        if groups is not None and (head or heads):
            found.add(2 * layers * groups * (head or width // (heads or 1)))
    return found


def _number(part: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((part[name] for name in names if type(part.get(name)) is int and part[name] > 0), None)

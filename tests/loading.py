"""Adapters of a tiny base, as PEFT saves them, with cards; and what PEFT itself loads from the same folder."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core.sections import Base, LoadedAs
from ftlineage.sources.base import observe_base, resolve_base
from tests import sealed

#: Marks of modules that load models. peft 0.21 uses a property that transformers 5.23 deprecates; the loader
#: keeps that quiet, the tests' own calls of PEFT do not.
LOADS = [
    pytest.mark.heavy,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
TARGETS = ["q_proj", "v_proj"]


def lora(**changes: Any) -> Any:
    from peft import LoraConfig

    return LoraConfig(**{"task_type": "CAUSAL_LM", "r": 4, "target_modules": TARGETS, **changes})


def causal(base: Path, **changes: Any) -> Any:
    from transformers import LlamaForCausalLM

    return LlamaForCausalLM.from_pretrained(base, **changes)


def logits(model: Any, **inputs: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(**(inputs or {"input_ids": torch.arange(12)[None]}))[0]


def trained(base: Path | Any, config: Any, *, seed: int = 7) -> Any:
    """A PEFT model in which every trainable number was moved."""
    import torch
    from peft import get_peft_model

    torch.manual_seed(seed)
    model = get_peft_model(causal(base) if isinstance(base, Path) else base, copy.deepcopy(config))
    move(model)
    return model.eval()


def move(model: Any) -> None:
    import torch

    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += torch.randn_like(parameter) * 0.05


def base_section(base: Path, **loaded_as: Any) -> Base:
    """What a card says of a base in a folder."""
    how = LoadedAs(**{"class_": "LlamaForCausalLM", "dtype": "float32", "attention": "sdpa", **loaded_as})
    return observe_base(resolve_base(base), loaded_as=how)


def save(model: Any, folder: Path, base: Path, *, section: Base | None = None, **options: Any) -> Path:
    """A sealed version of a PEFT model."""
    model.save_pretrained(folder, **{"save_embedding_layers": False, **options})
    (folder / "README.md").unlink(missing_ok=True)
    sealed.seal(folder, base=section or base_section(base))
    return folder


def equal(first: Any, second: Any) -> bool:
    """Whether two models hold the same numbers under the same names, and the same of them are frozen."""
    import torch

    a, b = first.state_dict(), second.state_dict()
    same = a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and torch.equal(a[k], b[k]) for k in a)
    return same and _frozen(first) == _frozen(second)


def _frozen(model: Any) -> dict[str, bool]:
    return {name: parameter.requires_grad for name, parameter in model.named_parameters()}

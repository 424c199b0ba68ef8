"""A PeftModel over a base, from configurations and tensors that are held in memory.

Does what ``PeftModel.from_pretrained`` does (peft 0.21: the class by task, weights of every adapter
under its name, half-precision adapters raised to float32, evaluation mode) without opening a file;
tests compare both bit for bit. Refused, where PEFT is silent or warns: tensors that name nothing in
the model, parameters that no tensor fills, settings that this PEFT does not know, and
initialisations that changed the base in a way that cannot be repeated.
"""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ftlineage.core import words
from ftlineage.errors import BadInputError, WeightsMismatchError
from ftlineage.sources.adapter import changes_base

# PiSSA and OLoRA subtract from the base what a decomposition of it gives, and PEFT repeats that when
# it loads. The others draw random numbers or need training data, so a second time is another base.
_REPEATABLE = frozenset({"pissa", "olora"})


class HeldAdapter(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter of a version: its name, its configuration as written, its tensors, and its file for sentences."""

    name: str
    path: str
    config: dict[str, Any]
    tensors: dict[str, Any]


def build_peft_model(model: Any, adapters: Sequence[HeldAdapter], *, is_trainable: bool) -> Any:
    """Put adapters into a base.

    Args:
        model: The base; it is changed in place.
        adapters: At least one; the first becomes the active one.
        is_trainable: For training on; otherwise everything is frozen and in evaluation mode.

    Returns:
        A ``peft.PeftModel``, of the subclass for its task.

    Raises:
        BadInputError: A configuration that this PEFT cannot follow.
        WeightsMismatchError: Tensors and model do not fit each other.
    """
    from peft import PeftModel
    from peft.auto import MODEL_TYPE_TO_PEFT_MODEL_MAPPING

    peft_model: Any = None
    for adapter in adapters:
        config = peft_config(adapter)
        config.inference_mode = not is_trainable
        with _fitting(adapter, model):
            if peft_model is None:
                kind = MODEL_TYPE_TO_PEFT_MODEL_MAPPING.get(config.task_type, PeftModel)
                if is_trainable and config.is_prompt_learning:
                    raise BadInputError(path=adapter.path, reason="a learnt prompt cannot be loaded for training")
                peft_model = kind(model, config, adapter.name)
            else:
                peft_model.add_adapter(adapter.name, config)
                if is_trainable:
                    peft_model.set_requires_grad(adapter.name)
            _fill(peft_model, adapter)
    if not is_trainable:
        peft_model.eval()
    return peft_model


def peft_config(adapter: HeldAdapter) -> Any:
    """PEFT's configuration object from what ``adapter_config.json`` says.

    Raises:
        BadInputError: An unknown method, settings that this PEFT does not know, or an
            initialisation that cannot be repeated.
    """
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    written = {key: value for key, value in adapter.config.items() if key != "runtime_config"}
    kind = PEFT_TYPE_TO_CONFIG_MAPPING.get(str(written.get("peft_type")))
    if kind is None:
        raise _unknown(adapter, f"the method {words.clean(str(written.get('peft_type')))}")
    if changes_base(written) and str(written.get("init_lora_weights")).lower() not in _REPEATABLE:
        name = words.clean(str(written.get("init_lora_weights")))
        reason = f"the initialisation {name} changed the base's own weights, and cannot be repeated"
        hint = "Save it converted: save_pretrained(..., path_initial_model_for_weight_conversion=...)"
        raise BadInputError(path=adapter.path, reason=reason, hint=hint)
    known = {field.name for field in dataclasses.fields(kind)}
    # A later PEFT writes its new settings even where they are off.
    unknown = sorted(key for key, value in written.items() if key not in known and value)
    if unknown:
        raise _unknown(adapter, f"the setting {words.clean(unknown[0])}")
    try:
        return kind.from_peft_type(**kind.check_kwargs(**{key: written[key] for key in written if key in known}))
    except (TypeError, ValueError, KeyError) as error:
        raise BadInputError(path=adapter.path, reason=words.clean(str(error))) from error


def _unknown(adapter: HeldAdapter, what: str) -> BadInputError:
    import peft

    reason = f"peft {peft.__version__} does not know {what}"
    return BadInputError(path=adapter.path, reason=reason, hint="Upgrade: pip install --upgrade peft")


def _fill(model: Any, adapter: HeldAdapter) -> None:
    """Load the tensors of one adapter, and make sure that nothing was left out on either side."""
    from peft import get_peft_model_state_dict, set_peft_model_state_dict

    base = model.base_model
    swapped = base._temporarily_active(adapter.name) if model.peft_config[adapter.name].is_adaption_prompt else None  # noqa: SLF001 - as PEFT's load_adapter does
    with swapped or contextlib.nullcontext():
        set_peft_model_state_dict(model, adapter.tensors, adapter_name=adapter.name)
        own = get_peft_model_state_dict(model, adapter_name=adapter.name, save_embedding_layers=False)
    if hasattr(base, "_cast_adapter_dtype"):
        base._cast_adapter_dtype(adapter_name=adapter.name, autocast_adapter_dtype=True)  # noqa: SLF001 - likewise
    empty = own.keys() - adapter.tensors.keys()
    if empty:
        raise _misfit(model, adapter, f"{_some(empty)} of the model is filled by no tensor")
    spare = adapter.tensors.keys() - own.keys()
    # Embeddings saved with an adapter are the base's own and not among its parameters.
    stray = spare - model.state_dict().keys() if spare else spare
    if stray:
        raise _misfit(model, adapter, f"tensor {_some(stray)} names nothing in the model")


@contextlib.contextmanager
def _fitting(adapter: HeldAdapter, model: Any) -> Iterator[None]:
    """PEFT's errors as one sentence each, and without the deprecation that it causes in transformers itself."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        try:
            yield
        except KeyError as error:
            raise _misfit(model, adapter, f"{words.clean(str(error.args[0]))} is missing") from error
        except (RuntimeError, ValueError, TypeError) as error:
            raise _misfit(model, adapter, _first_fault(str(error))) from error


def _misfit(model: Any, adapter: HeldAdapter, reason: str) -> WeightsMismatchError:
    get_base = getattr(model, "get_base_model", None)
    name = type(get_base() if get_base is not None else model).__name__
    return WeightsMismatchError(path=adapter.path, model=name, reason=reason)


def _some(names: Any) -> str:
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return f"{words.clean(min(names))}{more}"


def _first_fault(text: str) -> str:
    """The first of the tensors that do not fit: torch lists them all, one a line under a title."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return words.clean(lines[1] if len(lines) > 1 else lines[0] if lines else "no reason given").rstrip(".")

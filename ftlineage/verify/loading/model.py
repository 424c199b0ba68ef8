"""The base model as it was when the adapter was trained: class, type, attention, classes, vocabulary.

Decides the arguments of ``from_pretrained`` from the card, where the caller does not override them,
and judges what came of it: a weight that neither the base nor the adapter holds would be random, and
is refused. Nothing is memory-mapped: on a CPU such a model goes on reading the file for as long as it
lives, so whoever writes to the file later changes the model (measured on transformers 5.23).
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ftlineage.core import codec, words
from ftlineage.core.sections import LoadedAs, Tensor
from ftlineage.errors import BadArgumentError, WeightsMismatchError
from ftlineage.sources.base import ResolvedBase, code_sources
from ftlineage.sources.hub import download_snapshot, resolve_revision
from ftlineage.sources.hub_cache import snapshot_folder
from ftlineage.verify.loading.base import BasePlace

#: What the card or the place decides; a caller who gave them would load something else than was verified.
DECIDED = frozenset(
    {
        "revision", "code_revision", "cache_dir", "subfolder", "variant", "gguf_file", "local_files_only", "config",
        "force_download", "state_dict", "adapter_kwargs", "adapter_name", "output_loading_info", "use_safetensors",
    }
)  # fmt: skip
_BY_TASK = {
    "CAUSAL_LM": "AutoModelForCausalLM",
    "SEQ_CLS": "AutoModelForSequenceClassification",
    "SEQ_2_SEQ_LM": "AutoModelForSeq2SeqLM",
    "TOKEN_CLS": "AutoModelForTokenClassification",
    "QUESTION_ANS": "AutoModelForQuestionAnswering",
    "FEATURE_EXTRACTION": "AutoModel",
}
_AUTO = re.compile(r"AutoModel(For\w+)?", re.ASCII)
_PREFIXES = ("base_model.model.", "base_model.")
_HEADS = ("score.weight", "classifier.weight", "classifier.out_proj.weight")


def refuse_decided(arguments: Mapping[str, Any]) -> None:
    """Raise for the first argument that would load something else than was verified.

    Raises:
        BadArgumentError: It is among :data:`DECIDED`.
    """
    name = next((name for name in arguments if name in DECIDED), None)
    if name is not None:
        raise BadArgumentError(argument=name, reason="the card decides it", hint=f"Leave {name} out of load()")


def load_base_model(
    place: BasePlace,
    *,
    cls: Any,
    configs: Iterable[Mapping[str, Any]],
    saved: Mapping[str, Tensor],
    arguments: Mapping[str, Any],
) -> Any:
    """The base, ready to be adapted.

    Args:
        place: Where it lies.
        cls: A class with ``from_pretrained``; the recorded one when None.
        configs: The adapters' configurations, for cards that do not say the class.
        saved: The adapters' tensors by name: what they replace may be random before.
        arguments: The caller's, for ``from_pretrained``.

    Raises:
        BadArgumentError: The class is unknown here, or the code is not pinned.
        WeightsMismatchError: The base lacks weights, and the adapter does not bring them.
    """
    refuse_decided(arguments)
    loaded_as = place.section.loaded_as
    chosen = cls or _recorded_class(place, loaded_as, list(configs))
    changes = _config_changes(loaded_as, saved)
    rows = changes.pop("vocab_size", None)
    given = {
        **_recorded_arguments(place, loaded_as),
        **changes,
        "trust_remote_code": False,  # None would ask on a terminal
        "ignore_mismatched_sizes": True,  # judged below
        "disable_mmap": True,
        **arguments,
    }
    pins = {**place.pins, **_code_pins(place)} if given["trust_remote_code"] else place.pins
    with quiet_report():
        model, report = chosen.from_pretrained(place.location, **pins, **given, output_loading_info=True)
    _refuse_offload(model)
    _require_whole(model, report, saved, place)
    _resize(model, rows, saved, place)
    return model


def class_named(name: str) -> Any:
    """A model class of transformers by its name, or None."""
    import transformers

    found = getattr(transformers, name, None) if name.isidentifier() else None
    return found if isinstance(found, type) and issubclass(found, transformers.PreTrainedModel) else None


@contextlib.contextmanager
def quiet_report() -> Iterator[None]:
    """Inside, transformers does not tell people that a head is random which the adapter is about to bring."""
    logger = logging.getLogger("transformers.modeling_utils")
    here = threading.get_ident()

    def keep(record: logging.LogRecord) -> bool:
        return record.thread != here or "LOAD REPORT" not in record.getMessage()

    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)


# --- the class -----------------------------------------------------------------------------------


def _recorded_class(place: BasePlace, loaded_as: LoadedAs | None, configs: list[Mapping[str, Any]]) -> Any:
    name = _class_name(place, loaded_as, configs)
    import transformers

    found = getattr(transformers, name, None) if _AUTO.fullmatch(name) else class_named(name)
    if found is None:
        reason = (
            f"the base was loaded as {words.clean(name)}, which transformers does not have"
            if name
            else ("the card does not say which class the base was loaded as")
        )
        raise BadArgumentError(argument="cls", reason=reason, hint="Give the class: load(TARGET, cls=...)")
    return found


def _class_name(place: BasePlace, loaded_as: LoadedAs | None, configs: list[Mapping[str, Any]]) -> str:
    if loaded_as is not None:
        return loaded_as.class_ if class_named(loaded_as.class_) else _auto_name(place, loaded_as.class_)
    for config in configs:
        task, mapping = config.get("task_type"), config.get("auto_mapping")
        if isinstance(task, str) and task in _BY_TASK:
            return _BY_TASK[task]
        # Only classes of transformers itself: importing what a file names would run what it names.
        if isinstance(mapping, dict) and str(mapping.get("parent_library", "")).partition(".")[0] == "transformers":
            return str(mapping.get("base_model_class"))
    return ""


def _auto_name(place: BasePlace, name: str) -> str:
    """The auto class through which a base's own code provides a class; the name itself if it does not."""
    auto_map = _base_config(place).get("auto_map")
    entries = auto_map.items() if isinstance(auto_map, dict) else ()
    return next((auto for auto, target in entries if str(target).rpartition(".")[2] == name), name)


# --- the arguments -------------------------------------------------------------------------------


def _recorded_arguments(place: BasePlace, loaded_as: LoadedAs | None) -> dict[str, Any]:
    if loaded_as is None:
        return {}
    recorded: dict[str, Any] = {"dtype": loaded_as.dtype, "attn_implementation": loaded_as.attention}
    # transformers warns if it is told of a quantisation that the base's own configuration has.
    if loaded_as.quantization is not None and _base_config(place).get("quantization_config") is None:
        recorded["quantization_config"] = loaded_as.quantization
    return {name: value for name, value in recorded.items() if value is not None}


def _base_config(place: BasePlace) -> dict[str, Any]:
    try:
        return codec.foreign_object((place.folder / "config.json").read_bytes()) or {}
    except OSError:
        return {}


def _config_changes(loaded_as: LoadedAs | None, saved: Mapping[str, Tensor]) -> dict[str, Any]:
    """What the trained model's configuration said differently from the base's own."""
    if loaded_as is not None and isinstance(loaded_as.config, dict):
        changes = dict(loaded_as.config)
        if isinstance(changes.get("id2label"), dict):  # JSON has no numbers for keys
            changes["id2label"] = {int(number): label for number, label in changes["id2label"].items()}
        return changes
    # An earlier card: the number of classes is at least in the shape of the head that was saved.
    name = loaded_as.class_ if loaded_as is not None else ""
    if not name.endswith("Classification"):
        return {}
    heads = (saved[prefix + head] for prefix in _PREFIXES for head in _HEADS if prefix + head in saved)
    head = next(heads, None)
    return {"num_labels": head.shape[0]} if head is not None and head.shape else {}


def _code_pins(place: BasePlace) -> dict[str, str]:
    """The commit of the base's code where another repository holds it."""
    section = place.section
    here = ResolvedBase(model=section.model, origin="local", folder=place.folder)
    others = sorted(code_sources(here) - {section.model, ""})
    if not others:
        return {}
    if section.code_revision is None or len(others) > 1:
        reason = f"the base's code is in {words.clean(', '.join(others))}, and the card does not say at which commit"
        raise BadArgumentError(argument="trust_remote_code", reason=reason)
    if not snapshot_folder(others[0], section.code_revision).is_dir():
        download_snapshot(resolve_revision(others[0], section.code_revision), allow_patterns=["*.py"])
    return {"code_revision": section.code_revision}


# --- what came of it -----------------------------------------------------------------------------


def _refuse_offload(model: Any) -> None:
    places = {str(place) for place in (getattr(model, "hf_device_map", None) or {}).values()}
    if "disk" in places or (len(places) > 1 and "cpu" in places):
        reason = "parts of the base were put aside on the CPU or a disk, where an adapter cannot be built in"
        raise BadArgumentError(argument="device_map", reason=reason, hint="Use devices that hold the whole model")


def _require_whole(model: Any, report: Mapping[str, Any], saved: Mapping[str, Tensor], place: BasePlace) -> None:
    """Every weight came from the base or comes with the adapter."""
    brought = {name.removeprefix(prefix) for name in saved for prefix in _PREFIXES if name.startswith(prefix)}
    lost = {_key(key) for part in ("missing_keys", "mismatched_keys") for key in report.get(part) or ()} - brought
    if lost:
        more = f" (and {words.quantity(len(lost) - 1, 'other weight')})" if len(lost) > 1 else ""
        reason = f"neither holds {words.clean(min(lost))}{more}, so it would be random"
        raise WeightsMismatchError(
            path="the adapter with its base",
            model=type(model).__name__,
            reason=reason,
            hint=f"Load it as the class it was trained as; {words.clean(place.section.model)} is the base",
        )


def _key(key: Any) -> str:
    return str(key[0]) if isinstance(key, tuple) else str(key)


def _resize(model: Any, rows: Any, saved: Mapping[str, Tensor], place: BasePlace) -> None:
    """Tokens that were added in training, before their embeddings are brought by the adapter."""
    try:
        embedding = model.get_input_embeddings()
    except (NotImplementedError, AttributeError):
        return
    name = next((name for name, module in model.named_modules() if module is embedding), None)
    keys = [f"{prefix}{name}{inner}.weight" for prefix in _PREFIXES for inner in ("", ".base_layer")]
    trained = next((saved[key].shape[0] for key in keys if key in saved and saved[key].shape), None)
    wanted = rows if isinstance(rows, int) else trained
    if wanted is None or not hasattr(embedding, "weight") or wanted == embedding.weight.shape[0]:
        return
    if trained is None and not any("token_adapter" in key or "trainable_tokens" in key for key in saved):
        reason = f"it was trained with {wanted} tokens and brings no embeddings for those that were added"
        raise WeightsMismatchError(path="the adapter", model=words.clean(place.section.model), reason=reason)
    model.resize_token_embeddings(wanted, mean_resizing=False)

"""A full fine-tune from bytes that are held in memory: configuration, weights, generation settings.

Decides the class from the verified ``config.json`` and gives transformers the tensors, so that no
file is opened. Refused: models with code of their own, and weights that do not fill the model exactly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ftlineage.core import words
from ftlineage.errors import BadArgumentError, BadInputError, WeightsMismatchError
from ftlineage.verify.loading.model import class_named, quiet_report, refuse_decided

MODEL_CONFIG = "config.json"
GENERATION_CONFIG = "generation_config.json"


def build_full_model(
    files: Mapping[str, bytes], tensors: Mapping[str, Any], *, cls: Any, arguments: Mapping[str, Any]
) -> Any:
    """A model as ``from_pretrained`` would make it of the folder.

    Args:
        files: The small files by name; ``config.json`` must be there.
        tensors: Every tensor of the weights.
        cls: A class of transformers; the one that ``config.json`` names when None.
        arguments: The caller's, for ``from_pretrained``.

    Raises:
        BadInputError: A configuration that this transformers cannot follow.
        BadArgumentError: The class is unknown here.
        WeightsMismatchError: A weight is missing, or one too many.
    """
    refuse_decided(arguments)
    config, document = _config(files)
    chosen = cls or _architecture(document)
    given = dict(arguments)
    if GENERATION_CONFIG in files:
        from transformers import GenerationConfig

        given.setdefault(
            "generation_config", GenerationConfig.from_dict(read_object(files[GENERATION_CONFIG], GENERATION_CONFIG))
        )
    with quiet_report():
        try:
            model, report = chosen.from_pretrained(
                None, config=config, state_dict=dict(tensors), output_loading_info=True, **given
            )
        except RuntimeError as error:
            raise _misfit(chosen, words.clean(str(error).split("\n\t")[-1])) from error
    for part, what in (("missing_keys", "no tensor fills {}"), ("unexpected_keys", "tensor {} names nothing in it")):
        names = sorted(str(name) for name in report.get(part) or ())
        if names:
            raise _misfit(chosen, what.format(words.clean(names[0])))
    return model


def _config(files: Mapping[str, bytes]) -> tuple[Any, dict[str, Any]]:
    from transformers import CONFIG_MAPPING

    document = read_object(files[MODEL_CONFIG], MODEL_CONFIG)
    kind = str(document.get("model_type"))
    if document.get("auto_map"):
        reason = "the model runs code of its own, which cannot be loaded from memory"
        raise BadInputError(path=MODEL_CONFIG, reason=reason)
    if kind not in CONFIG_MAPPING:
        import transformers

        reason = f"transformers {transformers.__version__} does not know the model type {words.clean(kind)}"
        raise BadInputError(path=MODEL_CONFIG, reason=reason, hint="Upgrade: pip install --upgrade transformers")
    return CONFIG_MAPPING[kind].from_dict(document), document


def _architecture(document: Mapping[str, Any]) -> Any:
    names = document.get("architectures")
    name = str(names[0]) if isinstance(names, list) and names else ""
    found = class_named(name)
    if found is None:
        reason = f"{MODEL_CONFIG} names the class {words.clean(name) or '(none)'}, which transformers does not have"
        raise BadArgumentError(argument="cls", reason=reason, hint="Give the class: load(TARGET, cls=...)")
    return found


def read_object(data: bytes, name: str) -> dict[str, Any]:
    """A configuration as the libraries read it, ``Infinity`` included, which model configurations hold.

    Raises:
        BadInputError: It is no JSON object.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BadInputError(path=name, reason="expected a JSON object")
    return document


def _misfit(cls: Any, reason: str) -> WeightsMismatchError:
    return WeightsMismatchError(path="the set of weights", model=cls.__name__, reason=reason)

"""Training arguments that differ from their defaults, as values of a card.

Compared with the defaults as the class declares them, never with a second instance: building a
``TrainingArguments`` resets accelerate's state of the whole process, and a run on several
processes would go on as if it were alone. What ``__post_init__`` makes of an untouched field is
recognised instead. Left out are arguments that cannot change the weights and often hold paths,
names or tokens.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from ftlineage.core import codec
from ftlineage.core.private import without_private

# Where things go and who is told: never part of what the model is, and often private.
_OUTWARD = re.compile(
    r"output_dir|logging_.*|run_name|hub_.*|push_to_hub.*|report_to|project|trackio_.*|resume_from_checkpoint|"
    r"restore_callback_states_from_checkpoint|save_on_each_node|save_only_model|save_total_limit|disable_tqdm|"
    r"log_level.*|log_on_each_node|local_rank|enable_jit_checkpoint|skip_memory_metrics|do_train|do_eval|do_predict|_.*"
)
#: Recorded in the recipe's ``seeds``.
SEEDS = ("seed", "data_seed")
# Recorded whatever they are: their defaults depend on the machine.
_PRECISION = frozenset({"bf16", "fp16"})
# transformers 5.23 keeps each pair equal; classes may declare the default on either name.
_OLD_NAMES = {
    "activation_checkpointing": "gradient_checkpointing",
    "activation_checkpointing_kwargs": "gradient_checkpointing_kwargs",
}
_EMPTY: tuple[Any, ...] = (None, "", [], {})


def differing_arguments(args: Any) -> dict[str, Any]:
    """Fields of a ``TrainingArguments`` (or any dataclass) that differ from their defaults, and the precision.

    Args:
        args: The instance a trainer was given; anything else gives nothing.
    """
    if not dataclasses.is_dataclass(args):
        return {}
    defaults = {field.name: _default(field) for field in dataclasses.fields(args)}
    twice = {old for new, old in _OLD_NAMES.items() if new in defaults and old in defaults}
    found = {}
    for name in defaults:
        if _OUTWARD.fullmatch(name) or name in SEEDS or name in twice:
            continue
        value = _plain(getattr(args, name, None))
        if name in _PRECISION or value != _plain(_made_of(name, defaults)):
            found[name] = value
    differing: dict[str, Any] = without_private(dict(sorted(found.items())))
    return differing


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else None


def _made_of(name: str, defaults: dict[str, Any]) -> Any:
    """What ``__post_init__`` makes of an untouched field."""
    default = defaults[name]
    if default is None and name in _OLD_NAMES:
        default = defaults.get(_OLD_NAMES[name])
    return False if default is None and name == "activation_checkpointing" else default


def _plain(value: Any) -> Any:
    """A JSON value; empty ones are one, and an object of settings is what in it differs from its defaults."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {
            field.name: getattr(value, field.name, None)
            for field in dataclasses.fields(value)
            if _plain(getattr(value, field.name, None)) != _plain(_default(field))
        }
    plain = codec.jsonable(value)
    return None if plain in _EMPTY else plain

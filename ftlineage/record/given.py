"""What ``ftlineage.run`` and its methods are given, judged the moment it is given.

Refused here, with a sentence, is what would otherwise fail hours later, when the card is made:
names that no card can hold, a seed that NumPy does not take, objects that are no PEFT config,
processor or model.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from ftlineage.core.sections import Governance
from ftlineage.errors import BadArgumentError, RunStateError

_SEEDS = 2**32


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def check_out(out: object) -> Path:
    """The output folder, absolute: the current folder may change before the run is sealed.

    Raises:
        BadArgumentError: Nothing, which would mean the current folder, or no path at all.
    """
    path = os.fspath(out) if isinstance(out, str | os.PathLike) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise BadArgumentError(argument="out", reason=f"{out!r} names no folder", hint='For example: out="out/bot"')
    return Path(path).absolute()


def check_seed(seed: int) -> int:
    """A seed for Python, NumPy and torch alike.

    Raises:
        BadArgumentError: It is none.
    """
    number = seed if hasattr(seed, "__index__") else -1
    if not 0 <= number < _SEEDS:
        raise BadArgumentError(argument="seed", reason=f"{seed!r} is no whole number from 0 to {_SEEDS - 1}")
    return int(number)


def check_governance(governance: object) -> Governance:
    """What people decided, empty if nothing was said.

    Raises:
        BadArgumentError: It is of another class.
    """
    if governance is None:
        return Governance()
    if not isinstance(governance, Governance):
        reason = f"a {type(governance).__name__} is no Governance"
        hint = "from ftlineage.core.sections import Governance"
        raise BadArgumentError(argument="governance", reason=reason, hint=hint)
    return governance


def stated(**values: Any) -> dict[str, Any]:
    """Those of the values that were given."""
    return {name: value for name, value in values.items() if value is not None}


def check_label(what: str, name: object, known: Iterable[_Named], *, run: str) -> None:
    """The name of a dataset, prompt or index is one, and new in its run.

    Raises:
        BadArgumentError: It is empty or no text.
        RunStateError: It is taken.
    """
    if not isinstance(name, str) or not name.strip():
        raise BadArgumentError(argument=f"name of the {what}", reason=f"{name!r} is no name")
    if any(one.name == name for one in known):
        raise RunStateError(name=run, reason=f"there is a {what} named {name!r} already")


def check_peft_config(config: Any) -> None:
    """A config of PEFT, told by its interface.

    Raises:
        BadArgumentError: It is something else.
    """
    if not hasattr(config, "peft_type"):
        reason = f"a {type(config).__name__} is no PEFT config"
        raise BadArgumentError(argument="config", reason=reason, hint="For example: run.peft(LoraConfig(r=8))")


def check_processor(processor: Any) -> None:
    """A tokenizer, processor, image processor or feature extractor of transformers.

    Raises:
        BadArgumentError: It is something else.
    """
    from ftlineage.sources.processors import kind_of

    kind_of(processor)


def check_subject(subject: Any) -> None:
    """A trainer, or a model that can be saved; warns of a trainer that has not trained.

    Raises:
        BadArgumentError: It is something else.
    """
    from ftlineage.record.saving import is_trainer, unwrap

    if is_trainer(subject):
        if subject.state.global_step == 0:
            message = "seal() was given a trainer that has not trained a step: the version holds untrained weights"
            warnings.warn(message, RuntimeWarning, stacklevel=3)
        return
    if not hasattr(subject, "named_parameters") or not hasattr(unwrap(subject), "save_pretrained"):
        reason = f"a {type(subject).__name__} is no trainer, and no model with save_pretrained()"
        hint = "Give seal() the trainer, or the model that run.base(...).load() or run.get_peft_model() returned"
        raise BadArgumentError(argument="subject", reason=reason, hint=hint)

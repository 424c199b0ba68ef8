"""Checks before the first step: what would spoil the card is said while it is cheap to stop.

Refused: a run without a base, and checkpoints in a folder that would count as part of the version.
Only warned about: a model or tokenizer that was loaded elsewhere, because the card can say so.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftlineage.core.layout import may_hold_recorded
from ftlineage.errors import RunStateError
from ftlineage.record.saving import pin_configs, pin_saving, pretrained_model, unwrap

if TYPE_CHECKING:
    from ftlineage.record.run import Run


def check_beginning(run: Run, *, args: Any, model: Any, processor: Any) -> None:
    """Called once training is set up.

    Args:
        run: The run.
        args: The trainer's ``TrainingArguments``.
        model: What is about to be trained, wrapped or not.
        processor: The trainer's tokenizer or processor, or None.

    Raises:
        RunStateError: ``run.base()`` was never called, or checkpoints would lie among the version's files.
    """
    base = run.pinned_base
    if base is None:
        raise RunStateError(
            name=run.name, reason="training begins without a base model", hint='First: base = run.base("org/name")'
        )
    _check_checkpoints(run, args)
    if model is not None:
        model = unwrap(model)
        pin_saving(model, base)
        pin_configs(model, base)
        if not base.loaded(pretrained_model(model)):
            _warn(run, "the model being trained", "the card can only say what was declared about its base")
    if processor is not None and not run.knows_processor(processor):
        _warn(run, f"the trainer's {type(processor).__name__}", "the card cannot say which revision it came from")


def _check_checkpoints(run: Run, args: Any) -> None:
    strategy = getattr(args, "save_strategy", "no")
    folder = getattr(args, "output_dir", None)
    if folder is None or str(getattr(strategy, "value", strategy)) == "no":
        return
    try:
        place = Path(folder).resolve().relative_to(run.out.resolve())
    except ValueError:
        return
    if place.parts and may_hold_recorded((place / "checkpoint-1").as_posix()):
        reason = (
            f"the trainer saves checkpoints in {place}/ of the output folder, where they would be part of the version"
        )
        hint = f"Give the trainer output_dir={str(run.out)!r} (its checkpoint-* folders are left out), or another place"
        raise RunStateError(name=run.name, reason=reason, hint=hint)


def _warn(run: Run, what: str, consequence: str) -> None:
    message = f"run {run.name!r}: {what} was not loaded with run.base(...).load(), so {consequence}"
    warnings.warn(message, RuntimeWarning, stacklevel=2)

"""What a trainer knows about its run, as values of the card."""

from __future__ import annotations

from typing import Any

from ftlineage.core import codec
from ftlineage.core.private import without_private
from ftlineage.core.sections import Recipe, RunRecord
from ftlineage.record.training_arguments import SEEDS, differing_arguments

# How rows become model input; recorded whether or not they are defaults, because defaults move between releases.
_PREPROCESSING = (
    "max_length",
    "max_prompt_length",
    "max_completion_length",
    "truncation_mode",
    "packing",
    "packing_strategy",
    "padding_free",
    "pad_to_multiple_of",
    "assistant_only_loss",
    "completion_only_loss",
    "dataset_text_field",
    "chat_template_path",
    "eos_token",
    "pad_token",
    "shuffle_dataset",
)
_METHODS = (("SFT", "sft"), ("DPO", "dpo"), ("KTO", "kto"), ("ORPO", "orpo"), ("GRPO", "grpo"), ("Reward", "reward"))


def recipe_of(trainer: Any, *, run_seed: int, resumed: bool) -> Recipe:
    """The recipe section of a ``transformers.Trainer`` run, without its script."""
    args = trainer.args
    kind = type(trainer)
    seeds = {name: int(value) for name in SEEDS if (value := getattr(args, name, None)) is not None}
    return Recipe(
        method=_method(kind),
        trainer=f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}",
        arguments=differing_arguments(args),
        seeds={**seeds, "run": run_seed},
        world_size=int(args.world_size),
        resumed=resumed,
    )


def preprocessing_settings(trainer: Any) -> dict[str, Any]:
    """Arguments of a trainer that decide how rows become model input."""
    args = trainer.args
    return {name: codec.jsonable(getattr(args, name)) for name in _PREPROCESSING if hasattr(args, name)}


def outcome_of(trainer: Any) -> RunRecord:
    """Steps, epochs, the last value of each metric and FLOPs; times are filled in by the run."""
    state = trainer.state
    return outcome(steps=state.global_step, epochs=state.epoch, history=state.log_history, flops=state.total_flos)


def outcome(*, steps: int, epochs: float | None, history: list[dict[str, Any]], flops: float | None) -> RunRecord:
    """A trainer's state, live or as its ``trainer_state.json`` says it."""
    metrics: dict[str, Any] = {}
    for entry in history:
        metrics.update({key: codec.jsonable(value) for key, value in entry.items() if key not in {"step", "epoch"}})
    return RunRecord(
        steps=int(steps),
        epochs=float(epochs) if epochs is not None else None,
        metrics=without_private(dict(sorted(metrics.items()))),
        flops=str(int(flops)) if flops is not None else None,
    )


def processor_of(trainer: Any) -> Any:
    """The tokenizer or processor a trainer saves: its own, else its collator's."""
    own = getattr(trainer, "processing_class", None)
    return own if own is not None else getattr(getattr(trainer, "data_collator", None), "tokenizer", None)


def functions_of(trainer: Any) -> list[tuple[str, Any]]:
    """User code a trainer was given that decides what is learned: formatting, collation, loss."""
    places = (("formatting", "_formatting_func"), ("collator", "data_collator"), ("loss", "compute_loss_func"))
    return [(role, found) for role, name in places if callable(found := getattr(trainer, name, None))]


def templates_of(trainer: Any) -> dict[str, str]:
    """The chat template TRL trains with when it is not the tokenizer's own (``assistant_only_loss``)."""
    found = getattr(trainer, "chat_template", None)
    return {"training": found} if isinstance(found, str) else {}


def _method(kind: type) -> str | None:
    for ancestor in kind.__mro__:
        for prefix, method in _METHODS:
            if ancestor.__name__ == f"{prefix}Trainer":
                return method
    return None

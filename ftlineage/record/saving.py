"""Writing the trained model to a folder without asking the Hub anything.

``PeftModel.save_pretrained`` decides by default whether to store the embeddings by comparing with
the base's ``config.json`` at the Hub's head (trap T7), so the same adapter changes size when the
base moves, and a checkpoint waits for the network. Here the answer comes from the base that was
loaded.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftlineage.core.layout import README_NAME
from ftlineage.record.base import PinnedBase, embedding_rows

TRAINING_ARGUMENTS = "training_args.bin"


def is_peft(model: Any) -> bool:
    """Whether ``model`` is a ``PeftModel`` (by its interface; peft need not be imported)."""
    return hasattr(model, "peft_config") and hasattr(model, "get_base_model")


def unwrap(model: Any) -> Any:
    """The model inside DDP, FSDP, DeepSpeed or ``torch.compile`` wrappers."""
    from accelerate.utils import extract_model_from_parallel

    return extract_model_from_parallel(model, keep_torch_compile=False)


def pretrained_model(model: Any) -> Any:
    """The base model object inside a PEFT model, or the model itself."""
    return model.get_base_model() if is_peft(model) else model


def saves_embeddings(model: Any, vocabulary: int | None) -> bool:
    """Whether an adapter must carry the embedding matrices.

    Args:
        model: A PEFT model.
        vocabulary: Rows of the base's input embedding as loaded.

    Returns:
        True when they were resized or are themselves adapted; PEFT's own rule, without the Hub.
    """
    inner = pretrained_model(model)
    rows = embedding_rows(inner)
    if vocabulary is not None and rows is not None and rows != vocabulary:
        return True
    return any(
        str(getattr(config.peft_type, "value", config.peft_type)) != "TRAINABLE_TOKENS"
        and getattr(config, "trainable_token_indices", None) is None
        for config in model.peft_config.values()
    ) and any(_is_adapted(layer) for layer in _embedding_layers(inner))


@contextlib.contextmanager
def pinned_saving(model: Any, base: PinnedBase | None) -> Iterator[None]:
    """Inside the block ``model.save_pretrained`` never asks the Hub about embeddings."""
    if not is_peft(model) or "save_pretrained" in vars(model):
        yield
        return
    pin_saving(model, base)
    try:
        yield
    finally:
        del model.save_pretrained


def pin_saving(model: Any, base: PinnedBase | None) -> None:
    """Make this PEFT model's own ``save_pretrained`` explicit about embeddings, for good.

    On the object rather than at a call, because a trainer's checkpoints call it too.
    """
    if is_peft(model) and "save_pretrained" not in vars(model):
        vocabulary = base.vocabulary(pretrained_model(model)) if base is not None else None
        flag = saves_embeddings(model, vocabulary)
        model.save_pretrained = functools.partial(model.save_pretrained, save_embedding_layers=flag)


def pin_configs(model: Any, base: PinnedBase) -> None:
    """Name the base's commit in the PEFT configs of a model loaded from it, so that checkpoints have it too."""
    if is_peft(model) and base.loaded(pretrained_model(model)):
        for config in model.peft_config.values():
            config.base_model_name_or_path, config.revision = base.location, base.revision


def save(subject: Any, folder: Path, *, processor: Any, base: PinnedBase | None, write: bool) -> None:
    """Save a trainer's or a bare model into ``folder``.

    Collective: every process calls it, because sharded weights are gathered. Only the writer's
    ``folder`` gets files.

    Args:
        subject: A ``transformers.Trainer`` or a model.
        folder: An existing empty folder.
        processor: Tokenizer or processor to save beside a bare model; trainers save their own.
        base: The run's base; it knows how many rows the embedding had.
        write: Whether this process writes.
    """
    model = unwrap(getattr(subject, "model", None) if is_trainer(subject) else subject)
    with pinned_saving(model, base):
        if is_trainer(subject):
            # `_internal_call` keeps a configured push from publishing a folder without its card (T16).
            subject.save_model(str(folder), _internal_call=True)
        elif write:
            model.save_pretrained(str(folder))
    if write and processor is not None and not is_trainer(subject):
        processor.save_pretrained(str(folder))
    # A pickle that differs in every run; its content is in the card's recipe.
    (folder / TRAINING_ARGUMENTS).unlink(missing_ok=True)
    if base is not None and write:
        _name_publicly(folder / README_NAME, base)


def _name_publicly(page: Path, base: PinnedBase) -> None:
    """PEFT writes a local base's path on this machine into its README; the card's name for it says as much."""
    if page.exists() and base.location != base.model:
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace(base.location, base.model), encoding="utf-8")


def is_trainer(subject: Any) -> bool:
    """Whether ``subject`` is a ``transformers.Trainer`` or one of its subclasses (TRL's all are)."""
    return hasattr(subject, "save_model") and hasattr(subject, "args") and hasattr(subject, "model")


def _embedding_layers(model: Any) -> list[Any]:
    layers = []
    for getter in ("get_input_embeddings", "get_output_embeddings"):
        with contextlib.suppress(NotImplementedError, AttributeError):
            layers.append(getattr(model, getter)())
    return [layer for layer in layers if layer is not None]


def _is_adapted(layer: Any) -> bool:
    from peft.tuners.tuners_utils import BaseTunerLayer

    return isinstance(layer, BaseTunerLayer)

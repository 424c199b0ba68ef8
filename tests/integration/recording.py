"""Recorded fine-tunes of tiny models, well under a second each, and what is asked of every card."""

import getpass
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import ftlineage
from ftlineage.core.card import IDENTITY, Card, card_id
from ftlineage.record.run import Run
from ftlineage.verify.runner import verify

#: Marks of every module that trains. peft 0.21 uses a property that transformers 5.23 deprecates.
TRAINS = [
    pytest.mark.heavy,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    # Where the weights do not matter, a trainer is sealed as it was made.
    pytest.mark.filterwarnings("ignore:seal.. was given a trainer that has not trained a step:RuntimeWarning"),
]

ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"My card {number} is late."},
            {"role": "assistant", "content": f"We will look at your card {number} today."},
        ]
    }
    for number in range(12)
]
TEXTS = [{"text": f"My order {number} is missing.", "label": number % 2} for number in range(12)]
PAIRS = [
    {"prompt": f"My parcel {number} is late.", "chosen": " I am sorry.", "rejected": " So what."} for number in range(8)
]


def lora(**changes: Any) -> Any:
    """A small LoRA config; it acts before the first step, so that what is sealed untrained verifies too."""
    from peft import LoraConfig

    fixed = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], "init_lora_weights": False}
    return LoraConfig(**{**fixed, **changes})


def sft_arguments(folder: Path | str, **changes: Any) -> Any:
    """Arguments of a short SFT run on a CPU; ``bf16`` and checkpointing have defaults for GPUs."""
    from trl import SFTConfig

    return SFTConfig(**{**_common(folder), "max_length": 64, **changes})


def trainer_arguments(folder: Path | str, **changes: Any) -> Any:
    """Arguments of a short ``Trainer`` run."""
    from transformers import TrainingArguments

    return TrainingArguments(**{**_common(folder), **changes})


def _common(folder: Path | str) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "max_steps": 2,
        "per_device_train_batch_size": 4,
        "learning_rate": 1e-2,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "bf16": False,
        "activation_checkpointing": False,
        "dataloader_pin_memory": False,
    }


def sft_trainer(
    run: Run, *, rows: Any = None, config: Any = None, callbacks: Iterable[Any] = (), **changes: Any
) -> Any:
    """An SFTTrainer on the run's base; ``changes`` go to its arguments, ``None`` to ``peft_config`` means full."""
    from trl import SFTTrainer

    base = run.pinned_base or run.base("acme/tiny")
    model, tokenizer = base.load(dtype="float32")
    train = run.dataset("tickets", ROWS if rows is None else rows)
    return SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=train,
        peft_config=run.peft(config or lora()),
        args=sft_arguments(Path(run.out).parent / "trainer", **changes),
        callbacks=[run.callback(), *callbacks],
    )


def record_sft(
    out: Path | str,
    *,
    name: str = "bot",
    run_seed: int = 42,
    overwrite: bool = False,
    before: Callable[[Run], object] | None = None,
    **changes: Any,
) -> Card:
    """A whole recorded run on ``acme/tiny``; ``before`` is called with the run first."""
    with ftlineage.run(name, out=out, seed=run_seed, overwrite=overwrite) as run:
        if before is not None:
            before(run)
        trainer = sft_trainer(run, **changes)
        trainer.train()
        return run.seal(trainer)


def different(a: Card, b: Card) -> set[str]:
    """Identity sections that differ between two cards."""
    return {name for name in IDENTITY if a.section(name) != b.section(name)}


def unrecorded(card: Card) -> set[str]:
    """What a card says it lacks, as ``section`` or ``section.element``."""
    return {f"{item.section}.{item.element}" if item.element else item.section for item in card.body.unrecorded}


def check_sound(card: Card, out: Path, *, private: Iterable[object] = ()) -> None:
    """The card on disk is this one, its id is right, ``verify`` agrees, and nothing private is in it."""
    data = (out / "lineage.json").read_bytes()
    assert data == card.to_bytes()
    assert card_id(card.document()) == card.id
    assert not (out / "lineage.partial.json").exists()
    assert not list(out.glob(".ftlineage-*"))
    report = verify(out)
    assert report.ok, [finding.message for finding in report.findings]
    user, host = getpass.getuser(), socket.gethostname()
    # "root" is a word of its own in many names; a user's name otherwise must not be there at all.
    secrets = [str(Path.home()), f"/{user}/", host, "hf_localhub", *(str(item) for item in private)]
    secrets += [user] if user != "root" else []
    text = data.decode()
    assert [secret for secret in secrets if secret in text] == []


def pinned_everywhere(card: Card, sha: str) -> bool:
    """Whether base and every preprocessor of a card are at one commit."""
    base = card.body.base
    processors = card.body.preprocessing.processors
    return (
        base is not None
        and base.revision == sha
        and all(one.revision == sha for one in processors)
        and bool(processors)
    )


def record_untrained(
    out: Path | str,
    *,
    before: Callable[[Run], object] | None = None,
    edit: Callable[[Any], object] | None = None,
    config: Any = None,
    **options: Any,
) -> Card:
    """A recorded adapter of which no step was trained: for elements that do not reach the weights.

    Args:
        out: Output folder.
        before: Called with the run before the model is loaded.
        edit: Called with the tokenizer.
        config: PEFT config.
        **options: For ``ftlineage.run``.
    """
    with ftlineage.run("bot", out=out, **options) as run:
        if before is not None:
            before(run)
        base = run.pinned_base or run.base("acme/tiny")
        model, tokenizer = base.load(dtype="float32")
        if edit is not None:
            edit(tokenizer)
        run.dataset("tickets", ROWS)
        return run.seal(run.get_peft_model(model, config or lora()), processor=tokenizer)

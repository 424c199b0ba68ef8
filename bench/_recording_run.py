"""One fine-tune as a process of its own: ``python -m bench._recording_run MODE BASE ROWS OUT STEPS``.

Prints one line of JSON with seconds: ``train`` (``trainer.train()``), ``whole`` (everything but
imports of the training libraries), and for ``ours`` the parts of recording.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from ftlineage.core import codec

SECONDS: dict[str, float] = {}


@contextlib.contextmanager
def timed(name: str) -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        SECONDS[name] = SECONDS.get(name, 0.0) + time.perf_counter() - begun


def main(mode: str, base: str, rows: str, out: str, steps: str) -> None:
    warnings.simplefilter("ignore")
    import torch
    import transformers.integrations.integration_utils
    from datasets import load_dataset
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling, Trainer, set_seed

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

    def trainer_of(model: Any, tokenizer: Any, data: Any, callbacks: list[Any]) -> Any:
        prepared = data.map(
            lambda batch: tokenizer(batch["text"], truncation=True, padding="max_length", max_length=32),
            batched=True,
            remove_columns=data.column_names,
        )
        return Trainer(
            model=model,
            processing_class=tokenizer,
            data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
            train_dataset=prepared,
            args=arguments(out, int(steps), "mlflow" if mode == "mlflow" else "none"),
            callbacks=callbacks,
        )

    config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear")
    assert transformers.integrations.integration_utils
    with timed("whole"):
        if mode == "ours":
            recorded(base, rows, out, config, trainer_of)
        else:
            set_seed(42)
            model = AutoModelForCausalLM.from_pretrained(base, dtype="float32")
            tokenizer = AutoTokenizer.from_pretrained(base)
            data = load_dataset("json", data_files=rows, split="train")
            trainer = trainer_of(get_peft_model(model, config), tokenizer, data, [])
            with timed("train"):
                trainer.train()
            trainer.save_model(out)
    print(codec.compact_text(SECONDS), flush=True)


def arguments(out: str, steps: int, report_to: str) -> Any:
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=out,
        max_steps=steps,
        per_device_train_batch_size=4,
        learning_rate=1e-3,
        logging_steps=10,
        save_strategy="no",
        report_to=report_to,
        disable_tqdm=True,
        use_cpu=True,
    )


def recorded(base: str, rows: str, out: str, config: Any, trainer_of: Callable[..., Any]) -> None:
    """The same with a card; ``hashing`` and ``saving`` are what the targets leave out."""
    import ftlineage
    from ftlineage.record import saving
    from ftlineage.record.run import Run
    from ftlineage.sources import adapter, data
    from ftlineage.sources import base as bases

    for place, name, part in (
        (data, "load_data", "hashing"),
        (data, "observe_prepared", "hashing"),
        (adapter, "observe_adapter", "hashing"),
        (bases, "observe_base", "hashing"),
        (saving, "save", "saving"),
        (Run, "training_begins", "callback"),
        (Run, "training_ends", "callback"),
    ):
        watch(place, name, part)
    with timed("start"):
        run = ftlineage.run("bench", out=out).__enter__()
        pinned = run.base(base)
    model, tokenizer = pinned.load(dtype="float32")
    with timed("start"):
        rows_again = run.dataset("train", rows)
        callback = run.callback()
    trainer = trainer_of(run.get_peft_model(model, config), tokenizer, rows_again, [callback])
    with timed("train"):
        trainer.train()
    with timed("end"):
        run.seal(trainer)
        run.__exit__(None, None, None)


def watch(place: Any, name: str, part: str) -> None:
    """Count the seconds inside a function to a part."""
    inner = getattr(place, name)

    def outer(*given: Any, **named: Any) -> Any:
        with timed(part):
            return inner(*given, **named)

    setattr(place, name, outer)


if __name__ == "__main__":
    main(*sys.argv[1:])

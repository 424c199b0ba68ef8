"""The team's fine-tune: `ftlineage.run` resolves the base once and records what went in."""

from __future__ import annotations

from peft import LoraConfig
from transformers import PrinterCallback
from trl import SFTConfig, SFTTrainer

import ftlineage


def train(tickets: str, out: str) -> ftlineage.Card:
    """Train a LoRA on tickets and seal it."""
    with ftlineage.run("support-bot", out=out, seed=7) as run:
        model, tokenizer = run.base("tiny-corp/chat").load(dtype="float32")
        trainer = SFTTrainer(
            model=model,
            processing_class=tokenizer,
            train_dataset=run.dataset("tickets", tickets),
            peft_config=run.peft(LoraConfig(r=8, lora_alpha=16, target_modules="all-linear")),
            args=SFTConfig(
                output_dir=out,
                max_steps=60,
                per_device_train_batch_size=8,
                learning_rate=1e-2,
                max_length=128,
                use_cpu=True,
                bf16=False,
                seed=7,
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            callbacks=[run.callback()],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        return run.seal(trainer)

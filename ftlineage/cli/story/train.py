"""The demo's training script: an ordinary TRL fine-tune inside `ftlineage.run`. Edit it and run it again.

python train.py tickets.jsonl out/support-bot
"""

import sys

from peft import LoraConfig  # noqa: TID253 - a script, never imported
from trl import SFTConfig, SFTTrainer  # noqa: TID253

import ftlineage


def main(tickets: str, out: str) -> None:
    """Train a support bot on a file of tickets and seal it."""
    with ftlineage.run("support-bot", out=out) as run:
        base = run.base("acme/tiny-llama")  # resolved once; base.revision is the commit
        model, tokenizer = base.load(dtype="float32")  # every load pinned to it
        rows = run.dataset("tickets", tickets)  # every row fingerprinted
        run.prompt("system", "You answer politely.")
        trainer = SFTTrainer(
            model=model,
            processing_class=tokenizer,
            train_dataset=rows,
            peft_config=run.peft(LoraConfig(r=8, lora_alpha=16, target_modules="all-linear")),
            args=SFTConfig(
                output_dir=f"{out}/checkpoints",
                max_steps=40,
                per_device_train_batch_size=8,
                learning_rate=1e-2,
                max_length=128,
                logging_steps=10,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                bf16=False,
            ),
            callbacks=[run.callback()],
        )
        trainer.train()
        run.seal(trainer)


if __name__ == "__main__":
    main(*sys.argv[1:])

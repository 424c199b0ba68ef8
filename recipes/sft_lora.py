"""Fine-tune a causal language model with LoRA and TRL's SFTTrainer, with a lineage card.

    python recipes/sft_lora.py --base org/model --data train.jsonl --out out/support-bot
    python recipes/sft_lora.py --base org/model --data train.csv --prompt-column text --completion-column category

Notable:
- the base is resolved once; model, tokenizer and chat template come from that commit
- every row of training and evaluation data is fingerprinted before the first step
- the loss on held-out rows is measured before and after, with the same code
- the card beside the adapter is checked by `ftlineage verify`
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

import ftlineage


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="Hub id (org/name or org/name@revision) or a local folder")
    parser.add_argument("--data", required=True, help="jsonl, json, csv, parquet, arrow, or hf://datasets/org/name")
    parser.add_argument("--eval-data", help="held-out rows of the same form; otherwise a tenth of --data")
    parser.add_argument("--prompt-column", help="with --completion-column: train on prompt and completion")
    parser.add_argument("--completion-column")
    parser.add_argument("--system", help="a system prompt, recorded in the card")
    parser.add_argument("--name", default="support-bot")
    parser.add_argument("--out", default="out/support-bot")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier version in --out")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--max-steps", type=int, default=-1)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--seed", type=int, default=42)
    return parser.parse_args()


def as_conversation(row: dict[str, Any], prompt: str, completion: str, system: str | None) -> dict[str, Any]:
    """One table row as a chat: an optional system prompt, the question, the answer."""
    before = [{"role": "system", "content": system}] if system else []
    return {
        "prompt": [*before, {"role": "user", "content": row[prompt]}],
        "completion": [{"role": "assistant", "content": row[completion]}],
    }


def main() -> None:
    args = parse()
    with ftlineage.run(args.name, out=args.out, seed=args.seed, overwrite=args.overwrite) as run:
        # 1. The base: one commit for the model, its tokenizer and its chat template.
        base = run.base(args.base)
        model, tokenizer = base.load(dtype="float32")
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        print(f"base {base.model} at {base.revision or 'a local folder'}")

        # 2. The data: every row fingerprinted as it is, before anything is mapped.
        rows = run.dataset("train", args.data)
        held_out = run.dataset("eval", args.eval_data, role="eval") if args.eval_data else None
        if args.system:
            run.prompt("system", args.system)
        if args.prompt_column and args.completion_column:
            run.preprocessing(as_conversation, role="formatting")
            settings = {"prompt": args.prompt_column, "completion": args.completion_column, "system": args.system}
            rows = rows.map(as_conversation, fn_kwargs=settings, remove_columns=rows.column_names)
            if held_out is not None:
                held_out = held_out.map(as_conversation, fn_kwargs=settings, remove_columns=held_out.column_names)
        if held_out is None:
            halves = rows.train_test_split(test_size=0.1, seed=args.seed)
            rows, held_out = halves["train"], halves["test"]

        # 3. Training: the adapter's config carries the base's commit, its weights the run's seed.
        trainer = SFTTrainer(
            model=model,
            processing_class=tokenizer,
            train_dataset=rows,
            eval_dataset=held_out,
            peft_config=run.peft(LoraConfig(r=args.rank, lora_alpha=2 * args.rank, target_modules="all-linear")),
            args=SFTConfig(
                output_dir=args.out,
                num_train_epochs=args.epochs,
                max_steps=args.max_steps,
                per_device_train_batch_size=args.batch_size,
                per_device_eval_batch_size=args.batch_size,
                learning_rate=args.learning_rate,
                max_length=args.max_length,
                bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(),  # TRL asks for it on every machine
                seed=args.seed,
                logging_steps=10,
                save_strategy="no",
                report_to="none",
            ),
            callbacks=[run.callback()],
        )
        before = trainer.evaluate()["eval_loss"]
        trainer.train()
        after = trainer.evaluate()["eval_loss"]
        print(f"loss on {len(held_out)} held-out rows: {before:.3f} before, {after:.3f} after")

        # 4. The card, beside the adapter.
        card = run.seal(trainer, metrics={"eval_loss_before": before, "eval_loss_after": after})
    print(f"sealed {card.name} {card.id}")
    print(f"next: ftlineage verify {args.out}")


if __name__ == "__main__":
    main()

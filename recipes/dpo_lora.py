"""Align a causal language model on preferences with LoRA and TRL's DPOTrainer, with a lineage card.

    python recipes/dpo_lora.py --base org/model --data preferences.jsonl --out out/aligned

Notable:
- rows hold `prompt`, `chosen` and `rejected`, as text or as chat messages
- with an adapter the reference model is the base with the adapter switched off: one set of weights,
  one commit, nothing else to pin
- continuing from an SFT adapter (`--adapter`) records it as the parent
"""

from __future__ import annotations

import argparse

import torch
from peft import LoraConfig
from trl import DPOConfig, DPOTrainer

import ftlineage


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="Hub id (org/name or org/name@revision) or a local folder")
    parser.add_argument("--data", required=True, help="rows with prompt, chosen, rejected")
    parser.add_argument("--adapter", help="an earlier adapter to train further")
    parser.add_argument("--name", default="aligned")
    parser.add_argument("--out", default="out/aligned")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier version in --out")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--beta", type=float, default=0.1)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--max-steps", type=int, default=-1)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--seed", type=int, default=42)
    return parser.parse_args()


def main() -> None:
    args = parse()
    with ftlineage.run(args.name, out=args.out, seed=args.seed, overwrite=args.overwrite) as run:
        # 1. The base and the preferences.
        base = run.base(args.base)
        model, tokenizer = base.load(dtype="float32")
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        rows = run.dataset("preferences", args.data)

        # 2. A new adapter, or an earlier one trained further and recorded as the parent.
        config = None
        if args.adapter:
            model = run.continue_from(model, args.adapter)
        else:
            config = run.peft(LoraConfig(r=args.rank, lora_alpha=2 * args.rank, target_modules="all-linear"))

        # 3. Training.
        trainer = DPOTrainer(
            model=model,
            processing_class=tokenizer,
            train_dataset=rows,
            peft_config=config,
            args=DPOConfig(
                output_dir=args.out,
                beta=args.beta,
                num_train_epochs=args.epochs,
                max_steps=args.max_steps,
                per_device_train_batch_size=args.batch_size,
                learning_rate=args.learning_rate,
                max_length=args.max_length,
                bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(),  # TRL asks for it on every machine
                seed=args.seed,
                logging_steps=5,
                save_strategy="no",
                report_to="none",
            ),
            callbacks=[run.callback()],
        )
        result = trainer.train()
        print(f"trained {result.global_step} steps, loss {result.training_loss:.3f}")

        # 4. The card, beside the adapter.
        card = run.seal(trainer)
    print(f"sealed {card.name} {card.id}")
    print(f"next: ftlineage verify {args.out}")


if __name__ == "__main__":
    main()

"""Fine-tune an image classifier with LoRA and transformers' Trainer, with a lineage card.

    python recipes/vision_lora.py --base org/vit --data images/ --out out/defects

`images/` holds one folder per label, each with PNG or JPEG files.

Notable:
- the image processor comes from the base's commit; its mean, standard deviation, size and
  resampling are in the card, because a refactor that changes one of them changes every prediction
- images are embedded in the fingerprint by their bytes, never by their path
- PIL and NumPy only: no torchvision
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, Image
from peft import LoraConfig
from transformers import AutoImageProcessor, AutoModelForImageClassification, Trainer, TrainingArguments

import ftlineage

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="Hub id (org/name or org/name@revision) or a local folder")
    parser.add_argument("--data", required=True, type=Path, help="a folder with one folder of images per label")
    parser.add_argument("--name", default="images")
    parser.add_argument("--out", default="out/images")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier version in --out")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--max-steps", type=int, default=-1)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=42)
    return parser.parse_args()


def read_folder(folder: Path) -> tuple[Dataset, list[str]]:
    """Images and label numbers in a fixed order, whatever order the file system lists them in."""
    labels = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    paths = sorted(path for label in labels for path in (folder / label).iterdir() if path.suffix.lower() in SUFFIXES)
    columns = {"image": [str(path) for path in paths], "label": [labels.index(path.parent.name) for path in paths]}
    return Dataset.from_dict(columns).cast_column("image", Image()), labels


def collate(rows: list[dict[str, Any]], processor: Any) -> dict[str, torch.Tensor]:
    """Pixels and labels of a batch; the image processor's settings decide the pixels."""
    images = [row["image"].convert("RGB") for row in rows]
    pixels = processor(images, return_tensors="np")["pixel_values"]
    return {
        "pixel_values": torch.from_numpy(np.asarray(pixels, dtype=np.float32)),
        "labels": torch.tensor([row["label"] for row in rows]),
    }


def accuracy(prediction: Any) -> dict[str, float]:
    """Share of rows whose most likely label is the right one."""
    return {"accuracy": float((np.argmax(prediction.predictions, axis=-1) == prediction.label_ids).mean())}


def main() -> None:
    args = parse()
    with ftlineage.run(args.name, out=args.out, seed=args.seed, overwrite=args.overwrite) as run:
        # 1. The data: every image by its bytes.
        images, labels = read_folder(args.data)
        rows = run.dataset("train", images)
        halves = rows.train_test_split(test_size=0.2, seed=args.seed)

        # 2. The base: weights and image processor from one commit.
        base = run.base(args.base)
        processor = base.load(AutoImageProcessor, backend="pil")
        model = base.load(
            AutoModelForImageClassification,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: number for number, label in enumerate(labels)},
            ignore_mismatched_sizes=True,
        )
        run.preprocessing(collate, role="collator", labels=labels)

        # 3. Training: attention is adapted, the new head is trained whole and saved with the adapter.
        config = LoraConfig(
            r=args.rank,
            lora_alpha=2 * args.rank,
            target_modules=r".*attention.*\.(query|value|q_proj|v_proj)",
            modules_to_save=["classifier"],
        )
        trainer = Trainer(
            model=run.get_peft_model(model, config),
            processing_class=processor,
            data_collator=lambda batch: collate(batch, processor),
            train_dataset=halves["train"],
            eval_dataset=halves["test"],
            compute_metrics=accuracy,
            args=TrainingArguments(
                output_dir=args.out,
                num_train_epochs=args.epochs,
                max_steps=args.max_steps,
                per_device_train_batch_size=args.batch_size,
                learning_rate=args.learning_rate,
                remove_unused_columns=False,
                seed=args.seed,
                logging_steps=10,
                save_strategy="no",
                report_to="none",
            ),
            callbacks=[run.callback()],
        )
        before = trainer.evaluate()["eval_accuracy"]
        trainer.train()
        after = trainer.evaluate()["eval_accuracy"]
        print(f"accuracy on {len(halves['test'])} held-out images: {before:.3f} before, {after:.3f} after")

        # 4. The card, beside the adapter.
        card = run.seal(trainer, metrics={"accuracy_before": before, "accuracy_after": after})
    print(f"sealed {card.name} {card.id}")
    print(f"next: ftlineage verify {args.out}")


if __name__ == "__main__":
    main()

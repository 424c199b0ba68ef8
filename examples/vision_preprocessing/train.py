"""Train the inspection model of the story: a LoRA on a tiny ViT, recorded with a lineage card.

The collator uses `preprocess.normalise`, as the camera station will; the image processor that does
the same is saved beside the adapter for whoever serves with transformers. Both are in the card.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import preprocess
import torch
from datasets import Dataset, Image
from peft import LoraConfig
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

import ftlineage

LABELS = ["new", "worn"]


def read_images(folder: Path) -> Dataset:
    """Images by path and their labels, in a fixed order."""
    paths = [path for label in LABELS for path in sorted((folder / label).iterdir())]
    columns = {"image": [str(path) for path in paths], "label": [LABELS.index(path.parent.name) for path in paths]}
    return Dataset.from_dict(columns).cast_column("image", Image())


def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Pixels and labels of a batch."""
    return {
        "pixel_values": torch.from_numpy(np.stack([preprocess.normalise(row["image"]) for row in rows])),
        "labels": torch.tensor([row["label"] for row in rows]),
    }


def train(base_name: str, data: Path, out: Path) -> ftlineage.Card:
    """Fine-tune and seal; about a second on one core."""
    with ftlineage.run("inspection", out=out, seed=7) as run:
        rows = run.dataset("parts", read_images(data))
        base = run.base(base_name)
        processor = base.load(AutoImageProcessor, backend="pil")
        model = base.load(AutoModelForImageClassification)
        run.preprocessing(preprocess.normalise, role="transform", labels=LABELS)
        config = LoraConfig(
            r=8, lora_alpha=16, target_modules=r".*attention.*\.(q_proj|v_proj)", modules_to_save=["classifier"]
        )
        trainer = Trainer(
            model=run.get_peft_model(model, config),
            processing_class=processor,
            data_collator=collate,
            train_dataset=rows,
            args=TrainingArguments(
                output_dir=str(out),
                max_steps=80,
                per_device_train_batch_size=16,
                learning_rate=1e-2,
                remove_unused_columns=False,
                use_cpu=True,
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


def package(base_name: str, version: Path, out: Path, normalise: Any, processor_folder: Path) -> ftlineage.Card:
    """The same weights with other preprocessing, as a version of its own."""
    with ftlineage.run("inspection", out=out, seed=7) as run:
        base = run.base(base_name)
        model = run.continue_from(base.load(AutoModelForImageClassification), version)
        run.preprocessing(normalise, role="transform", labels=LABELS)
        processor = run.processor(AutoImageProcessor.from_pretrained(processor_folder, backend="pil"))
        return run.seal(model, processor=processor)

"""Two services with one set of weights: one loads the image processor, the other runs its own code."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import PeftModel
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification

Pixels = Callable[[Image.Image], Any]


def load_model(base: str, revision: str, version: Path) -> Any:
    """The base at its commit with the version's adapter on it."""
    model = AutoModelForImageClassification.from_pretrained(base, revision=revision)
    return PeftModel.from_pretrained(model, version).eval()


def by_processor(folder: Path) -> Pixels:
    """The web service: `preprocessor_config.json` of a folder decides the pixels."""
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    return lambda image: processor(image.convert("RGB"), return_tensors="np")["pixel_values"][0]


def by_code(file: Path) -> Pixels:
    """The camera station: `normalise` in a Python file decides the pixels."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(name=file.stem, path=str(file))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    normalise: Pixels = module.normalise
    return normalise


def accuracy(model: Any, pixels: Pixels, rows: Any) -> float:
    """Share of images that get their label."""
    batch = torch.from_numpy(np.stack([pixels(row["image"]) for row in rows]))
    with torch.no_grad():
        answers = model(pixel_values=batch).logits.argmax(-1).tolist()
    return float(np.mean([answer == label for answer, label in zip(answers, rows["label"], strict=True)]))

"""Small adapters and bases as folders, made without torch, for tests of whole commands."""

from __future__ import annotations

from pathlib import Path

from ftlineage.core import codec
from tests.safetensors_bytes import write

WEIGHTS = "adapter_model.safetensors"
# Inside the data of the last tensor of the file that `make_adapter` writes.
A_BYTE_OF_A_TENSOR = -5


def make_adapter(folder: Path) -> Path:
    """A LoRA adapter on the local base ``base``."""
    folder.mkdir(parents=True)
    tensors = {
        f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{side}.weight": (
            "F32",
            [2, 4] if side == "A" else [4, 2],
            bytes(range(layer * 2, layer * 2 + 32)),
        )
        for layer in range(2)
        for side in "AB"
    }
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": "base",
        "revision": None,
        "r": 2,
        "lora_alpha": 4,
        "target_modules": ["q_proj"],
        "task_type": "CAUSAL_LM",
    }
    (folder / WEIGHTS).write_bytes(write(tensors, {"format": "pt"}))
    (folder / "adapter_config.json").write_bytes(codec.pretty_bytes(config))
    return folder


def make_base(folder: Path) -> Path:
    """A base with the modules that the adapter changes."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(codec.pretty_bytes({"model_type": "llama"}))
    tensors = {f"model.layers.{layer}.self_attn.q_proj.weight": ("F32", [4, 4], bytes(64)) for layer in range(2)}
    (folder / "model.safetensors").write_bytes(write(tensors, {"format": "pt"}))
    return folder


def flip(path: Path, offset: int) -> None:
    """Change one bit of one byte."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)

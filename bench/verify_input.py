"""Write a sealed adapter of a given size: a LoRA in one safetensors file, a tokenizer, a configuration, a card."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ftlineage.core import codec
from ftlineage.core.card import CARD_NAME, NO_ID, CardBody, make_card
from ftlineage.core.sections import Base, Governance, Preprocessing, RunRecord
from ftlineage.sources.adapter import observe_adapter

LAYERS = 32
MODULES = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)
MEGABYTE = 1_000_000
REVISION = "0123456789abcdef0123456789abcdef01234567"


def write(folder: Path, megabytes: int) -> None:
    folder.mkdir(parents=True)
    config = {"base_model_name_or_path": "acme/base", "peft_type": "LORA", "r": 64, "revision": REVISION}
    (folder / "adapter_config.json").write_bytes(codec.pretty_bytes(config))
    (folder / "tokenizer.json").write_bytes(os.urandom(10 * MEGABYTE))
    write_tensors(folder / "adapter_model.safetensors", megabytes * MEGABYTE)
    body = CardBody(
        ftlineage="1", id=NO_ID, name="bench",
        base=Base(model="acme/base", revision=REVISION, origin="hub"),
        preprocessing=Preprocessing(), data=[], prompts=[], retrieval=[], adapter=observe_adapter(folder),
        recipe=None, code=None, environment=None, parents=[], run=RunRecord(), governance=Governance(), unrecorded=[],
    )  # fmt: skip
    (folder / CARD_NAME).write_bytes(make_card(body).to_bytes())


def write_tensors(path: Path, total: int) -> None:
    names = [
        f"base_model.model.model.layers.{layer}.{module}.lora_{part}.weight"
        for layer in range(LAYERS)
        for module in MODULES
        for part in "AB"
    ]
    length = total // len(names) // 2
    header = {
        name: {"dtype": "BF16", "shape": [length], "data_offsets": [2 * length * n, 2 * length * (n + 1)]}
        for n, name in enumerate(names)
    }
    text = codec.compact_text(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for _ in names:
            out.write(os.urandom(2 * length))


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))

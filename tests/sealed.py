"""A small sealed version: an adapter folder, its card, and its base in a folder or a Hub cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from ftlineage.core import codec
from ftlineage.core.card import CARD_NAME, NO_ID, Card, CardBody, make_card
from ftlineage.core.sections import Base, FileRecord, Governance, Preprocessing, RunRecord
from ftlineage.hashing.files import list_files, record_files
from ftlineage.sources.adapter import observe_adapter
from tests import safetensors_bytes

MODEL = "acme/base"
REVISION = "0123456789abcdef0123456789abcdef01234567"
CONFIG: dict[str, Any] = {
    "base_model_name_or_path": MODEL,
    "init_lora_weights": True,
    "peft_type": "LORA",
    "r": 2,
    "revision": REVISION,
    "target_modules": ["q_proj", "v_proj"],
}
PREFIX = "base_model.model.model.layers"
SHAPES = {"A": [2, 4], "B": [4, 2]}
TENSORS = {
    f"{PREFIX}.{layer}.self_attn.q_proj.lora_{part}.weight": (
        "F32",
        SHAPES[part],
        bytes(range(32 * n, 32 * n + 32)),
    )
    for n, (layer, part) in enumerate([(0, "A"), (0, "B"), (1, "A"), (1, "B")])
}
BASE_FILES = {"config.json": b'{"model_type": "llama"}', "model.safetensors": b"base weights", "README.md": b"# Base"}


def write_adapter(folder: Path, config: dict[str, Any] = CONFIG, tensors: safetensors_bytes.Tensors = TENSORS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_bytes(codec.pretty_bytes(config))
    (folder / "adapter_model.safetensors").write_bytes(safetensors_bytes.write(tensors, {"format": "pt"}))
    (folder / "tokenizer.json").write_bytes(b'{"model": {"vocab": {"a": 0, "b": 1}}}')
    (folder / "chat_template.jinja").write_bytes(b"{{ messages }}\n")
    return folder


def write_base(folder: Path) -> Path:
    for name, data in BASE_FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def base_records(folder: Path) -> list[FileRecord]:
    return record_files(list_files(folder), folder)


def make_body(folder: Path, **changes: Any) -> CardBody:
    body = CardBody(
        ftlineage="1",
        id=NO_ID,
        name="support-bot",
        base=Base(model=MODEL, requested="main", revision=REVISION, origin="hub"),
        preprocessing=Preprocessing(),
        data=[],
        prompts=[],
        retrieval=[],
        adapter=observe_adapter(folder),
        recipe=None,
        code=None,
        environment=None,
        parents=[],
        run=RunRecord(started="2026-11-23T10:00:00Z", finished="2026-11-23T10:05:00Z"),
        governance=Governance(),
        unrecorded=[],
    )
    return msgspec.structs.replace(body, **changes)


def seal(folder: Path, **changes: Any) -> Card:
    """Write the card of what lies in the folder; ``changes`` replace whole sections."""
    card = make_card(make_body(folder, **changes))
    (folder / CARD_NAME).write_bytes(card.to_bytes())
    return card


def sealed(folder: Path, **changes: Any) -> Path:
    """A folder with adapter and card."""
    seal(write_adapter(folder), **changes)
    return folder


def rewrite(folder: Path, change: Any) -> None:
    """Let ``change(document)`` edit the card, and give it the id its new content has."""
    from ftlineage.core.card import card_id

    document = codec.parse((folder / CARD_NAME).read_bytes())
    change(document)
    document["id"] = card_id(document)
    (folder / CARD_NAME).write_bytes(codec.pretty_bytes(document))

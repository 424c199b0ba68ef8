"""Processor files as training saved them, and the card's section that says so; no transformers needed."""

from __future__ import annotations

from typing import Any

import msgspec

from ftlineage.core import codec
from ftlineage.core.digest import sha256_hex, text_sha256
from ftlineage.core.sections import Base, ChatTemplate, FileRecord, Preprocessing, Preprocessor
from ftlineage.sources.processors import clean_file
from ftlineage.verify.preprocessing.settings import added_tokens_digest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TEMPLATE = "{% for message in messages %}\n{{ message.content }}\n{% endfor %}\n"
IMAGES: dict[str, Any] = {
    "do_normalize": True,
    "do_rescale": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "ViTImageProcessor",
    "image_std": [0.25, 0.25, 0.25],
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 32, "width": 32},
}
CONFIG: dict[str, Any] = {"bos_token": "<s>", "model_max_length": 256, "pad_token": "<pad>", "padding_side": "right"}
ADDED = [{"id": 0, "content": "<s>", "special": True}, {"id": 1, "content": "<pad>", "special": True}]
TOKENIZER: dict[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": ADDED,
    "model": {"type": "BPE", "vocab": {"<s>": 0, "<pad>": 1, "a": 2}, "merges": []},
}
SETTINGS: dict[str, Any] = {
    "vocab_size": 3,
    "model_max_length": 256,
    "padding_side": "right",
    "add_bos_token": False,
    "special_tokens": {"bos_token": "<s>", "pad_token": "<pad>"},
    "added_tokens": {"count": 2, "sha256": added_tokens_digest(ADDED)},
}


def written(value: Any) -> bytes:
    return codec.pretty_bytes(value)


def edited(value: dict[str, Any], **changes: Any) -> bytes:
    """A config with keys changed; ``None`` takes one away."""
    return written({key: item for key, item in {**value, **changes}.items() if item is not None})


def files() -> dict[str, bytes]:
    return {
        "chat_template.jinja": TEMPLATE.encode(),
        "preprocessor_config.json": written(IMAGES),
        "tokenizer.json": written(TOKENIZER),
        "tokenizer_config.json": written(CONFIG),
    }


def record(path: str, data: bytes) -> FileRecord:
    """As the adapter section lists it."""
    return FileRecord(path=path, size=len(data), sha256=sha256_hex(data))


def clean_record(path: str, data: bytes) -> FileRecord:
    """As a processor lists it."""
    return record(path, clean_file(path, data))


def section(**changes: Any) -> Preprocessing:
    saved = files()
    texts = ["chat_template.jinja", "tokenizer.json", "tokenizer_config.json"]
    images = Preprocessor(
        kind="image_processor",
        class_="ViTImageProcessorPil",
        source="acme/base",
        revision=COMMIT,
        files=[clean_record("preprocessor_config.json", saved["preprocessor_config.json"])],
        settings=IMAGES,
    )
    tokenizer = Preprocessor(
        kind="tokenizer",
        class_="TokenizersBackend",
        source="acme/base",
        revision=COMMIT,
        files=[clean_record(name, saved[name]) for name in texts],
        settings=SETTINGS,
    )
    template = ChatTemplate(name="default", text=TEMPLATE, sha256=text_sha256(TEMPLATE))
    whole = Preprocessing(processors=[images, tokenizer], chat_templates=[template])
    return msgspec.structs.replace(whole, **changes)


def base(**saved: bytes) -> Base:
    listed = [record(path.replace("__", "."), data) for path, data in saved.items()]
    return Base(model="acme/base", requested="main", revision=COMMIT, origin="hub", files=listed)

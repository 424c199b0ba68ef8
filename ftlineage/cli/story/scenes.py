"""The scenes of the demo, one function each: they do the work and return facts; ``story`` finds the words."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ftlineage.cli.story import tickets
from ftlineage.cli.story.stage import Stage
from ftlineage.core.card import Card
from ftlineage.core.finding import Report
from ftlineage.drift.classify import Drift, classify
from ftlineage.errors import StorageError
from ftlineage.sources.hub import HubCommit, resolve_revision
from ftlineage.testing.hub import LocalHub
from ftlineage.testing.tiny import build_tiny_causal
from ftlineage.verify.runner import verify

BASE = "acme/tiny-llama"
_PRETRAIN_STEPS = 150
_TRAIN_SECONDS = 600


def publish_base(stage: Stage, hub: LocalHub) -> str:
    """Make a tiny base model, pretrain it for seconds, push it; returns its commit."""
    folder = build_tiny_causal(
        stage.home / "base", seed=0, text=tickets.text().splitlines(), pretrain_steps=_PRETRAIN_STEPS
    )
    return hub.upload_folder(BASE, folder)


def train(stage: Stage, data: Path, out: Path) -> Card:
    """Run ``train.py`` in a process of its own, as a user would."""
    from ftlineage.store.cards import read_card_file

    command = [sys.executable, stage.script.name, data.name, out.name]
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
    done = subprocess.run(
        command, cwd=stage.folder, env=environment, capture_output=True, text=True, timeout=_TRAIN_SECONDS, check=False
    )
    (stage.folder / f"{out.name}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode != 0:
        cause = f"train.py ended with exit code {done.returncode}: {_last_line(done.stderr)}"
        raise StorageError(path=str(stage.folder), cause=cause, hint=f"Its whole output is in {out.name}.log")
    return read_card_file(out)


def tamper(stage: Stage) -> tuple[int, Report]:
    """Copy the first version, change one byte of its weights, verify the copy; returns the byte's offset too."""
    shutil.copytree(stage.first, stage.tampered)
    weights = stage.tampered / "adapter_model.safetensors"
    data = bytearray(weights.read_bytes())
    offset = len(data) - 100
    data[offset] ^= 1
    weights.write_bytes(data)
    return offset, verify(stage.tampered)


def move_base(stage: Stage, hub: LocalHub) -> str:
    """The vendor pushes new weights and another chat template to ``main``; returns the new commit."""
    folder = build_tiny_causal(
        stage.home / "base-moved", seed=1, text=tickets.text().splitlines(), pretrain_steps=_PRETRAIN_STEPS
    )
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text(encoding="utf-8").replace("\\n' }}", " ' }}"), encoding="utf-8")
    return hub.upload_folder(BASE, folder, message="Improve the base")


def drift(card: Card) -> Drift:
    """Compare the base the card names with what ``main`` is now."""
    base = card.body.base
    locked = resolve_revision(BASE, base.revision if base else None)
    return classify(_facts(locked), _facts(resolve_revision(BASE, "main")))


def answer(folder: Path, revision: str | None) -> str:
    """What an adapter answers to the same question on a base revision (None: whatever is there now)."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(BASE, revision=revision)
    base = AutoModelForCausalLM.from_pretrained(BASE, revision=revision, dtype="float32")
    model = PeftModel.from_pretrained(base, str(folder)).eval()
    chat = [{"role": "system", "content": tickets.SYSTEM}, {"role": "user", "content": tickets.QUESTION}]
    inputs = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    with torch.no_grad():
        made = model.generate(**inputs, max_new_tokens=40, do_sample=False, pad_token_id=tokenizer.pad_token_id)
    text = tokenizer.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return " ".join(str(text).split())


def _facts(commit: HubCommit) -> list[tuple[str, int | None, str]]:
    return [(file.path, file.size, file.lfs_sha256 or file.blob_id or "") for file in commit.files]


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"

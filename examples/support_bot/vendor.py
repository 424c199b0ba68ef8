"""The vendor of the base: releases a chat model, edits its page, and one day improves it in place."""

from __future__ import annotations

from pathlib import Path

from ftlineage.testing.hub import LocalHub
from ftlineage.testing.tiny import build_tiny_causal

BASE = "tiny-corp/chat"
_STEPS = 150


def release(hub: LocalHub, folder: Path, text: list[str]) -> str:
    """The first commit on `main`."""
    build_tiny_causal(folder, seed=0, text=text, pretrain_steps=_STEPS)
    return hub.upload_folder(BASE, folder, message="Release")


def improve(hub: LocalHub, folder: Path, text: list[str]) -> str:
    """Other weights and another chat template on the same `main`; no name changes."""
    build_tiny_causal(folder, seed=1, text=text, pretrain_steps=_STEPS)
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text("utf-8").replace("['role'] + '", "['role'] + ':"), encoding="utf-8")
    return hub.upload_folder(BASE, folder, message="Improve the model")


def describe(hub: LocalHub) -> str:
    """A commit that only touches the model's page."""
    return hub.commit(BASE, {"README.md": "# Chat\n\nNow with a table of benchmarks.\n"}, message="Update README.md")

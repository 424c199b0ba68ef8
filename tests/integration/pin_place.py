"""A project that floats, a Hub, and the command line between them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftlineage.testing.hub import LocalHub
from tests.integration.cli import Done, run

TRAIN = """\
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("northwind/base", trust_remote_code=True)
tokenizer = AutoTokenizer.from_pretrained("northwind/base", revision="main")
rows = load_dataset("northwind/rows", revision="v1")
"""
AXOLOTL = """\
base_model: northwind/base
adapter: lora  # ours
datasets:
  - path: northwind/rows
    type: alpaca
"""
ADAPTER = '{\n  "base_model_name_or_path": "northwind/base",\n  "peft_type": "LORA",\n  "revision": null\n}\n'
FILES = {"train.py": TRAIN, "configs/axolotl.yaml": AXOLOTL, "out/adapter_config.json": ADAPTER}


class Place:
    """A project, a Hub, and the command line between them."""

    def __init__(self, folder: Path, hub: LocalHub, variables: dict[str, str]) -> None:
        self.folder = folder
        self.hub = hub
        self.variables = variables

    def run(self, *arguments: str, **more: str) -> Done:
        # The base of the adapter is known here; one test says what happens where it is not.
        given = list(arguments)
        if "--guess-nothing" in given:
            given.remove("--guess-nothing")
        elif given[0] == "pin":
            given.insert(1, "--adapters")
        return run(given, cwd=self.folder, **self.variables | more)

    def json(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        done = self.run(*arguments, "--json")
        return done.code, json.loads(done.out)

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def is_untouched(self) -> bool:
        return all(self.text(name) == text for name, text in FILES.items())


@contextlib.contextmanager
def pin_place(tmp_path: Path, project: Path | None = None) -> Iterator[Place]:
    """The project of :data:`FILES`, with a Hub that has what it names."""
    with LocalHub(tmp_path / "hub") as hub:
        hub.commit("northwind/base", {"config.json": b"{}"})
        hub.commit("northwind/rows", {"rows.jsonl": b"{}\n"}, repo_type="dataset")
        hub.tag("northwind/rows", "v1", repo_type="dataset")
        variables = hub.environ(home=tmp_path / "home") | {"FTLINEAGE_CACHE": str(tmp_path / "cache")}
        place = Place(project or tmp_path / "project", hub, variables)
        for name, text in FILES.items():
            place.write(name, text)
        yield place

"""A project with references, and a Hub that has them; the command line is a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftlineage.testing.hub import LocalHub
from tests.integration.cli import Done, run

BASE, ROWS = "tiny-corp/base", "tiny-corp/rows"
CODE = f"""\
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("{BASE}")
tokenizer = AutoTokenizer.from_pretrained("{BASE}")
rows = load_dataset("{ROWS}")
"""
FILES = {
    "README.md": "A base.\n",
    "config.json": '{"hidden_size": 8, "rope_theta": 10000}',
    "chat_template.jinja": "{{ bos }}\n{{ message }}\n{{ eos }}\n",
    "tokenizer_config.json": '{"model_max_length": 64}',
    "model.safetensors": "weights of the first version",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """The project's folder, the Hub, and what a process needs to reach it."""

    folder: Path
    hub: LocalHub
    variables: dict[str, str]

    @property
    def lock(self) -> Path:
        return self.folder / "ftlineage.lock"

    def run(self, *arguments: str, **more: str) -> Done:
        done = run(arguments, cwd=self.folder, **{**self.variables, **more})
        assert "Traceback" not in done.err
        return done

    def json(self, *arguments: str, **more: str) -> tuple[int, dict[str, Any]]:
        done = self.run(*arguments, "--json", **more)
        return done.code, json.loads(done.out)

    def asked(self) -> list[str]:
        """Which repositories and revisions were resolved, and the log cleared."""
        found = sorted(f"{one.repo}@{one.revision}" for one in self.hub.requests.matching("blobs="))
        self.hub.requests.clear()
        return found


@contextmanager
def desk_at(place: Path) -> Iterator[Desk]:
    """A project with a model, its tokenizer and a dataset, all floating."""
    folder = place / "project"
    folder.mkdir()
    (folder / "train.py").write_text(CODE)
    with LocalHub(place / "hub") as hub:
        hub.commit(BASE, FILES)
        hub.commit(ROWS, {"train.jsonl": '{"a": 1}\n'}, repo_type="dataset")
        variables = {**hub.environ(home=place / "home"), "FTLINEAGE_CACHE": str(place / "cache")}
        yield Desk(folder=folder, hub=hub, variables=variables)

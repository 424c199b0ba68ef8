"""The team that pinned and the neighbour that floated: the day the vendor moved `main`.

    python examples/support_bot/run.py [FOLDER]

Offline, on one core, in about half a minute. Everything it makes lies in FOLDER (`support-bot-story` if
none is named): two projects, their adapters, a lock, a local Hub with the base, and `answers.json`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
QUESTION = "Where is my lamp?"
SYSTEM = "You answer politely."
ANSWERS: list[dict[str, Any]] = []


def ftlineage(*words: str) -> int:
    """Type a command, in the story's folder."""
    print(f"\n$ ftlineage {' '.join(words)}", flush=True)
    environment = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run([sys.executable, "-m", "ftlineage", *words], env=environment, check=False)
    print(f"(exit code {done.returncode})", flush=True)
    return done.returncode


def script(name: str) -> ModuleType:
    """A file of the two projects as it is on disk now."""
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py").replace("/", "_"), name)
    if spec is None or spec.loader is None:
        raise ImportError(name=name, path=name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ask(who: str, adapter: str) -> None:
    """Start a bot afresh, ask it, and print and keep its answer: token ids and logits included."""
    import torch

    tokenizer, model = script(f"{who}/bot.py").load(adapter)
    chat = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    inputs = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    with torch.no_grad():
        logits = model(**inputs).logits[0, -1]
        made = model.generate(**inputs, max_new_tokens=24, do_sample=False, pad_token_id=tokenizer.pad_token_id)
    tokens = made[0, inputs["input_ids"].shape[1] :].tolist()
    digest = hashlib.sha256(logits.numpy().tobytes()).hexdigest()[:12]
    text = " ".join(tokenizer.decode(tokens, skip_special_tokens=True).split())
    ANSWERS.append({"who": who, "adapter": adapter, "tokens": tokens, "logits": logits.tolist(), "text": text})
    print(f"{who:<10} logits {digest}  {text}", flush=True)


def ask_both() -> None:
    print(f"\n> {QUESTION}", flush=True)
    ask("team", "adapters/team-1")
    ask("neighbour", "adapters/neighbour")


def story(folder: Path) -> None:
    import datasets
    import vendor
    from transformers.utils import logging

    from ftlineage.core import codec
    from ftlineage.testing.hub import LocalHub

    datasets.disable_progress_bars()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning)  # of transformers, about its own next release
    rows = [json.loads(line)["messages"] for line in Path("tickets.jsonl").read_text("utf-8").splitlines()]
    text = sorted({message["content"] for row in rows for message in row[1:]})
    with LocalHub(folder / "hub") as hub, hub.activate(home=folder / "home"):
        print("1. Two teams fine-tune the same model on the same tickets.", flush=True)
        vendor.release(hub, folder / "chat", text)
        script("team/train.py").train("tickets.jsonl", "adapters/team-1")
        script("neighbour/train.py").train("tickets.jsonl", "adapters/neighbour")
        ask_both()

        print("\n2. The team pins what it loads.", flush=True)
        ftlineage("scan", "team", "neighbour")
        ftlineage("pin", "team")
        ftlineage("check", "team", "--pinned")
        ftlineage("scan", "team")

        print("\n3. The vendor improves the model in place. Both bots are restarted.", flush=True)
        vendor.improve(hub, folder / "chat-2", text)
        ask_both()
        ftlineage("drift")
        ftlineage("drift", "adapters/team-1", "--no-diff")
        ftlineage("scan", "neighbour", "adapters/neighbour")

        print("\n4. The team takes the new model over when it has the time, and trains for it.", flush=True)
        ftlineage("update", "tiny-corp/chat")
        ftlineage("pin", "team")
        script("team/train.py").train("tickets.jsonl", "adapters/team-2")
        print(f"\n> {QUESTION}", flush=True)
        ask("team", "adapters/team-2")

        print("\n5. The vendor edits the model's page. That is no reason to fail a build.", flush=True)
        vendor.describe(hub)
        ask("team", "adapters/team-2")
        ftlineage("drift")
    Path("answers.json").write_text(codec.compact_text(ANSWERS), encoding="utf-8")


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "support-bot-story").resolve()
    if folder.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    for name in ("team", "neighbour"):
        shutil.copytree(HERE / name, name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "tickets.jsonl", "tickets.jsonl")
    os.environ |= {
        "FTLINEAGE_HOME": str(folder / "home"),
        "FTLINEAGE_CACHE": str(folder / "home"),
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    sys.path.insert(0, str(HERE))
    story(folder)


if __name__ == "__main__":
    main()

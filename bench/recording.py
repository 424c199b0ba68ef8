"""What recording costs a LoRA run: no callback, ours with its card, MLflow's; processes in turn, medians.

    python -m bench.recording
    python -m bench.recording --steps 20 --rounds 1
    python -m bench.recording --mlflow-python /opt/mlflow/bin/python

A Llama of four layers, 256 wide, from a local stand-in for the Hub; 2,000 rows of text. Targets:
the callback takes less than 1 % of training; start and end together under 0.5 s beside the
hashing of data, base and adapter and beside the saving, which every run does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ftlineage.testing.hub import LocalHub
from ftlineage.testing.tiny import build_tiny_causal, example_text

REPO = "bench/llama"
ROWS = 2000
TARGET_STEP, TARGET_ENDS = 0.01, 0.5


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--mlflow-python", default=sys.executable, help="a Python with mlflow and the training libraries"
    )
    options = parser.parse_args(arguments)
    pythons = {"none": sys.executable, "ours": sys.executable}
    if has(options.mlflow_python, "mlflow", "peft"):
        pythons["mlflow"] = options.mlflow_python
    else:
        print(f"mlflow is not installed for {options.mlflow_python}, skipped (--mlflow-python names another)")
    with tempfile.TemporaryDirectory(prefix="ftlineage-bench-") as scratch:
        seconds = measured(Path(scratch), pythons, options.steps, options.rounds)
    report(seconds, options.steps, options.rounds)


def has(python: str, *modules: str) -> bool:
    found = subprocess.run([python, "-c", f"import {', '.join(modules)}"], capture_output=True, check=False)
    return found.returncode == 0


def mlflow_store(python: str, scratch: Path) -> dict[str, str]:
    """SQLite, as MLflow does by default; files, where only mlflow-skinny is installed."""
    if has(python, "sqlalchemy", "alembic"):
        return {"MLFLOW_TRACKING_URI": f"sqlite:///{scratch / 'mlflow.db'}"}
    return {"MLFLOW_TRACKING_URI": f"file://{scratch / 'mlruns'}", "MLFLOW_ALLOW_FILE_STORE": "true"}


def measured(scratch: Path, pythons: Mapping[str, str], steps: int, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Parts of every run in every round, by mode; a round before the first fills caches."""
    rows = scratch / "rows.jsonl"
    text = example_text()
    lines = (json.dumps({"text": f"{number}: {text[number % len(text)]}"}) for number in range(ROWS))  # noqa: TID251
    rows.write_text("\n".join(lines) + "\n", encoding="utf-8")
    seconds: dict[str, list[dict[str, float]]] = {mode: [] for mode in pythons}
    with LocalHub(scratch / "hub") as hub:
        hub.upload_folder(REPO, wide_model(scratch / "base"))
        variables = {**os.environ, **hub.environ(), **own_places(scratch)}
        variables |= mlflow_store(pythons.get("mlflow", sys.executable), scratch)
        for number in range(rounds + 1):
            for mode, python in pythons.items():
                out = scratch / f"{mode}-{number}"
                words = [mode, REPO, str(rows), str(out), str(steps if number else 2)]
                found = one_run(python, words, variables, scratch)
                if number:
                    seconds[mode].append(found)
    return seconds


def own_places(scratch: Path) -> dict[str, str]:
    return {
        "FTLINEAGE_HOME": str(scratch / "store"),
        "FTLINEAGE_CACHE": str(scratch / "store"),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "PYTHONPYCACHEPREFIX": str(scratch / "bytecode"),
    }


def one_run(python: str, words: Sequence[str], variables: Mapping[str, str], folder: Path) -> dict[str, float]:
    command = [python, "-m", "bench._recording_run", *words]
    kept = {name: value for name, value in variables.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, env=kept, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def wide_model(folder: Path) -> Path:
    """The tests' tokenizer with a model large enough for a step to take tens of milliseconds."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    build_tiny_causal(folder)
    config = LlamaConfig.from_pretrained(folder)
    config.update({"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 4, "head_dim": 64})
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def report(seconds: Mapping[str, Sequence[Mapping[str, float]]], steps: int, rounds: int) -> None:
    middle = {
        mode: {part: statistics.median(run.get(part, 0.0) for run in runs) for part in ("train", "whole")}
        for mode, runs in seconds.items()
    }
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {steps} steps, medians of {rounds} rounds")
    print(f"{'callback':<10} {'train s':>8} {'ms/step':>8} {'to none':>8} {'whole s':>8} {'more s':>7}")
    for mode, parts in middle.items():
        ratio = parts["train"] / middle["none"]["train"]
        more = parts["whole"] - middle["none"]["whole"]
        step = 1000 * parts["train"] / steps
        print(f"{mode:<10} {parts['train']:8.3f} {step:8.1f} {ratio:8.3f} {parts['whole']:8.3f} {more:7.3f}")
    ends = [run["start"] + run["end"] - run["hashing"] - run["saving"] for run in seconds["ours"]]
    names = ("start", "end", "hashing", "saving", "callback")
    listed = ", ".join(f"{name} {statistics.median(run[name] for run in seconds['ours']):.3f} s" for name in names)
    print(f"ours: {listed}")
    print(f"start and end beside hashing and saving: {statistics.median(ends):.3f} s (target < {TARGET_ENDS} s)")
    share = statistics.median(run["callback"] / run["train"] for run in seconds["ours"])
    print(f"callback's share of training: {share:.4%} (target < {TARGET_STEP:.0%})")
    spread = max(run["train"] for run in seconds["none"]) / min(run["train"] for run in seconds["none"]) - 1
    print(f"without any callback, rounds differ by {spread:.1%}")


if __name__ == "__main__":
    main()

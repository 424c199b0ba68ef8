"""A guarded load against PEFT's own load of the same adapter, which proves nothing: whole processes, side by side.

    python -m bench.load
    python -m bench.load --megabytes 50 --rounds 3

The base is a random Llama of about 0.5 GB, hashed once before, as it is on a server that starts
again. What the libraries alone take to import is measured beside them, because it is most of both.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench._processes import compare, environment

OLD_ENOUGH = 2.5  # seconds: a file touched later than that has no receipt
LAYERS, WIDTH, INNER = 10, 1024, 2816
MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# Numbers that one rank adds over all modules of a layer.
PER_RANK = LAYERS * (4 * 2 * WIDTH + 3 * (WIDTH + INNER))
LIBRARIES = "import torch, transformers, peft; from transformers import LlamaForCausalLM; from peft import PeftModel"
THEIRS = f"{LIBRARIES}; PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained({{base!r}}), {{folder!r}})"
OURS = "import ftlineage; ftlineage.load({folder!r}, base={base!r})"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="ftlineage-bench-") as name:
        scratch = Path(name)
        os.environ["FTLINEAGE_CACHE"] = str(scratch / "receipts")
        base, folder = made(scratch, options.megabytes)
        size = (folder / "adapter_model.safetensors").stat().st_size
        scripts = {"libraries alone": LIBRARIES, "PeftModel.from_pretrained": THEIRS, "ftlineage.load": OURS}
        places = {"base": str(base), "folder": str(folder)}
        commands = {name: [sys.executable, "-c", script.format(**places)] for name, script in scripts.items()}
        taken = compare(commands, options.rounds, environment(scratch / "bytecode"))
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, an adapter of {size / 1e6:.0f} MB")
    for row, one in taken.items():
        print(f"{row:<26} {one.seconds:7.2f} s {one.peak:8.0f} MB  median of {options.rounds} rounds")
    alone = taken["libraries alone"].seconds
    ratio = (taken["ftlineage.load"].seconds - alone) / (taken["PeftModel.from_pretrained"].seconds - alone)
    print(f"without the libraries: {ratio:.2f}x")


def made(scratch: Path, megabytes: int) -> tuple[Path, Path]:
    """A base, and a sealed adapter of it of about that size, whose numbers are all random."""
    import torch
    from peft import LoraConfig
    from transformers import LlamaConfig, LlamaForCausalLM

    import ftlineage

    config = LlamaConfig(
        vocab_size=4096,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=8,
        dtype="float32",
    )
    base = scratch / "base"
    LlamaForCausalLM(config).save_pretrained(base)
    with ftlineage.run("bench", out=scratch / "adapter") as run:
        model: Any = run.base(base).load(LlamaForCausalLM)
        rank = round(megabytes * 1e6 / 4 / PER_RANK)
        adapted = run.get_peft_model(model, LoraConfig(r=rank, target_modules=MODULES, task_type="CAUSAL_LM"))
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                torch.nn.init.normal_(parameter)
        run.seal(adapted)
    time.sleep(OLD_ENOUGH)
    return base, scratch / "adapter"


if __name__ == "__main__":
    main()

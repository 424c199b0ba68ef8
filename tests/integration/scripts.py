"""Training scripts that tests start as processes of their own, as users do."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

#: Trains two steps on ``acme/tiny``; arguments: the output folder, then words that change what happens.
TRAIN = """
import os
import sys

from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

import ftlineage
import ftlineage.errors

out, *words = sys.argv[1:]
rows = [{"text": f"My card {number} is late."} for number in range(8)]
with ftlineage.run("bot", out=out) as run:
    model, tokenizer = run.base("acme/tiny").load(dtype="float32")
    trainer = SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=run.dataset("tickets", rows),
        peft_config=run.peft(LoraConfig(r=4, target_modules="all-linear", modules_to_save=["norm", "lm_head"])),
        args=SFTConfig(
            output_dir=out,
            max_steps=2,
            per_device_train_batch_size=2,
            max_length=32,
            use_cpu=True,
            bf16=False,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        callbacks=[run.callback()],
    )
    trainer.train()
    if "stray" in words:
        rank = trainer.args.process_index
        if rank == 0:
            with open(f"{out}/leftover.bin", "wb") as file:
                file.write(b"pickle")
        trainer.accelerator.wait_for_everyone()
        try:
            run.seal(trainer)
        except ftlineage.errors.BadInputError as error:
            print(f"refused {rank} {error.path}\\n", end="", flush=True)  # one write: ranks share a pipe
        trainer.accelerator.wait_for_everyone()
        if rank == 0:
            os.unlink(f"{out}/leftover.bin")
    card = run.seal(trainer)
print(f"sealed {trainer.args.process_index} {card.id} {trainer.args.world_size}\\n", end="", flush=True)
"""


def start(command: list[str], *, folder: Path, environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start ``python`` with these arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]", *, seconds: float = 120) -> tuple[int, str, str]:
    """Exit code and output; a process that hangs is killed and fails the test."""
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        message = f"still running after {seconds} s:\n{output}\n{errors}"
        raise AssertionError(message) from None
    return process.returncode, output, errors

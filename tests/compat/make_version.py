"""Record a tiny version for real, to be kept for ever: ``python -m tests.compat.make_version``.

Run once a release that changes what is written, with a new NAME; what stands in ``v1/`` is never
written again. Training needs no network: the base is on a LocalHub.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from ftlineage.core import codec
from ftlineage.testing.hub import LocalHub

HERE = Path(__file__).parent / "v1"
NAME = "support-bot"
BASE = "acme/tiny-llama"
THINGS = ("card", "account", "order", "parcel", "refund", "password", "invoice", "transfer")


def ticket(number: int, thing: str) -> dict[str, Any]:
    """A row with text beyond ASCII, nesting, nulls and numbers that are easily written differently."""
    question = f"My {thing} is late. Größe {number}: ¿dónde está?"
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": f"We look at your {thing} today."}]
    topic = thing if number % 3 else None
    return {"id": number, "messages": turns, "topic": topic, "score": [0.5 * number, -0.0, 1e-7]}


def write_sources(folder: Path) -> None:
    (folder / "kb").mkdir(parents=True)
    rows = "".join(codec.compact_text(ticket(number, thing)) + "\n" for number, thing in enumerate(THINGS))
    (folder / "tickets.jsonl").write_text(rows, encoding="utf-8")
    (folder / "system.jinja").write_text("You answer customers of {{ company }} politely.\n", encoding="utf-8")
    (folder / "kb" / "returns.md").write_text("# Returns\n\nWithin 30 days.\n", encoding="utf-8")
    (folder / "kb" / "delivery.md").write_text("# Delivery\n\nTwo days.\n", encoding="utf-8")


def record(sources: Path, out: Path, checkpoints: Path) -> None:
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    import ftlineage
    from ftlineage.core.sections import Governance

    governance = Governance(owner="support-ml", intended_use="answering tickets", license="apache-2.0")
    with ftlineage.run(NAME, out=out, seed=7, governance=governance) as run:
        model, tokenizer = run.base(BASE, "main").load(dtype="float32")
        rows = run.dataset("tickets", sources / "tickets.jsonl", license="cc0-1.0", personal_data="none")
        run.prompt("system", sources / "system.jinja")
        run.retrieval("kb", sources / "kb", chunking={"size": 512})
        trainer = SFTTrainer(
            model=model,
            processing_class=tokenizer,
            train_dataset=rows.remove_columns(["id", "topic", "score"]),
            peft_config=run.peft(LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj", "v_proj"])),
            args=SFTConfig(
                output_dir=str(checkpoints), max_steps=2, per_device_train_batch_size=4, learning_rate=1e-2,
                max_length=64, seed=7, use_cpu=True, bf16=False, save_strategy="no", report_to="none",
            ),
            callbacks=[run.callback()],
        )  # fmt: skip
        trainer.train()
        card = run.seal(trainer)
    print(card.id)


def main() -> None:
    kept, sources = HERE / NAME, HERE / f"{NAME}-sources"
    if kept.exists() or sources.exists():
        sys.exit(f"{NAME} is there already and stays as it is; give the new version another NAME")
    with tempfile.TemporaryDirectory() as scratch, LocalHub(Path(scratch) / "hub") as hub:
        room = Path(scratch)
        os.chdir(room)
        os.environ |= hub.environ(home=room / "home")
        os.environ |= {"FTLINEAGE_HOME": str(room), "FTLINEAGE_CACHE": str(room), "OMP_NUM_THREADS": "1"}
        from ftlineage.testing.tiny import build_tiny_causal

        hub.upload_folder(BASE, build_tiny_causal(room / "tiny"))
        write_sources(sources)
        record(sources, room / "out", room / "checkpoints")
        shutil.copytree(room / "out", kept, ignore=shutil.ignore_patterns("README.md"))


if __name__ == "__main__":
    main()

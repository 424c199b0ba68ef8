"""The neighbour's fine-tune: the same model, the same tickets, and whatever `tiny-corp/chat` is on that day."""

from __future__ import annotations

from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
from trl import SFTConfig, SFTTrainer


def train(tickets: str, out: str) -> None:
    """Train a LoRA on tickets and save it."""
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained("tiny-corp/chat", dtype="float32"),
        processing_class=AutoTokenizer.from_pretrained("tiny-corp/chat"),
        train_dataset=load_dataset("json", data_files=tickets, split="train"),
        peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear"),
        args=SFTConfig(
            output_dir=out,
            max_steps=60,
            per_device_train_batch_size=8,
            learning_rate=1e-2,
            max_length=128,
            use_cpu=True,
            bf16=False,
            seed=7,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    trainer.save_model()

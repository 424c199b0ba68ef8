"""The bot that the team serves: the base, with the adapter on it."""

from __future__ import annotations

from typing import Any

from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer


def load(adapter: str) -> tuple[Any, Any]:
    """Tokenizer and model, ready to answer."""
    tokenizer = AutoTokenizer.from_pretrained("tiny-corp/chat")
    base = AutoModelForCausalLM.from_pretrained("tiny-corp/chat", dtype="float32")
    return tokenizer, PeftModel.from_pretrained(base, adapter).eval()

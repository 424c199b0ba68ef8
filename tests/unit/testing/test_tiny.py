"""Tiny models are real models, equal on every run, and leave the caller's random state alone."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftlineage.testing.tiny import build_tiny_causal, build_tiny_encoder, build_tiny_vision, example_text

pytestmark = pytest.mark.heavy

QUESTION = [{"role": "user", "content": "My card is late."}]


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    return build_tiny_causal(tmp_path_factory.mktemp("tiny") / "causal")


def test_causal_model_loads_and_its_template_uses_single_tokens(causal):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(causal)
    model = AutoModelForCausalLM.from_pretrained(causal)
    assert model.config.num_hidden_layers == 2
    assert model.config.vocab_size == len(tokenizer) <= 512
    text = tokenizer.apply_chat_template(QUESTION, tokenize=False, add_generation_prompt=True)
    assert text == "<|im_start|>user\nMy card is late.<|im_end|>\n<|im_start|>assistant\n"
    ids = tokenizer(text).input_ids
    assert ids[0] == tokenizer.bos_token_id == 1
    assert ids.count(tokenizer.eos_token_id) == 1
    # Byte level: any text comes back, also what it has never seen.
    assert tokenizer.decode(tokenizer("Grüße, 東京 ☂").input_ids) == "Grüße, 東京 ☂"


def test_equal_arguments_give_equal_bytes_in_another_process(tmp_path, causal):
    code = (
        "import sys; from ftlineage.testing.tiny import *;"
        "build_tiny_causal(sys.argv[1] + '/causal'); build_tiny_encoder(sys.argv[1] + '/encoder')"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
    )
    assert digests(tmp_path / "causal") == digests(causal)
    assert digests(tmp_path / "encoder") == digests(build_tiny_encoder(tmp_path / "encoder-2"))


def test_seed_changes_the_weights_only(tmp_path, causal):
    other = digests(build_tiny_causal(tmp_path / "other", seed=1))
    changed = {name for name, digest in digests(causal).items() if other[name] != digest}
    assert changed == {"model.safetensors"}


def test_pretraining_makes_it_a_model_of_its_text(tmp_path, causal):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    trained = build_tiny_causal(tmp_path / "trained", pretrain_steps=25)
    tokenizer = AutoTokenizer.from_pretrained(trained)
    ids = torch.tensor([tokenizer("\n".join(example_text()[:12])).input_ids])

    def loss(folder: Path) -> float:
        model = AutoModelForCausalLM.from_pretrained(folder)
        return float(model(input_ids=ids, labels=ids).loss.detach())

    assert loss(causal) > 5.5
    assert loss(trained) < 4.0


def test_callers_random_state_and_threads_stay(tmp_path):
    import torch

    torch.manual_seed(3)
    expected = torch.rand(2).tolist()
    threads = torch.get_num_threads()
    torch.manual_seed(3)
    build_tiny_encoder(tmp_path / "encoder")
    assert torch.rand(2).tolist() == expected
    assert torch.get_num_threads() == threads


def test_encoder_classifies_and_is_bare_without_labels(tmp_path):
    from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

    folder = build_tiny_encoder(tmp_path / "classifier", labels=["lost card", "late card"])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("My CARD is late", return_tensors="pt")
    assert tokenizer.convert_ids_to_tokens(ids.input_ids[0]) == ["[CLS]", "my", "card", "is", "late", "[SEP]"]
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    assert model(**ids).logits.shape == (1, 2)
    assert model.config.id2label == {0: "lost card", 1: "late card"}
    bare = AutoModel.from_pretrained(build_tiny_encoder(tmp_path / "bare"))
    assert type(bare).__name__ == "BertModel"


def test_vision_model_takes_images_without_torchvision(tmp_path):
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    folder = build_tiny_vision(tmp_path / "vision", labels=["cat", "dog", "bird"])
    processor = AutoImageProcessor.from_pretrained(folder)
    pixels = processor(images=Image.new("RGB", (50, 40), "red"), return_tensors="pt")
    assert pixels.pixel_values.shape == (1, 3, 32, 32)
    model = AutoModelForImageClassification.from_pretrained(folder)
    assert model(**pixels).logits.shape == (1, 3)


def test_t21_weights_are_readable_by_others(causal):
    assert (causal / "model.safetensors").stat().st_mode & 0o777 == 0o644

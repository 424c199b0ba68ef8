"""Every load through the base is pinned: configs, processors, code from other repositories, a second model, streams."""

from pathlib import Path
from typing import Any

import pytest

import ftlineage
from ftlineage.core import codec
from ftlineage.errors import RemoteCodeUnpinnableError
from ftlineage.testing.hub import LocalHub
from tests.integration.recording import ROWS, TRAINS, check_sound, lora, sft_arguments, trainer_arguments, unrecorded

pytestmark = TRAINS

CONFIGURATION = """
from transformers import LlamaConfig


class OwnConfig(LlamaConfig):
    model_type = "own-llama"
"""
MODELING = """
from transformers import LlamaForCausalLM

from .configuration_own import OwnConfig


class OwnModel(LlamaForCausalLM):
    config_class = OwnConfig
    version = {version}
"""


def custom(hub: LocalHub, tiny: Path, *, code: str) -> str:
    """A model whose classes live in the repository ``code``; empty means its own."""
    prefix = f"{code}--" if code else ""
    config = codec.parse((tiny / "config.json").read_bytes()) | {
        "model_type": "own-llama",
        "architectures": ["OwnModel"],
        "auto_map": {
            "AutoConfig": f"{prefix}configuration_own.OwnConfig",
            "AutoModelForCausalLM": f"{prefix}modeling_own.OwnModel",
        },
    }
    hub.upload_folder("acme/custom", tiny)
    sources = {"configuration_own.py": CONFIGURATION, "modeling_own.py": MODELING.format(version=1)}
    hub.commit(code or "acme/custom", sources)
    return hub.commit("acme/custom", {"config.json": codec.pretty_bytes(config)})


def test_each_kind_of_load(acme: LocalHub, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoProcessor, GenerationConfig

    with ftlineage.run("bot", out=tmp_path / "out") as run:
        base = run.base("acme/tiny")
        acme.requests.clear()
        processor = base.load(AutoProcessor)
        generation = base.load(GenerationConfig)
        config = base.load(AutoConfig)
        model = base.load(AutoModelForCausalLM, config=config, dtype="bfloat16", attn_implementation="eager")
        assert acme.requests.floating() == []
        assert base.processors == (processor,)
        assert generation.eos_token_id == config.eos_token_id
        card = run.seal(run.get_peft_model(model, lora()))

    assert card.section("base")["loaded_as"] == {
        "class": "LlamaForCausalLM",
        "dtype": "bfloat16",
        "quantization": None,
        "attention": "eager",
    }
    check_sound(card, tmp_path / "out")


def test_loaded_as_is_of_the_model_that_was_trained(acme: LocalHub, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    with ftlineage.run("bot", out=tmp_path / "out") as run:
        base = run.base("acme/tiny")
        model = base.load(AutoModelForCausalLM, dtype="float32")
        reference = base.load(AutoModelForCausalLM, dtype="bfloat16")
        reference.resize_token_embeddings(reference.config.vocab_size + 64)
        card = run.seal(run.get_peft_model(model, lora()))

    assert card.section("base")["loaded_as"]["dtype"] == "float32"
    assert card.section("adapter")["tensors"]["count"] == 8


@pytest.mark.parametrize("code", ["acme/code", ""])
def test_remote_code_is_pinned(code: str, acme: LocalHub, tiny_causal: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    sha = custom(acme, tiny_causal, code=code)
    code_sha = acme.head(code or "acme/custom")
    with ftlineage.run("bot", out=tmp_path / "out") as run:
        base = run.base("acme/custom")
        model = base.load(AutoModelForCausalLM, trust_remote_code=True, dtype="float32")
        acme.commit(code or "acme/custom", {"modeling_own.py": MODELING.format(version=2)})
        acme.requests.clear()
        again = base.load(AutoModelForCausalLM, trust_remote_code=True, dtype="float32")
        assert acme.requests.floating() == []
        assert (type(model).version, type(again).version) == (1, 1)
        card = run.seal(run.get_peft_model(model, lora()))

    section = card.section("base")
    assert (section["revision"], section["code_revision"]) == (sha, code_sha if code else None)
    assert section["loaded_as"]["class"] == "OwnModel"
    own = [file["path"] for file in section["files"] if file["path"].endswith(".py")]
    assert own == ([] if code else ["configuration_own.py", "modeling_own.py"])
    check_sound(card, tmp_path / "out")


def test_code_from_two_repositories_cannot_be_pinned(acme: LocalHub, tiny_causal: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    custom(acme, tiny_causal, code="acme/code")
    config = codec.parse(acme.read("acme/custom", "config.json"))
    config["auto_map"]["AutoConfig"] = "acme/other--configuration_own.OwnConfig"
    acme.commit("acme/custom", {"config.json": codec.pretty_bytes(config)})
    with (
        pytest.raises(RemoteCodeUnpinnableError, match="acme/code, acme/other"),
        ftlineage.run("bot", out=tmp_path / "out") as run,
    ):
        run.base("acme/custom").load(AutoModelForCausalLM, trust_remote_code=True)


def test_rows_that_stream(acme: LocalHub, tmp_path: Path) -> None:
    from datasets import Dataset
    from trl import SFTTrainer

    out = tmp_path / "out"
    with ftlineage.run("bot", out=out) as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        rows: Any = run.dataset("tickets", Dataset.from_list(ROWS).to_iterable_dataset())
        trainer = SFTTrainer(
            model=model,
            processing_class=tokenizer,
            train_dataset=rows,
            peft_config=run.peft(lora()),
            args=sft_arguments(tmp_path / "trainer"),
            callbacks=[run.callback()],
        )
        trainer.train()
        card = run.seal(trainer)

    (section,) = card.section("data")
    assert (section["source"]["kind"], section["rows"], section["prepared"]) == ("stream", 12, None)
    assert "data.prepared" in unrecorded(card)
    check_sound(card, out, private=[tmp_path])


def test_data_of_the_hub_is_pinned_and_its_commit_recorded(acme: LocalHub, tmp_path: Path) -> None:
    text = "".join(f'{{"text": "My card {n} is late."}}\n' for n in range(4))
    sha = acme.commit("acme/tickets", {"train.jsonl": text}, repo_type="dataset")
    acme.commit("acme/tickets", {"train.jsonl": text * 2}, repo_type="dataset")
    with ftlineage.run("bot", out=tmp_path / "out") as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        rows = run.dataset(
            "tickets", "hf://datasets/acme/tickets", revision=sha, license="cc0-1.0", personal_data="none"
        )
        card = run.seal(run.get_peft_model(model, lora()), processor=tokenizer, train_dataset=rows)

    (section,) = card.section("data")
    assert (section["source"]["kind"], section["source"]["commit"], section["rows"]) == ("hub", sha, 4)
    assert (section["license"], section["personal_data"]) == ("cc0-1.0", "none")
    assert section["prepared"]["fingerprint"] == section["fingerprint"]
    check_sound(card, tmp_path / "out", private=[tmp_path])


def test_a_model_of_ones_own_around_the_base(acme: LocalHub, tiny_encoder: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel, Trainer

    acme.upload_folder("acme/bert", tiny_encoder)

    class Scorer(torch.nn.Module):
        def __init__(self, encoder: Any) -> None:
            super().__init__()
            self.encoder = encoder
            self.head = torch.nn.Linear(64, 1)

        def forward(self, input_ids: Any, labels: Any) -> dict[str, Any]:
            scores = self.head(self.encoder(input_ids=input_ids).last_hidden_state[:, 0])[:, 0]
            return {"loss": ((scores - labels) ** 2).mean(), "scores": scores}

    with ftlineage.run("scorer", out=tmp_path / "out") as run:
        encoder = run.base("acme/bert").load(AutoModel, dtype="float32")
        rows = run.dataset("texts", [{"input_ids": [1, 2, 3], "labels": float(n)} for n in range(8)])
        trainer = Trainer(
            model=Scorer(encoder),
            train_dataset=rows,
            args=trainer_arguments(tmp_path / "trainer"),
            callbacks=[run.callback()],
        )
        trainer.train()
        card = run.seal(trainer)

    assert card.section("base")["evidence"] == "observed"
    assert card.section("base")["loaded_as"]["class"] == "BertModel"
    assert card.section("adapter")["type"] == "tensors"
    check_sound(card, tmp_path / "out")


def test_a_folder_that_changes_after_it_was_loaded(workplace: Path, tiny_causal: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(tiny_causal, workplace / "latest")
    with ftlineage.run("bot", out="out") as run:
        model, tokenizer = run.base("./latest").load(dtype="float32")
        (workplace / "latest" / "model.safetensors").write_bytes(b"the next version")
        rows = run.dataset("tickets", ROWS)
        adapted = run.get_peft_model(model, lora())
        with pytest.MonkeyPatch.context() as patch:
            # Scripts change their current folder; the card and its folder stay where they were meant.
            patch.chdir(tmp_path)
            card = run.seal(adapted, processor=tokenizer, train_dataset=rows)

    weights = next(file for file in card.section("base")["files"] if file["path"] == "model.safetensors")
    assert weights["size"] == (tiny_causal / "model.safetensors").stat().st_size
    check_sound(card, workplace / "out", private=[tmp_path])


def test_an_output_behind_a_link(acme: LocalHub, workplace: Path, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (workplace / "out").symlink_to(tmp_path / "scratch")
    with ftlineage.run("bot", out="out") as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        card = run.seal(run.get_peft_model(model, lora()), processor=tokenizer)

    check_sound(card, workplace / "out", private=[tmp_path])

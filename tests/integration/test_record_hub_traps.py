"""One test for each trap of the Hub that touches recording (docs/hf-traps.md), named after it."""

from pathlib import Path
from typing import Any

import pytest

import ftlineage
from ftlineage.core import codec
from ftlineage.testing.hub import LocalHub
from tests.integration.recording import (
    ROWS,
    TRAINS,
    check_sound,
    lora,
    pinned_everywhere,
    record_sft,
    record_untrained,
    sft_arguments,
    sft_trainer,
    unrecorded,
)

pytestmark = TRAINS


def _adapter_config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = codec.parse((folder / "adapter_config.json").read_bytes())
    return config


def _holds(value: Any, text: str, depth: int = 3) -> bool:
    """Whether an object's attributes, a few levels down, hold a text."""
    if isinstance(value, str):
        return text in value
    if depth == 0 or isinstance(value, type):
        return False
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    own = vars(value).values() if hasattr(value, "__dict__") else ()
    return any(_holds(item, text, depth - 1) for item in [*items, *own])


def test_t01_no_object_of_transformers_keeps_the_commit_and_the_card_does(acme: LocalHub, tmp_path: Path) -> None:
    sha = acme.head("acme/tiny")
    with ftlineage.run("bot", out=tmp_path / "out") as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        assert not any(_holds(part, sha) for part in (model, model.config, model.generation_config, tokenizer))
        card = run.seal(run.get_peft_model(model, lora()), processor=tokenizer)

    assert pinned_everywhere(card, sha)


@pytest.mark.parametrize("requested", ["main", None, "v1"])
def test_t02_adapter_config_gets_the_commit_whatever_was_asked(
    requested: str | None, acme: LocalHub, tmp_path: Path
) -> None:
    sha = acme.tag("acme/tiny", "v1")
    card = record_sft(tmp_path / "out", before=lambda run: run.base("acme/tiny", requested))

    assert _adapter_config(tmp_path / "out")["revision"] == sha
    assert _adapter_config(tmp_path / "out")["base_model_name_or_path"] == "acme/tiny"
    assert card.section("base")["requested"] == requested


def test_t02_an_adapter_the_run_never_pinned_gets_the_commit_too(acme: LocalHub, tmp_path: Path) -> None:
    from trl import SFTTrainer

    out = tmp_path / "out"
    with ftlineage.run("bot", out=out) as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        trainer = SFTTrainer(
            model=model,
            processing_class=tokenizer,
            train_dataset=run.dataset("tickets", ROWS),
            peft_config=lora(revision="main"),
            args=sft_arguments(out, save_strategy="steps", save_steps=1),
            callbacks=[run.callback()],
        )
        trainer.train()
        run.seal(trainer)

    for folder in (out, out / "checkpoint-1", out / "checkpoint-2"):
        assert _adapter_config(folder)["revision"] == acme.head("acme/tiny")


def test_t03_the_head_moves_while_the_run_loads(acme: LocalHub, other_causal: Path, tmp_path: Path) -> None:
    sha = acme.head("acme/tiny")
    (other_causal / "README.md").unlink(missing_ok=True)

    def move() -> None:
        acme.upload_folder("acme/tiny", other_causal)
        acme.commit("acme/tiny", {"chat_template.jinja": "{{ messages }}"})

    with ftlineage.run("bot", out=tmp_path / "out") as run:
        base = run.base("acme/tiny")
        # The next thing anybody asks for finds another head.
        fault = acme.faults.before("/acme/tiny", move)
        acme.requests.clear()
        model, tokenizer = base.load(dtype="float32")
        card = run.seal(run.get_peft_model(model, lora()), processor=tokenizer)

    assert fault.hits == 1
    assert acme.head("acme/tiny") != sha
    assert acme.requests.floating("acme/tiny") == []
    assert acme.requests.matching("/main") == []
    assert pinned_everywhere(card, sha)
    assert tokenizer.chat_template == acme.read("acme/tiny", "chat_template.jinja", revision=sha).decode()
    weights = next(file for file in card.section("base")["files"] if file["path"] == "model.safetensors")
    assert weights["sha256"] == acme.files("acme/tiny", revision=sha)["model.safetensors"].sha256
    check_sound(card, tmp_path / "out")


def test_t04_what_a_later_load_honours(acme: LocalHub, other_causal: Path, tmp_path: Path) -> None:
    import torch
    from peft import AutoPeftModelForCausalLM

    sha = acme.head("acme/tiny")
    record_untrained(tmp_path / "out")
    acme.upload_folder("acme/tiny", other_causal)
    loaded = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "out")

    with ftlineage.run("again", out=tmp_path / "again") as run:
        pinned = run.base("acme/tiny", sha).load(dtype="float32")[0]
        run.seal(run.get_peft_model(pinned, lora()))
    weight = "model.layers.0.mlp.up_proj.weight"
    assert torch.equal(loaded.get_base_model().get_parameter(weight), pinned.get_parameter(weight))


def test_t07_sealing_asks_the_hub_nothing(acme: LocalHub, tmp_path: Path) -> None:
    quiet = record_sft(tmp_path / "quiet")
    # As after a vendor's change of vocabulary: PEFT would compare with this and store the embeddings.
    config = codec.parse(acme.read("acme/tiny", "config.json"))
    changed = codec.pretty_bytes({**config, "vocab_size": config["vocab_size"] + 64})
    out = tmp_path / "out"
    with ftlineage.run("bot", out=out) as run:
        trainer = sft_trainer(run, output_dir=str(out), save_strategy="steps", save_steps=1)
        acme.commit("acme/tiny", {"config.json": changed})
        acme.requests.clear()
        trainer.train()
        card = run.seal(trainer)

    assert list(acme.requests) == []
    weights = (tmp_path / "quiet" / "adapter_model.safetensors").read_bytes()
    assert (out / "adapter_model.safetensors").read_bytes() == weights
    assert (out / "checkpoint-2" / "adapter_model.safetensors").read_bytes() == weights
    assert card.section("adapter")["tensors"] == quiet.section("adapter")["tensors"]
    check_sound(card, out)


def test_t07_sealing_works_with_the_hub_gone(acme: LocalHub, tmp_path: Path) -> None:
    with ftlineage.run("bot", out=tmp_path / "out") as run:
        from transformers import AutoModelForCausalLM

        # Without the tokenizer its files would still be missing from the cache at the end.
        model = run.base("acme/tiny").load(AutoModelForCausalLM, dtype="float32")
        acme.stop()
        card = run.seal(run.get_peft_model(model, lora()))
        acme.start()

    assert "tokenizer.json" in [file["path"] for file in card.section("base")["files"]]


def test_t07_resized_embeddings_are_stored(acme: LocalHub, tmp_path: Path) -> None:
    with ftlineage.run("bot", out=tmp_path / "out") as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        tokenizer.add_tokens(["<|ticket|>"])
        model.resize_token_embeddings(len(tokenizer))
        card = run.seal(run.get_peft_model(model, lora()), processor=tokenizer)

    names = [tensor["name"] for tensor in card.section("adapter")["tensors"]["entries"]]
    assert any("embed_tokens" in name for name in names)


def test_t08a_a_model_that_the_trainer_loads_by_name_is_only_declared(acme: LocalHub, tmp_path: Path) -> None:
    from trl import SFTTrainer

    out = tmp_path / "out"
    with ftlineage.run("bot", out=out) as run:
        tokenizer = run.base("acme/tiny").load()[1]
        trainer = SFTTrainer(
            model="acme/tiny",
            processing_class=tokenizer,
            train_dataset=run.dataset("tickets", ROWS),
            peft_config=run.peft(lora()),
            args=sft_arguments(tmp_path / "trainer"),
            callbacks=[run.callback()],
        )
        with pytest.warns(RuntimeWarning, match=r"the model being trained was not loaded with run\.base"):
            trainer.train()
        card = run.seal(trainer)

    assert card.section("base")["evidence"] == "declared"
    assert "base" in unrecorded(card)


def test_t08b_a_tokenizer_that_the_trainer_loads_from_the_head_is_said(acme: LocalHub, tmp_path: Path) -> None:
    from trl import SFTTrainer

    out = tmp_path / "out"
    with ftlineage.run("bot", out=out) as run:
        model, _ = run.base("acme/tiny").load(dtype="float32")
        acme.commit("acme/tiny", {"chat_template.jinja": "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"})
        trainer = SFTTrainer(
            model=model,
            train_dataset=run.dataset("tickets", ROWS),
            peft_config=run.peft(lora()),
            args=sft_arguments(tmp_path / "trainer"),
            callbacks=[run.callback()],
        )
        with pytest.warns(RuntimeWarning, match="TokenizersBackend was not loaded with"):
            trainer.train()
        card = run.seal(trainer)

    assert "preprocessing.TokenizersBackend" in unrecorded(card)
    first, second = card.section("preprocessing")["processors"]
    assert (first["source"], first["revision"]) == (None, None)
    assert second["revision"] == card.section("base")["revision"]
    # What really templated the rows is in the card, and it is not the pinned commit's.
    templates = {one["name"]: one["text"] for one in card.section("preprocessing")["chat_templates"]}
    assert templates["default"].startswith("{% for m in messages %}")


def test_t08c_a_template_given_by_path_is_recorded(acme: LocalHub, workplace: Path, tmp_path: Path) -> None:
    template = workplace / "shouting.jinja"
    template.write_text("{% for m in messages %}{{ m['content'] | upper }}\n{% endfor %}", encoding="utf-8")
    card = record_sft(tmp_path / "out", chat_template_path=str(template))

    assert card.section("preprocessing")["settings"]["chat_template_path"] == "shouting.jinja"
    assert [one["text"] for one in card.section("preprocessing")["chat_templates"]] == [template.read_text()]
    check_sound(card, tmp_path / "out", private=[tmp_path])


def test_t08_another_template_for_training_is_recorded_beside_the_saved_one(acme: LocalHub, tmp_path: Path) -> None:
    import trl.trainer.sft_trainer as sft

    marked = (
        "{%- for message in messages %}{%- if message['role'] == 'assistant' %}{% generation %}"
        "{{- message['content'] }}<|im_end|>{% endgeneration %}"
        "{%- else %}{{- message['content'] }}{%- endif %}{%- endfor %}"
    )
    with pytest.MonkeyPatch.context() as patch:
        # TRL knows training templates of published models only, and this one is nobody's.
        patch.setattr(sft, "get_training_chat_template", lambda _: marked)
        card = record_sft(tmp_path / "out", assistant_only_loss=True)

    templates = {one["name"]: one["text"] for one in card.section("preprocessing")["chat_templates"]}
    assert sorted(templates) == ["default", "training"]
    assert templates["training"] == marked

"""Runs that go on from something: a checkpoint, an earlier adapter by another trainer, adapters that were merged."""

from pathlib import Path
from typing import Any

import pytest

import ftlineage
from ftlineage.errors import PathNotFoundError
from ftlineage.testing.hub import LocalHub
from tests.integration.recording import (
    PAIRS,
    ROWS,
    TRAINS,
    check_sound,
    different,
    lora,
    record_sft,
    record_untrained,
    sft_trainer,
)

pytestmark = TRAINS


def test_a_resumed_run_says_so(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    whole = record_sft(tmp_path / "whole", max_steps=4)
    saving: dict[str, Any] = {"output_dir": str(out), "save_strategy": "steps", "save_steps": 2}
    with pytest.raises(KeyboardInterrupt), ftlineage.run("bot", out=out) as run:  # noqa: PT012 - stopped half-way
        sft_trainer(run, **saving, max_steps=2).train()
        raise KeyboardInterrupt
    with ftlineage.run("bot", out=out) as run:
        trainer = sft_trainer(run, **saving, max_steps=4)
        trainer.train(resume_from_checkpoint=True)
        card = run.seal(trainer)

    assert card.section("recipe")["resumed"] is True
    assert whole.section("recipe")["resumed"] is False
    assert card.body.run.steps == 4
    # Where it resumed from is outside the id, as a name without its folder.
    assert card.body.run.resumed_from == "checkpoint-2"
    assert different(whole, card) <= {"recipe", "adapter"}
    check_sound(card, out, private=[tmp_path])


def test_training_an_sft_adapter_further_with_dpo(acme: LocalHub, tmp_path: Path) -> None:
    from trl import DPOConfig, DPOTrainer

    first = record_sft(tmp_path / "first")
    with ftlineage.run("aligned", out=tmp_path / "second") as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        trainer = DPOTrainer(
            model=run.continue_from(model, tmp_path / "first"),
            processing_class=tokenizer,
            train_dataset=run.dataset("preferences", PAIRS),
            args=DPOConfig(
                output_dir=str(tmp_path / "trainer"),
                max_steps=2,
                learning_rate=1e-2,
                save_strategy="no",
                report_to="none",
                bf16=False,
                activation_checkpointing=False,
                dataloader_pin_memory=False,
            ),
            callbacks=[run.callback()],
        )
        trainer.train()
        card = run.seal(trainer)

    assert [(one["relation"], one["card"]) for one in card.section("parents")] == [("continued", first.id)]
    assert card.section("base")["evidence"] == "observed"
    assert card.section("adapter")["tensors"]["digest"] != first.section("adapter")["tensors"]["digest"]
    check_sound(card, tmp_path / "second", private=[tmp_path])


def test_a_merged_model_names_what_was_merged(acme: LocalHub, tmp_path: Path) -> None:
    from peft import PeftModel

    first = record_untrained(tmp_path / "first")
    with ftlineage.run("merged", out=tmp_path / "merged") as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        run.merged_from(tmp_path / "first")
        merged = PeftModel.from_pretrained(model, tmp_path / "first").merge_and_unload()
        card = run.seal(merged, processor=tokenizer, method="merge")

    assert [(one["relation"], one["card"]) for one in card.section("parents")] == [("merged", first.id)]
    assert card.section("adapter")["type"] == "full"
    assert card.section("base")["evidence"] == "observed"
    check_sound(card, tmp_path / "merged", private=[tmp_path])


def test_weighted_adapters_name_all_their_parents(acme: LocalHub, tmp_path: Path) -> None:
    from peft import PeftModel

    parents = [record_untrained(tmp_path / str(seed), seed=seed) for seed in (1, 2)]
    with ftlineage.run("weighted", out=tmp_path / "out") as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        run.merged_from(tmp_path / "1", tmp_path / "2")
        adapted = PeftModel.from_pretrained(model, tmp_path / "1", adapter_name="one")
        adapted.load_adapter(tmp_path / "2", adapter_name="two")
        adapted.add_weighted_adapter(["one", "two"], [0.5, 0.5], "mean", combination_type="linear")
        adapted.set_adapter("mean")
        adapted.delete_adapter("one")
        adapted.delete_adapter("two")
        card = run.seal(adapted, processor=tokenizer)

    assert [one["card"] for one in card.section("parents")] == [parent.id for parent in parents]
    assert [(one["name"], one["folder"]) for one in card.section("adapter")["members"]] == [("mean", "mean")]
    assert card.section("adapter")["members"][0]["revision"] == acme.head("acme/tiny")
    check_sound(card, tmp_path / "out", private=[tmp_path])


def test_a_parent_that_is_not_there(acme: LocalHub, tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError), ftlineage.run("bot", out=tmp_path / "out") as run:  # noqa: PT012 - one run
        model, _ = run.base("acme/tiny").load(dtype="float32")
        run.continue_from(model, tmp_path / "nowhere")


def test_checkpoints_carry_the_commit_and_load(acme: LocalHub, tmp_path: Path) -> None:
    from peft import AutoPeftModelForCausalLM

    out = tmp_path / "out"
    record_sft(out, output_dir=str(out), save_strategy="steps", save_steps=1, config=lora(), rows=ROWS[:8])

    loaded = AutoPeftModelForCausalLM.from_pretrained(out / "checkpoint-1")
    assert loaded.peft_config["default"].revision == acme.head("acme/tiny")

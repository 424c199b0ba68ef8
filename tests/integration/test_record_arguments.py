"""What a run is given by mistake is said at once, in words, and never costs a trained model."""

import os
from pathlib import Path
from typing import Any

import pytest

import ftlineage
from ftlineage.errors import BadArgumentError, OutputExistsError, StorageError
from ftlineage.store.publish import exclusive
from ftlineage.testing.hub import LocalHub
from tests.integration.recording import (
    ROWS,
    TRAINS,
    check_sound,
    lora,
    record_untrained,
    sft_trainer,
    trainer_arguments,
    unrecorded,
)

pytestmark = TRAINS


@pytest.mark.parametrize("options", [{"out": ""}, {"out": None}, {"out": "a\0b"}, {"seed": -1}, {"seed": "x"}])
def test_a_folder_and_a_seed_are_needed(options: dict[str, Any], workplace: Path) -> None:
    with pytest.raises(BadArgumentError, match=r"names no folder|no whole number"):
        ftlineage.run("bot", **{"out": workplace / "bot", **options})


def test_governance_is_of_its_class(workplace: Path) -> None:
    with pytest.raises(BadArgumentError, match="a dict is no Governance"):
        ftlineage.run("bot", out=workplace / "bot", governance={"owner": "ann"})  # type: ignore[arg-type]


def test_names_are_names(workplace: Path) -> None:
    run: Any = ftlineage.run("bot", out=workplace / "bot")

    with pytest.raises(BadArgumentError, match="name of the dataset: '' is no name"):
        run.dataset("", ROWS)
    with pytest.raises(BadArgumentError, match="name of the dataset: 3 is no name"):
        run.dataset(3, ROWS)
    with pytest.raises(BadArgumentError, match="name of the prompt: None is no name"):
        run.prompt(None, "Be kind.")
    with pytest.raises(BadArgumentError, match="a int is neither text nor a Path"):
        run.prompt("system", 3)


def test_other_objects_are_refused_when_given(acme: LocalHub, workplace: Path) -> None:
    run: Any = ftlineage.run("bot", out=workplace / "bot")
    run.base("acme/tiny")

    with pytest.raises(BadArgumentError, match="a dict is no PEFT config"):
        run.peft({})
    with pytest.raises(BadArgumentError, match="int is no tokenizer, processor"):
        run.processor(3)
    with pytest.raises(BadArgumentError, match="a NoneType is no trainer, and no model"):
        run.seal(None)


def test_a_run_without_a_block_records_its_code_too(
    acme: LocalHub, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTLINEAGE_HOME", os.devnull)
    out = workplace / "bot"
    run = ftlineage.run("bot", out=out)
    model, tokenizer = run.base("acme/tiny").load(dtype="float32")
    run.dataset("tickets", ROWS)

    card = run.seal(run.get_peft_model(model, lora()), processor=tokenizer)

    check_sound(card, out)
    # pytest runs it, so there is no script: the card says so instead of leaving it out.
    assert {"code", "recipe.script"} <= unrecorded(card)


def test_a_trainer_that_never_trained_is_noticed(acme: LocalHub, workplace: Path) -> None:
    with ftlineage.run("bot", out=workplace / "bot") as run:
        trainer = sft_trainer(run)
        with pytest.warns(RuntimeWarning, match="has not trained a step"):
            run.seal(trainer)


class CharTokenizer:
    """A tokenizer of nobody's class."""

    def save_pretrained(self, folder: str) -> None:
        Path(folder, "letters.json").write_text("{}")


def test_a_processor_of_no_known_class_costs_no_card(acme: LocalHub, workplace: Path) -> None:
    from transformers import Trainer

    with ftlineage.run("bot", out=workplace / "bot") as run:
        base = run.base("acme/tiny")
        model, tokenizer = base.load(dtype="float32")
        rows = [{"input_ids": [1, 2, 3], "labels": [1, 2, 3]}] * 4
        trainer = Trainer(
            model=run.get_peft_model(model, lora()),
            args=trainer_arguments(workplace / "trainer"),
            train_dataset=run.dataset("numbers", rows),
            processing_class=CharTokenizer(),
            data_collator=lambda batch: tokenizer.pad(batch, return_tensors="pt"),
            callbacks=[run.callback()],
        )
        with pytest.warns(RuntimeWarning, match="the trainer's CharTokenizer was not loaded"):
            trainer.train()
        card = run.seal(trainer)

    check_sound(card, workplace / "bot")
    assert "preprocessing.CharTokenizer" in unrecorded(card)


def test_a_version_that_was_sealed_meanwhile_is_not_overwritten(acme: LocalHub, workplace: Path) -> None:
    out = workplace / "bot"
    slow = ftlineage.run("slow", out=out)
    first = record_untrained(out)
    model, tokenizer = slow.base("acme/tiny").load(dtype="float32")
    slow.dataset("tickets", ROWS)

    with pytest.raises(OutputExistsError) as caught:
        slow.seal(slow.get_peft_model(model, lora()), processor=tokenizer)

    assert "The trained model was saved, without a card, in" in caught.value.hint
    assert ftlineage.load_card(out).id == first.id
    assert ftlineage.verify(out).ok


def test_two_runs_never_seal_into_one_folder_at_once(acme: LocalHub, workplace: Path) -> None:
    out = workplace / "bot"
    out.mkdir()

    with exclusive(out), pytest.raises(StorageError, match="another run is being sealed into it"):
        record_untrained(out)

    assert not (out / "lineage.json").exists()
    assert list(out.glob(".ftlineage-unsealed-*/adapter_model.safetensors"))
    record_untrained(out)
    assert ftlineage.verify(out).ok

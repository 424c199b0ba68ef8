"""The main path, one trainer after the other: train for real, seal, read every section, verify."""

from pathlib import Path

import ftlineage
from ftlineage.core.sections import Governance
from ftlineage.testing.hub import LocalHub
from tests.integration.recording import (
    PAIRS,
    ROWS,
    TEXTS,
    TRAINS,
    check_sound,
    lora,
    pinned_everywhere,
    record_sft,
    sft_arguments,
    sft_trainer,
    trainer_arguments,
    unrecorded,
)

pytestmark = TRAINS


def test_an_sft_run_leaves_a_complete_card(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    governance = Governance(owner="support team", license="apache-2.0")
    with ftlineage.run("support-bot", out=out, governance=governance) as run:
        run.prompt("system", "You answer politely, {name}.")
        trainer = sft_trainer(run)
        trainer.train()
        card = run.seal(trainer, metrics={"accuracy": 0.5})

    sha = acme.head("acme/tiny")
    body = card.body
    assert pinned_everywhere(card, sha)
    assert body.name == "support-bot"
    assert body.base is not None
    assert body.base.requested is None
    assert body.base.evidence == "observed"
    assert [file.path for file in body.base.files] == sorted(acme.files("acme/tiny").keys() - {".gitattributes"})
    assert body.base.loaded_as is not None
    assert (body.base.loaded_as.class_, body.base.loaded_as.dtype) == ("LlamaForCausalLM", "float32")
    assert [template.name for template in body.preprocessing.chat_templates] == ["default"]
    assert body.preprocessing.settings["max_length"] == 64
    assert [(one.name, one.rows, one.role) for one in body.data] == [("tickets", len(ROWS), "train")]
    assert body.data[0].prepared is not None
    assert {column.name for column in body.data[0].prepared.columns} >= {"input_ids", "labels"}
    assert [(prompt.name, prompt.variables) for prompt in body.prompts] == [("system", ["name"])]
    assert body.adapter is not None
    assert (body.adapter.type, body.adapter.target_modules) == ("lora", ["q_proj", "v_proj"])
    assert body.adapter.tensors is not None
    assert body.adapter.tensors.count == 8
    assert body.recipe is not None
    assert (body.recipe.method, body.recipe.trainer) == ("sft", "trl.SFTTrainer")
    assert body.recipe.arguments["learning_rate"] == 0.01
    assert body.recipe.seeds == {"run": 42, "seed": 42}
    assert body.environment is not None
    assert body.environment.python is not None
    assert (body.run.steps, body.run.complete, body.run.metrics["accuracy"]) == (2, True, 0.5)
    assert body.governance.owner == "support team"
    # No repository around the test, and pytest's own file is nobody's training script.
    assert unrecorded(card) == {"code", "recipe.script"}
    check_sound(card, out, private=[tmp_path])


def test_a_classifier_with_a_new_head(acme: LocalHub, tiny_encoder: Path, tmp_path: Path) -> None:
    from peft import TaskType
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer

    sha = acme.upload_folder("acme/bert", tiny_encoder)
    out = tmp_path / "out"
    with ftlineage.run("intents", out=out) as run:
        base = run.base("acme/bert", "main")
        tokenizer = base.load(AutoTokenizer)
        model = base.load(AutoModelForSequenceClassification, num_labels=2, dtype="float32")
        rows = run.dataset("texts", TEXTS)
        rows = rows.map(lambda row: tokenizer(row["text"]), remove_columns=["text"])
        trainer = Trainer(
            model=run.get_peft_model(model, lora(task_type=TaskType.SEQ_CLS, target_modules=["query", "value"])),
            processing_class=tokenizer,
            data_collator=DataCollatorWithPadding(tokenizer),
            train_dataset=rows,
            args=trainer_arguments(tmp_path / "trainer"),
            callbacks=[run.callback()],
        )
        trainer.train()
        card = run.seal(trainer)

    assert pinned_everywhere(card, sha)
    assert card.body.base is not None
    assert card.body.base.requested == "main"
    assert card.body.recipe is not None
    assert (card.body.recipe.trainer, card.body.recipe.method) == ("transformers.Trainer", None)
    assert card.body.adapter is not None
    assert card.body.adapter.tensors is not None
    names = [tensor.name for tensor in card.body.adapter.tensors.entries]
    assert any("classifier" in name for name in names)
    assert [one.role for one in card.body.preprocessing.code] == ["collator"]
    assert card.body.data[0].prepared is not None
    assert {column.name for column in card.body.data[0].prepared.columns} >= {"input_ids", "label"}
    check_sound(card, out, private=[tmp_path])


def test_preferences_with_dpo(acme: LocalHub, tmp_path: Path) -> None:
    from trl import DPOConfig, DPOTrainer

    out = tmp_path / "out"
    with ftlineage.run("aligned", out=out) as run:
        base = run.base("acme/tiny")
        model, tokenizer = base.load(dtype="float32")
        arguments = sft_arguments(tmp_path / "trainer").to_dict()
        shared = (
            "output_dir",
            "max_steps",
            "per_device_train_batch_size",
            "learning_rate",
            "save_strategy",
            "report_to",
        )
        trainer = DPOTrainer(
            model=model,
            processing_class=tokenizer,
            train_dataset=run.dataset("preferences", PAIRS),
            peft_config=run.peft(lora()),
            args=DPOConfig(
                **{name: arguments[name] for name in shared},
                bf16=False,
                activation_checkpointing=False,
                beta=0.2,
                dataloader_pin_memory=False,
            ),
            callbacks=[run.callback()],
        )
        trainer.train()
        card = run.seal(trainer)

    assert card.body.recipe is not None
    assert (card.body.recipe.method, card.body.recipe.trainer) == ("dpo", "trl.DPOTrainer")
    assert card.body.recipe.arguments["beta"] == 0.2
    assert pinned_everywhere(card, acme.head("acme/tiny"))
    check_sound(card, out, private=[tmp_path])


def test_a_plain_loop(acme: LocalHub, tmp_path: Path) -> None:
    import torch

    out = tmp_path / "out"
    with ftlineage.run("plain", out=out) as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        rows = run.dataset("tickets", [{"text": row["text"]} for row in TEXTS])
        prepared = rows.map(lambda row: {"input_ids": tokenizer(row["text"]).input_ids}, remove_columns=["text"])
        adapted = run.get_peft_model(model, lora())
        optimizer = torch.optim.AdamW([weight for weight in adapted.parameters() if weight.requires_grad], lr=1e-2)
        for row in list(prepared)[:2]:
            batch = torch.tensor([row["input_ids"]])
            adapted(input_ids=batch, labels=batch).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        card = run.seal(
            adapted,
            processor=tokenizer,
            train_dataset=prepared,
            method="next-token",
            arguments={"learning_rate": 1e-2, "cache": tmp_path / "cache", "log": str(tmp_path / "log")},
            metrics={"loss": 6.5},
        )

    assert card.body.recipe is not None
    assert card.body.recipe.method == "next-token"
    assert card.body.recipe.trainer is None
    assert card.body.recipe.arguments == {"learning_rate": 0.01, "cache": "cache", "log": "log"}
    assert card.body.data[0].prepared is not None
    assert card.body.run.metrics == {"loss": 6.5}
    assert (out / "tokenizer.json").exists()
    assert pinned_everywhere(card, acme.head("acme/tiny"))
    check_sound(card, out, private=[tmp_path])


def test_a_full_fine_tune(acme: LocalHub, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM
    from trl import SFTTrainer

    out = tmp_path / "out"
    with ftlineage.run("whole", out=out) as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        trainer = SFTTrainer(
            model=model,
            processing_class=tokenizer,
            train_dataset=run.dataset("tickets", ROWS),
            args=sft_arguments(tmp_path / "trainer"),
            callbacks=[run.callback()],
        )
        trainer.train()
        card = run.seal(trainer)

    assert card.body.adapter is not None
    assert card.body.adapter.type == "full"
    assert {file.path for file in card.body.adapter.files} >= {"config.json", "model.safetensors", "tokenizer.json"}
    assert card.body.base is not None
    assert card.body.base.revision == acme.head("acme/tiny")
    AutoModelForCausalLM.from_pretrained(out)
    check_sound(card, out, private=[tmp_path])


def test_several_adapters_in_one_model(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with ftlineage.run("pair", out=out) as run:
        base = run.base("acme/tiny")
        model, tokenizer = base.load(dtype="float32")
        adapted = run.get_peft_model(model, lora())
        adapted.add_adapter("formal", run.peft(lora(r=2, target_modules=["k_proj"])))
        run.dataset("tickets", ROWS)
        card = run.seal(adapted, processor=tokenizer)

    assert card.body.adapter is not None
    assert [(one.name, one.folder, one.revision) for one in card.body.adapter.members] == [
        ("default", ".", base.revision),
        ("formal", "formal", base.revision),
    ]
    check_sound(card, out, private=[tmp_path])


def test_a_local_base_keeps_its_path_to_itself(workplace: Path, tiny_causal: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    card = record_sft(out, before=lambda run: run.base(tiny_causal))

    assert card.body.base is not None
    assert (card.body.base.model, card.body.base.revision, card.body.base.origin) == ("tiny-llama", None, "local")
    check_sound(card, out, private=[tmp_path, tiny_causal])
    for path in out.iterdir():
        assert str(tiny_causal).encode() not in path.read_bytes(), path.name


def test_two_training_sets_leave_the_mixed_rows_to_neither(acme: LocalHub, tmp_path: Path) -> None:
    from datasets import concatenate_datasets

    out = tmp_path / "out"
    with ftlineage.run("mixed", out=out) as run:
        first, second = run.dataset("first", ROWS[:8]), run.dataset("second", ROWS[8:])
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        adapted = run.get_peft_model(model, lora())
        card = run.seal(adapted, processor=tokenizer, train_dataset=concatenate_datasets([first, second]))

    assert [(one.name, one.role, one.prepared is not None) for one in card.body.data] == [
        ("first", "train", False),
        ("second", "train", False),
        ("prepared", "prepared", True),
    ]
    assert card.body.data[2].prepared is not None
    assert card.body.data[2].prepared.rows == 12
    check_sound(card, out, private=[tmp_path])


def test_rows_that_were_never_given_to_the_run_are_missed(acme: LocalHub, tmp_path: Path) -> None:
    from datasets import Dataset
    from trl import SFTTrainer

    out = tmp_path / "out"
    with ftlineage.run("unsaid", out=out) as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        trainer = SFTTrainer(
            model=model,
            processing_class=tokenizer,
            train_dataset=Dataset.from_list(ROWS),
            peft_config=run.peft(lora()),
            args=sft_arguments(tmp_path / "trainer"),
            callbacks=[run.callback()],
        )
        trainer.train()
        card = run.seal(trainer)

    assert "data.train" in unrecorded(card)
    assert [(one.name, one.fingerprint, one.prepared is not None) for one in card.body.data] == [("train", None, True)]
    check_sound(card, out, private=[tmp_path])

"""One test for each trap of PEFT, transformers and TRL that touches recording (docs/hf-traps.md), named after it."""

# ruff: noqa: PT012 - a recorded run is one block

import os
import stat
from pathlib import Path
from typing import Any

import pytest

import ftlineage
from ftlineage.core.card import CARD_NAME
from ftlineage.errors import DigestMismatchError
from ftlineage.testing.hub import LocalHub
from tests.integration.recording import (
    ROWS,
    TEXTS,
    TRAINS,
    check_sound,
    different,
    lora,
    record_sft,
    record_untrained,
    sft_trainer,
    trainer_arguments,
)

pytestmark = TRAINS


# --- T15: random beginnings --------------------------------------------------------------------


def test_t15_a_plain_trainer_starts_from_seeded_adapters(acme: LocalHub, tmp_path: Path) -> None:
    import torch

    cards = []
    for number in (1, 2):
        torch.manual_seed(number)
        cards.append(record_untrained(tmp_path / str(number)))
        torch.rand(number)

    assert different(*cards) == set()


def test_t15_a_new_classification_head_starts_equal(acme: LocalHub, tiny_encoder: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    acme.upload_folder("acme/bert", tiny_encoder)
    heads = []
    for number in (1, 2):
        torch.manual_seed(number)
        with ftlineage.run("intents", out=tmp_path / str(number)) as run:
            model = run.base("acme/bert").load(AutoModelForSequenceClassification, num_labels=3)
            heads.append(model.classifier.weight.detach().clone())
            run.seal(model)

    assert torch.equal(*heads)
    assert not torch.equal(heads[0], torch.zeros_like(heads[0]))


# --- T16: what is on disk when ------------------------------------------------------------------


def _watcher(out: Path) -> Any:
    from transformers import TrainerCallback

    class Watcher(TrainerCallback):
        """Notes at each event whether there is a card."""

        def __init__(self) -> None:
            self.seen: dict[str, bool] = {}

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.seen["begin"] = (out / CARD_NAME).exists()

        def on_save(self, *_: Any, **__: Any) -> None:
            self.seen["save"] = (out / CARD_NAME).exists()

        def on_train_end(self, *_: Any, **__: Any) -> None:
            self.seen["end"] = (out / CARD_NAME).exists()
            assert (out / "lineage.partial.json").exists()

    return Watcher()


def test_t16_no_callback_ever_sees_a_card(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    watcher = _watcher(out)

    card = record_sft(out, callbacks=[watcher], output_dir=str(out), save_strategy="steps", save_steps=1)

    assert watcher.seen == {"begin": False, "save": False, "end": False}
    assert sorted(path.name for path in out.glob("checkpoint-*")) == ["checkpoint-1", "checkpoint-2"]
    check_sound(card, out)


# The tests switch the Hub's progress bars off, and the Trainer tries to switch them back on.
@pytest.mark.filterwarnings("ignore:Cannot enable progress bars:UserWarning")
def test_t16_sealing_pushes_nothing_without_its_card(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with ftlineage.run("bot", out=out) as run:
        trainer = sft_trainer(run, push_to_hub=True, hub_model_id="acme/pushed", hub_strategy="end")
        trainer.train()
        acme.requests.clear()
        card = run.seal(trainer)
        assert list(acme.requests) == []

    assert [path for path in acme.files("acme/pushed") if path != ".gitattributes"] == []
    check_sound(card, out)


# --- T17: the README ----------------------------------------------------------------------------


def test_t17_a_page_people_wrote_is_left_alone(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "README.md").write_text("# Ours\n", encoding="utf-8")
    card = record_sft(out)

    assert (out / "README.md").read_text(encoding="utf-8") == "# Ours\n"
    check_sound(card, out)


def test_t17_trl_overwrites_its_page_and_the_card_stands(acme: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with ftlineage.run("bot", out=out) as run:
        trainer = sft_trainer(run, output_dir=str(out), save_strategy="steps", save_steps=1)
        trainer.train()
        card = run.seal(trainer)
    before = (out / "README.md").read_text(encoding="utf-8")
    trainer.create_model_card(model_name="bot", tags=["something-else"])

    assert (out / "README.md").read_text(encoding="utf-8") != before
    check_sound(card, out)


# --- T19: nobody checks the base ------------------------------------------------------------------


def test_t19_an_adapter_trained_further_names_its_parent(acme: LocalHub, tmp_path: Path) -> None:
    first = record_sft(tmp_path / "first")
    with ftlineage.run("second", out=tmp_path / "second") as run:
        base = run.base("acme/tiny")
        model, tokenizer = base.load(dtype="float32")
        adapted = run.continue_from(model, tmp_path / "first")
        assert any(weight.requires_grad for weight in adapted.parameters())
        card = run.seal(adapted, processor=tokenizer)

    (parent,) = card.section("parents")
    assert (parent["relation"], parent["card"], parent["name"]) == ("continued", first.id, "bot")
    assert parent["digest"] == f"sha256:{first.section('adapter')['tensors']['digest']}"
    assert card.section("adapter")["tensors"]["digest"] == first.section("adapter")["tensors"]["digest"]
    check_sound(card, tmp_path / "second", private=[tmp_path])


def test_t19_another_commit_of_the_base_is_noticed(acme: LocalHub, other_causal: Path, tmp_path: Path) -> None:
    record_untrained(tmp_path / "first")
    old = acme.head("acme/tiny")
    new = acme.upload_folder("acme/tiny", other_causal)
    with ftlineage.run("second", out=tmp_path / "second") as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        with pytest.warns(
            RuntimeWarning, match=f"first was trained on acme/tiny at {old[:12]}, not on this run's base"
        ):
            adapted = run.continue_from(model, tmp_path / "first")
        card = run.seal(adapted, processor=tokenizer)

    assert card.section("base")["revision"] == new
    # PEFT itself would go on claiming the old commit.
    assert f'"revision": "{new}"' in (tmp_path / "second" / "adapter_config.json").read_text()


@pytest.mark.parametrize("place", ["adapter_model.safetensors", "adapter_config.json", CARD_NAME])
def test_t19_a_parent_that_was_altered_is_refused(place: str, acme: LocalHub, tmp_path: Path) -> None:
    record_untrained(tmp_path / "first")
    data = (tmp_path / "first" / place).read_bytes()
    changed = {
        "adapter_model.safetensors": data[:-1] + bytes([data[-1] ^ 1]),
        "adapter_config.json": data.replace(b'"lora_alpha": 8', b'"lora_alpha": 9'),
        CARD_NAME: data.replace(b'"lora_alpha": 8', b'"lora_alpha": 9'),
    }
    (tmp_path / "first" / place).write_bytes(changed[place])

    with pytest.raises(DigestMismatchError) as caught, ftlineage.run("second", out=tmp_path / "second") as run:
        model, _ = run.base("acme/tiny").load(dtype="float32")
        run.continue_from(model, tmp_path / "first")

    assert caught.value.hint == f"Run: ftlineage verify {tmp_path / 'first'}"
    assert not (tmp_path / "second" / CARD_NAME).exists()


def test_t19_a_parent_without_a_card_is_named_by_its_tensors(acme: LocalHub, tmp_path: Path) -> None:
    first = record_untrained(tmp_path / "first")
    (tmp_path / "first" / CARD_NAME).unlink()
    with ftlineage.run("second", out=tmp_path / "second") as run:
        model, tokenizer = run.base("acme/tiny").load(dtype="float32")
        card = run.seal(run.continue_from(model, tmp_path / "first"), processor=tokenizer)

    (parent,) = card.section("parents")
    assert (parent["card"], parent["name"]) == (None, "first")
    assert parent["digest"] == f"sha256:{first.section('adapter')['tensors']['digest']}"


# --- T21 and the rest ---------------------------------------------------------------------------


def test_t21_every_file_of_a_version_can_be_read_by_the_server(acme: LocalHub, tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        record_untrained(tmp_path / "out")
    finally:
        os.umask(old)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert set(modes) >= {"adapter_model.safetensors", "adapter_config.json", CARD_NAME}
    assert set(modes.values()) == {0o644}


@pytest.mark.parametrize("init", ["pissa", "olora"])
def test_an_initialisation_that_changes_the_base_is_recorded(init: str, acme: LocalHub, tmp_path: Path) -> None:
    card = record_untrained(tmp_path / "out", config=lora(init_lora_weights=init))

    assert card.section("adapter")["init"] == init
    report = ftlineage.verify(tmp_path / "out")
    assert report.ok
    assert any(init in finding.message.lower() for finding in report.findings)


@pytest.mark.parametrize("kind", ["dora", "ia3", "prompt"])
def test_other_methods_than_lora(kind: str, acme: LocalHub, tmp_path: Path) -> None:
    from peft import IA3Config, PromptTuningConfig

    configs = {
        "dora": lora(use_dora=True),
        "ia3": IA3Config(
            target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"], init_ia3_weights=False
        ),
        "prompt": PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4),
    }
    card = record_untrained(tmp_path / "out", config=configs[kind])

    assert card.section("adapter")["type"] == {"dora": "lora", "ia3": "ia3", "prompt": "prompt_tuning"}[kind]
    assert f'"revision": "{acme.head("acme/tiny")}"' in (tmp_path / "out" / "adapter_config.json").read_text()
    check_sound(card, tmp_path / "out")


def test_whole_modules_are_saved_with_the_adapter(acme: LocalHub, tiny_encoder: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, Trainer

    acme.upload_folder("acme/bert", tiny_encoder)
    with ftlineage.run("intents", out=tmp_path / "out") as run:
        model = run.base("acme/bert").load(AutoModelForSequenceClassification, num_labels=2)
        config = lora(target_modules=["query"], modules_to_save=["classifier"])
        rows = run.dataset("texts", [{"input_ids": [1, 2, 3], "label": row["label"]} for row in TEXTS])
        trainer = Trainer(
            model=run.get_peft_model(model, config),
            train_dataset=rows,
            args=trainer_arguments(tmp_path / "trainer"),
            callbacks=[run.callback()],
        )
        trainer.train()
        card = run.seal(trainer)

    assert card.section("adapter")["config"]["modules_to_save"] == ["classifier"]
    names = [tensor["name"] for tensor in card.section("adapter")["tensors"]["entries"]]
    assert sum("classifier" in name for name in names) == 2
    assert card.section("preprocessing")["processors"] == []
    check_sound(card, tmp_path / "out")


def test_checkpoints_among_the_files_of_the_version_are_refused_before_training(acme: LocalHub, tmp_path: Path) -> None:
    from ftlineage.errors import RunStateError

    out = tmp_path / "out"
    with pytest.raises(RunStateError, match="would be part of the version") as caught:
        record_sft(out, output_dir=str(out / "checkpoints"), save_strategy="steps", save_steps=1)

    assert "output_dir=" in caught.value.hint
    assert not (out / "checkpoints" / "checkpoint-1").exists()


def test_rows_seen_by_training_are_the_same_as_those_fingerprinted(acme: LocalHub, tmp_path: Path) -> None:
    shuffled = record_sft(tmp_path / "a", rows=[ROWS[3], *ROWS[:3], *ROWS[4:]])
    plain = record_sft(tmp_path / "b")

    (a,), (b,) = shuffled.section("data"), plain.section("data")
    assert a["fingerprint"]["ordered"] != b["fingerprint"]["ordered"]
    assert a["fingerprint"]["unordered"] == b["fingerprint"]["unordered"]
    assert a["prepared"]["fingerprint"]["ordered"] != b["prepared"]["fingerprint"]["ordered"]

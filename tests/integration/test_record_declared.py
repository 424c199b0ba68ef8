"""Cards for adapters that plain PEFT trained: what lies there is observed, what is said is declared."""

from pathlib import Path
from typing import Any

import pytest

from ftlineage.core import codec
from ftlineage.core.card import CARD_NAME
from ftlineage.errors import (
    BadArgumentError,
    BadInputError,
    HubUnreachableError,
    OutputExistsError,
    PathNotFoundError,
    RevisionNotFoundError,
    UnsafeFormatError,
)
from ftlineage.record.declared import record_declared
from ftlineage.testing.hub import LocalHub
from ftlineage.verify.runner import verify
from tests.integration.recording import ROWS, TRAINS, check_sound, lora, sft_arguments, unrecorded

pytestmark = TRAINS

UNKNOWN = {"recipe", "code", "environment"}


@pytest.fixture
def foreign(acme: LocalHub, workplace: Path) -> Path:
    """An adapter that TRL trained without ftlineage, with its tokenizer and trainer state beside it."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTTrainer

    folder = workplace / "Their Adapter"
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained("acme/tiny", dtype="float32"),
        processing_class=AutoTokenizer.from_pretrained("acme/tiny"),
        train_dataset=Dataset.from_list(ROWS),
        peft_config=lora(),
        args=sft_arguments(folder),
    )
    trainer.train()
    trainer.save_model(str(folder))
    trainer.save_state()
    return folder


def config_of(folder: Path) -> dict[str, Any]:
    """``adapter_config.json`` as it is now."""
    config: dict[str, Any] = codec.parse((folder / "adapter_config.json").read_bytes())
    return config


def pin(folder: Path, **values: Any) -> None:
    """Write other values into ``adapter_config.json``."""
    (folder / "adapter_config.json").write_bytes(codec.pretty_bytes({**config_of(folder), **values}))


def errors_of(folder: Path) -> list[str]:
    """Codes of what verify finds wrong or doubtful."""
    return [finding.code for finding in verify(folder).findings if finding.severity != "note"]


def test_a_commit_that_is_named(foreign: Path, acme: LocalHub, workplace: Path, tmp_path: Path) -> None:
    sha = acme.head("acme/tiny")
    (workplace / "tickets.jsonl").write_text('{"text": "My card is late."}\n', encoding="utf-8")
    (workplace / "system.txt").write_text("Answer politely.", encoding="utf-8")
    (workplace / "kb").mkdir()
    (workplace / "kb" / "a.txt").write_text("a", encoding="utf-8")

    card = record_declared(
        foreign,
        base=f"acme/tiny@{sha}",
        data=[("tickets", "tickets.jsonl")],
        prompts=[("system", "system.txt")],
        retrieval=[("kb", "kb")],
    )

    body = card.body
    assert body.name == "their-adapter"
    assert body.base is not None
    assert (body.base.revision, body.base.requested, body.base.evidence) == (sha, sha, "declared")
    assert "model.safetensors" in [file.path for file in body.base.files]
    assert [(one.name, one.rows, one.evidence) for one in body.data] == [("tickets", 1, "declared")]
    assert [(one.name, one.text) for one in body.prompts] == [("system", "Answer politely.")]
    assert [(one.name, one.evidence) for one in body.retrieval] == [("kb", "declared")]
    assert body.adapter is not None
    assert (body.adapter.type, body.adapter.evidence) == ("lora", "observed")
    assert [one.kind for one in body.preprocessing.processors] == ["tokenizer"]
    assert [one.name for one in body.preprocessing.chat_templates] == ["default"]
    assert body.run.steps == 2
    assert body.run.epochs == pytest.approx(2 / 3)
    assert body.run.metrics["train_loss"] > 0
    assert unrecorded(card) == UNKNOWN
    assert config_of(foreign)["revision"] == sha
    check_sound(card, foreign, private=[tmp_path])


def test_no_commit_is_named_and_none_is_guessed(foreign: Path, acme: LocalHub) -> None:
    acme.requests.clear()
    card = record_declared(foreign, base="acme/tiny")

    assert list(acme.requests) == []
    assert card.section("base")["revision"] is None
    assert card.section("base")["files"] == []
    assert unrecorded(card) == {"base.revision", "data", *UNKNOWN}
    assert config_of(foreign)["revision"] is None
    assert errors_of(foreign) == ["base.unpinned"]


def test_a_tag_is_resolved(foreign: Path, acme: LocalHub) -> None:
    sha = acme.tag("acme/tiny", "v1")
    acme.commit("acme/tiny", {"README.md": "later"})
    card = record_declared(foreign, base="acme/tiny@v1")

    assert (card.section("base")["requested"], card.section("base")["revision"]) == ("v1", sha)
    assert config_of(foreign)["revision"] == sha


def test_the_commit_in_adapter_config_counts(foreign: Path, acme: LocalHub) -> None:
    sha = acme.head("acme/tiny")
    acme.commit("acme/tiny", {"README.md": "later"})
    pin(foreign, revision=sha)
    card = record_declared(foreign, base="acme/tiny")

    assert card.section("base")["revision"] == sha
    assert unrecorded(card) == {"data", *UNKNOWN}


def test_a_local_base(foreign: Path, tiny_causal: Path, tmp_path: Path) -> None:
    pin(foreign, base_model_name_or_path=str(tiny_causal))
    card = record_declared(foreign, base=str(tiny_causal))

    assert (card.section("base")["model"], card.section("base")["origin"]) == ("tiny-llama", "local")
    check_sound(card, foreign, private=[tmp_path, tiny_causal])


def test_a_local_copy_of_a_base_whose_commit_adapter_config_names(foreign: Path, tiny_causal: Path) -> None:
    pin(foreign, revision="a" * 40)
    card = record_declared(foreign, base=str(tiny_causal))

    assert (card.section("base")["revision"], card.section("base")["origin"]) == (None, "local")
    assert config_of(foreign)["revision"] == "a" * 40


def test_another_model_than_adapter_config_says(foreign: Path, acme: LocalHub) -> None:
    with pytest.raises(BadArgumentError) as caught:
        record_declared(foreign, base="acme/other")

    assert caught.value.reason == "adapter_config.json says the base is acme/tiny, not acme/other"
    assert caught.value.hint == "Try --base acme/tiny"
    assert not (foreign / CARD_NAME).exists()


def test_another_commit_than_adapter_config_says(foreign: Path, acme: LocalHub) -> None:
    old = acme.head("acme/tiny")
    new = acme.commit("acme/tiny", {"README.md": "later"})
    pin(foreign, revision=old)
    with pytest.raises(BadArgumentError) as caught:
        record_declared(foreign, base="acme/tiny@main")

    assert caught.value.reason == f"adapter_config.json says revision {old}, --base resolves to {new}"
    assert caught.value.hint == f"Try --base acme/tiny@{old}"
    assert config_of(foreign)["revision"] == old


def test_a_card_is_replaced_only_when_asked(foreign: Path, acme: LocalHub) -> None:
    first = record_declared(foreign, base="acme/tiny")
    with pytest.raises(OutputExistsError):
        record_declared(foreign, base="acme/tiny@main")
    second = record_declared(foreign, base="acme/tiny@main", overwrite=True, name="theirs")

    assert first.id != second.id
    check_sound(second, foreign)


def test_recording_twice_gives_one_id(foreign: Path, acme: LocalHub) -> None:
    first = record_declared(foreign, base="acme/tiny@main")

    assert record_declared(foreign, base="acme/tiny@main", overwrite=True).id == first.id


def test_pickled_weights_are_refused(foreign: Path, acme: LocalHub) -> None:
    import torch

    torch.save({}, foreign / "adapter_model.bin")
    with pytest.raises(UnsafeFormatError, match=r"adapter_model\.bin is a pickle format"):
        record_declared(foreign, base="acme/tiny")

    assert not (foreign / CARD_NAME).exists()


def test_a_folder_without_an_adapter(workplace: Path, acme: LocalHub) -> None:
    (workplace / "empty").mkdir()
    with pytest.raises(BadInputError, match="no safetensors weights are here"):
        record_declared(workplace / "empty", base="acme/tiny")
    with pytest.raises(PathNotFoundError):
        record_declared(workplace / "nowhere", base="acme/tiny")


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1, "a": 2}'])
def test_a_broken_config_is_said(text: str, foreign: Path, acme: LocalHub) -> None:
    (foreign / "adapter_config.json").write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=r"adapter_config\.json"):
        record_declared(foreign, base="acme/tiny")


def test_a_failure_changes_nothing(foreign: Path, acme: LocalHub) -> None:
    before = {path.name: path.read_bytes() for path in foreign.iterdir() if path.is_file()}
    with pytest.raises(RevisionNotFoundError):
        record_declared(foreign, base="acme/tiny@v9")
    with pytest.raises(PathNotFoundError):
        record_declared(foreign, base="acme/tiny@main", data=[("tickets", "nowhere.jsonl")])
    with pytest.raises(PathNotFoundError):
        record_declared(foreign, base="acme/tiny@main", prompts=[("system", "nowhere.txt")])
    acme.stop()
    with pytest.raises(HubUnreachableError):
        record_declared(foreign, base="acme/tiny@main")

    assert {path.name: path.read_bytes() for path in foreign.iterdir() if path.is_file()} == before

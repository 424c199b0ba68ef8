"""The card's id: equal for equal runs; one changed element changes it, and only the sections it reaches."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

import ftlineage
from ftlineage.testing.hub import LocalHub
from tests.integration.recording import ROWS, TRAINS, different, lora, record_sft, record_untrained, sft_trainer

pytestmark = TRAINS

# What training reaches: the weights follow from it.
TRAINED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "learning rate": ({"learning_rate": 2e-2}, {"recipe", "adapter"}),
    "steps": ({"max_steps": 3}, {"recipe", "adapter"}),
    "seed of the trainer": ({"seed": 7}, {"recipe", "adapter"}),
    "one row": ({"rows": [*ROWS[:-1], ROWS[0]]}, {"data", "adapter"}),
    "order of rows": ({"rows": [ROWS[1], ROWS[0], *ROWS[2:]]}, {"data", "adapter"}),
    "longest row": ({"max_length": 16}, {"recipe", "preprocessing", "data", "adapter"}),
}


@pytest.fixture
def repository(workplace: Path) -> Path:
    """The current folder as a repository with one commit."""
    (workplace / "features.py").write_text("LIMIT = 5\n", encoding="utf-8")
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "One"],
    ):
        subprocess.run(["git", *arguments], cwd=workplace, check=True)
    return workplace


def test_the_same_run_twice_has_one_id(acme: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = record_sft(tmp_path / "a")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    second = record_sft(Path("b"), name="another-name")

    assert second.id == first.id
    assert different(first, second) == set()
    for name in ("adapter_model.safetensors", "adapter_config.json", "tokenizer_config.json"):
        assert (tmp_path / "a" / name).read_bytes() == Path("b", name).read_bytes()


def test_offline_and_from_the_network_have_one_id(
    acme: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = acme.head("acme/tiny")
    online = record_untrained(tmp_path / "a", before=lambda run: run.base("acme/tiny", sha))
    with acme.activate(offline=True):
        acme.requests.clear()
        offline = record_untrained(tmp_path / "b", before=lambda run: run.base("acme/tiny", sha))

    assert len(acme.requests) == 0
    assert different(online, offline) == set()


@pytest.mark.parametrize("element", TRAINED)
def test_one_changed_element_of_training(element: str, acme: LocalHub, tmp_path: Path) -> None:
    changes, sections = TRAINED[element]

    before, after = record_sft(tmp_path / "a"), record_sft(tmp_path / "b", **changes)

    assert before.id != after.id
    assert different(before, after) == sections


def test_the_seed_of_the_run(acme: LocalHub, tmp_path: Path) -> None:
    before, after = record_untrained(tmp_path / "a", seed=1), record_untrained(tmp_path / "b", seed=2)

    assert different(before, after) == {"recipe", "adapter"}


@pytest.mark.parametrize("changes", [{"r": 8}, {"target_modules": ["q_proj"]}, {"lora_alpha": 16}])
def test_the_adapter_config(changes: dict[str, Any], acme: LocalHub, tmp_path: Path) -> None:
    before, after = record_untrained(tmp_path / "a"), record_untrained(tmp_path / "b", config=lora(**changes))

    assert different(before, after) == {"adapter"}


def test_the_order_of_target_modules_is_no_change(acme: LocalHub, tmp_path: Path) -> None:
    turned = lora(target_modules=["v_proj", "q_proj"])

    assert record_untrained(tmp_path / "a").id == record_untrained(tmp_path / "b", config=turned).id


def test_the_commit_of_the_base(acme: LocalHub, other_causal: Path, tmp_path: Path) -> None:
    before = record_sft(tmp_path / "a")
    acme.commit("acme/tiny", {"README.md": "Only words."})
    words = record_sft(tmp_path / "b")
    acme.upload_folder("acme/tiny", other_causal)
    weights = record_sft(tmp_path / "c")

    # The commit stands in base, in preprocessing and in adapter_config.json.
    assert different(before, words) == {"base", "preprocessing", "adapter"}
    assert different(words, weights) == {"base", "preprocessing", "adapter"}
    digests = [card.section("adapter")["tensors"]["digest"] for card in (before, words, weights)]
    assert digests[0] == digests[1] != digests[2]


def test_a_prompt(acme: LocalHub, tmp_path: Path) -> None:
    before = record_untrained(tmp_path / "a", before=lambda run: run.prompt("system", "Answer politely."))
    after = record_untrained(tmp_path / "b", before=lambda run: run.prompt("system", "Answer politely. "))

    assert different(before, after) == {"prompts"}


def test_the_chat_template(acme: LocalHub, tmp_path: Path) -> None:
    def shorten(tokenizer: Any) -> None:
        tokenizer.chat_template = tokenizer.chat_template.replace("\\n' }}", " ' }}")

    before, after = record_untrained(tmp_path / "a"), record_untrained(tmp_path / "b", edit=shorten)

    # The template's file lies beside the adapter, so the adapter's list of files has it too.
    assert different(before, after) == {"preprocessing", "adapter"}
    changed = {file["path"] for file in after.section("adapter")["files"]} & {"chat_template.jinja"}
    assert changed == {"chat_template.jinja"}


def _with_limit(limit: int) -> Any:
    def shorten(row: dict[str, Any]) -> str:
        return str(row["question"])[:limit]

    return shorten


def test_a_constant_of_a_formatting_function(acme: LocalHub, tmp_path: Path) -> None:
    before = record_untrained(tmp_path / "a", before=lambda run: run.preprocessing(_with_limit(100)))
    after = record_untrained(tmp_path / "b", before=lambda run: run.preprocessing(_with_limit(101)))

    assert different(before, after) == {"preprocessing"}
    assert after.section("preprocessing")["code"][0]["constants"] == {"limit": 101}


def test_a_formatting_function_given_to_the_trainer_is_seen(acme: LocalHub, tmp_path: Path) -> None:
    from trl import SFTTrainer

    from tests.integration.recording import sft_arguments

    cards = []
    for limit in (10, 15):
        with ftlineage.run("bot", out=tmp_path / str(limit)) as run:
            model, tokenizer = run.base("acme/tiny").load(dtype="float32")
            trainer = SFTTrainer(
                model=model,
                processing_class=tokenizer,
                train_dataset=run.dataset("tickets", [{"question": f"Where is parcel {n}?"} for n in range(8)]),
                formatting_func=_with_limit(limit),
                peft_config=run.peft(lora()),
                args=sft_arguments(tmp_path / "trainer"),
                callbacks=[run.callback()],
            )
            trainer.train()
            cards.append(run.seal(trainer))

    assert different(*cards) == {"preprocessing", "data", "adapter"}
    roles = [code["role"] for code in cards[0].section("preprocessing")["code"]]
    assert roles == ["formatting", "collator"]


def test_the_mean_of_an_image_processor(acme: LocalHub, tiny_vision: Path, tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    acme.upload_folder("acme/vit", tiny_vision)
    cards = []
    for red in (0.5, 0.485):
        with ftlineage.run("images", out=tmp_path / str(red)) as run:
            base = run.base("acme/vit")
            processor = base.load(AutoImageProcessor, backend="pil")
            processor.image_mean = [red, 0.5, 0.5]
            model = base.load(AutoModelForImageClassification)
            adapted = run.get_peft_model(model, lora())
            cards.append(run.seal(adapted, processor=processor))

    # preprocessor_config.json lies beside the adapter and is listed with it.
    assert different(*cards) == {"preprocessing", "adapter"}
    assert [card.section("preprocessing")["processors"][0]["settings"]["image_mean"][0] for card in cards] == [
        0.5,
        0.485,
    ]


def test_a_setting_of_preprocessing(acme: LocalHub, tmp_path: Path) -> None:
    before = record_untrained(tmp_path / "a", before=lambda run: run.preprocessing(image_mean=[0.5, 0.5, 0.5]))
    after = record_untrained(tmp_path / "b", before=lambda run: run.preprocessing(image_mean=[0.485, 0.456, 0.406]))

    assert different(before, after) == {"preprocessing"}


def test_a_retrieval_index(acme: LocalHub, workplace: Path, tmp_path: Path) -> None:
    index = workplace / "index"
    index.mkdir()
    (index / "passages.jsonl").write_text('{"text": "Refunds take a week."}\n', encoding="utf-8")
    before = record_untrained(tmp_path / "a", before=lambda run: run.retrieval("kb", index))
    (index / "passages.jsonl").write_text('{"text": "Refunds take a month."}\n', encoding="utf-8")
    after = record_untrained(tmp_path / "b", before=lambda run: run.retrieval("kb", index))

    assert different(before, after) == {"retrieval"}


@pytest.mark.parametrize(("name", "text"), [("features.py", "LIMIT = 6\n"), ("helper.py", "LIMIT = 5\n")])
def test_uncommitted_code(name: str, text: str, acme: LocalHub, repository: Path, tmp_path: Path) -> None:
    before = record_untrained(tmp_path / "a")
    (repository / name).write_text(text, encoding="utf-8")
    after = record_untrained(tmp_path / "b")

    assert before.section("code")["dirty"] is False
    assert different(before, after) == {"code"}


def test_the_output_folder_inside_the_repository_is_no_change(acme: LocalHub, repository: Path) -> None:
    assert record_untrained("a").id == record_untrained("b").id


def test_a_package(acme: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path / "site")
    (tmp_path / "site" / "augment-1.0.dist-info").mkdir(parents=True)
    before = record_untrained(tmp_path / "a")
    (tmp_path / "site" / "augment-1.0.dist-info").rename(tmp_path / "site" / "augment-1.1.dist-info")
    after = record_untrained(tmp_path / "b")

    assert different(before, after) == {"environment"}


def test_the_number_of_threads(acme: LocalHub, tmp_path: Path) -> None:
    import torch

    threads = torch.get_num_threads()
    cards = []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            cards.append(record_untrained(tmp_path / str(number)))
    finally:
        torch.set_num_threads(threads)

    assert different(*cards) == {"environment"}


def test_metrics_governance_and_times_are_outside(acme: LocalHub, tmp_path: Path) -> None:
    cards = []
    for score in (0.1, 0.9):
        with ftlineage.run("bot", out=tmp_path / str(score)) as run:
            trainer = sft_trainer(run)
            trainer.train()
            cards.append(run.seal(trainer, metrics={"score": score}))

    assert cards[0].id == cards[1].id
    assert cards[0].section("run") != cards[1].section("run")

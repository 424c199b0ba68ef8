"""The recipes as users run them: processes of their own, on tiny models from a LocalHub."""

import os
import re
import runpy
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import ftlineage
from ftlineage.core.card import Card
from ftlineage.store.cards import load_card
from ftlineage.testing.hub import LocalHub
from ftlineage.testing.tiny import build_tiny_vision
from tests.integration.recording import check_sound
from tests.integration.scripts import finish, start
from tests.loading import logits

pytestmark = pytest.mark.heavy

RECIPES = Path(__file__).parents[2] / "recipes"
NAMES = ["classify_lora.py", "dpo_lora.py", "sft_lora.py", "vision_lora.py"]


@dataclass(frozen=True)
class Ran:
    """A recipe that came to its end."""

    out: Path
    lines: list[str]
    card: Card


def _data(folder: Path) -> None:
    from PIL import Image

    questions = [(f"My {thing} {n} is late.", thing) for n in range(10) for thing in ("card", "parcel")]
    table = "\n".join(["text,category", *(f"{text},{label}" for text, label in questions)])
    (folder / "train.csv").write_text(table + "\n", encoding="utf-8")
    pairs = [f'{{"prompt": "{text}", "chosen": " I am sorry.", "rejected": " So what."}}' for text, _ in questions]
    (folder / "pairs.jsonl").write_text("\n".join(pairs) + "\n", encoding="utf-8")
    for label, shade in (("dark", 30), ("light", 220)):
        (folder / "images" / label).mkdir(parents=True)
        for n in range(6):
            Image.new("RGB", (40, 32), (shade + n, shade, shade)).save(folder / "images" / label / f"{n}.png")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, tiny_causal: Path, tiny_encoder: Path) -> Iterator[dict[str, Ran]]:
    """All four recipes, side by side where they can be: DPO goes on from the SFT adapter."""
    folder = tmp_path_factory.mktemp("recipes")
    _data(folder)
    vision = build_tiny_vision(folder / "vit", labels=("light", "dark"))
    with LocalHub(folder / "hub") as hub:
        for repo, source in (("acme/tiny", tiny_causal), ("acme/bert", tiny_encoder), ("acme/vit", vision)):
            hub.upload_folder(repo, source)
        with hub.activate():
            yield _run_all(folder, hub)


def _run_all(folder: Path, hub: LocalHub) -> dict[str, Ran]:
    environment = {
        **os.environ,
        **hub.environ(),
        "OMP_NUM_THREADS": "1",
        "FTLINEAGE_HOME": str(folder / "store"),
        "FTLINEAGE_CACHE": str(folder / "store"),
    }
    common = ["--max-steps", "2", "--batch-size", "4"]
    columns = ["--prompt-column", "text", "--completion-column", "category"]
    words = {
        "sft": [
            "--base",
            "acme/tiny",
            "--data",
            "train.csv",
            *columns,
            "--system",
            "Answer with one word.",
            "--name",
            "bot",
        ],
        "classify": ["--base", "acme/bert", "--data", "train.csv"],
        "vision": ["--base", "acme/vit", "--data", "images"],
        "dpo": ["--base", "acme/tiny", "--data", "pairs.jsonl", "--adapter", "out/sft"],
    }

    def begin(name: str):
        command = [str(RECIPES / f"{name}_lora.py"), *words[name], "--out", f"out/{name}", *common]
        return start(command, folder=folder, environment=environment)

    def end(name: str, process) -> Ran:
        code, output, errors = finish(process, seconds=240)
        assert code == 0, f"{name}: {errors[-4000:]}"
        lines = [line for line in output.splitlines() if not line.startswith("{")]
        return Ran(out=folder / "out" / name, lines=lines, card=load_card(folder / "out" / name))

    running = {name: begin(name) for name in ("sft", "classify", "vision")}
    ended = {"sft": end("sft", running.pop("sft"))}
    running["dpo"] = begin("dpo")
    return ended | {name: end(name, process) for name, process in running.items()}


def _told(lines: list[str], *patterns: str) -> None:
    """The recipe printed these lines, in this order, and nothing else."""
    assert len(lines) == len(patterns), lines
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), (line, pattern)


def test_sft(ran: dict[str, Ran]) -> None:
    one = ran["sft"]
    card = one.card
    revision = card.section("base")["revision"]
    _told(
        one.lines,
        f"base acme/tiny at {revision}",
        r"loss on 2 held-out rows: \d\.\d{3} before, \d\.\d{3} after",
        f"sealed bot {card.id}",
        "next: ftlineage verify out/sft",
    )
    assert card.section("prompts")[0]["text"] == "Answer with one word."
    assert next((code["role"], code["name"]) for code in card.section("preprocessing")["code"]) == (
        "formatting",
        "as_conversation",
    )
    assert card.section("data")[0]["rows"] == 20
    assert card.section("data")[0]["prepared"]["rows"] == 18
    # Relative to the repository, where there is one.
    assert card.section("recipe")["script"]["path"] in ("recipes/sft_lora.py", "sft_lora.py")
    assert set(card.section("run")["metrics"]) >= {"eval_loss_before", "eval_loss_after"}
    check_sound(card, one.out, private=[one.out.parent.parent])


def test_classify(ran: dict[str, Ran]) -> None:
    one = ran["classify"]
    card = one.card
    revision = card.section("base")["revision"]
    _told(
        one.lines,
        f"base acme/bert at {revision}, 2 labels",
        r"accuracy on 2 held-out rows: \d\.\d{3} before, \d\.\d{3} after",
        f"sealed intents {card.id}",
        "next: ftlineage verify out/classify",
    )
    assert card.section("preprocessing")["settings"]["labels"] == ["card", "parcel"]
    assert next(code["name"] for code in card.section("preprocessing")["code"]) == "tokenize"
    names = [tensor["name"] for tensor in card.section("adapter")["tensors"]["entries"]]
    assert any("classifier" in name for name in names)
    check_sound(card, one.out, private=[one.out.parent.parent])


def test_dpo_goes_on_from_the_sft_adapter(ran: dict[str, Ran]) -> None:
    one = ran["dpo"]
    card = one.card
    _told(
        one.lines,
        r"trained 2 steps, loss \d\.\d{3}",
        f"sealed aligned {card.id}",
        "next: ftlineage verify out/dpo",
    )
    assert [(item["relation"], item["card"]) for item in card.section("parents")] == [("continued", ran["sft"].card.id)]
    assert card.section("recipe")["method"] == "dpo"
    check_sound(card, one.out, private=[one.out.parent.parent])


def test_vision(ran: dict[str, Ran]) -> None:
    one = ran["vision"]
    card = one.card
    _told(
        one.lines,
        r"accuracy on 3 held-out images: \d\.\d{3} before, \d\.\d{3} after",
        f"sealed images {card.id}",
        "next: ftlineage verify out/vision",
    )
    (processor,) = card.section("preprocessing")["processors"]
    assert processor["kind"] == "image_processor"
    assert processor["settings"]["image_mean"] == [0.5, 0.5, 0.5]
    assert processor["revision"] == card.section("base")["revision"]
    assert card.section("preprocessing")["settings"]["labels"] == ["dark", "light"]
    assert card.section("data")[0]["rows"] == 12
    check_sound(card, one.out, private=[one.out.parent.parent])


def by_hand(one: Ran) -> Any:
    """The recipe's model as somebody would load it who knows everything that the recipe did."""
    import transformers
    from peft import PeftModel

    base = one.card.section("base")
    labels = one.card.section("preprocessing")["settings"].get("labels")
    options = {"num_labels": len(labels), "ignore_mismatched_sizes": True} if labels else {}
    cls = getattr(transformers, base["loaded_as"]["class"])
    model = cls.from_pretrained(base["model"], revision=base["revision"], dtype="float32", **options)
    return PeftModel.from_pretrained(model, str(one.out)).eval()


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("name", ["sft", "classify", "vision", "dpo"])
def test_what_a_recipe_trained_is_loaded_whole(ran: dict[str, Ran], name: str) -> None:
    import torch

    one = ran[name]
    version = ftlineage.load_verified(one.out)
    model, processing = version.model(), version.processing()
    if name == "vision":
        from PIL import Image

        pixels = processing([Image.new("RGB", (40, 32))], return_tensors="np")["pixel_values"]
        inputs = {"pixel_values": torch.from_numpy(pixels)}
    else:
        inputs = processing("My card is late.", return_tensors="pt")
    # TRL trains DPO against the adapter it began with, which it saves beside the new one.
    assert list(model.peft_config) == (["default", "ref"] if name == "dpo" else ["default"])
    assert torch.equal(logits(model, **inputs), logits(by_hand(one), **inputs))
    labels = one.card.section("preprocessing")["settings"].get("labels")
    if labels:
        assert model.config.id2label == dict(enumerate(labels))
        assert model.config.label2id == {label: number for number, label in enumerate(labels)}


@pytest.mark.parametrize("name", NAMES)
def test_help(name: str, libraries: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(RECIPES / name), run_name="__main__")

    assert caught.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith(f"usage: {name}")
    assert f"python recipes/{name} --base" in told


def test_recipes_are_scripts_to_copy_and_no_package() -> None:
    assert sorted(path.name for path in RECIPES.glob("*.py")) == NAMES
    for name in NAMES:
        text = (RECIPES / name).read_text(encoding="utf-8")
        assert text.count("\n") < 150
        assert text.endswith('if __name__ == "__main__":\n    main()\n')
        assert not re.search(r"^(from|import) (recipes|ftlineage\.)", text, re.MULTILINE)

"""``ftlineage.load``: verdicts become errors with their report, and the model is the one that was trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

import ftlineage
from ftlineage.core import codec
from ftlineage.core.finding import Report
from ftlineage.core.sections import LoadedAs, Preprocessing, Preprocessor
from ftlineage.errors import (
    BadArgumentError,
    BadInputError,
    FtlineageError,
    MismatchError,
    PathNotFoundError,
    UndecidedError,
    VerificationFailedError,
    VerificationUndecidedError,
    WeightsMismatchError,
)
from ftlineage.testing.tiny import build_tiny_causal, build_tiny_encoder, build_tiny_vision
from ftlineage.verify.given import Given
from ftlineage.verify.policy import Policy
from tests import sealed
from tests.loading import LOADS, base_section, causal, equal, logits, lora, move, save, trained

pytestmark = LOADS


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_causal(tmp_path_factory.mktemp("bases") / "tiny")


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return save(trained(base, lora()), tmp_path / "out", base)


# --- the verdict ---------------------------------------------------------------------------------


def test_what_fails_to_verify_is_not_loaded_and_the_report_comes_with_the_error(base: Path, folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    with pytest.raises(VerificationFailedError) as caught:
        ftlineage.load(folder, base=base)

    error = caught.value
    assert isinstance(error, MismatchError)
    assert isinstance(error.report, Report)
    assert [finding.code for finding in error.report.findings] == ["adapter.changed"]
    assert error.sentence == f"{folder} was not loaded: {error.report.findings[0].message}"
    assert error.hint == f"See all that was found: ftlineage verify {folder}"


def test_the_sentence_is_that_of_the_first_error(base: Path, folder: Path) -> None:
    (folder / "weights.bin").write_bytes(b"pickle")
    with pytest.raises(VerificationFailedError, match=r"weights\.bin is a pickle format"):
        ftlineage.load(folder, base=base)


def test_what_nobody_can_decide_is_not_loaded(folder: Path) -> None:
    with pytest.raises(VerificationUndecidedError) as caught:
        ftlineage.load(folder, policy=Policy(require=("card", "adapter", "base")))
    assert isinstance(caught.value, UndecidedError)
    assert caught.value.report.verdict == "undecided"
    assert caught.value.sentence == (
        f"{folder} was not loaded: the base tiny was a local folder, so its bytes were not compared"
    )


def test_a_base_with_other_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    other = build_tiny_causal(tmp_path / "other", seed=1)
    with pytest.raises(VerificationFailedError, match=r"model\.safetensors of the base in .* is not the one"):
        ftlineage.load(folder, base=other)


def test_what_is_given_is_compared_too(base: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_text("Be rude.")
    with pytest.raises(VerificationFailedError, match="the card names no prompt"):
        ftlineage.load(folder, base=base, given=Given(prompts={"system": tmp_path / "prompt.txt"}))


def test_paths_that_do_not_exist_are_usage(base: Path, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError):
        ftlineage.load(tmp_path / "nothing", base=base)
    with pytest.raises(PathNotFoundError, match="base= names a folder"):
        ftlineage.load(folder, base=tmp_path / "nothing")


def test_a_local_base_must_be_named(folder: Path) -> None:
    with pytest.raises(BadArgumentError) as caught:
        ftlineage.load(folder)
    assert caught.value.sentence == "base: the base tiny was a local folder, which the card cannot find"
    assert caught.value.hint == "Name the folder that holds it: base=PATH"


def test_a_tampered_version_is_refused_before_its_base_is_asked_for(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(VerificationFailedError):
        ftlineage.load(folder)


@pytest.mark.parametrize("name", ["revision", "config", "variant", "state_dict", "cache_dir", "adapter_kwargs"])
def test_what_the_card_decides_cannot_be_given(base: Path, folder: Path, name: str) -> None:
    with pytest.raises(BadArgumentError) as caught:
        ftlineage.load(folder, base=base, **{name: None})  # type: ignore[arg-type]
    assert caught.value.sentence == f"{name}: the card decides it"


# --- the base as it was --------------------------------------------------------------------------


def test_the_base_is_loaded_as_recorded_unless_overridden(base: Path, folder: Path) -> None:
    import torch

    recorded = ftlineage.load(folder, base=base)
    assert (recorded.dtype, recorded.config._attn_implementation) == (torch.float32, "sdpa")
    other = ftlineage.load(folder, base=base, dtype="bfloat16", attn_implementation="eager")
    assert (other.get_base_model().dtype, other.config._attn_implementation) == (torch.bfloat16, "eager")


@pytest.mark.parametrize("loaded_as", [None, LoadedAs(class_="LlamaForCausalLM")])
def test_a_card_that_says_little_is_loaded_by_its_task(base: Path, folder: Path, loaded_as: LoadedAs | None) -> None:
    sealed.seal(folder, base=msgspec.structs.replace(base_section(base), loaded_as=loaded_as))
    assert type(ftlineage.load(folder, base=base).get_base_model()).__name__ == "LlamaForCausalLM"


def test_an_adapter_without_a_task_is_loaded_as_the_class_in_its_mapping(base: Path, tmp_path: Path) -> None:
    section = msgspec.structs.replace(base_section(base), loaded_as=None)
    folder = save(trained(base, lora(task_type=None)), tmp_path / "out", base, section=section)
    mapping = json.loads((folder / "adapter_config.json").read_bytes())["auto_mapping"]
    assert mapping["base_model_class"] == "LlamaForCausalLM"
    assert type(ftlineage.load(folder, base=base).get_base_model()).__name__ == "LlamaForCausalLM"


def test_only_classes_of_transformers_are_imported_for_a_file(base: Path, tmp_path: Path) -> None:
    section = msgspec.structs.replace(base_section(base), loaded_as=None)
    folder = save(trained(base, lora(task_type=None)), tmp_path / "out", base, section=section)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_bytes())
    for library, name in (("os", "system"), ("transformersx", "LlamaForCausalLM"), ("transformers", "pipeline")):
        config["auto_mapping"] = {"base_model_class": name, "parent_library": library}
        path.write_bytes(codec.pretty_bytes(config))
        sealed.seal(folder, base=section)
        with pytest.raises(BadArgumentError, match=r"^cls: "):
            ftlineage.load(folder, base=base)


def test_a_class_that_is_not_of_transformers_must_be_given(base: Path, folder: Path) -> None:
    from transformers import LlamaForCausalLM

    sealed.seal(folder, base=base_section(base, class_="OwnModel"))
    with pytest.raises(BadArgumentError) as caught:
        ftlineage.load(folder, base=base)
    assert caught.value.sentence == "cls: the base was loaded as OwnModel, which transformers does not have"
    assert type(ftlineage.load(folder, base=base, cls=LlamaForCausalLM).get_base_model()) is LlamaForCausalLM


LABELS = {"id2label": {0: "late", 1: "lost", 2: "wrong"}, "label2id": {"late": 0, "lost": 1, "wrong": 2}}


def test_a_classifier_has_its_head_and_its_label_names(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    base = build_tiny_encoder(tmp_path / "bert")
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=3)
    before = trained(model, lora(task_type="SEQ_CLS", target_modules="all-linear"))
    folder = tmp_path / "out"
    as_json = codec.jsonable(LABELS)
    section = base_section(base, class_="BertForSequenceClassification", config=as_json)
    save(before, folder, base, section=section)

    loaded = ftlineage.load(folder, base=base)

    assert torch.equal(logits(loaded), logits(before))
    assert loaded.config.id2label == LABELS["id2label"]
    assert loaded.config.label2id == LABELS["label2id"]


def test_an_earlier_card_gives_the_number_of_classes_by_the_head_alone(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForImageClassification

    base = build_tiny_vision(tmp_path / "vit")
    model = AutoModelForImageClassification.from_pretrained(base, num_labels=5, ignore_mismatched_sizes=True)
    config = lora(task_type=None, target_modules=r".*attention.*\.(query|q_proj)", modules_to_save=["classifier"])
    before = trained(model, config)
    section = base_section(base, class_="ViTForImageClassification")
    folder = save(before, tmp_path / "out", base, section=section)

    loaded = ftlineage.load(folder, base=base)

    pixels = torch.randn(1, 3, 32, 32)
    assert torch.equal(logits(loaded, pixel_values=pixels), logits(before, pixel_values=pixels))


def test_a_head_that_nobody_saved_would_be_random_and_is_refused(base: Path, tmp_path: Path) -> None:
    from transformers import LlamaForSequenceClassification

    model = LlamaForSequenceClassification.from_pretrained(base, num_labels=3)
    section = base_section(base, class_="LlamaForSequenceClassification")
    folder = save(trained(model, lora(task_type=None)), tmp_path / "out", base, section=section)
    with pytest.raises(WeightsMismatchError) as caught:
        ftlineage.load(folder, base=base, num_labels=3)
    assert caught.value.sentence == (
        "the adapter with its base does not fit LlamaForSequenceClassification: neither holds score.weight, so it "
        "would be random"
    )


def test_tokens_added_in_training_have_their_embeddings(base: Path, tmp_path: Path) -> None:
    import torch

    model = causal(base)
    rows = model.get_input_embeddings().weight.shape[0]
    model.resize_token_embeddings(rows + 5)
    before = trained(model, lora(modules_to_save=["embed_tokens", "lm_head"]))
    inputs = torch.arange(rows - 5, rows + 5)[None]
    for number, config in enumerate((msgspec.UNSET, {"vocab_size": rows + 5})):
        folder = save(before, tmp_path / str(number), base, section=base_section(base, config=config))
        loaded = ftlineage.load(folder, base=base)
        assert torch.equal(logits(loaded, input_ids=inputs), logits(before, input_ids=inputs))


def test_tokens_whose_embeddings_were_not_saved_are_refused(base: Path, tmp_path: Path) -> None:
    section = base_section(base, config={"vocab_size": 500})
    folder = save(trained(base, lora()), tmp_path / "out", base, section=section)
    with pytest.raises(WeightsMismatchError) as caught:
        ftlineage.load(folder, base=base)
    assert caught.value.sentence == (
        "the adapter does not fit tiny: it was trained with 500 tokens and brings no embeddings for those that were "
        "added"
    )


def test_nothing_is_said_on_the_way(base: Path, folder: Path, recwarn: Any, caplog: Any) -> None:
    ftlineage.load(folder, base=base)
    assert [str(warning.message) for warning in recwarn] == []
    assert [record.getMessage() for record in caplog.records] == []


# --- full fine-tunes and bare tensors ------------------------------------------------------------


@pytest.mark.parametrize("shard", ["5GB", "60KB"])
def test_a_full_fine_tune_is_loaded_as_transformers_loads_it(base: Path, tmp_path: Path, shard: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = causal(base)
    move(model)
    model.generation_config.max_new_tokens = 7
    model.save_pretrained(tmp_path / "out", max_shard_size=shard)
    assert (tmp_path / "out" / "model.safetensors").exists() == (shard == "5GB")
    sealed.seal(tmp_path / "out", base=base_section(base))

    loaded = ftlineage.load(tmp_path / "out")

    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert type(loaded) is type(theirs)
    assert equal(loaded, theirs)
    assert torch.equal(logits(loaded), logits(model))
    assert loaded.generation_config.to_dict() == theirs.generation_config.to_dict()
    assert loaded.config.to_dict() == theirs.config.to_dict()
    assert (loaded.training, ftlineage.load(tmp_path / "out", is_trainable=True).training) == (False, True)


def full_version(base: Path, folder: Path, **changes: Any) -> Path:
    causal(base).save_pretrained(folder)
    path = folder / "config.json"
    path.write_bytes(codec.pretty_bytes(json.loads(path.read_bytes()) | changes))
    sealed.seal(folder, base=base_section(base))
    return folder


OWN_CODE = "config.json: the model runs code of its own, which cannot be loaded from memory"
NO_CLASS = "cls: config.json names the class {}, which transformers does not have"
MISFIT = "the set of weights does not fit LlamaForCausalLM: {}"


@pytest.mark.parametrize(
    ("changes", "kind", "sentence"),
    [
        ({"auto_map": {"AutoModel": "m.M"}}, BadInputError, OWN_CODE),
        ({"architectures": ["Magic"]}, BadArgumentError, NO_CLASS.format("Magic")),
        ({"architectures": None}, BadArgumentError, NO_CLASS.format("(none)")),
        (
            {"num_hidden_layers": 3},
            WeightsMismatchError,
            MISFIT.format("no tensor fills model.layers.2.input_layernorm.weight"),
        ),
        (
            {"num_hidden_layers": 1},
            WeightsMismatchError,
            MISFIT.format("tensor model.layers.1.input_layernorm.weight names nothing in it"),
        ),
    ],
)
def test_a_full_model_that_its_files_do_not_make_is_refused(
    base: Path, tmp_path: Path, changes: dict[str, Any], kind: type[FtlineageError], sentence: str
) -> None:
    folder = full_version(base, tmp_path / "out", **changes)
    with pytest.raises(kind) as caught:
        ftlineage.load(folder)
    assert caught.value.sentence == sentence


def test_bare_tensors_cannot_be_loaded(base: Path, folder: Path) -> None:
    (folder / "adapter_config.json").unlink()
    sealed.seal(folder, base=base_section(base))
    with pytest.raises(BadInputError, match="bare tensors, of which nobody knows"):
        ftlineage.load(folder, base=base)


# --- tokenizers and processors -------------------------------------------------------------------

TOKENIZER = Preprocessor(kind="tokenizer", class_="TokenizersBackend")


def test_the_tokenizer_saved_beside_the_adapter_is_the_one_that_is_given(base: Path, folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = "{{ messages[0]['content'] }}!"
    tokenizer.save_pretrained(folder)
    sealed.seal(folder, base=base_section(base), preprocessing=Preprocessing(processors=[TOKENIZER]))

    loaded = ftlineage.load_verified(folder, base=base).processing()

    assert loaded.chat_template == "{{ messages[0]['content'] }}!"
    assert loaded("My card is late.").input_ids == tokenizer("My card is late.").input_ids
    assert loaded.name_or_path == str(folder)


def test_without_one_it_is_the_one_of_the_base(base: Path, folder: Path) -> None:
    loaded = ftlineage.load_verified(folder, base=base).processing()
    assert loaded("My card is late.").input_ids
    assert loaded.chat_template is not None


def test_an_image_processor_keeps_its_constants_and_its_back_end(tmp_path: Path) -> None:
    from transformers import ViTImageProcessorPil

    base = build_tiny_vision(tmp_path / "vit")
    folder = tmp_path / "out"
    full = full_of(base, folder)
    ViTImageProcessorPil(image_mean=[0.1, 0.2, 0.3]).save_pretrained(full)
    recorded = [Preprocessor(kind="image_processor", class_="ViTImageProcessorPil")]
    sealed.seal(full, base=base_section(base), preprocessing=Preprocessing(processors=recorded))
    loaded = ftlineage.load_verified(full).processing()
    assert (type(loaded), list(loaded.image_mean)) == (ViTImageProcessorPil, [0.1, 0.2, 0.3])


def full_of(base: Path, folder: Path) -> Path:
    shutil.copytree(base, folder)
    (folder / "preprocessor_config.json").unlink()
    return folder


def test_what_a_version_does_not_have_cannot_be_loaded(base: Path, folder: Path) -> None:
    version = ftlineage.load_verified(folder, base=base)
    with pytest.raises(BadArgumentError, match=r"^kind: the version has no image_processor"):
        version.processing(kind="image_processor")


def test_model_and_tokenizer_come_from_one_verification(base: Path, folder: Path) -> None:
    version = ftlineage.load_verified(folder, base=base)
    shutil.rmtree(folder)
    assert version.report
    assert version.card.name == "support-bot"
    assert logits(version.model()).shape[1] == 12

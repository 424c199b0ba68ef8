"""The processor files that serving loads, compared file by file and setting by setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftlineage.core.finding import Finding
from ftlineage.core.sections import Adapter, Preprocessing
from ftlineage.errors import BadInputError, PathNotFoundError, UnsafePathError
from ftlineage.verify.preprocessing.given import (
    GivenProcessors,
    check_given_processors,
    observe_given_processors,
)
from tests.unit.verify import processor_sample as sample


def given(*, without: Any = (), **changed: bytes) -> GivenProcessors:
    """The saved files with some changed; ``__`` stands for the dot, ``__in__`` for a slash."""
    files = sample.files() | {name.replace("__in__", "/").replace("__", "."): data for name, data in changed.items()}
    return GivenProcessors("serving", {name: data for name, data in files.items() if name not in without}, whole=True)


def said(files: GivenProcessors, **options: Any) -> list[tuple[str, str]]:
    findings = check_given_processors(sample.section(), files, **options)
    assert {finding.code for finding in findings} <= {"preprocessing.changed"}
    return [(finding.severity, finding.message) for finding in findings]


def test_the_files_that_training_saved_are_fine():
    assert said(given()) == []


def test_files_that_another_process_saved_are_fine():
    traces = {**sample.CONFIG, "is_local": True, "processor_class": "LlavaProcessor"}

    assert said(given(tokenizer_config__json=sample.written(traces))) == []
    assert said(given(tokenizer__json=sample.written({**sample.TOKENIZER, "truncation": {"max_length": 4}}))) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"preprocessor_config__json": sample.edited(sample.IMAGES, image_mean=[0.485, 0.456, 0.406])},
            "preprocessor_config.json in serving: image_mean is [0.485, 0.456, 0.406], the card says [0.5, 0.5, 0.5]",
        ),
        (
            {"preprocessor_config__json": sample.edited(sample.IMAGES, image_std=None)},
            "preprocessor_config.json in serving: image_std is gone, the card says [0.25, 0.25, 0.25]",
        ),
        (
            {"tokenizer_config__json": sample.edited(sample.CONFIG, padding_side="left")},
            'tokenizer_config.json in serving: padding_side is "left", the card says "right"',
        ),
        (
            {"tokenizer__json": sample.edited(sample.TOKENIZER, normalizer={"type": "Lowercase"})},
            ("tokenizer.json in serving is not the file that training used: its vocabulary, merges or rules differ"),
        ),
        (
            {"chat_template__jinja": b"{{ messages }}"},
            (
                "chat_template.jinja in serving: line 1 is '{{ messages }}', "
                "the card says '{% for message in messages %}'"
            ),
        ),
        (
            {"additional_chat_templates__in__rag__jinja": b"{{ documents }}"},
            "additional_chat_templates/rag.jinja in serving holds the chat template 'rag', the card has none",
        ),
        (
            {"processor_config__json": sample.written({"image_processor": {**sample.IMAGES, "resample": 3}})},
            "processor_config.json in serving: image_processor.resample is 3, the card says 2",
        ),
        (
            {"special_tokens_map__json": sample.written({"bos_token": "<s>", "pad_token": "<s>"})},
            'special_tokens_map.json in serving: pad_token is "<s>", the card says "<pad>"',
        ),
        (
            {"video_preprocessor_config__json": b"{}"},
            (
                "video_preprocessor_config.json in serving is a processor's file that the card does not record, "
                "and a loader could open it"
            ),
        ),
    ],
)
def test_one_changed_file_gives_one_error(changed: dict[str, bytes], message: str):
    assert said(given(**changed)) == [("error", message)]


def test_the_finding_holds_path_and_values():
    (finding,) = check_given_processors(
        sample.section(), given(preprocessor_config__json=sample.edited(sample.IMAGES, resample=3))
    )

    assert finding == Finding(
        code="preprocessing.changed",
        section="preprocessing",
        path="preprocessor_config.json",
        expected=2,
        actual=3,
        message="preprocessor_config.json in serving: resample is 3, the card says 2",
        hint=(
            "Serve with the processor files that lie beside the adapter, or train a version with these and record it"
        ),
    )


def test_a_config_that_another_release_laid_out_is_told_by_its_settings():
    mixed = sample.edited(dict(reversed(sample.IMAGES.items())), feature_extractor_type="X", size=32)
    extra = sample.edited(sample.CONFIG, tokenizer_class="LlamaTokenizer", legacy=False)

    assert said(given(preprocessor_config__json=mixed)) == []
    assert said(given(tokenizer_config__json=extra)) == [
        (
            "warning",
            (
                "tokenizer_config.json in serving has other bytes than training's; "
                "no setting that the card records differs"
            ),
        )
    ]


def test_missing_files_are_named():
    assert said(given(without=("preprocessor_config.json", "tokenizer.json"))) == [
        ("error", "preprocessor_config.json is not in serving; training used ViTImageProcessorPil"),
        ("error", "tokenizer.json is not in serving; training used TokenizersBackend"),
    ]
    assert said(given(without=("chat_template.jinja",))) == [
        ("error", "serving has no chat template, the card has one")
    ]


def test_a_template_and_a_config_may_stand_elsewhere():
    inside = sample.edited(sample.CONFIG, chat_template=sample.TEMPLATE)
    other = sample.edited(sample.CONFIG, chat_template=[{"name": "default", "template": "x"}, {"name": 1}, 2])
    nested = sample.written({"image_processor": sample.IMAGES})
    gone = ("chat_template.jinja", "preprocessor_config.json")

    files = given(without=gone, tokenizer_config__json=inside, processor_config__json=nested)
    assert [severity for severity, _ in said(files)] == ["warning"]
    files = given(without=gone, tokenizer_config__json=other, processor_config__json=nested)
    assert [message for severity, message in said(files) if severity == "error"] == [
        "tokenizer_config.json in serving: line 1 is 'x', the card says '{% for message in messages %}'"
    ]


def test_files_of_the_base_it_was_loaded_from_are_fine():
    own = {
        "preprocessor_config__json": sample.edited(sample.IMAGES, rescale_factor=None, size=32),
        "tokenizer_config__json": sample.edited(sample.CONFIG, legacy=True),
        "tokenizer__model": b"sentencepiece",
        "chat_template__jinja": sample.TEMPLATE.encode(),
    }
    files = given(without=("tokenizer.json",), **own)

    assert said(files, base=sample.base(**own)) == []
    assert [severity for severity, _ in said(files)] == ["error", "warning", "error", "error"]


def test_a_base_that_training_changed_after_loading_is_not_enough():
    own = {"preprocessor_config__json": sample.edited(sample.IMAGES, image_mean=[0.4, 0.4, 0.4])}

    assert said(given(**own), base=sample.base(**own)) == [
        ("error", "preprocessor_config.json in serving: image_mean is [0.4, 0.4, 0.4], the card says [0.5, 0.5, 0.5]")
    ]


def test_files_beside_the_adapter_are_fine():
    data = sample.edited(sample.TOKENIZER, normalizer={"type": "Lowercase"})
    adapter = Adapter(type="lora", files=[sample.record("tokenizer.json", data)])

    assert said(given(tokenizer__json=data), adapter=adapter) == []


def test_slow_vocabularies_beside_a_proven_fast_one_are_only_noted():
    message = "vocab.txt in serving is a processor's file that the card does not record, and a loader could open it"

    assert said(given(vocab__txt=b"a\n")) == [("warning", message)]


def test_a_card_without_processors_vouches_for_nothing():
    (finding,) = check_given_processors(Preprocessing(), given())

    assert finding.severity == "error"
    assert finding.message == "the card records no processor, so nothing in serving can be vouched for"


# --- reading ---------------------------------------------------------------------------------------


def write(folder: Path) -> Path:
    for name, data in sample.files().items():
        (folder / name).write_bytes(data)
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "rag.jinja").write_bytes(b"x")
    (folder / "model.safetensors").write_bytes(b"not read")
    return folder


def test_a_folder_is_read_without_its_weights(tmp_path: Path):
    found = observe_given_processors(write(tmp_path))

    assert set(found.files) == {*sample.files(), "additional_chat_templates/rag.jinja"}
    assert (found.name, found.whole) == (str(tmp_path), True)


def test_one_file_is_compared_alone(tmp_path: Path):
    path = write(tmp_path) / "preprocessor_config.json"
    path.write_bytes(sample.edited(sample.IMAGES, resample=3))

    assert said(observe_given_processors(path)) == [("error", f"{path}: resample is 3, the card says 2")]
    assert said(observe_given_processors(tmp_path / "tokenizer.json")) == []
    assert said(observe_given_processors(tmp_path / "chat_template.jinja")) == []


def test_what_is_no_processor_is_refused(tmp_path: Path):
    with pytest.raises(PathNotFoundError, match="no such file or folder"):
        observe_given_processors(tmp_path / "nowhere")
    with pytest.raises(BadInputError, match="no tokenizer, processor or template file is in it"):
        observe_given_processors(tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"x")
    with pytest.raises(BadInputError, match="the name is not that of a tokenizer, processor or template file"):
        observe_given_processors(tmp_path / "weights.bin")


def test_links_out_of_the_folder_are_refused(tmp_path: Path):
    (tmp_path / "secret.json").write_text("{}")
    folder = tmp_path / "serving"
    folder.mkdir()
    (folder / "tokenizer_config.json").symlink_to(tmp_path / "secret.json")

    with pytest.raises(UnsafePathError, match="leaves the folder"):
        observe_given_processors(folder)

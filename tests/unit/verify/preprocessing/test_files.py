"""A changed tokenizer, processor or template file is said by the setting that changed, one error a file."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import pytest

from ftlineage.core.sections import ChatTemplate, Preprocessing
from ftlineage.verify.preprocessing.checks import check_own_files, check_templates, explain_change, files_to_compare
from tests.unit.verify import processor_sample as sample

RESTORE = "Restore it from where the version was published, or record what is here as a new version"


def explained(path: str, data: bytes | None, preprocessing: Preprocessing | None = None, **options: Any) -> str:
    before = sample.files().get(path.rpartition("/")[2], b"recorded")
    file = sample.record(path, before)
    section = sample.section() if preprocessing is None else preprocessing
    finding = explain_change(file, data, section, **options)
    assert finding is not None
    assert (finding.code, finding.severity, finding.section) == ("preprocessing.changed", "error", "preprocessing")
    assert finding.path == path
    return finding.message


@pytest.mark.parametrize(
    ("path", "data", "message"),
    [
        (
            "preprocessor_config.json",
            sample.edited(sample.IMAGES, image_mean=[0.485, 0.456, 0.406]),
            "preprocessor_config.json: image_mean is [0.485, 0.456, 0.406], the card says [0.5, 0.5, 0.5]",
        ),
        (
            "preprocessor_config.json",
            sample.edited(sample.IMAGES, do_normalize=False, image_std=None),
            (
                "preprocessor_config.json: do_normalize is false, the card says true; "
                "image_std is gone, the card says [0.25, 0.25, 0.25]"
            ),
        ),
        (
            "preprocessor_config.json",
            sample.edited(sample.IMAGES, do_center_crop=True),
            "preprocessor_config.json: do_center_crop is true, the card has none",
        ),
        (
            "preprocessor_config.json",
            sample.edited(
                sample.IMAGES, do_normalize=False, do_rescale=False, resample=3, rescale_factor=1, size={"height": 1}
            ),
            (
                "preprocessor_config.json: do_normalize is false, the card says true; do_rescale is false, "
                "the card says true; resample is 3, the card says 2; 2 more settings"
            ),
        ),
        (
            "preprocessor_config.json",
            sample.edited(sample.IMAGES, processor_class="X"),
            (
                "preprocessor_config.json: 331 bytes, the card says 305; it differs from the card's in what a save "
                "notes about itself alone"
            ),
        ),
        (
            "preprocessor_config.json",
            b"[1]",
            "preprocessor_config.json: 3 bytes, the card says 305; it is no JSON object",
        ),
        (
            "sub/preprocessor_config.json",
            sample.edited(sample.IMAGES, resample=3),
            "sub/preprocessor_config.json: resample is 3, the card says 2",
        ),
        (
            "tokenizer_config.json",
            sample.edited(sample.CONFIG, model_max_length=512, pad_token={"content": "<s>"}),
            (
                "tokenizer_config.json: model_max_length is 512, the card says 256; "
                'pad_token is "<s>", the card says "<pad>"'
            ),
        ),
        (
            "tokenizer_config.json",
            sample.edited(sample.CONFIG, pad_token=None, eos_token="<s>", add_bos_token=True),
            (
                "tokenizer_config.json: add_bos_token is true, the card says false; "
                'pad_token is gone, the card says "<pad>"; eos_token is "<s>", the card has none'
            ),
        ),
        (
            "tokenizer.json",
            sample.written({**sample.TOKENIZER, "model": {"vocab": {"a": 2, "b": 3}}}),
            "tokenizer.json: vocab_size is 4, the card says 3",
        ),
        (
            "tokenizer.json",
            sample.written({**sample.TOKENIZER, "truncation": {"max_length": 8}}),
            "tokenizer.json: 382 bytes, the card says 361; it differs from the card's in truncation and padding alone",
        ),
        (
            "chat_template.jinja",
            sample.TEMPLATE.replace("message.content }}", "message.content | trim }}").encode(),
            "chat_template.jinja: line 2 is '{{ message.content | trim }}', the card says '{{ message.content }}'",
        ),
        (
            "chat_template.jinja",
            sample.TEMPLATE.rpartition("\n{% endfor")[0].encode(),
            "chat_template.jinja: it ends before line 3, where the card says '{% endfor %}'",
        ),
        (
            "chat_template.jinja",
            (sample.TEMPLATE + "{{ x }}").encode(),
            "chat_template.jinja: line 4 is '{{ x }}', the card says ''",
        ),
        (
            "tokenizer.model",
            b"other",
            "tokenizer.model: 5 bytes, the card says 8; no setting that the card records differs",
        ),
    ],
)
def test_what_changed_is_named(path: str, data: bytes, message: str):
    assert explained(path, data) == message


def test_the_values_are_in_the_finding_too():
    data = sample.edited(sample.IMAGES, resample=3)
    file = sample.record("preprocessor_config.json", sample.files()["preprocessor_config.json"])
    one = explain_change(file, data, sample.section(), again="ftlineage record out")
    both = explain_change(file, sample.edited(sample.IMAGES, resample=3, do_rescale=False), sample.section())

    assert one is not None
    assert both is not None
    assert (one.expected, one.actual, one.hint) == (2, 3, f"{RESTORE}: ftlineage record out")
    assert (both.expected, both.actual, both.hint) == (
        {"do_rescale": True, "resample": 2},
        {"do_rescale": False, "resample": 3},
        RESTORE,
    )


def test_a_file_that_was_not_read_is_still_an_error():
    assert explained("tokenizer.json", None) == "tokenizer.json: other bytes"


@pytest.mark.parametrize("path", ["adapter_config.json", "adapter_model.safetensors", "notes.jinja", "x/config.json"])
def test_other_files_are_left_to_others(path: str):
    assert explain_change(sample.record(path, b"x"), b"y", sample.section()) is None


def test_a_card_without_processors_names_the_file_alone():
    assert explained("preprocessor_config.json", b"{}", Preprocessing()) == (
        "preprocessor_config.json: 2 bytes, the card says 305; no setting that the card records differs"
    )
    assert explained("chat_template.jinja", b"x", Preprocessing()) == (
        "chat_template.jinja: another chat template than the card's"
    )


def test_named_templates_are_found_by_digest_then_by_name():
    text = "{{ tools }}\n"
    templates = [*sample.section().chat_templates, ChatTemplate(name="processor.default", text=text, sha256="0" * 64)]
    section = sample.section(chat_templates=templates)
    tools = [ChatTemplate(name="tool_use", text=text, sha256="0" * 64)]

    assert explained("chat_template.jinja", b"x", section).startswith(
        "chat_template.jinja: line 1 is 'x', the card says '{%"
    )
    assert explained("additional_chat_templates/tool_use.jinja", b"x", sample.section(chat_templates=tools)) == (
        "additional_chat_templates/tool_use.jinja: line 1 is 'x', the card says '{{ tools }}'"
    )


def test_a_long_line_is_cut_where_it_begins_to_differ():
    text = "a" * 500 + "b" + "c" * 500
    section = sample.section(chat_templates=[ChatTemplate(name="default", text=text, sha256="0" * 64)])

    near, after = "a" * 24, "c" * 60
    assert explained("chat_template.jinja", text.replace("b", "\x1b[2J").encode(), section) == (
        f"chat_template.jinja: line 1 is '…{near}\\x1b[2J{after[:44]}…', the card says '…{near}b{after[:47]}…'"
    )


def test_nested_parts_of_a_processor_are_named():
    data = sample.written({"processor_class": "X", "image_processor": {**sample.IMAGES, "resample": 3}})

    assert explained("processor_config.json", data) == (
        "processor_config.json: image_processor.resample is 3, the card says 2"
    )


# --- a card that contradicts itself --------------------------------------------------------------


def test_a_template_that_is_not_its_digest():
    (template,) = sample.section().chat_templates
    wrong = msgspec.structs.replace(template, sha256="0" * 64)
    (finding,) = check_templates(sample.section(chat_templates=[template, wrong]))

    assert check_templates(sample.section()) == []
    assert (finding.code, finding.path, finding.expected) == ("card.malformed", "lineage.json", "0" * 64)
    assert finding.message == (
        "malformed lineage card at $.preprocessing.chat_templates[1]: the sha256 of default is not that of its text"
    )


def test_files_beside_the_adapter_are_what_training_used():
    saved = sample.files()
    listed = [sample.record(path, data) for path, data in saved.items()]
    apart = files_to_compare(sample.section(), listed)

    # Two forms of one file: only tokenizer.json is laid out otherwise than the library does here.
    assert {file.path for file in apart} <= {"tokenizer.json"}
    assert check_own_files(sample.section(), {file.path: saved[file.path] for file in apart}) == []


def test_files_with_the_traces_of_a_save_are_the_same():
    data = sample.edited(sample.CONFIG, is_local=True, processor_class="X")
    (file,) = files_to_compare(sample.section(), [sample.record("tokenizer_config.json", data)])

    assert check_own_files(sample.section(), {file.path: data}) == []


@pytest.mark.parametrize(
    ("path", "data", "message"),
    [
        (
            "preprocessor_config.json",
            sample.edited(sample.IMAGES, resample=3),
            "preprocessor_config.json: resample is 3, the card says 2",
        ),
        (
            "tokenizer.json",
            sample.edited(sample.TOKENIZER, normalizer={"type": "Lowercase"}),
            "tokenizer.json: it is not the file that training used",
        ),
        (
            "chat_template.jinja",
            b"x",
            "chat_template.jinja: line 1 is 'x', the card says '{% for message in messages %}'",
        ),
    ],
)
def test_a_card_that_lists_other_files_than_training_used(path: str, data: bytes, message: str):
    (file,) = files_to_compare(sample.section(), [sample.record(path, data)])
    (finding,) = check_own_files(sample.section(), {file.path: data})

    assert (finding.code, finding.path) == ("preprocessing.changed", path)
    assert finding.message == f"{message} (the card lists this file, but says that training used another)"


def test_nothing_heavy_is_imported():
    import subprocess

    code = (
        "import sys, ftlineage.verify.preprocessing.stage, ftlineage.verify.preprocessing.given, "
        "ftlineage.verify.preprocessing.code; "
        "print(sorted({'torch', 'transformers', 'numpy', 'huggingface_hub', 'jinja2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

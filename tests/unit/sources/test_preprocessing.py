from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ftlineage.core import codec
from ftlineage.core.digest import sha256_hex, text_sha256
from ftlineage.core.sections import Preprocessing
from ftlineage.errors import BadArgumentError, BadReferenceError
from ftlineage.sources.preprocessing import observe_preprocessing
from ftlineage.sources.processors import clean_file
from tests.unit.sources import preprocessors
from tests.unit.sources.preprocessors import CHATML, IMAGES, NO_SYSTEM, image_processor, processor, tokenizer

SHA = "a" * 40


def digests(section: Preprocessing, index: int = 0) -> dict[str, str]:
    return {file.path: file.sha256 for file in section.processors[index].files}


def test_a_tokenizer_is_recorded_whole():
    section = observe_preprocessing([tokenizer()], source="acme/base", revision=SHA, settings={"max_length": 512})

    (found,) = section.processors
    assert (found.kind, found.class_, found.source, found.revision) == (
        "tokenizer",
        "TokenizersBackend",
        "acme/base",
        SHA,
    )
    assert [file.path for file in found.files] == ["chat_template.jinja", "tokenizer.json", "tokenizer_config.json"]
    assert found.settings["model_max_length"] == str(int(1e30))
    assert found.settings["vocab_size"] == 260
    assert found.settings["special_tokens"]["eos_token"] == "</s>"
    assert section.settings == {"max_length": 512}
    assert [(template.name, template.text) for template in section.chat_templates] == [("default", CHATML)]
    # What a card holds must read back as it was written.
    assert msgspec.convert(codec.builtins(section), Preprocessing) == section


def test_the_template_file_is_the_template():
    section = observe_preprocessing([tokenizer()])

    assert digests(section)["chat_template.jinja"] == text_sha256(CHATML) == section.chat_templates[0].sha256


def test_another_process_and_hash_seed_give_the_same_section():
    program = Path(preprocessors.__file__)
    found = subprocess.run(
        [sys.executable, "-m", "tests.unit.sources.preprocessors"],
        cwd=program.parents[3],
        env={**os.environ, "PYTHONHASHSEED": "7", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        check=True,
        timeout=120,
    )
    here = observe_preprocessing([processor(extra_special_tokens=["<a>", "<b>"])])

    assert json.loads(found.stdout) == codec.builtins(here)


def test_padding_and_truncation_of_the_last_call_are_not_part_of_a_tokenizer():
    fresh, used = tokenizer(), tokenizer()
    used(["one", "another"], padding=True, truncation=True, max_length=4)
    assert used.backend_tokenizer.truncation is not None  # the trap is still there

    assert observe_preprocessing([used]) == observe_preprocessing([fresh])
    assert used.backend_tokenizer.truncation["max_length"] == 4  # and the user's object is as it was


def test_a_tokenizer_saved_and_loaded_again_is_the_same(tmp_path):
    from transformers import AutoTokenizer

    before = tokenizer()
    before.save_pretrained(tmp_path)
    after = AutoTokenizer.from_pretrained(tmp_path)
    assert "is_local" in after.init_kwargs  # the trap is still there

    assert observe_preprocessing([after]) == observe_preprocessing([before])


def test_files_in_a_folder_give_the_same_digests_without_transformers(tmp_path):
    used = tokenizer()
    used(["one", "another"], padding=True, truncation=True, max_length=4)
    used.save_pretrained(tmp_path)

    read = {
        path.name: sha256_hex(clean_file(path.name, path.read_bytes())) for path in tmp_path.iterdir() if path.is_file()
    }
    assert read == digests(observe_preprocessing([tokenizer()]))


def test_a_tokenizer_json_of_another_layout_is_cleaned_too():
    compact = b'{"version":"1.0","truncation":{"max_length":4},"padding":null,"added_tokens":[],"model":{}}'
    other = b'{"version":"1.0","truncation":null,"padding":{"length":9},"added_tokens":[],"model":{}}'

    assert clean_file("tokenizer.json", compact) == clean_file("tokenizer.json", other)
    assert clean_file("tokenizer.json", b"no json") == b"no json"
    assert clean_file("vocab.json", compact) == compact


def test_saving_a_processor_first_changes_nothing(tmp_path):
    whole = processor()
    before = observe_preprocessing([whole])
    whole.save_pretrained(tmp_path)  # writes the processor's class into the tokenizer

    assert observe_preprocessing([whole]) == before


@pytest.mark.parametrize("change", ["padding_side", "vocabulary", "template", "special", "max_length"])
def test_every_change_to_a_tokenizer_is_seen(change):
    changed = tokenizer()
    match change:
        case "padding_side":
            changed.padding_side = "left"  # set after loading: no saved file shows it
        case "vocabulary":
            changed.add_tokens(["zebra"])
        case "template":
            changed.chat_template = CHATML + " "
        case "special":
            changed.eos_token = "<pad>"
        case "max_length":
            changed.model_max_length = 77

    assert observe_preprocessing([changed]) != observe_preprocessing([tokenizer()])


def test_a_processor_stands_for_its_parts_and_nothing_is_recorded_twice():
    whole = processor()
    section = observe_preprocessing([whole, whole.tokenizer, None, whole])

    assert [(one.kind, one.class_) for one in section.processors] == [
        ("processor", "LlavaProcessor"),
        ("image_processor", "CLIPImageProcessorPil"),
        ("tokenizer", "TokenizersBackend"),
    ]
    assert section.processors[0].settings == {
        "image_token": "<image>",
        "num_additional_image_tokens": 0,
        "patch_size": 14,
        "vision_feature_select_strategy": "default",
    }
    assert [file.path for file in section.processors[0].files] == ["processor_config.json"]
    assert [file.path for file in section.processors[1].files] == ["preprocessor_config.json"]


def test_image_constants_are_named():
    plain = observe_preprocessing([image_processor()]).processors[0]
    moved = observe_preprocessing([image_processor(image_mean=[0.5, 0.5, 0.5])]).processors[0]

    assert plain.settings["image_mean"] == [0.48145466, 0.4578275, 0.40821073]
    assert plain.settings["resample"] == 3
    assert {key for key in plain.settings if plain.settings[key] != moved.settings[key]} == {"image_mean"}
    assert plain.files != moved.files


def test_a_feature_extractor_is_recorded():
    from transformers import WhisperFeatureExtractor

    (found,) = observe_preprocessing([WhisperFeatureExtractor(feature_size=40)]).processors

    assert (found.kind, found.settings["feature_size"], found.settings["sampling_rate"]) == (
        "feature_extractor",
        40,
        16000,
    )
    assert [file.path for file in found.files] == ["preprocessor_config.json"]


def test_a_slow_tokenizer_is_recorded(tmp_path):
    from transformers import Wav2Vec2CTCTokenizer

    vocabulary = tmp_path / "vocab.json"
    vocabulary.write_text('{"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "a": 5}')
    (found,) = observe_preprocessing([Wav2Vec2CTCTokenizer(str(vocabulary))]).processors

    assert found.kind == "tokenizer"
    assert {"tokenizer_config.json", "vocab.json"} <= {file.path for file in found.files}
    assert str(tmp_path) not in codec.compact_text(codec.builtins(found))


def test_a_tokenizer_that_cannot_be_saved_says_so():
    from transformers import PythonBackend

    class Spelled(PythonBackend):
        vocab_size = 1

        def get_vocab(self):
            return {"a": 0}

        def save_vocabulary(self, save_directory, filename_prefix=None):
            raise NotImplementedError

        def _convert_token_to_id(self, _token):
            return 0

        def _convert_id_to_token(self, _index):
            return "a"

    (found,) = observe_preprocessing([Spelled()]).processors

    assert found.files == []
    assert found.settings["files_unavailable"] == "NotImplementedError"
    assert found.settings["vocabulary"] == sha256_hex(b'{"a":0}')


def test_several_templates_keep_their_names():
    section = observe_preprocessing([tokenizer(chat_template={"tool_use": NO_SYSTEM, "default": CHATML})])

    assert [(one.name, one.text) for one in section.chat_templates] == [("default", CHATML), ("tool_use", NO_SYSTEM)]
    assert "additional_chat_templates/tool_use.jinja" in digests(section)


def test_a_processor_and_its_tokenizer_with_different_templates():
    section = observe_preprocessing([processor()], templates={"training": CHATML + "!", "default": IMAGES})

    assert {one.name: one.text for one in section.chat_templates} == {
        "default": IMAGES,
        "tokenizer.default": CHATML,
        "training": CHATML + "!",
    }
    assert {one.template for one in section.renderings} == {"default", "tokenizer.default", "training"}


def test_each_processor_may_name_its_own_source():
    first, second = tokenizer(), tokenizer(padding_side="left")
    section = observe_preprocessing([(first, "acme/base", SHA), (second, "acme/reward", "b" * 40)])

    assert [(one.source, one.revision) for one in section.processors] == [("acme/base", SHA), ("acme/reward", "b" * 40)]


def test_what_is_refused():
    with pytest.raises(BadReferenceError, match="'main' is not a reference: a processor's revision is a commit of 40"):
        observe_preprocessing([tokenizer()], revision="main")
    with pytest.raises(BadArgumentError, match="int is no tokenizer, processor, image processor or feature extractor"):
        observe_preprocessing([3])


def test_no_path_and_no_secret_enters_the_section(tmp_path):
    from transformers import AutoTokenizer

    tokenizer().save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path, token="hf_" + "s" * 30, cache_dir=str(tmp_path / "cache"))
    settings = {"cache": str(tmp_path / "rows"), "api_key": "0123", "note": "hf_" + "t" * 30}
    text = codec.compact_text(codec.builtins(observe_preprocessing([loaded], source=str(tmp_path), settings=settings)))

    assert str(tmp_path) not in text
    assert "hf_" not in text
    assert "0123" not in text
    assert '"cache":"rows"' in text

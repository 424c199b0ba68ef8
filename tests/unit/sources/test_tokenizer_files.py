from __future__ import annotations

import pytest

from ftlineage.core.sections import Preprocessing, Unrecorded
from ftlineage.errors import BadInputError
from ftlineage.sources.preprocessing import observe_preprocessing
from ftlineage.sources.tokenizer_files import observe_tokenizer_files
from tests.unit.sources.preprocessors import CHATML, NO_SYSTEM, tokenizer


def read(folder) -> Preprocessing:
    found = observe_tokenizer_files(folder)
    assert isinstance(found, Preprocessing), found
    return found


@pytest.mark.parametrize("templates", [CHATML, {"default": CHATML, "tool_use": NO_SYSTEM}])
def test_files_say_what_the_live_tokenizer_says(tmp_path, templates):
    live = tokenizer(chat_template=templates)
    live(["one", "another"], padding=True, truncation=True, max_length=4)
    live.save_pretrained(tmp_path)  # with a model_max_length beyond 2**53, and the padding of the last call
    seen, files = observe_preprocessing([live]), read(tmp_path)

    assert files.processors[0].files == seen.processors[0].files
    assert files.processors[0].class_ == seen.processors[0].class_
    assert files.chat_templates == seen.chat_templates


def test_a_folder_without_a_tokenizer(tmp_path):
    assert observe_tokenizer_files(tmp_path) == Unrecorded(
        section="preprocessing", reason="the folder holds no tokenizer_config.json"
    )


@pytest.mark.parametrize("text", ["[]", "{", "3", "", "[" * 100_000])
def test_a_configuration_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "tokenizer_config.json").write_text(text)

    with pytest.raises(BadInputError, match=r"tokenizer_config\.json: expected a JSON object"):
        observe_tokenizer_files(tmp_path)


def test_templates_inside_an_older_configuration(tmp_path):
    (tmp_path / "tokenizer_config.json").write_text(
        '{"chat_template": [{"name": "default", "template": "a"}, {"name": "rag", "template": "b"}]}'
    )
    assert [(one.name, one.text) for one in read(tmp_path).chat_templates] == [("default", "a"), ("rag", "b")]

    (tmp_path / "chat_template.jinja").write_text("file")  # files beat the configuration, as in transformers
    assert [(one.name, one.text) for one in read(tmp_path).chat_templates] == [("default", "file"), ("rag", "b")]


def test_a_template_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "tokenizer_config.json").write_text("{}")
    (tmp_path / "chat_template.jinja").write_bytes(b"ab\xff")

    with pytest.raises(BadInputError, match=r"chat_template\.jinja: not UTF-8 at byte 2"):
        observe_tokenizer_files(tmp_path)

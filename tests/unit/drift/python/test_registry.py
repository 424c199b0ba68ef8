"""Ids in registries, settings and requests, told apart by the class they are given to."""

from __future__ import annotations

import pytest

from ftlineage.drift.python.source import is_interesting
from tests.unit.drift.python.seen import seen


@pytest.mark.parametrize(
    "fields",
    [
        "@dataclass\nclass Entry:\n    ms_model_id: str = None\n    hf_model_id: str = None",
        "class Entry(NamedTuple):\n    ms_model_id: str\n    hf_model_id: str",
        "class Base:\n    ms_model_id: str\n\nclass Entry(Base):\n    hf_model_id: str",
        "class Entry:\n    def __init__(self, ms_id, hf_id=None):\n        self.hf_id = hf_id",
    ],
)
def test_the_field_named_for_the_hub_tells_which_of_two_ids_is_there(fields: str):
    assert [one.partition(" ")[2] for one in seen(f'{fields}\nregister([Entry("org-m/x", "org-a/x")])')] == [
        "model org-a/x - floating"
    ]


def test_the_order_of_the_fields_counts_not_that_of_the_ids():
    assert seen("""
        class Entry(NamedTuple):
            hf_model_id: str
            ms_model_id: str
        ALL = {"x": Entry("org-a/x", "org-m/x")}
    """) == ["4:20 model org-a/x - floating"]


def test_of_an_imported_class_the_second_id_is_that_of_the_hub():
    assert seen("""
        from .register import DatasetMeta, Model
        MODELS = [Model("org-m/x", "org-a/x"), Model("org-m/y", "org-a/y", tags=["z"])]
        DATA = DatasetMeta("org-m/d", "org-a/d")
    """) == [
        "2:29 model org-a/x - floating",
        "2:58 model org-a/y - floating",
        "3:32 dataset org-a/d - floating",
    ]


def test_ids_of_other_hubs_by_keyword_are_not_ours():
    assert seen('Model(ms_model_id="org-m/x", hf_model_id="org-a/x")') == ["1:43 model org-a/x - floating"]


@pytest.mark.parametrize(
    "fields",
    [
        "class ChatRequest(BaseModel):\n    model: str = 'org-a/m1'",
        "class CompletionResponse(Base):\n    model: str = 'org-a/m1'",
        "class Completion(BaseModel):\n    model: str = 'org-a/m1'\n    messages: list = []",
        "class Completion(BaseModel):\n    model_name: str = Field(default='org-a/m1')\n    prompt: str",
    ],
)
def test_the_model_in_a_request_is_a_name_that_a_client_sends(fields: str):
    assert seen(fields) == []


def test_settings_with_a_prompt_load_their_model():
    assert seen("""
        @dataclass
        class Arguments:
            model: str = "org-a/m1"
            prompt: str = "Hello"
    """) == ["3:19 model org-a/m1 - floating"]


def test_engines_load_what_they_are_given():
    assert seen("""
        MyLLMEngine("org-a/m1")
        AsyncLLM(model="org-b/m2", revision="main")
        InferenceEngine(model="org-c/m3")
    """) == [
        "1:14 model org-a/m1 - floating",
        "2:17 model org-b/m2 main floating",
        "3:24 model org-c/m3 - floating",
    ]


def test_the_default_of_a_lookup_by_a_sure_key_floats_unless_a_request_is_read():
    assert seen("""
        first = settings.get("model_id", "org-a/m1")
        second = request.get("model_id", "org-b/m2")
        third = settings.get("title", "org-c/m3")
    """) == ["1:35 model org-a/m1 - floating"]


def test_an_address_that_waits_for_a_file_name_floats_with_its_branch():
    assert seen("""
        BASE = "https://huggingface.co/org-a/files/resolve/main/"
        def get(name):
            return download(BASE + name)
    """) == ["1:32 model org-a/files main floating"]


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ('log("val/loss", 1)', False),
        ('ratio = "138/85"', False),
        ('model = "org-a/m1"', True),
        ('cmd = "serve --model org-a/m1"', True),
        ('log("val/loss", 1); model = "org-a/m1"', True),
    ],
)
def test_a_file_with_names_of_measurements_alone_is_not_parsed(text: str, worth: bool):
    assert is_interesting(text) is worth

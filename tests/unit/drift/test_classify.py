"""Drift classes: each kind of file, the worst wins, and the unknown is never calm."""

from __future__ import annotations

import pytest

from ftlineage.core import codec
from ftlineage.drift.classify import Drift, DriftClass, FileFact, classify, file_class

LOCKED = [
    FileFact("README.md", 10, "a"),
    FileFact("config.json", 20, "b"),
    FileFact("generation_config.json", 20, "c"),
    FileFact("tokenizer.json", 30, "d"),
    FileFact("chat_template.jinja", 5, "e"),
    FileFact("modeling_x.py", 5, "f"),
    FileFact("model.safetensors", 1000, "g"),
]


def moved(*paths: str) -> list[FileFact]:
    """The locked files with these replaced."""
    return [FileFact(fact.path, fact.size, "new" if fact.path in paths else fact.digest) for fact in LOCKED]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ((), "none"),
        (("README.md",), "docs"),
        (("README.md", "tokenizer.json"), "tokenizer"),
        (("tokenizer.json", "chat_template.jinja"), "chat-template"),
        (("chat_template.jinja", "generation_config.json"), "generation-config"),
        (("generation_config.json", "config.json"), "config"),
        (("config.json", "modeling_x.py"), "code"),
        (("model.safetensors", "README.md", "modeling_x.py"), "weights"),
    ],
)
def test_the_worst_class_wins(paths: tuple[str, ...], expected: str):
    drift = classify(LOCKED, moved(*paths))
    assert drift.class_ == expected
    assert sorted(file.path for file in drift.files) == sorted(paths)
    assert {file.change for file in drift.files} <= {"changed"}


def test_files_are_listed_by_class_worst_first():
    drift = classify(LOCKED, [*moved("README.md", "config.json", "model.safetensors"), FileFact("LICENSE", 1, "x")])
    assert drift.paths() == {
        DriftClass.WEIGHTS: ["model.safetensors"],
        DriftClass.CONFIG: ["config.json"],
        DriftClass.DOCS: ["LICENSE", "README.md"],
    }
    assert list(drift.paths()) == [DriftClass.WEIGHTS, DriftClass.CONFIG, DriftClass.DOCS]


def test_added_and_removed_files_count():
    added = classify(LOCKED, [*LOCKED, FileFact("adapter_model.bin", 1, "x")])
    assert codec.builtins(added) == {
        "class": "weights",
        "files": [{"path": "adapter_model.bin", "change": "added", "class": "weights"}],
    }
    removed = classify(LOCKED, LOCKED[1:])
    assert [(file.path, file.change) for file in removed.files] == [("README.md", "removed")]
    assert removed.class_ == "docs"


def test_a_changed_size_alone_is_a_change():
    assert classify([("config.json", 1, "x")], [("config.json", 2, "x")]).class_ == "config"


def test_a_missing_reference_is_gone():
    assert classify(LOCKED, None) == Drift(class_=DriftClass.GONE, files=[])


def test_order_is_the_contracts():
    names = [
        "none",
        "docs",
        "tokenizer",
        "chat-template",
        "generation-config",
        "config",
        "code",
        "weights",
        "data",
        "gone",
    ]
    assert [str(item) for item in sorted(DriftClass, key=lambda item: item.rank)] == names


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("README.md", "docs"),
        ("docs/figure.PNG", "docs"),
        ("LICENSE", "docs"),
        ("LICENSE.txt", "docs"),
        ("LICENSE-MIT", "docs"),
        (".gitattributes", "docs"),
        ("USE_POLICY.md", "docs"),
        ("tokenizer_config.json", "tokenizer"),
        ("tokenizer/vocab.json", "tokenizer"),
        ("vocab.txt", "tokenizer"),
        ("merges.txt", "tokenizer"),
        ("tokenizer.model", "tokenizer"),
        ("tokenizer.model.v3", "tokenizer"),
        ("sentencepiece.bpe.model", "tokenizer"),
        ("spiece.model", "tokenizer"),
        ("source.spm", "tokenizer"),
        ("qwen.tiktoken", "tokenizer"),
        ("special_tokens_map.json", "tokenizer"),
        ("chat_template.json", "chat-template"),
        ("additional_chat_templates/rag.jinja", "chat-template"),
        ("generation_config.json", "generation-config"),
        ("adapter_config.json", "config"),
        ("preprocessor_config.json", "config"),
        ("1_Pooling/config.json", "config"),
        ("params.yaml", "config"),
        ("modeling_custom.py", "code"),
        ("custom_generate/generate.py", "code"),
        ("requirements.txt", "code"),
        ("license.py", "code"),
        ("security.json", "config"),
        ("README.weird", "weights"),
        ("model.safetensors.index.json", "weights"),
        ("pytorch_model-00001-of-00002.bin", "weights"),
        ("model-q4.gguf", "weights"),
        ("onnx/model.onnx_data", "weights"),
        ("unknown.xyz", "weights"),
        ("no_suffix", "weights"),
        ("train_log.jsonl", "data"),
    ],
)
def test_files_of_a_model(path: str, expected: str):
    assert file_class(path) == expected
    assert file_class(path, kind="adapter") == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("README.md", "docs"),
        ("LICENSE", "docs"),
        (".gitattributes", "docs"),
        ("loader.py", "code"),
        ("data/train-00000-of-00001.parquet", "data"),
        ("images/cat.png", "data"),
        ("corpus/readme.md", "data"),
        ("tokenizer.json", "data"),
        ("anything", "data"),
    ],
)
def test_files_of_a_dataset(path: str, expected: str):
    assert file_class(path, kind="dataset") == expected


@pytest.mark.parametrize(("path", "expected"), [("app", "code"), ("app.py", "code"), ("README.md", "docs")])
def test_files_of_a_space(path: str, expected: str):
    assert file_class(path, kind="space") == expected

"""Hub URLs: loads and links, revisions and slots."""

from __future__ import annotations

import pytest

from ftlineage.drift.commands.urls import read_urls
from tests.unit.drift.commands.seen import SHA, pinned, rows


@pytest.mark.parametrize(
    ("text", "row", "revision"),
    [
        ("x: https://huggingface.co/org-a/name/resolve/main/a/b.bin?download=true", ("org-a/name", "model"), "main"),
        ("'https://hf.co/datasets/org-a/name/resolve/v1.0/x'", ("org-a/name", "dataset"), "v1.0"),
        ("https://hf-mirror.com/org-a/name/raw/main/x", ("org-a/name", "model"), "main"),
        ("https://huggingface.co/spaces/org-a/name/resolve/dev/x", ("org-a/name", "space"), "dev"),
        (f"https://huggingface.co/org-a/name/resolve/{SHA}/x", ("org-a/name", "model"), SHA),
        ("https://huggingface.co/gpt2/resolve/main/x", ("gpt2", "model"), "main"),
        ("https://hf.co/datasets/org-a/name/resolve/refs%2Fpr%2F1/x", ("org-a/name", "dataset"), "refs/pr/1"),
        ("hf://datasets/org-a/name/data/x.jsonl", ("org-a/name", "dataset"), None),
        (f"hf://org-a/name@{SHA}/x", ("org-a/name", "model"), SHA),
        ("hf://datasets/org-a/name@refs/convert/parquet/x", ("org-a/name", "dataset"), "refs/convert/parquet"),
    ],
)  # fmt: skip
def test_loads(text: str, row: tuple, revision: str | None) -> None:
    (found,) = read_urls(text)
    assert ((found.ref, found.kind), found.revision) == (row, revision)
    assert found.column == text.index(row[0]) + 1
    pinned(read_urls, text)


@pytest.mark.parametrize(
    "text",
    [
        "https://huggingface.co/org-a/name",
        "https://huggingface.co/org-a/name/blob/main/config.json",
        "https://huggingface.co/org-a/name/tree/main",
        "https://huggingface.co/docs/transformers/main/en/x",
        "x = 1  # https://huggingface.co/org-a/name/resolve/main/x",
        "// https://huggingface.co/org-a/name/resolve/main/x",
        '<img src="https://huggingface.co/datasets/org-a/images/resolve/main/x.png"/>',
        "![plot](https://huggingface.co/datasets/org-a/images/resolve/main/x.png)",
        "https://example.com/org-a/name/resolve/main/x",
        "hf://buckets/org-a/name",
        "hf://$ORG/$NAME",
    ],
)
def test_links(text: str) -> None:
    assert read_urls(text) == []


def test_slots() -> None:
    assert pinned(read_urls, "a: hf://datasets/org-a/name/x") == f"a: hf://datasets/org-a/name@{SHA}/x"
    url = "https://huggingface.co/org-a/name/resolve/{}/x"
    assert pinned(read_urls, url.format("main")) == url.format(SHA)


def test_documents_are_for_reading() -> None:
    text = "wget https://huggingface.co/org-a/name/resolve/main/x"
    assert rows(read_urls(text, ".toml")) == [(1, "org-a/name", "model", "floating")]
    assert read_urls(text, ".md") == []

from __future__ import annotations

import pytest

from ftlineage.core.private import is_absolute_path, names_secret, public_text, without_private


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("/home/ann/rows.jsonl", "rows.jsonl"),
        ("/data/sets/", "sets"),
        ("~/rows.jsonl", "rows.jsonl"),
        ("C:\\Users\\ann\\rows.jsonl", "rows.jsonl"),
        ("\\\\server\\share\\rows", "rows"),
        ("data/rows.jsonl", "data/rows.jsonl"),
        ("/no_think", "/no_think"),
        ("/", "/"),
        ("acme/base", "acme/base"),
        ("use hf_" + "a" * 30 + " here", "use [secret] here"),
        ("ghp_" + "A1" * 15, "[secret]"),
        ("https://ann:pw@example.org/x", "https://example.org/x"),
        ("https://example.org/@x", "https://example.org/@x"),
        ("hf_short", "hf_short"),
    ],
)
def test_public_text(text, public):
    assert public_text(text) == public


def test_a_text_of_several_lines_is_no_path():
    assert not is_absolute_path("/home/ann/x\nis where it lies")


@pytest.mark.parametrize("name", ["api_key", "HF_TOKEN", "token", "db_password", "client_secret", "aws_access_key_id"])
def test_names_of_secrets(name):
    assert names_secret(name)


@pytest.mark.parametrize(
    "name", ["max_new_tokens", "pad_token", "tokenizer", "key", "keyboard", "secretary", "eos_token_id"]
)
def test_names_that_only_look_like_it(name):
    assert not names_secret(name)


def test_whole_values():
    value = {"folder": "/srv/x/y", "token": "abc", "api_key": None, "list": ["/srv/x/z", 1, {"password": 3}]}

    assert without_private(value) == {
        "folder": "y",
        "token": "[secret]",
        "api_key": None,
        "list": ["z", 1, {"password": "[secret]"}],
    }

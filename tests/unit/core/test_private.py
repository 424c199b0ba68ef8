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
        ("/srv/ann/hf_" + "a" * 30, "[secret]"),
        ("file:///home/ann/ds.json", "ds.json"),
        ("python /home/ann/train.py --config=/scratch/ann/c.yaml", "python train.py --config=c.yaml"),
        ("first\n/home/ann/x\nlast", "first\nx\nlast"),
        ("open 'C:\\Users\\ann\\x' now", "open 'x' now"),
        ("https://example.org/data/x", "https://example.org/data/x"),
        ("{% if a %}</tmp>{% endif %} and/or x/data/y", "{% if a %}</tmp>{% endif %} and/or x/data/y"),
        ("https://example.org/x?a=1&access_token=abc&b=2", "https://example.org/x?a=1&access_token=[secret]&b=2"),
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


def test_keys_too():
    assert without_private({"/srv/ann/x": 1, "/srv/bob/x": 2, "cpu": 3}) == {"x": 1, "x (2)": 2, "cpu": 3}

"""The published JSON Schema is the one the code means, and it accepts what the code accepts."""

from __future__ import annotations

import copy
import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from ftlineage.core.card import json_schema, read_document
from ftlineage.errors import CardMalformedError

ROOT = Path(__file__).parent.parent
CARDS = sorted((ROOT / "tests" / "compat" / "v1").rglob("*lineage.json"))


@pytest.fixture(scope="module")
def schema():
    return json.loads((ROOT / "docs" / "lineage.schema.json").read_bytes())


@pytest.fixture(scope="module")
def full():
    return json.loads((ROOT / "tests" / "compat" / "v1" / "full.lineage.json").read_bytes())


def validator(schema):
    return jsonschema.Draft202012Validator(schema)


def test_the_copy_in_docs_is_generated(schema):
    assert schema == json_schema(), "run: make docs"


def test_the_copy_in_the_package_is_the_same_file():
    packaged = resources.files("ftlineage").joinpath("schema/lineage.schema.json").read_bytes()
    assert packaged == (ROOT / "docs" / "lineage.schema.json").read_bytes(), "run: make docs"


def test_the_schema_is_sound(schema):
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.name)
def test_released_cards_validate(schema, path):
    validator(schema).validate(json.loads(path.read_bytes()))


def test_keys_of_a_newer_minor_are_allowed(schema, full):
    full = copy.deepcopy(full)
    full["base"]["mirror"] = {"since": "1.7"}
    full["watermark"] = ["x"]
    validator(schema).validate(full)


def _set(document, path, value):
    *parents, last = path
    for key in parents:
        document = document[key]
    if value is KeyError:
        del document[last]
    else:
        document[last] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("id",), "sha256:short"),
        (("base", "revision"), "main"),
        (("base", "revision"), "0" * 40 + "\n"),
        (("base", "origin"), "mirror"),
        (("base", "evidence"), "guessed"),
        (("base", "files", 0, "size"), -1),
        (("base", "files", 0, "sha256"), "A" * 64),
        (("adapter", "tensors", "entries", 0, "sha256"), "0" * 64 + "\n"),
        (("data", 0, "rows"), "many"),
        (("parents", 0, "relation"), "inspired"),
        (("unrecorded",), KeyError),
        (("recipe",), KeyError),
        (("prompts",), None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_schema_and_reader_refuse_the_same(schema, full, path, value):
    full = copy.deepcopy(full)
    _set(full, path, value)
    assert not validator(schema).is_valid(full)
    with pytest.raises(CardMalformedError):
        read_document(full)

"""Every card that was ever released reads, has the id it had, and keeps what this release does not know."""

from __future__ import annotations

import copy
import hashlib
import json
import typing
from pathlib import Path

import msgspec
import pytest

from ftlineage.core import card as cards
from ftlineage.core.card import CardBody, card_id, is_newer_minor, read_card, read_document
from ftlineage.errors import CardTooNewError

HERE = Path(__file__).parent
RELEASED = sorted((HERE / "v1").rglob("*lineage.json"))
FULL = HERE / "v1" / "full.lineage.json"


def document(path):
    return json.loads(path.read_bytes())


# --- nothing released is ever touched ------------------------------------------------------------


def test_released_files_are_as_they_were_released():
    folder = HERE / "v1"
    lines = [line.partition("  ") for line in (folder / "MANIFEST.sha256").read_text("utf-8").splitlines()]
    listed = {path: digest for digest, _, path in lines}
    there = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "MANIFEST.sha256"
    }
    assert there == listed, "tests/compat/v1 is append-only: see tests/compat/README.md"


def test_there_is_something_released():
    assert FULL in RELEASED
    assert len(RELEASED) >= 3


# --- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.relative_to(HERE).as_posix())
def test_released_cards_read_and_keep_their_id(path):
    card = read_card(path.read_bytes())
    assert card.id == card_id(card.document())
    assert card.to_bytes() == path.read_bytes()


def _structs(kind: object) -> typing.Iterator[type]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for part in typing.get_args(kind):
        yield from _structs(part)


def _filled(kind: type, value: dict, seen: set[tuple[str, str]]) -> None:
    """Collect which keys of which struct hold something in a document."""
    for field in msgspec.structs.fields(kind):
        held = value.get(field.encode_name)
        if held in (None, [], {}):
            continue
        seen.add((kind.__name__, field.encode_name))
        for inner in _structs(field.type):
            for item in held if isinstance(held, list) else [held]:
                _filled(inner, item, seen)


def _known(kind: type, seen: set[tuple[str, str]]) -> None:
    for field in msgspec.structs.fields(kind):
        if (kind.__name__, field.encode_name) not in seen:
            seen.add((kind.__name__, field.encode_name))
            for inner in _structs(field.type):
                _known(inner, seen)


def test_every_key_of_the_format_is_filled_in_some_released_card():
    filled: set[tuple[str, str]] = set()
    for path in RELEASED:
        _filled(CardBody, document(path), filled)
    known: set[tuple[str, str]] = set()
    _known(CardBody, known)
    assert known - filled == set(), "add a card with these keys to tests/compat/v1"


# --- what the id covers --------------------------------------------------------------------------


@pytest.mark.parametrize("section", cards.IDENTITY)
def test_a_change_in_an_identity_section_changes_the_id(section):
    changed = document(FULL)
    before = card_id(changed)
    value = changed[section]
    (value[0] if isinstance(value, list) else value)["note"] = "added"
    assert card_id(changed) != before


@pytest.mark.parametrize("key", cards.OUTSIDE)
def test_what_is_outside_the_id_may_change(key):
    changed = document(FULL)
    before = card_id(changed)
    changed[key] = "another"
    assert card_id(changed) == before


def test_the_two_lists_name_every_top_level_key():
    keys = {field.encode_name for field in msgspec.structs.fields(CardBody)}
    assert set(cards.IDENTITY) | set(cards.OUTSIDE) == keys
    assert set(cards.IDENTITY) & set(cards.OUTSIDE) == set()


# --- newer formats -------------------------------------------------------------------------------


def test_a_newer_minor_is_read_and_its_unknown_keys_are_inside_the_id():
    path = HERE / "future" / "newer-minor.lineage.json"
    card = read_card(path.read_bytes())
    assert is_newer_minor(card)
    assert card.id == card_id(card.document())
    assert card.to_bytes() == path.read_bytes()
    for section in ("watermark", "base", "adapter"):
        without = _without_unknown(document(path), section)
        assert card_id(without) != card.id, section


def _without_unknown(whole: dict, section: str) -> dict:
    whole = copy.deepcopy(whole)
    match section:
        case "watermark":
            del whole["watermark"]
        case "base":
            del whole["base"]["mirror"]
        case "adapter":
            del whole["adapter"]["tensors"]["entries"][0]["norm"]
    return whole


def test_a_newer_major_is_refused_in_a_sentence():
    data = (HERE / "future" / "newer-major.lineage.json").read_bytes()
    with pytest.raises(CardTooNewError) as refused:
        read_card(data)
    assert str(refused.value) == (
        "the card has format 2, this ftlineage reads up to 1. Upgrade: pip install --upgrade ftlineage"
    )


@pytest.mark.parametrize("found", ["1", "1.0"])
def test_the_same_format_is_not_newer(found):
    changed = document(FULL)
    changed["ftlineage"] = found
    assert not is_newer_minor(read_document(changed))

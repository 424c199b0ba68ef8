"""Cards that would spread something false are refused, with the place named."""

from __future__ import annotations

import json

import pytest

from ftlineage.core.card import card_id, read_document
from ftlineage.errors import CardMalformedError
from ftlineage.export.soundness import refuse_unsound
from tests.unit.export import graphs

FILES = ["base.files", "adapter.files", "code.untracked", "preprocessing.processors.0.files", "data.0.source.files"]


def document():
    return json.loads((graphs.COMPAT / "v1" / "full.lineage.json").read_bytes())


def test_released_cards_are_sound():
    for name, card in graphs.cards().items():
        if name != "hostile":
            refuse_unsound(card)


def test_a_card_that_was_changed():
    changed = document()
    changed["base"]["model"] = "acme/other"
    with pytest.raises(CardMalformedError) as caught:
        refuse_unsound(read_document(changed))
    assert caught.value.sentence == f"malformed lineage card at $.id: the content has the id {card_id(changed)}"


@pytest.mark.parametrize("place", FILES)
def test_paths_that_lead_out(place):
    changed = document()
    found = changed
    for part in place.split("."):
        found = found[int(part) if part.isdecimal() else part]
    found[-1]["path"] = "../../evil.py"
    changed["id"] = card_id(changed)
    with pytest.raises(CardMalformedError) as caught:
        refuse_unsound(read_document(changed))
    assert caught.value.reason == "the path has an empty, '.' or '..' part"
    where = f"$.{place}[{len(found) - 1}].path".replace(".0.", "[0].")
    assert caught.value.where == where

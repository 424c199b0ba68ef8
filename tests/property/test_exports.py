"""Whatever a card holds, every export is made, is the same twice, and refers to nothing that is not there."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from ftlineage.core import codec
from ftlineage.core.card import Card, read_card
from ftlineage.export import cyclonedx, slsa, spdx
from tests.property.cards import CARDS
from tests.unit.export import graphs

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("export", [slsa.statement, cyclonedx.bom, spdx.document], ids=["slsa", "cyclonedx", "spdx"])
@SETTINGS
@given(card=CARDS)
def test_any_card_is_exported_and_twice_alike(export, card: Card):
    made = codec.pretty_bytes(export(card))
    # Read with our own strict reader: no key twice, no NaN, no lone surrogate, no depth beyond bounds.
    assert codec.parse(made) == export(read_card(card.to_bytes()))


@SETTINGS
@given(card=CARDS)
def test_parts_refer_to_parts_and_nothing_acts(card: Card):
    bom, document = cyclonedx.bom(card), spdx.document(card)
    assert graphs.bom_faults(bom) == []
    assert graphs.spdx_faults(document) == []
    for made in (bom, document):
        assert all(not set(text) & ACTING for text in graphs.strings(made))


ACTING = set(map(chr, [*range(9), *range(11, 32), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]))

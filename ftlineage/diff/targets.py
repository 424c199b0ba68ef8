"""``ftlineage.diff``: two versions by where they lie, compared as cards."""

from __future__ import annotations

import os

from ftlineage.core.card import Card
from ftlineage.diff.cards import CardDiff, diff_cards
from ftlineage.store.cards import load_card

Target = Card | str | os.PathLike[str]


def diff(a: Target, b: Target) -> CardDiff:
    """Which elements differ between two versions; ``a`` is before, ``b`` after.

    Args:
        a: A card, or a folder or file that holds one.
        b: Likewise.

    Raises:
        PathNotFoundError, CardMissingError, CardMalformedError, CardTooNewError: A card cannot be read.
    """
    return diff_cards(_card(a), _card(b))


def _card(target: Target) -> Card:
    return target if isinstance(target, Card) else load_card(target)

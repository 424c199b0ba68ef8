"""Names that inference engines serve versions under: they never come to mean another version.

Engines keep the first thing a name resolved to until they restart, so a name that can move
(``scorer@production``) would freeze at first use. A served name ends in at least twelve digits of
the card's id: ``support-bot-9f2c4b1e07aa``, or ``support-bot.v7-9f2c4b1e07aa`` for a registered
version. Characters are ``[a-z0-9._-]`` only: ``:`` and ``@`` split names in some engines.
"""

from __future__ import annotations

import re

from ftlineage.core import words
from ftlineage.record.names import default_name

_SERVED = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?-[0-9a-f]{12}")


def served_name(name: str, card_id: str, *, version: int | None = None) -> str:
    """The name of one version.

    Args:
        name: What the version was recorded or registered under.
        card_id: ``sha256:`` and 64 hex digits.
        version: The number in the registry, if it is registered.
    """
    label = default_name(name) if version is None else f"{default_name(name)}.v{version}"
    return f"{label}-{words.short(card_id)}"


def is_served_name(text: str) -> bool:
    """Whether a name has the form of ours; whatever has it and is not known is refused, not passed on."""
    return _SERVED.fullmatch(text) is not None

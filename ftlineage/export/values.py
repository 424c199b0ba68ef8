"""Values of a card in the forms the formats share: text, times, settings, licences.

Decides that text is shown with acting characters written out, that a time is whole seconds in
UTC or absent, and that only what the SPDX list knows is called an SPDX licence.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from ftlineage.core import codec, words
from ftlineage.core.card import Card
from ftlineage.core.sections import Adapter, Rendering

# Expressions longer than this are no licence anybody wrote, and parsing nested ones is costly.
_MAX_EXPRESSION = 200


def text(value: str) -> str:
    """A passage from a card: every character that acts instead of showing is written out, line breaks stay."""
    return words.clean(value, lines=True)


def scalar(value: Any) -> str:
    """A setting as text: strings as they are, anything else as JSON on one line."""
    return text(value if isinstance(value, str) else codec.compact_text(value))


def settings(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Settings as pairs of texts, in their order; those without a value (null) are left out.

    Nested values become JSON and not longer names: names that repeat the path to every leaf would
    grow with depth times width.
    """
    return [(text(prefix + key), scalar(value)) for key, value in values.items() if value is not None]


def lines(said: Mapping[str, Any]) -> str:
    """Settings as a passage, one ``key: value`` a line, for formats that have only a comment."""
    return "\n".join(f"{key}: {value}" for key, value in settings(said))


def present(**values: Any) -> dict[str, Any]:
    """The keys that hold something: neither null nor an empty text, list or object."""
    return {key: value for key, value in values.items() if value is not None and value not in ("", [], {})}


def timestamp(stamp: str | None) -> str | None:
    """A card's time as ``2026-11-20T09:12:41Z``, or None when there is none or it is not one."""
    parsed = words.parse_time(stamp)
    if parsed is None:
        return None
    try:
        moment = parsed.astimezone(dt.UTC)
    except OverflowError:  # before the year 1 or after 9999
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def spdx_licence(licence: str) -> str | None:
    """The SPDX expression that a card's licence is (``apache-2.0`` is ``Apache-2.0``), or None."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    if len(licence) > _MAX_EXPRESSION or not licence.isascii():
        return None
    try:
        expression = str(canonicalize_license_expression(licence))
    except InvalidLicenseExpression:
        return None
    # A reference to a text that is not there is a name, not a licence of the list.
    return None if "LicenseRef-" in expression else expression


def reference_name(licence: str) -> str:
    """A licence outside the SPDX list as the ``LicenseRef-`` that SPDX documents use for it."""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", licence[:_MAX_EXPRESSION]).strip("-")
    return f"LicenseRef-{plain.removeprefix('LicenseRef-') or 'unnamed'}"


def relation(card: Card) -> str | None:
    """How the model relates to its base, in the Hub's words; None where the card cannot say."""
    adapter = card.body.adapter
    if card.body.base is None or adapter is None:
        return None
    return "finetune" if adapter.type == "full" else "adapter"


def members(adapter: Adapter | None) -> list[dict[str, Any]]:
    """The adapters of a folder with several; their configurations by digest."""
    return [
        present(
            name=one.name,
            folder=one.folder,
            type=one.type,
            config_digest=one.config_digest,
            init=one.init,
            target_modules=one.target_modules,
            base_revision=one.revision,
        )
        for one in (adapter.members if adapter else [])
    ]


def rendering(found: Rendering) -> str:
    """A rendering's digest, and the error with which the template refused the probe."""
    return f"{found.sha256} refused: {found.refused}" if found.refused else found.sha256


def summary(card: Card) -> str:
    """One line on what the card describes."""
    base, adapter = card.body.base, card.body.adapter
    kind = "model" if adapter is None else "full fine-tune" if adapter.type == "full" else f"{adapter.type} adapter"
    of = f" of {base.model}" if base else ""
    return text(f"{kind}{of}" + (f" at {base.revision}" if base and base.revision else ""))

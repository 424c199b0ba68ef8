"""Any other store: an object that says its own ``version`` and ``digest``.

The digest is the object's word, so it is recorded as ``declared``, without an algorithm of ours.
``count`` is taken if the object has it. Refused: an object without the two, or with values that no
card can hold.
"""

from __future__ import annotations

import re
from typing import Any

from ftlineage.errors import BadArgumentError
from ftlineage.sources.retrieval.interface import Content

_TEXT = re.compile(r"[!-~]([ -~]{0,510}[!-~])?")
NEEDS = "it needs the attributes .version and .digest (text, or methods that return text)"


def recognises(source: object) -> bool:
    """Whether the object has both attributes."""
    return all(hasattr(source, name) for name in ("version", "digest"))


def read(source: Any, *, kind: str | None) -> Content:
    """Ask the object.

    Raises:
        BadArgumentError: It lacks an attribute, or its answer cannot stand in a card.
    """
    name = type(source).__name__
    if not recognises(source):
        raise BadArgumentError(argument="retrieval source", reason=f"{name} is no known index, and {NEEDS}")
    version, digest, count = (_ask(source, attribute) for attribute in ("version", "digest", "count"))
    if isinstance(version, int) and not isinstance(version, bool):
        version = str(version)
    for attribute, value in (("version", version), ("digest", digest)):
        if not isinstance(value, str) or _TEXT.fullmatch(value) is None or value.startswith("/"):
            raise BadArgumentError(
                argument=f"{name}.{attribute}", reason=f"{str(value)[:40]!r} is not a short printable text"
            )
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 0):
        raise BadArgumentError(argument=f"{name}.count", reason=f"{str(count)[:40]!r} is not a count of entries")
    return Content(kind=kind or name, version=version, digest=digest, count=count, algorithm=None, evidence="declared")


def _ask(source: Any, attribute: str) -> Any:
    value = getattr(source, attribute, None)
    if not callable(value):
        return value
    try:
        return value()
    except Exception as error:  # whatever the user's method raises, the fault is named as its own
        reason = f"the method raised {type(error).__name__}: {error}"
        raise BadArgumentError(argument=f"{type(source).__name__}.{attribute}", reason=reason) from error

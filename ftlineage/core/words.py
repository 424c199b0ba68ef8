"""Values as people read them: sizes, counts, times, short digests, and text made safe to show.

Decides how a number is written in sentences, on terminals and on pages, once for all of them.
Refuses to let text from a card act on the reader's screen: see :func:`clean`.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

SHORT = 12

# Control characters (an escape sequence could rewrite the terminal), direction overrides and
# isolates (a name could be shown reversed), invisible characters, and lone surrogates. Joiners
# (U+200C, U+200D) stay: many scripts and emoji need them.
_ACTING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_CUT = " [...] "
_UNITS = ("kB", "MB", "GB", "TB", "PB")
_HEX = re.compile(r"(?:sha256:)?([0-9a-f]{40}|[0-9a-f]{64})")


def clean(text: str, *, lines: bool = False) -> str:
    r"""Text with every character that acts instead of showing written out, such as ``\u202e``.

    Args:
        text: Anything, hostile included.
        lines: Keep newlines and tabs, for passages; otherwise they are written out too.
    """
    return _ACTING.sub(lambda match: _written_out(match.group(), lines=lines), text)


def _written_out(character: str, *, lines: bool) -> str:
    if lines and character in "\n\t":
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def cut(text: str, most: int) -> str:
    """Text of any length in at most ``most`` characters: the middle of a longer one is left out."""
    if len(text) <= most:
        return text
    head = (most - len(_CUT)) * 2 // 3
    return text[:head] + _CUT + text[len(text) - (most - len(_CUT) - head) :]


def short(digest: str) -> str:
    """The first 12 hex digits of a SHA-1 or SHA-256 digest; any other text as it is."""
    match = _HEX.fullmatch(digest)
    return match.group(1)[:SHORT] if match else digest


def size(count: int) -> str:
    """Bytes in decimal units, as the Hub shows them: ``1.2 MB``."""
    if count < 1000:  # noqa: PLR2004
        return quantity(count, "byte")
    value = float(count)
    for unit in _UNITS:
        value /= 1000
        if value < 999.95 or unit == _UNITS[-1]:  # noqa: PLR2004 - 999.95 would be shown as 1000.0
            break
    return f"{value:.1f} {unit}"


def quantity(count: int, noun: str) -> str:
    """A count with its noun: ``1 file``, ``10,003 rows``."""
    plural = noun if count == 1 else noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {plural}"


def duration(seconds: float) -> str:
    """A length of time: ``40 ms``, ``4.2 s``, ``4 min 12 s``, ``3 h 05 min``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def parse_time(stamp: str | None) -> dt.datetime | None:
    """An RFC 3339 time, or None when it is absent or not one."""
    try:
        parsed = dt.datetime.fromisoformat(stamp or "")
    except ValueError:
        return None
    return parsed if parsed.tzinfo else None


def moment(stamp: str) -> str:
    """An RFC 3339 time as ``2026-08-14 09:16 UTC``; any other text as it is."""
    parsed = parse_time(stamp)
    return f"{parsed.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC" if parsed else stamp


def measure(item: Any) -> str:
    """A measured value: floats to four digits, because more would be noise; the rest as :func:`value`."""
    return f"{item:.4g}" if isinstance(item, float) else value(item)


def value(item: Any) -> str:
    """A setting on one line, exact: lists joined by commas, objects as ``key=value``."""
    match item:
        case None:
            return "null"
        case bool():
            return "true" if item else "false"
        case float():
            return repr(item)
        case dict():
            return " ".join(f"{key}={value(part)}" for key, part in item.items()) or "{}"
        case list() | tuple():
            return ", ".join(value(part) for part in item) or "[]"
        case _:
            return str(item)

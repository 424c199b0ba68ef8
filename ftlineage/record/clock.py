"""The one place where recording reads the clock."""

from __future__ import annotations

import datetime as dt


def utc_now() -> str:
    """The time as UTC RFC 3339, to the second."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

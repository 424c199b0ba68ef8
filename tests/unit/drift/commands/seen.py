"""What the tests of the readers compare: findings as short rows, and a slot filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ftlineage.drift.reference import Found, judge

SHA = "e6281661ce1c48d982bc483cf8a173c1bbeb5d31"


def rows(found: Iterable[Found]) -> list[tuple]:
    """Line, id, kind and status of each reference."""
    return [(one.line, one.ref, one.kind, one.status) for each in found for one in judge(each, "x")]


def refs(found: Iterable[Found]) -> list[str | None]:
    return [each.ref for each in found if not each.is_local]


def filled(text: str, found: Found, revision: str = SHA) -> str:
    """The text with a revision written into the slot."""
    slot = found.slot
    assert slot is not None
    return text[: slot.start] + slot.before + revision + slot.after + text[slot.end :]


def pinned(read: Callable[[str], list[Found]], text: str, index: int = 0) -> str:
    """The text after pinning; reading it again must find the same id at that commit."""
    before = read(text)
    after = filled(text, before[index])
    again = read(after)
    assert [each.ref for each in again] == [each.ref for each in before]
    assert again[index].revision == SHA
    return after

"""Documents with something wrong in one place or a few: bytes of a fuzzer become edits of a sound document.

Random bytes almost never make a JSON document of the right shape, so most of a reader stays
unreached. Here every byte string means a list of edits: which node, what happens to it, which value
takes its place. The same bytes always make the same edits, so a case can be replayed for ever.
"""

from __future__ import annotations

import copy
from typing import Any

MAX_EDITS = 8
_LONG = 3000

# What programs trip over where something else was expected. Append only: cases of the corpus mean positions in it.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 255, 2**31, 2**53 - 1, -(2**53 - 1), 0.5, -0.0, 1e308, 5e-324,
    "", " ", ".", "..", "/", "../x", "/etc/passwd", "C:/x", "a\\b", "a\0b", "a\nb", "\u202egnp", "\x1b[2J", "é",
    "x" * _LONG, "0", "-1", "1e999", "NaN", "main", "0" * 40, "f" * 40, "0" * 64, "A" * 64, "sha256:" + "0" * 64,
    "lineage.json", "adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "model.sig", "x.bin",
    "hub", "local", "observed", "declared", "LORA", "lora", "full", "1", "1.1", "2", "99.0",
    "{}", "{0.__class__}", "%s%n", "(a+)+$", "(", "[", ".*", "^$", "a" * 40 + "!",
    [], [[]], [None], ["", ""], [0], [-1], [2**53 - 1, 2**53 - 1], list(range(300)), {}, {"": None}, {"a": {}}, [{}],
)  # fmt: skip


class Cursor:
    """Bytes taken from the front; zeros when they run out."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        """The next byte."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1, from two bytes."""
        return (self.byte() << 8 | self.byte()) % limit

    def take(self, count: int) -> bytes:
        """The next bytes, at most ``count``."""
        self._at += count
        return self._data[self._at - count : self._at]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data))


def edited(document: Any, cursor: Cursor) -> Any:
    """A copy of a JSON document after the edits that the cursor's bytes mean."""
    holder = [copy.deepcopy(document)]
    for _ in range(MAX_EDITS):
        if not cursor:
            break
        places = _places(holder)
        parent, key = places[cursor.below(len(places))]
        _edit(holder, parent, key, cursor)
    return holder[0]


def _edit(holder: list[Any], parent: Any, key: Any, cursor: Cursor) -> None:
    match cursor.byte() % 6:
        case 0 | 1:
            parent[key] = copy.deepcopy(VALUES[cursor.byte() % len(VALUES)])
        case 2:
            parent[key] = cursor.take(cursor.byte()).decode("utf-8", "replace")
        case 3:
            _drop(holder, parent, key)
        case 4:
            other, name = (places := _places(holder))[cursor.below(len(places))]
            parent[key] = copy.deepcopy(other[name])
        case _:
            _repeat(parent, key, cursor)


def _drop(holder: list[Any], parent: Any, key: Any) -> None:
    if parent is holder:
        holder[0] = None
    else:
        del parent[key]


def _repeat(parent: Any, key: Any, cursor: Cursor) -> None:
    """One more entry of a list, or one more key of an object."""
    if isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key])) if len(parent) > 1 else None
    else:
        parent[cursor.take(cursor.byte() % 32).decode("utf-8", "replace")] = copy.deepcopy(parent[key])


def _places(holder: list[Any]) -> list[tuple[Any, Any]]:
    """Every value of the document as the container it stands in and its key there, in a fixed order."""
    places: list[tuple[Any, Any]] = []
    pending: list[tuple[Any, Any]] = [(holder, 0)]
    while pending and len(places) < 1 << 16:
        parent, key = pending.pop()
        places.append((parent, key))
        value = parent[key]
        if isinstance(value, dict):
            pending += [(value, name) for name in value]
        elif isinstance(value, list):
            pending += [(value, index) for index in range(len(value))]
    return places

"""Any card at all: a strategy made from the types of the sections themselves."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import strategies as st

from ftlineage.core.card import FORMAT, NO_ID, CardBody, make_card

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
_EXACT = 2**53 - 1
_NUMBERS = st.integers(-_EXACT, _EXACT) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | _NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
_HEX = "0123456789abcdef"
# Texts that some part of an export reads: times, licences, roles, names of the Hub.
_MEANT = st.sampled_from(
    [
        "2026-11-20T08:00:00Z", "0001-01-01T00:00:00+14:00", "mit", "llama3.2", "MIT OR Apache-2.0", "train", "eval",
        "acme/x", "x", "x #2", "full", "lora", "https://git.example/a/b", "\u202e\x00\x1b[2J", "../x", "",
    ]
)  # fmt: skip


def _digits(pattern: str) -> st.SearchStrategy[str]:
    size = 40 if "{40}" in pattern else 64
    prefix = "sha256:" if "sha256:" in pattern else ""
    return st.text(_HEX, min_size=size, max_size=size).map(lambda found: prefix + found)


def _of(kind: Any) -> st.SearchStrategy[Any]:
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        (meta,) = [part for part in parts[1:] if isinstance(part, msgspec.Meta)]
        return _digits(meta.pattern) if meta.pattern else st.integers(int(meta.ge or 0), _EXACT)
    if origin is typing.Literal:
        return st.sampled_from(parts)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([_of(part) for part in parts])
    if origin is list:
        return st.lists(_of(parts[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(TEXT, _of(parts[1]), max_size=3)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return struct(kind)
    return _PLAIN[kind]()


_PLAIN: dict[Any, Callable[[], st.SearchStrategy[Any]]] = {
    Any: lambda: JSON,
    str: lambda: TEXT | _MEANT,
    int: lambda: st.integers(-_EXACT, _EXACT),
    float: lambda: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans,
    type(None): st.none,
    msgspec.UnsetType: lambda: st.just(msgspec.UNSET),
}


def struct(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Any value of a struct's type."""
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {field.name: _of(hints[field.name]) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields)


def _sealed(body: CardBody) -> Any:
    return make_card(msgspec.structs.replace(body, ftlineage=FORMAT, id=NO_ID))


CARDS = struct(CardBody).map(_sealed)

"""Every key a card can have, and whether an export says it: found out by changing one key at a time."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from ftlineage.core.card import NO_ID, CardBody, read_document
from ftlineage.core.sections import FileRecord
from ftlineage.export import cyclonedx, slsa, spdx
from ftlineage.export.hub_card import merge_readme
from tests.unit.export import graphs

FORMATS: dict[str, Callable[..., Any]] = {
    "SLSA": slsa.statement,
    "CycloneDX": cyclonedx.bom,
    "SPDX": spdx.document,
    "README": lambda card: merge_readme(None, card),
}
# What another value of a text must still be.
_TEXTS = {
    "ftlineage": "1.1",
    "started": "2026-11-19T08:00:00Z",
    "finished": "2026-11-21T08:00:00Z",
    "folder": "other",
    "recorded_by": "ftlineage 9.9",
}


def _inner(kind: Any) -> type[msgspec.Struct] | None:
    """The struct of a section or of the entries of a list."""
    for part in (kind, *typing.get_args(kind)):
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            return part
        if part is not kind and (found := _inner(part)) is not None:
            return found
    return None


def paths(kind: type[msgspec.Struct] = CardBody, above: str = "") -> Iterator[str]:
    """Every key, as ``data.source.commit``; a file's path, size and digest are one key."""
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        path = f"{above}.{field.encode_name}" if above else field.encode_name
        inner = _inner(hints[field.name])
        if inner is None or inner is FileRecord:
            yield path
        else:
            yield from paths(inner, path)


def _type_at(path: str) -> Any:
    kind: Any = CardBody
    for part in path.split("."):
        struct = kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else _inner(kind)
        assert struct is not None
        hints = typing.get_type_hints(struct, include_extras=True)
        kind = next(hints[field.name] for field in msgspec.structs.fields(struct) if field.encode_name == part)
    return kind


def _other(name: str, kind: Any, value: Any) -> Any:
    """Another value of the same type."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _other(name, next(part for part in parts if part is not type(None)), value)
    if origin is typing.Literal:
        return next(part for part in parts if part != value)
    if origin is dict:
        return {**(value or {}), "zz": "changed"} if name != "seeds" else {**value, "zz": 5}
    if origin is list and _inner(kind) is FileRecord:
        return [*(value or []), {"path": "zz.txt", "size": 7, "sha256": "7" * 64}]
    if origin is list:
        return [*(value or []), 7 if name == "shape" else "changed"]
    if kind is bool:
        return not value
    if kind is str:
        return _TEXTS.get(name, f"{value or ''}changed")
    return _annotated(parts, value)


def _annotated(parts: tuple[Any, ...], value: Any) -> Any:
    pattern = parts[1].pattern if parts else None
    if pattern is None:
        return (value or 0) + 1
    return ("sha256:" if "sha256:" in pattern else "") + "7" * (40 if "{40}" in pattern else 64)


def changed(document: dict[str, Any], path: str) -> dict[str, Any]:
    """The document with another value under one key, and the id it had: of the export alone is asked."""
    *above, name = path.split(".")
    place: Any = document
    for part in above:
        place = place[part]
        place = place[0] if isinstance(place, list) else place
    place[name] = _other(name, _type_at(path), place.get(name))
    return document


def full_document() -> dict[str, Any]:
    """A card in which every key holds something."""
    document = graphs.full().document()
    document["id"] = NO_ID
    document["data"][0]["source"]["id"] = "acme/tickets"
    document["data"][0]["source"]["kind"] = "hub"
    document["data"][0]["source"]["commit"] = "3" * 40
    document["data"][0]["source"]["requested"] = "v1"
    document["data"][0]["source"]["config"] = "default"
    return document


def says(path: str, form: str) -> bool:
    """Whether another value under a key makes another document."""
    before, after = (read_document(one) for one in (full_document(), changed(full_document(), path)))
    assert before != after, path
    return bool(FORMATS[form](before) != FORMATS[form](after))

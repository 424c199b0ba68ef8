"""The one road to JSON bytes and back.

Writing: canonical bytes (RFC 8785) for digests, indented bytes for files people read.
Reading is strict: duplicate keys, NaN, lone surrogates, deep nesting and oversized input are
refused with the place named, because a card that two parsers read differently proves nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any, TypeVar

import msgspec
import rfc8785

from ftlineage.core.words import cut
from ftlineage.errors import CardMalformedError

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 64
_EXACT = 2**53

T = TypeVar("T")


def canonical_bytes(value: Any) -> bytes:
    """RFC 8785 bytes of plain JSON values; the input of every content id.

    Raises:
        CardMalformedError: A value has no canonical form (NaN, an integer beyond 2**53).
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise CardMalformedError(where="$", reason=f"no canonical form: {error}") from error


def pretty_bytes(value: Any) -> bytes:
    """Indented UTF-8 JSON with a final newline, for files that people read and diff."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()  # noqa: TID251 - the road


def compact_text(value: Any) -> str:
    """JSON on one line, for logs and pipes."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))  # noqa: TID251 - the road


def parse(data: bytes) -> Any:
    """Read JSON strictly.

    Args:
        data: UTF-8 bytes.

    Returns:
        Plain dicts, lists, strings, numbers, booleans and None.

    Raises:
        CardMalformedError: Not UTF-8, not JSON, too large, too deep, a duplicate key, NaN or a
            number that JSON readers disagree about.
    """
    if len(data) > MAX_BYTES:
        raise CardMalformedError(where="$", reason=f"{len(data)} bytes, more than the {MAX_BYTES} that are read")
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_exact_int
        )
    except UnicodeDecodeError as error:
        raise CardMalformedError(where="$", reason=f"not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise CardMalformedError(where="$", reason="nested too deeply") from error
    except ValueError as error:
        raise CardMalformedError(where="$", reason=f"not JSON: {error}") from error
    _check_tree(value)
    return value


def foreign_object(data: bytes | str) -> dict[str, Any] | None:
    """The object in JSON that another program wrote, or None when there is none.

    Not for cards: here integers beyond 2**53 are read (``model_max_length``), NaN and Infinity
    become text (Mamba's time steps, a loss in ``trainer_state.json``), and the last of equal keys wins.
    """
    try:
        value = json.loads(data, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def convert(value: Any, kind: type[T]) -> T:
    """Plain JSON values to a typed struct; the error names the place (``$.base.files[0].sha256``).

    Raises:
        CardMalformedError: A key is missing or a value has the wrong type or form.
    """
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at ")
        raise CardMalformedError(where=where.strip("`") or "$", reason=reason[:1].lower() + reason[1:]) from error


def builtins(value: Any) -> Any:
    """Structs to plain JSON values."""
    return msgspec.to_builtins(value)


def jsonable(value: Any) -> Any:
    """Any argument of a trainer or config as a plain JSON value that is equal between two equal runs.

    Sets are sorted, enums give their value, paths only their name (absolute paths stay out of
    cards), integers beyond 2**53 and non-finite floats become strings, and objects without a
    stable text become their qualified class name, never a memory address.
    """
    match value:
        case Enum():
            return jsonable(value.value)
        case None | bool():
            return value
        case str():
            return _clean_text(value)
        case int():
            return int(value) if -_EXACT < value < _EXACT else str(int(value))
        case float():
            return float(value) if math.isfinite(value) else str(float(value))
        case Mapping():
            return {_clean_text(str(key)): jsonable(item) for key, item in value.items()}
        case set() | frozenset():
            return sorted((jsonable(item) for item in value), key=canonical_bytes)
        case list() | tuple():
            return [jsonable(item) for item in value]
        case PurePath():
            return value.name
        case _:
            return _object_text(value)


def _object_text(value: object) -> str:
    text = str(value)
    kind = type(value)
    if isinstance(value, type) or callable(value):
        return f"{getattr(value, '__module__', '?')}.{getattr(value, '__qualname__', kind.__qualname__)}"
    # The default repr carries the object's address, which differs between two equal runs.
    return f"{kind.__module__}.{kind.__qualname__}" if " object at 0x" in text else _clean_text(text)


def _clean_text(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise CardMalformedError(where="$", reason=f"the key {cut(repr(twice), 200)} stands twice in one object")
    return result


def _no_constant(name: str) -> Any:
    raise CardMalformedError(where="$", reason=f"{name} is not JSON")


def _exact_int(text: str) -> int:
    if len(text) > 17 or not -_EXACT < int(text) < _EXACT:  # noqa: PLR2004 - 2**53 has 16 digits and a sign
        raise CardMalformedError(where="$", reason=f"the integer {text[:24]} is beyond 2**53; such numbers are strings")
    return int(text)


def _check_tree(value: Any) -> None:
    """Refuse depth, infinite floats (``1e999``) and lone surrogates, without recursion."""
    stack: list[tuple[Any, int]] = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise CardMalformedError(where="$", reason=f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(item, dict):
            stack.extend((part, depth + 1) for pair in item.items() for part in pair)
        elif isinstance(item, list):
            stack.extend((part, depth + 1) for part in item)
        elif isinstance(item, float) and not math.isfinite(item):
            raise CardMalformedError(where="$", reason="a number is too large for a double")
        elif isinstance(item, str) and not item.isascii() and _has_surrogate(item):
            raise CardMalformedError(where="$", reason="a string holds a lone surrogate")


def _has_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False

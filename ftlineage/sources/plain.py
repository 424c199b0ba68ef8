"""Values of a user's program as short JSON values: numbers, names, arrays, and objects made of them.

Decides what of a live object is fit for a card. Kept are numbers, short texts, short lists of them
and public attributes of objects, so that a changed ``mean`` is named. Longer texts, lists and
arrays become their digest: they may be dataset rows, and cards get published. Refused are memory
addresses, absolute paths, secrets and depth.
"""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Mapping
from enum import Enum
from typing import Any

from ftlineage.core import codec
from ftlineage.core.digest import sha256_hex, text_sha256
from ftlineage.core.private import SECRET, names_secret, public_text

MAX_TEXT = 120
MAX_INNER_TEXT = 40
MAX_ITEMS = 32
MAX_DEPTH = 4
MAX_ARRAY_BYTES = 256 * 1024 * 1024
_NOTHING = object()


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON that is equal between two equal runs.

    Args:
        value: Anything.
        depth: How deep it lies already; below ``MAX_DEPTH`` only class names are given.
    """
    match value:
        case None | bool() | int() | float() | Enum():
            return codec.jsonable(value)
        case str():
            return _text(value, MAX_INNER_TEXT if depth else MAX_TEXT)
        case bytes() | bytearray():
            return {"bytes": len(value), "sha256": sha256_hex(value)}
        case types.ModuleType() | type() | types.FunctionType() | types.BuiltinFunctionType() | types.MethodType():
            return qualified_name(value)
    if depth >= MAX_DEPTH:
        return qualified_name(type(value))
    match value:
        case Mapping():
            return _mapping(value, depth)
        case list() | tuple() | set() | frozenset():
            return _items(value, depth)
        case functools.partial():
            return {"partial": plain(value.func, depth + 1), **partial_arguments(value, depth + 1)}
    array = _array(value)
    return _object(value, depth) if array is _NOTHING else array


def named(name: str, value: Any) -> Any:
    """The plain form of a value that a program calls ``name``; values of secrets are struck out."""
    return SECRET if names_secret(name) and value is not None else plain(value)


def attributes(value: object, depth: int = 0) -> dict[str, Any]:
    """Public attributes of an object by name, sorted; those that are None are left out."""
    found = {name: item for name, item in _state(value).items() if not name.startswith("_") and item is not None}
    return {name: SECRET if names_secret(name) else plain(item, depth) for name, item in sorted(found.items())}


def partial_arguments(value: functools.partial[Any], depth: int = 0) -> dict[str, Any]:
    """Arguments bound by a ``functools.partial``, positional ones by their number."""
    bound = {str(number): item for number, item in enumerate(value.args)} | dict(sorted(value.keywords.items()))
    return {name: SECRET if names_secret(name) else plain(item, depth) for name, item in bound.items()}


def qualified_name(value: Any) -> str:
    """Module and name of a function, class or module, without ``<locals>`` and without ``__main__``."""
    if isinstance(value, types.ModuleType):
        return value.__name__
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None) or type(value).__qualname__
    module = getattr(value, "__module__", None) or ""
    name = name.replace(".<locals>", "")
    return name if module in ("", "__main__", "builtins") else f"{module}.{name}"


def _text(text: str, limit: int) -> Any:
    clean = codec.jsonable(text)
    if len(clean) > limit:
        return {"characters": len(clean), "sha256": text_sha256(clean)}
    return public_text(clean)


def _mapping(value: Mapping[Any, Any], depth: int) -> Any:
    if len(value) > MAX_ITEMS:
        return _digest(value)
    return {
        codec.jsonable(str(key)): SECRET if names_secret(str(key)) and item is not None else plain(item, depth + 1)
        for key, item in value.items()
    }


def _items(value: Any, depth: int) -> Any:
    if len(value) > MAX_ITEMS:
        return _digest(value)
    items = [plain(item, depth + 1) for item in value]
    return sorted(items, key=codec.canonical_bytes) if isinstance(value, set | frozenset) else items


def _digest(value: Any) -> Any:
    try:
        data = codec.canonical_bytes(codec.jsonable(value))
    except RecursionError:  # it contains itself
        return qualified_name(type(value))
    return {"items": len(value), "sha256": sha256_hex(data)}


def _array(value: Any) -> Any:
    """NumPy arrays and scalars, torch tensors: their numbers if few, else type, shape and digest."""
    if not (hasattr(value, "dtype") and hasattr(value, "shape") and hasattr(value, "tolist")):
        return _NOTHING
    shape = [int(size) for size in value.shape]
    if math.prod(shape) <= MAX_ITEMS:
        numbers = codec.jsonable(value.tolist())
        if _only_numbers(numbers):
            return numbers
    known = {"dtype": str(value.dtype), "shape": shape}
    data = _array_bytes(value)
    return known if data is None else {**known, "sha256": sha256_hex(data)}


def _only_numbers(value: Any) -> bool:
    return all(map(_only_numbers, value)) if isinstance(value, list) else isinstance(value, bool | int | float)


def _array_bytes(value: Any) -> bytes | None:
    if math.prod(value.shape) * getattr(value, "itemsize", 8) > MAX_ARRAY_BYTES:
        return None
    try:
        array = value.detach().cpu().contiguous().numpy() if hasattr(value, "detach") else value
        return bytes(array.tobytes())
    except (AttributeError, TypeError, ValueError, RuntimeError):  # bfloat16 has no NumPy type; object arrays
        return None


def _object(value: object, depth: int) -> Any:
    kind = qualified_name(type(value))
    if hasattr(value, "save_pretrained"):  # tokenizers and models have sections of their own
        return kind
    found = attributes(value, depth + 1)
    return {"class": kind, **found} if found else kind


def _state(value: object) -> dict[str, Any]:
    state = dict(getattr(value, "__dict__", {}))
    for ancestor in type(value).__mro__:
        slots = ancestor.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                state.setdefault(name, getattr(value, name))
    return state

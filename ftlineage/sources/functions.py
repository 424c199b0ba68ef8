"""User functions between rows and model input, by source text and by the constants they use.

Decides what is recorded of a function given by hand (formatting, collation, image transforms):
SHA-256 of its source text as Python reads it, indentation and final newlines removed, and the
values of simple constants it reaches: literals in its own body, module globals, closed-over names,
defaults, ``partial`` arguments and attributes of callable objects. Functions and classes of the
user's own files that it uses are followed, so a constant moved into a helper is still named.
Installed packages are not followed: their versions are in the environment.

The source is read from the file as it stands now. Record before a long training, or edits made
meanwhile are taken for what ran. Refused: bytecode digests, which change with the interpreter.
"""

from __future__ import annotations

import dis
import functools
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ftlineage.core.digest import text_sha256
from ftlineage.core.sections import CodeDigest
from ftlineage.errors import BadArgumentError
from ftlineage.sources.plain import MAX_ITEMS, attributes, named, partial_arguments, qualified_name
from ftlineage.sources.python_text import body_literals
from ftlineage.sources.source_text import file_name, is_own, source_text

MAX_FOLLOWED = 64
DEFAULT_ROLE = "preprocessing"
MAX_NESTING = 4
_SIMPLE = (bool, int, float, complex, str, bytes, tuple, list, dict, set, frozenset)
_CODE = (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType, types.MethodType)


def observe_functions(functions: Iterable[object]) -> list[CodeDigest]:
    """Record user functions and, after each, the user's own functions that it uses.

    Args:
        functions: Callables, or ``(role, callable)`` pairs, or digests observed earlier.

    Returns:
        Digests in the order given; one that was reached twice stands once.

    Raises:
        BadArgumentError: Something given cannot be called.
    """
    found: dict[tuple[str, str, str | None], CodeDigest] = {}
    for item in functions:
        digests = [item] if isinstance(item, CodeDigest) else observe_function(*_role_and_function(item))
        for digest in digests:
            found.setdefault((digest.role, digest.name, digest.sha256), digest)
    return list(found.values())


def observe_function(role: str, function: Any) -> list[CodeDigest]:
    """Record one function, then the user's own functions and classes that it uses.

    Args:
        role: What it does: ``formatting``, ``collator``, ``transform``, ...
        function: Any callable: a function, lambda, method, ``partial``, class or callable object.

    Raises:
        BadArgumentError: It cannot be called.
    """
    if not callable(function):
        raise BadArgumentError(argument="functions", reason=f"a {type(function).__qualname__} cannot be called")
    subject, *more = _layers(function)
    digests = [_digest(role, subject, bound=_bound(function))]
    seen = {id(subject)}
    pending = [*more, *_reached(subject), *_carried(function)]
    while pending and len(digests) < MAX_FOLLOWED:
        current = pending.pop(0)
        if id(current) not in seen and is_own(current):
            seen.add(id(current))
            digests.append(_digest(role, current))
            pending.extend(_reached(current))
    return digests


def _role_and_function(item: object) -> tuple[str, Any]:
    match item:
        case (str(role), function):
            return role, function
        case _:
            return DEFAULT_ROLE, item


def _digest(role: str, subject: Any, *, bound: dict[str, Any] | None = None) -> CodeDigest:
    text = source_text(subject)
    written = (
        body_literals(text) if text is not None and isinstance(subject, types.FunctionType) and is_own(subject) else {}
    )
    used = {name: value for name, value in _uses(subject) if _is_constant(value)}
    constants = {name: named(name, value) for name, value in (written | used).items()}
    return CodeDigest(
        name=_name(subject),
        role=role,
        sha256=text_sha256(text) if text is not None else None,
        path=file_name(subject) if text is not None else None,
        constants=dict(sorted((constants | (bound or {})).items())),
    )


def _name(subject: Any) -> str:
    if not isinstance(subject, types.FunctionType):
        return qualified_name(subject)
    # Not __qualname__: functools.wraps gives a decorator's inner function the name of what it wraps.
    name = subject.__code__.co_qualname.replace(".<locals>", "")
    module = subject.__globals__.get("__name__", "__main__")
    return name if module == "__main__" else f"{module}.{name}"


# --- what stands behind a callable -------------------------------------------------------------


def _layers(function: Any) -> list[Any]:
    """Functions and classes whose text stands for a callable: what was written first, then its decorators."""
    layers: list[Any] = []
    while True:
        match function:
            case functools.partial():
                function = function.func
                continue
            case types.MethodType():
                function = function.__func__
                continue
            case types.FunctionType():
                layers.append(function)
            case type():
                return [function, *reversed(layers)]
        wrapped = getattr(function, "__wrapped__", None)
        if not callable(wrapped):
            # Routines of C code (len, str.strip, numpy.log) have a name of their own and no class worth naming.
            return layers[::-1] or [function if hasattr(function, "__name__") else type(function)]
        function = wrapped


def _bound(function: Any) -> dict[str, Any]:
    """Values a callable carries: arguments of a ``partial``, attributes of its object."""
    match function:
        case functools.partial():
            return _bound(function.func) | partial_arguments(function)
        case types.MethodType():
            owner = function.__self__
            return {} if isinstance(owner, type) else attributes(owner)
    # A class or function carries nothing, nor does what wraps one (functools.cache).
    has_name = hasattr(function, "__name__") or hasattr(function, "__wrapped__")
    return {} if has_name else attributes(function)


def _reached(subject: Any) -> Iterator[Any]:
    """More of the user's code, through the names a function or class uses."""
    for _, value in _uses(subject):
        yield from _code_in(value)


def _code_in(value: Any, depth: int = 0) -> Iterator[Any]:
    """Functions and classes of the user's own in a value: itself, bound arguments, attributes, items."""
    if isinstance(value, types.FunctionType | type):
        if is_own(value):
            yield from _layers(value)
    elif depth < MAX_NESTING and not isinstance(value, types.ModuleType | str | bytes):
        if callable(value) or is_own(type(value)):
            yield from (layer for layer in _layers(value) if is_own(layer))
        for part in _parts(value):
            yield from _code_in(part, depth + 1)


def _carried(function: Any) -> Iterator[Any]:
    return (code for part in _parts(function) for code in _code_in(part))


def _parts(value: Any) -> list[Any]:
    """What an object, ``partial``, method or short collection holds."""
    match value:
        case functools.partial():
            return [*value.args, *value.keywords.values(), *_parts(value.func)]
        case types.MethodType():
            # The object whole: its class holds attributes that the method reads.
            return [value.__self__]
        case Mapping():
            return list(value.values()) if len(value) <= MAX_ITEMS else []
        case list() | tuple():
            return list(value) if len(value) <= MAX_ITEMS else []
        case type() | types.FunctionType():
            return []
    return list(getattr(value, "__dict__", {}).values()) if callable(value) or is_own(type(value)) else []


# --- what a function uses ----------------------------------------------------------------------


def _uses(subject: Any) -> Iterator[tuple[str, Any]]:
    """Names a function or class refers to, with their values as they are now.

    Of code that is not the user's, only what was closed over: a library's decorator holds the
    user's function there.
    """
    if isinstance(subject, types.FunctionType):
        yield from _closure(subject)
        if is_own(subject):
            yield from _defaults(subject)
            for code in _codes(subject.__code__):
                yield from _globals(code, subject.__globals__)
    elif isinstance(subject, type) and is_own(subject):
        yield from _members(subject)


def _defaults(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    code = function.__code__
    values = function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    yield from zip(positional[len(positional) - len(values) :], values, strict=True)
    yield from (function.__kwdefaults__ or {}).items()


def _closure(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _globals(code: types.CodeType, namespace: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Globals that are read, and attributes read from the user's own modules (``config.MEAN``)."""
    previous: tuple[str, Any] | None = None
    for instruction in dis.get_instructions(code):
        name = str(instruction.argval)
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") and name in namespace:
            previous = (name, namespace[name])
            yield previous
        elif instruction.opname in ("LOAD_ATTR", "LOAD_METHOD") and previous is not None:
            owner, value = previous
            if isinstance(value, types.ModuleType) and is_own(value) and hasattr(value, name):
                yield f"{owner}.{name}", getattr(value, name)
            previous = None
        else:
            previous = None


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    for name, value in vars(kind).items():
        function = _member_function(value)
        if function is not None:
            yield from _uses(function)
        elif not name.startswith("_"):
            yield f"{kind.__name__}.{name}", value
    for base in kind.__bases__:
        yield base.__name__, base


def _member_function(value: Any) -> types.FunctionType | None:
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    elif isinstance(value, property):
        value = value.fget
    return value if isinstance(value, types.FunctionType) else None


def _is_constant(value: Any) -> bool:
    """Numbers, texts, arrays, collections, bound arguments, and objects that compute (transforms)."""
    if isinstance(value, _SIMPLE) or (hasattr(value, "dtype") and hasattr(value, "tolist")):
        return True
    if isinstance(value, _CODE) or hasattr(value, "save_pretrained") or hasattr(value, "__wrapped__"):
        return False
    return callable(value) or is_own(type(value))

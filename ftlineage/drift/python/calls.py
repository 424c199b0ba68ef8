"""What a call gives, for the calls that hand their arguments on: environment, options, paths, dicts, own functions.

Refuses to know any other call: its value is unknown, or an object where its name says that it makes one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ftlineage.drift.python.scope import Binding, Function, Place, statements
from ftlineage.drift.python.values import (
    LOCAL,
    MADE,
    NOTHING,
    UNKNOWN,
    How,
    Instance,
    Items,
    Mapping,
    Param,
    Text,
    Value,
    farther,
)

if TYPE_CHECKING:
    from ftlineage.drift.python.evaluate import Evaluator

_SAME = frozenset({"str", "strip", "rstrip", "lstrip", "copy", "deepcopy", "list", "tuple", "sorted", "set",
    "frozenset",
                   "reversed", "cast", "MappingProxyType", "OrderedDict", "removesuffix"})  # fmt: skip
_DEFAULTS = {"field": "default", "Field": "default", "Option": "default", "Argument": "default", "Arg": "default",
             "Flag": "default", "Parameter": "default"}  # fmt: skip
_OPENING = 3  # functions that hand a dict on to the next
_PATHS = frozenset({"Path", "PurePath", "PosixPath", "abspath", "realpath", "expanduser", "expandvars", "getcwd",
    "mkdtemp",
                    "TemporaryDirectory", "snapshot_download", "hf_hub_download", "cached_file", "dirname",
                    "gettempdir", "resolve", "joinpath", "glob", "as_posix", "NamedTemporaryFile"})  # fmt: skip
_MAKERS = re.compile(
    r"from_pretrained|load_dataset|from_config|from_dict|to|cuda|eval|get_peft_model|load_from_disk|pipeline|from_list"
    r"|Sequential|prepare_model_for_kbit_training|merge_and_unload|compile|SentenceTransformer|LLM"
    r"|(prepare|build|create|make|init|load|get|setup)_(the_)?(base_|peft_|ref_|reward_)?(model|tokenizer|processor)"
)


def dotted(node: ast.expr) -> str:
    """``a.b.c`` of a callee, with ``()`` and ``[]`` for what is called or looked up on the way."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{dotted(value)}.{attr}"
        case ast.Call(func=func):
            return f"{dotted(func)}()"
        case ast.Subscript(value=value):
            return f"{dotted(value)}[]"
    return "?"


def keyword(node: ast.Call, name: str) -> ast.expr | None:
    """The argument of a call that is given by this keyword."""
    return next((one.value for one in node.keywords if one.arg == name), None)


def call_values(ev: Evaluator, node: ast.Call, place: Place) -> list[Value]:
    """The possible values of a call."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)
    if name in {"get", "getenv", "pop", "setdefault"}:
        return _get(ev, node, place)
    if name in _DEFAULTS:
        return _field(ev, node, place)
    if name in _SAME:
        inner = node.args[0] if node.args and name not in {"strip", "rstrip", "lstrip", "removesuffix"} else None
        inner = node.args[1] if name == "cast" and len(node.args) > 1 else inner
        if inner is None and isinstance(node.func, ast.Attribute):
            inner = node.func.value
        return ev.values(inner, place) if inner is not None else [UNKNOWN]
    if name in _PATHS or (name == "join" and dotted(node.func).endswith("path.join")):
        return [LOCAL]
    special = _SPECIAL.get(name)
    if special is not None:
        return special(ev, node, place)
    return _own(ev, node, place) or ([MADE] if _MAKERS.fullmatch(name) else [UNKNOWN])


def loop_values(ev: Evaluator, node: ast.expr, binding: Binding) -> list[Value]:
    """What a loop over an expression gives the variable at an index, through ``enumerate``, ``zip`` and ``items``."""
    index, place = binding.index, binding.place
    if isinstance(node, ast.Call) and index:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)
        inner: list[Value] | None = None
        if name == "enumerate" and node.args and index[0] == 1:
            inner = ev.each(ev.values(node.args[0], place))
        elif name == "zip" and index[0] < len(node.args):
            inner = ev.each(ev.values(node.args[index[0]], place))
        elif name == "items" and isinstance(node.func, ast.Attribute):
            held = ev.values(node.func.value, place)
            inner = ev.each(held) if index[0] == 0 else ev.at(held, None)
        if inner is not None:
            return _picked(ev, inner, index[1:])
    return _picked(ev, ev.each(ev.values(node, place)), index)


def _picked(ev: Evaluator, found: list[Value], index: tuple[int, ...]) -> list[Value]:
    for one in index:
        found = ev.at(found, one, How.ITEM)
    return found


def _get(ev: Evaluator, node: ast.Call, place: Place) -> list[Value]:
    """``os.environ.get``, ``os.getenv`` and ``dict.get``: the entry, or the default."""
    default = node.args[1] if len(node.args) > 1 else keyword(node, "default")
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    fallback = farther(ev.values(default, place), How.DEFAULT) if default is not None else []
    held = ev.values(owner, place) if owner is not None and dotted(owner).rpartition(".")[2] != "environ" else []
    key = ev.text(node.args[0], place) if node.args else None
    mappings = [one for one in opened(ev, held) if isinstance(one, Mapping)]
    if not mappings:
        return [UNKNOWN, *(one for one in fallback if one != NOTHING)]
    if any(isinstance(one, Param) for one in held):
        return [UNKNOWN, *(one for one in farther(ev.at(mappings, key), How.ITEM) if one != UNKNOWN), *fallback]
    found = ev.at(mappings, key)
    if key is not None and all(key in one.entries for one in mappings):
        return found
    return [*(one for one in found if key is None or one != UNKNOWN), *fallback] or [NOTHING]


def _field(ev: Evaluator, node: ast.Call, place: Place) -> list[Value]:
    """The default of a dataclass field, a pydantic field or a typer option."""
    default = keyword(node, "default")
    factory = keyword(node, "default_factory")
    if default is not None:
        return ev.values(default, place)
    if isinstance(factory, ast.Lambda):
        return ev.values(factory.body, place)
    # The first argument of all of these but `dataclasses.field` is the default.
    return ev.values(node.args[0], place) if node.args and factory is None else [UNKNOWN]


def _format(ev: Evaluator, node: ast.Call, place: Place) -> list[Value]:
    """``"{}/{name}".format(...)`` with plain fields."""
    if not isinstance(node.func, ast.Attribute):
        return [UNKNOWN]
    template = ev.text(node.func.value, place)
    if template is None:
        return [UNKNOWN]
    given = [ev.text(one, place) for one in node.args]
    named = {one.arg: ev.text(one.value, place) for one in node.keywords if one.arg}
    if any(one is None for one in (*given, *named.values())):
        head = template.partition("{")[0]
        return [Text(head, node, partial=True)] if head else [UNKNOWN]
    try:
        return [Text(template.format(*given, **named), node)]
    except (LookupError, ValueError, AttributeError):
        return [UNKNOWN]


def _getattr(ev: Evaluator, node: ast.Call, place: Place) -> list[Value]:
    fallback = ev.values(node.args[2], place) if len(node.args) > 2 else []  # noqa: PLR2004 - getattr's default
    return [UNKNOWN, *farther((one for one in fallback if one != NOTHING), How.DEFAULT)]


def _dict(ev: Evaluator, node: ast.Call, place: Place) -> list[Value]:
    given = [one for arg in node.args for one in ev.values(arg, place) if isinstance(one, Mapping)]
    entries = {one.arg: (one.value, place) for one in node.keywords if one.arg}
    for one in node.keywords:
        if one.arg is None:
            given += [held for held in ev.values(one.value, place) if isinstance(held, Mapping)]
    return [ev.merged([*given, Mapping(entries)], open_=bool(node.args) and not given)]


def _choice(ev: Evaluator, node: ast.Call, place: Place) -> list[Value]:
    return ev.each(ev.values(node.args[0], place)) if node.args else [UNKNOWN]


def _case(ev: Evaluator, node: ast.Call, place: Place) -> list[Value]:
    """``pytest.param(a, b, marks=...)``: a row, or the one value in it."""
    if len(node.args) == 1:
        return ev.values(node.args[0], place)
    return [Items(tuple((one, place) for one in node.args))]


def _held(ev: Evaluator, node: ast.Call, place: Place) -> list[Value]:
    """``d.values()`` and ``d.keys()`` of a dict literal."""
    if not isinstance(node.func, ast.Attribute):
        return [UNKNOWN]
    held = [one for one in opened(ev, ev.values(node.func.value, place)) if isinstance(one, Mapping)]
    if node.func.attr == "keys":
        return [Items(tuple((key, place) for one in held for key in one.keys))] if held else [UNKNOWN]
    return [Items(tuple(pair for one in held for pair in one.every()))] if held else [UNKNOWN]


def _own(ev: Evaluator, node: ast.Call, place: Place) -> list[Value] | None:
    """What a class or function of this file gives."""
    scope = ev.file.class_scope(node.func)
    if scope is not None:
        return [Instance(scope, node, place)]
    function = ev.file.function_of(node.func, place)
    if function is None or id(function) not in ev.file.scopes:
        return None
    inner = ev.file.scopes[id(function)]
    found: list[Value] = []
    for where, statement in statements(function.body, inner):
        if isinstance(statement, ast.Return) and statement.value is not None:
            found += ev.values(statement.value, where)
    given = [one for value in found for one in _given(ev, value, function, node, place)]
    return farther(given, How.CONSTANT if len(given) == 1 else How.ITEM) or [UNKNOWN]


def _given(ev: Evaluator, value: Value, function: Function, node: ast.Call, place: Place) -> list[Value]:
    """A returned value; what the call gives where it is a parameter of the function."""
    if not (isinstance(value, Param) and value.function is function):
        return [value]
    given = argument(node, function, value.name)
    return ev.values(given, place) if given is not None else []


def argument(node: ast.Call, function: Function, name: str, *, bound: bool = False) -> ast.expr | None:
    """What a call gives a function for a parameter; ``bound`` where the first one is the object."""
    given = keyword(node, name)
    if given is not None:
        return given
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    if name not in names:
        return None
    at = names.index(name) - (1 if bound else 0)
    before = node.args[: at + 1]
    if at < 0 or at >= len(node.args) or any(isinstance(one, ast.Starred) for one in before):
        return None
    return node.args[at]


def opened(ev: Evaluator, holders: Iterable[Value]) -> list[Value]:
    """The same, with the dicts and lists that this file's calls give for a parameter beside it."""
    found: list[Value] = []
    for holder in holders:
        found.append(holder)
        if isinstance(holder, Param) and len(ev.opening) < _OPENING and _is_asked(ev, holder):
            found += _handed(ev, holder)
    return found


def _is_asked(ev: Evaluator, param: Param) -> bool:
    """Whether the question comes from within the function: what one call gets is not what others give."""
    inside = ev.frame is not None and any(one.node is param.function for one in ev.frame.function_scopes())
    return inside and param not in ev.opening


def _handed(ev: Evaluator, param: Param) -> Iterator[Value]:
    frame = ev.frame
    ev.opening.append(param)
    bound = ev.file.is_method(param.function)
    for call, place in ev.file.calls_of(param.function):
        given = argument(call, param.function, param.name, bound=bound)
        ev.frame = place.scope
        yield from (one for one in ev.values(given, place) if isinstance(one, Items | Mapping))
    ev.opening.pop()
    ev.frame = frame


_SPECIAL = {
    "format": _format, "getattr": _getattr, "dict": _dict, "choice": _choice, "param": _case, "values": _held,
    "keys": _held, "next": _choice, "iter": _choice,
}  # fmt: skip

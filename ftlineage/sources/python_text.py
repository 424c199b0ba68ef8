"""Python source as text: where each function and class stands in a file, and the values written in it.

Decides what counts as the text of a definition (the same lines that :mod:`source_text` takes from a
live one) and what an expression is worth without running it: literals, arithmetic of them, and the
few calls that only wrap them (``np.array([...])``, ``torch.tensor(...)``, ``tuple(...)``). Nothing
is imported and nothing runs. Refused: guessing; what is not plain to see is :data:`UNKNOWN`.
"""

from __future__ import annotations

import ast
import inspect
import io
import math
import operator
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ftlineage.core.digest import text_sha256
from ftlineage.errors import BadInputError

MAX_LITERALS = 64
_MAX_POWER = 64
_WRAPPERS = frozenset({"array", "asarray", "tensor", "as_tensor", "FloatTensor", "float32", "float64", "float16"})
_KEEPERS: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple, "list": list, "set": set, "frozenset": frozenset, "float": float, "int": int,
}  # fmt: skip
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class _Unknown:
    """A value that only running the code would tell."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


class Rounded(NamedTuple):
    """A value that an array holds, so perhaps in fewer digits than were written."""

    value: Any


class Made(NamedTuple):
    """What a call makes of its arguments: ``Normalize(mean=[0.5])`` is known by its name and them."""

    name: str
    positional: tuple[Any, ...]
    named: dict[str, Any]


class Definition(NamedTuple):
    """A function, class or lambda: its name from the top of the file, its text, and where it stands inside others."""

    name: str
    text: str
    node: ast.AST
    parents: tuple[ast.AST, ...]

    @property
    def sha256(self) -> str:
        """The digest that a card holds of it."""
        return text_sha256(self.text)


Resolve = Callable[[str], Any]


def parse_source(text: str, *, shown: str) -> ast.Module:
    """The syntax tree of a file.

    Raises:
        BadInputError: It is not Python that this interpreter reads.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in somebody else's strings
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        where = f" at line {line}" if line else ""
        raise BadInputError(path=shown, reason=f"not readable as Python{where}") from error


def read_definitions(text: str, tree: ast.Module, name: str) -> list[Definition]:
    """Every definition in a file whose own name is ``name``, ``<lambda>`` included.

    Args:
        text: The file.
        tree: Its syntax tree.
        name: The last part of the qualified name, as Python gives it.
    """
    lines = io.StringIO(text, newline=None).readlines()
    found = []
    for node, parents in _walk(tree):
        own = "<lambda>" if isinstance(node, ast.Lambda) else getattr(node, "name", None)
        if own != name or not isinstance(node, (*_NAMED, ast.Lambda)):
            continue
        scope = [parent.name for parent in parents if isinstance(parent, _NAMED)]
        found.append(Definition(".".join([*scope, name]), _text(lines, node), node, parents))
    return found


def _walk(tree: ast.AST) -> Iterator[tuple[ast.AST, tuple[ast.AST, ...]]]:
    """Every node with the functions and classes around it, outermost first, in the order of the file."""
    pending: list[tuple[ast.AST, tuple[ast.AST, ...]]] = [(tree, ())]
    while pending:
        node, parents = pending.pop()
        yield node, parents
        inside = (*parents, node) if isinstance(node, (*_NAMED, ast.Lambda)) else parents
        pending.extend((child, inside) for child in reversed(list(ast.iter_child_nodes(node))))


def _text(lines: list[str], node: ast.AST) -> str:
    if isinstance(node, ast.Lambda):
        return ast.get_source_segment("".join(lines), node) or ""
    decorators = [one.lineno for one in getattr(node, "decorator_list", [])]
    first = min([getattr(node, "lineno", 1), *decorators])
    # The lines that inspect.getsource takes: comments that end a body belong to it.
    return textwrap.dedent("".join(inspect.getblock(lines[first - 1 :]))).rstrip()


# --- values ------------------------------------------------------------------------------------


def unresolved(_name: str) -> Any:
    """No name means anything: for expressions that must stand alone."""
    return UNKNOWN


def value_of(node: ast.AST | None, resolve: Resolve = unresolved) -> Any:
    """What an expression is worth, without running it.

    Args:
        node: An expression.
        resolve: What a name (``MEAN``, ``config.MEAN``) stands for.

    Returns:
        A plain value, :class:`Rounded` where an array holds it, or :data:`UNKNOWN`.
    """
    try:
        return _value(node, resolve)
    except (ArithmeticError, TypeError, ValueError, RecursionError):
        return UNKNOWN


def _value(node: ast.AST | None, resolve: Resolve) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return _collection(type(node), [_value(item, resolve) for item in items])
        case ast.Dict(keys=keys, values=values):
            return _mapping([_value(key, resolve) for key in keys], [_value(item, resolve) for item in values])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _value(operand, resolve)
            return -value if _is_number(value) else UNKNOWN
        case ast.BinOp(left=left, op=op, right=right):
            return _arithmetic(type(op), _value(left, resolve), _value(right, resolve))
        case ast.Name() | ast.Attribute():
            name = dotted(node)
            return UNKNOWN if name is None else resolve(name)
        case ast.Call():
            return _called(node, resolve)
    return UNKNOWN


def is_plain(value: Any) -> bool:
    """Whether nothing in a value is unknown or made by a call."""
    if isinstance(value, _Unknown | Made | Rounded):
        return False
    if isinstance(value, dict):
        return all(is_plain(part) for pair in value.items() for part in pair)
    return not isinstance(value, list | tuple | set) or all(map(is_plain, value))


def dotted(node: ast.AST) -> str | None:
    """``a.b.c`` of a chain of names, or None for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _collection(kind: type[ast.AST], items: list[Any]) -> Any:
    # A list may hold what calls make (transforms); of numbers that are not all known nothing is said.
    if any(item is UNKNOWN or isinstance(item, Rounded) for item in items):
        return UNKNOWN
    return tuple(items) if kind is ast.Tuple else set(items) if kind is ast.Set else items


def _mapping(keys: list[Any], values: list[Any]) -> Any:
    if any(item is UNKNOWN or isinstance(item, Rounded) for item in (*keys, *values)):
        return UNKNOWN
    return dict(zip(keys, values, strict=True))


def _arithmetic(op: type[ast.operator], left: Any, right: Any) -> Any:
    # Of numbers only, and powers of bearable size: "x" * 10**9 must not be worked out.
    if op not in _BINARY or not (_is_number(left) and _is_number(right)):
        return UNKNOWN
    if op is ast.Pow and (abs(right) > _MAX_POWER or abs(left) > 2**_MAX_POWER):
        return UNKNOWN
    return _BINARY[op](left, right)


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float) and not (isinstance(value, int) and abs(value).bit_length() > 2**12)


def _called(call: ast.Call, resolve: Resolve) -> Any:
    name = dotted(call.func)
    if name is None:
        return UNKNOWN
    short = name.rpartition(".")[2]
    if call.args and (name in _KEEPERS or (short in _WRAPPERS and "." in name)):
        value = _value(call.args[0], resolve)
        if value is UNKNOWN or isinstance(value, Rounded | Made):
            return UNKNOWN if isinstance(value, Made) else value
        return _KEEPERS[name](value) if name in _KEEPERS else Rounded(value)
    positional = tuple(_value(argument, resolve) for argument in call.args)
    return Made(short, positional, {word.arg: _value(word.value, resolve) for word in call.keywords if word.arg})


# --- literals in a body ------------------------------------------------------------------------


def body_literals(text: str) -> dict[str, Any]:
    """Values written into the body of a function, or of a class's methods, by the name they get there.

    ``mean = (0.5, 0.5, 0.5)`` is ``mean``; ``Normalize(mean=[0.5])`` is ``Normalize.mean``;
    ``Normalize([0.5])`` is ``Normalize.0``. A name that stands for several is numbered.

    Args:
        text: The source text of one definition, as a card's digest has it.

    Returns:
        Plain values in the order of the text, at most ``MAX_LITERALS``; nothing for other text.
    """
    try:
        tree = parse_source(text, shown="")
    except BadInputError:
        return {}
    return literals_of(tree.body[0]) if len(tree.body) == 1 else {}


def literals_of(definition: ast.AST) -> dict[str, Any]:
    """See :func:`body_literals`, of a node; nothing for what is neither function nor class."""
    found: dict[str, Any] = {}
    for statement in _statements(definition):
        for node, _ in _walk(statement):
            for name, value in _literals(node):
                if len(found) < MAX_LITERALS:
                    found[_free(name, found)] = value
    return found


def _statements(definition: ast.AST) -> list[ast.stmt]:
    if isinstance(definition, ast.ClassDef):
        methods = [node for node in definition.body if isinstance(node, _Function)]
        return [statement for method in methods for statement in method.body]
    return definition.body if isinstance(definition, _Function) else []


def _literals(node: ast.AST) -> Iterator[tuple[str, Any]]:
    match node:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ):
            yield from _known(name, value)
        case ast.Call(func=function, args=arguments, keywords=keywords):
            called = (dotted(function) or "").rpartition(".")[2]
            if called and called not in _WRAPPERS and called not in _KEEPERS:
                for place, argument in enumerate(arguments):
                    if isinstance(argument, ast.List | ast.Tuple):
                        yield from _known(f"{called}.{place}", argument)
                for keyword in keywords:
                    if keyword.arg:
                        yield from _known(f"{called}.{keyword.arg}", keyword.value)


def _known(name: str, node: ast.AST | None) -> Iterator[tuple[str, Any]]:
    value = value_of(node)
    value = value.value if isinstance(value, Rounded) else value
    if value is not None and is_plain(value) and _says_something(value):
        yield name, value


def _says_something(value: Any) -> bool:
    """Empty texts and collections are where a loop begins, not a setting."""
    return not (isinstance(value, str | bytes | tuple | list | dict | set | frozenset) and not value)


def _free(name: str, taken: Mapping[str, Any]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name} ({number})"
    return candidate


def same_when_rounded(written: Any, held: Any) -> bool:
    """Whether numbers that an array holds are the written ones, in the 24 bits of a float32 or more."""
    if isinstance(written, list) and isinstance(held, list):
        return len(written) == len(held) and all(map(same_when_rounded, written, held))
    if isinstance(written, int | float) and isinstance(held, int | float):
        return math.isclose(written, held, rel_tol=2**-23)
    return bool(written == held)

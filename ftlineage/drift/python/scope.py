"""Names and what they are bound to, per scope, with the place of each binding.

Bindings are collected when a scope is first asked. Which of several assignments holds at a use is
decided by their order and by the blocks they stand in; loops are not followed round.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Function = ast.FunctionDef | ast.AsyncFunctionDef
Block = tuple[int, int]
BindingKind = Literal["value", "field", "element", "context", "import", "function", "class", "param", "other"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expression stands: its scope, its statement's position, the blocks around it."""

    scope: Scope
    position: tuple[int, int]
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Binding:
    """One way in which a name gets a value; ``index`` picks from a tuple on the right."""

    kind: BindingKind
    place: Place
    node: ast.AST | None
    index: tuple[int, ...] = ()
    module: str = ""


class Scope:
    """A module, class or function and its names."""

    __slots__ = ("_attributes", "_names", "body", "node", "parent")

    def __init__(self, node: ast.Module | ast.ClassDef | Function, parent: Scope | None) -> None:
        self.node = node
        self.parent = parent
        self.body: list[tuple[Place, ast.stmt]] = []
        self._names: dict[str, list[Binding]] | None = None
        self._attributes: dict[str, list[Binding]] | None = None

    @property
    def names(self) -> dict[str, list[Binding]]:
        """Bindings by name, in the order of the text; ``name[key]`` for an item set by a constant key."""
        if self._names is None:
            self._names = {}
            if isinstance(self.node, Function):
                _bind_params(self.node, self, self._names)
            for place, statement in self.body:
                _bind(statement, place, self._names)
        return self._names

    def attributes(self, children: dict[int, Scope]) -> dict[str, list[Binding]]:
        """For a class: its own names and what its methods set on ``self``."""
        if self._attributes is None:
            self._attributes = {name: list(bound) for name, bound in self.names.items()}
            for method in self.node.body:
                if isinstance(method, Function) and method.args.args and id(method) in children:
                    inner, this = children[id(method)], method.args.args[0].arg
                    for name, bound in inner.names.items():
                        if name.startswith(f"{this}."):
                            self._attributes.setdefault(name[len(this) + 1 :], []).extend(bound)
        return self._attributes

    def forget(self) -> None:
        """Drop the bindings: they refer back to the scope."""
        self._names = self._attributes = None
        self.body = []

    def function_scopes(self) -> Iterator[Scope]:
        """Itself and what encloses it, as a name is looked up: classes only if it begins in one."""
        scope: Scope | None = self
        while scope is not None:
            if scope is self or not isinstance(scope.node, ast.ClassDef):
                yield scope
            scope = scope.parent


def statements(
    body: Iterable[ast.stmt], scope: Scope, blocks: tuple[Block, ...] = ()
) -> Iterator[tuple[Place, ast.stmt]]:
    """Every statement of a body and of the blocks in it; not those of functions and classes within."""
    for statement in body:
        yield Place(scope, (statement.lineno, statement.col_offset), blocks), statement
        if type(statement) not in _BLOCKS:
            continue
        for branch, inner in _branches(statement):
            yield from statements(inner, scope, (*blocks, (id(statement), branch)))


_BLOCKS = frozenset(
    {ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match}
)
# Numbers of branches: bodies that run, bodies that may not; other branches count from there.
_RUNS, _MAY_RUN, _OTHER = -1, 0, 1


def _branches(statement: ast.stmt) -> Iterator[tuple[int, list[ast.stmt]]]:
    match statement:
        case ast.If(body=body, orelse=orelse):
            yield _MAY_RUN, body
            yield _OTHER, orelse
        case ast.For() | ast.AsyncFor() | ast.While():
            yield _MAY_RUN, statement.body
            yield _RUNS, statement.orelse
        case ast.With() | ast.AsyncWith():
            yield _RUNS, statement.body
        case ast.Try() | ast.TryStar():
            yield _RUNS, statement.body
            for number, handler in enumerate(statement.handlers):
                yield _OTHER + number, handler.body
            yield _RUNS, statement.orelse
            yield _RUNS, statement.finalbody
        case ast.Match():
            for number, one in enumerate(statement.cases):
                yield _OTHER + number, one.body


def holding(bound: list[Binding], place: Place | None) -> list[Binding]:
    """The bindings that can hold at a place; at the end of the scope if the place is None."""
    before = bound if place is None else [one for one in bound if one.place.position < place.position]
    if not before:
        return bound
    blocks = () if place is None else place.blocks
    kept: list[Binding] = []
    for one in reversed(before):
        if _excluded(one.place.blocks, blocks):
            continue
        kept.append(one)
        if _dominates(one.place.blocks, blocks):
            break
    return kept or bound


def _dominates(inner: tuple[Block, ...], blocks: tuple[Block, ...]) -> bool:
    """Whether what stands in ``inner`` has run by the time ``blocks`` does; a ``try`` is taken to go well."""
    choices = tuple(block for block in inner if block[1] != _RUNS)
    return tuple(block for block in blocks if block[1] != _RUNS)[: len(choices)] == choices


def _excluded(inner: tuple[Block, ...], blocks: tuple[Block, ...]) -> bool:
    """Whether they are two branches of one statement."""
    for ours, theirs in zip(inner, blocks, strict=False):
        if ours != theirs:
            return ours[0] == theirs[0]
    return False


# --- binding -----------------------------------------------------------------------------------


def _bind_params(node: Function, scope: Scope, names: dict[str, list[Binding]]) -> None:
    place = Place(scope, (0, 0))
    for param in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
        names.setdefault(param.arg, []).append(Binding("param", place, param))
    for extra in (node.args.vararg, node.args.kwarg):
        if extra is not None:
            names.setdefault(extra.arg, []).append(Binding("other", place, extra))


def _bind(statement: ast.stmt, place: Place, names: dict[str, list[Binding]]) -> None:
    match statement:
        case ast.Import() | ast.ImportFrom():
            _bind_import(statement, place, names)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            names.setdefault(name, []).append(Binding("function", place, statement))
        case ast.ClassDef(name=name):
            names.setdefault(name, []).append(Binding("class", place, statement))
        case _:
            for target, binding in _targets(statement, place):
                _bind_target(target, binding, names)


def _targets(statement: ast.stmt, place: Place) -> Iterator[tuple[ast.expr, Binding]]:
    """What a statement assigns to, with what."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            yield from ((target, Binding("value", place, value)) for target in targets)
        case ast.AnnAssign(target=target, value=value) if value is not None:
            yield target, Binding("field" if _is_field(statement, place) else "value", place, value)
        case ast.AugAssign(target=target):
            yield target, Binding("other", place, None)
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
            yield target, Binding("element", place, value)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if item.optional_vars is not None:
                    yield item.optional_vars, Binding("context", place, item.context_expr)


def _is_field(statement: ast.AnnAssign, place: Place) -> bool:
    """Whether it declares a field of a settings class, whose value is a default; constants shout."""
    name = statement.target.id if isinstance(statement.target, ast.Name) else ""
    fixed = name.isupper() or any(word in ast.dump(statement.annotation) for word in ("'ClassVar'", "'Final'"))
    return isinstance(place.scope.node, ast.ClassDef) and not fixed


def _bind_target(target: ast.expr, binding: Binding, names: dict[str, list[Binding]]) -> None:
    match target:
        case ast.Name(id=name):
            names.setdefault(name, []).append(binding)
        case ast.Tuple(elts=elts) | ast.List(elts=elts):
            for number, element in enumerate(elts):
                inner = Binding(binding.kind, binding.place, binding.node, (*binding.index, number))
                _bind_target(element, inner, names)
        case ast.Attribute(value=ast.Name(id=owner), attr=attr):
            names.setdefault(f"{owner}.{attr}", []).append(binding)
        case ast.Subscript(value=ast.Name(id=owner), slice=ast.Constant(value=str(key))):
            names.setdefault(f"{owner}[{key}]", []).append(binding)
        case ast.Starred(value=inner):
            _bind_target(inner, Binding("other", binding.place, None), names)
        case _:
            pass


def _bind_import(statement: ast.Import | ast.ImportFrom, place: Place, names: dict[str, list[Binding]]) -> None:
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            module = "." * statement.level + (statement.module or "")
            names.setdefault(alias.asname or alias.name, []).append(
                Binding("import", place, alias, module=f"{module}:{alias.name}")
            )
        else:
            name = alias.asname or alias.name.partition(".")[0]
            module = alias.name if alias.asname else name
            names.setdefault(name, []).append(Binding("import", place, alias, module=module))


def bind_comprehension(generator: ast.comprehension, place: Place, names: dict[str, list[Binding]]) -> None:
    """Make the variables of a comprehension known from its statement on, in the scope it stands in."""
    fresh: dict[str, list[Binding]] = {}
    line, column = place.position
    before = Place(place.scope, (line, column - 1), place.blocks)
    _bind_target(generator.target, Binding("element", before, generator.iter), fresh)
    for name, bound in fresh.items():
        names.setdefault(name, []).extend(bound)
        names[name].sort(key=lambda one: one.place.position)

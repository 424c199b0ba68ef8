"""What an expression can be: a small interpreter of assignments, literals and lookups, run on demand.

Decides from the file alone, following names backwards from the place of use. Refuses to run
anything: loops, mutation and calls into other files give :class:`~ftlineage.drift.python.values.Unknown`.
Bounded in depth and in steps, so that no file can hold it up.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

from ftlineage.drift.python.calls import call_values, loop_values, opened
from ftlineage.drift.python.file import File
from ftlineage.drift.python.scope import Binding, Function, Place, Scope, holding
from ftlineage.drift.python.values import (
    LOCAL,
    NOTHING,
    UNKNOWN,
    How,
    Instance,
    Items,
    Mapping,
    Param,
    Plain,
    Text,
    Value,
    farther,
)

_DEPTH = 24
_STEPS = 20_000  # in one file
_MOST = 200  # values kept of one expression


class Evaluator:
    """Gives the possible values of expressions of one file."""

    def __init__(self, file: File) -> None:
        self.file = file
        self._depth = 0
        self._steps = 0
        self._active: set[int] = set()
        self.opening: list[Param] = []
        self.frame: Scope | None = None  # where the question was asked
        self._handlers: dict[type, Callable[[Any, Place], list[Value]]] = {
            kind: getattr(self, name) for kind, name in _HANDLERS.items()
        }

    def close(self) -> None:
        """Let go of what refers in circles; the evaluator knows nothing any more."""
        self._handlers.clear()
        self.file.close()

    def values(self, node: ast.expr | None, place: Place) -> list[Value]:
        """The possible values of an expression at a place, without repeats; never empty."""
        if node is None:
            return [NOTHING]
        handler = self._handlers.get(type(node))
        self._steps += 1
        if handler is None or self._depth >= _DEPTH or self._steps > _STEPS or id(node) in self._active:
            return [UNKNOWN]
        if self._depth == 0:
            self.frame = place.scope
        self._depth += 1
        self._active.add(id(node))
        try:
            found = handler(node, place)
        finally:
            self._depth -= 1
            self._active.discard(id(node))
        return list(dict.fromkeys(found[:_MOST])) if _hashable(found) else found[:_MOST]

    def text(self, node: ast.expr | None, place: Place) -> str | None:
        """The one string an expression is, None if it is several or not known."""
        found = self.values(node, place)
        return found[0].text if len(found) == 1 and isinstance(found[0], Text) and not found[0].partial else None

    def bound(self, name: str, place: Place) -> list[Binding]:
        """What a name is bound to at a place, looked up as Python does."""
        for scope in place.scope.function_scopes():
            if (bound := scope.names.get(name)) is not None:
                return holding(bound, place if scope is place.scope else None)
        return []

    def binding_values(self, binding: Binding) -> list[Value]:
        """What one binding gives its name."""
        match binding:
            case Binding(kind="value" | "field", node=ast.expr() as node):
                found = self.values(node, binding.place)
                for index in binding.index:
                    found = self.at(found, index)
            case Binding(kind="element", node=ast.expr() as node):
                found = loop_values(self, node, binding)
            case Binding(kind="param", node=ast.arg(arg=name), place=Place(scope=Scope(node=owner))) if isinstance(
                owner, Function
            ):
                found = self._param(owner, name, binding.place)
            case Binding(kind="import"):
                known = self.file.imported_constant(binding.module)
                found = [known] if known is not None else [UNKNOWN]
            case _:
                found = [UNKNOWN]
        return found

    def attribute(self, scope: Scope, name: str, seen: int = 0) -> list[Value] | None:
        """What an attribute of a class of this file can be, its bases asked too; None if nobody sets it."""
        bound = scope.attributes(self.file.scopes).get(name)
        if bound:
            found: list[Value] = []
            for one in bound:
                values = self.binding_values(one)
                found += [UNKNOWN, *farther(values, How.DEFAULT)] if one.kind == "field" else values
            return farther(found, How.CONSTANT)
        for base in scope.node.bases if isinstance(scope.node, ast.ClassDef) and seen < 5 else ():  # noqa: PLR2004
            inner = self.file.class_scope(base)
            if inner is not None and inner is not scope:
                inherited = self.attribute(inner, name, seen + 1)
                if inherited is not None:
                    return inherited
        return None

    def entry(self, mapping: Mapping, key: str) -> list[Value] | None:
        """What a dict holds under a key; None if it does not."""
        if key in mapping.entries:
            node, place = mapping.entries[key]
            return self.values(node, place)
        return None

    # --- lookups ---------------------------------------------------------------------------------

    def _param(self, owner: ast.FunctionDef | ast.AsyncFunctionDef, name: str, place: Place) -> list[Value]:
        outer = Place(place.scope.parent or place.scope, (owner.lineno, owner.col_offset))
        given = self.file.parametrized(owner, name)
        if given is not None:
            column, argvalues = given
            found = self.each(self.values(argvalues, outer))
            return found if column is None else self.at(found, column, How.ITEM)
        found = [Param(owner, name)]
        default = self.file.param_default(owner, name)
        if default is not None:
            found += [value for value in farther(self.values(default, outer), How.DEFAULT) if value != NOTHING]
        return found

    def each(self, holders: Iterable[Value]) -> list[Value]:
        """What a loop over these takes in turn."""
        found: list[Value] = []
        for holder in opened(self, holders):
            match holder:
                case Items(elements=elements):
                    found += [one for node, place in elements for one in self.values(node, place)]
                case Mapping(entries=entries, keys=keys) if entries or keys:
                    found += [Text(str(key.value), key) for key in keys]
                case _:
                    found.append(UNKNOWN)
        return farther(found, How.ITEM) or [UNKNOWN]

    def at(self, holders: Iterable[Value], index: int | str | None, how: How = How.CONSTANT) -> list[Value]:
        """What these hold at an index or key; everything they hold if it is None."""
        found: list[Value] = []
        held = opened(self, holders)
        how = How.ITEM if any(isinstance(one, Param) for one in held) else how  # One call of several gives it.
        for holder in held:
            match holder, index:
                case Items(elements=elements), int() if -len(elements) <= index < len(elements):
                    found += farther(self.values(*elements[index]), how)
                case Mapping(), str() if index in holder.entries:
                    found += farther(self.values(*holder.entries[index]), how)
                case ((Items() | Mapping()), None):
                    inner = holder.every() if isinstance(holder, Mapping) else holder.elements
                    found += farther([one for pair in inner for one in self.values(*pair)], How.ITEM)
                case Mapping(), str() if not holder.open:
                    pass  # Another of the dicts has it, or the program fails.
                case _:
                    found.append(UNKNOWN)
        return found or [UNKNOWN]

    # --- expressions -----------------------------------------------------------------------------

    def _constant(self, node: ast.Constant, _place: Place) -> list[Value]:
        value: object = node.value
        return [Text(value, node) if isinstance(value, str) else Plain(value)]

    def _name(self, node: ast.Name, place: Place) -> list[Value]:
        bound = self.bound(node.id, place)
        found = [value for one in bound for value in self.binding_values(one)] or [UNKNOWN]
        if len(bound) > 1:
            found = farther([one for one in found if one != NOTHING] or found, How.ITEM)
        added = place.scope.names.get(f"{node.id}[]") or ()
        return farther([*found, *(UNKNOWN for _ in added)], How.CONSTANT)

    def _attribute(self, node: ast.Attribute, place: Place) -> list[Value]:
        owner = self._owner(node.value, place)
        if isinstance(owner, Scope):
            found = self.attribute(owner, node.attr)
            if found is not None:
                return found
        if isinstance(node.value, ast.Name):
            bound = self.bound(f"{node.value.id}.{node.attr}", place)
            if bound:
                return farther([value for one in bound for value in self.binding_values(one)], How.CONSTANT)
        if owner is None or isinstance(owner, Scope):
            return [UNKNOWN, *self._option(node.attr)]
        return [UNKNOWN]

    def _owner(self, node: ast.expr, place: Place) -> Scope | ast.expr | None:
        """The class whose attribute is meant; the expression itself where it can be no options; None if unclear."""
        if isinstance(node, ast.Name):
            for scope in place.scope.function_scopes():
                held = scope.node
                if isinstance(held, Function) and scope.parent and isinstance(scope.parent.node, ast.ClassDef):
                    first = held.args.args[:1]
                    if first and first[0].arg == node.id:
                        return scope.parent
            inner = self.file.class_scope(node)
            if inner is not None:
                return inner
        for value in self.values(node, place):
            match value:
                case Instance(scope=scope):
                    return scope
                case Items() | Mapping() | Text() | Plain():
                    return node
        return self._annotated(node, place)

    def _annotated(self, node: ast.expr, place: Place) -> Scope | None:
        """The class of this file that a parameter is said to have."""
        if not isinstance(node, ast.Name):
            return None
        for one in self.bound(node.id, place):
            if isinstance(one.node, ast.arg) and one.node.annotation is not None:
                return self.file.class_scope(one.node.annotation)
        return None

    def _option(self, name: str) -> list[Value]:
        """Defaults of the command line's options and of settings classes that are read by this name."""
        found: list[Value] = []
        for node, place in self.file.options.get(name, ()):
            found += [one for one in self.values(node, place) if one not in (NOTHING, UNKNOWN)]
        return farther(found, How.DEFAULT)

    def _subscript(self, node: ast.Subscript, place: Place) -> list[Value]:
        keys = self.values(node.slice, place)
        holders = self.values(node.value, place)
        index: int | str | None = None
        if len(keys) == 1:
            match keys[0]:
                case Text(text=key, partial=False):
                    index = key
                case Plain(value=int() as number):
                    index = number
        if isinstance(node.value, ast.Name) and isinstance(index, str):
            for scope in place.scope.function_scopes():
                bound = scope.names.get(f"{node.value.id}[{index}]")
                if bound:
                    kept = holding(bound, place if scope is place.scope else None)
                    return farther([value for one in kept for value in self.binding_values(one)], How.CONSTANT)
        if not any(isinstance(one, Items | Mapping | Param) for one in holders):
            return [UNKNOWN]
        return self.at(holders, index, How.CONSTANT)

    def _joined(self, node: ast.JoinedStr, place: Place) -> list[Value]:
        parts = [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values]
        return self._concat(parts, node, place)

    def _concat(self, parts: list[ast.expr], node: ast.expr, place: Place) -> list[Value]:
        """Strings one after another; what follows the first unknown part is left out."""
        columns: list[list[Value]] = []
        for part in parts:
            found = self.values(part, place)
            columns.append(found)
            if all(not isinstance(one, Text | Plain) for one in found):
                break
        if columns and all(one is LOCAL or one == LOCAL for one in columns[0]):
            return [LOCAL]
        return [_join(combined, node, whole=len(columns) == len(parts)) for combined in list(product(*columns))[:_MOST]]

    def _binary(self, node: ast.BinOp, place: Place) -> list[Value]:
        match node.op:
            case ast.Add():
                left = self.values(node.left, place)
                if any(isinstance(one, Items) for one in left):
                    right = self.values(node.right, place)
                    return [Items(tuple(e for one in (*left, *right) if isinstance(one, Items) for e in one.elements))]
                return self._concat([node.left, node.right], node, place)
            case ast.Div() if any(one == LOCAL for one in self.values(node.left, place)):
                return [LOCAL]
            case ast.BitOr():
                pairs = [one for side in (node.left, node.right) for one in self.values(side, place)]
                return [self.merged([one for one in pairs if isinstance(one, Mapping)], open_=True)]
        return [UNKNOWN]

    def merged(self, mappings: Iterable[Mapping], *, open_: bool = False) -> Mapping:
        """One dict out of several, the later over the earlier."""
        entries: dict[str, tuple[ast.expr, Place]] = {}
        rest: list[tuple[ast.expr, Place]] = []
        keys: list[ast.Constant] = []
        for one in mappings:
            entries.update(one.entries)
            rest += one.rest
            keys += one.keys
            open_ = open_ or one.open
        return Mapping(entries, tuple(rest), open_, tuple(keys))

    def _choice(self, node: ast.IfExp, place: Place) -> list[Value]:
        found = [*self.values(node.body, place), *self.values(node.orelse, place)]
        return farther([one for one in found if one != NOTHING] or [NOTHING], How.ITEM)

    def _bool(self, node: ast.BoolOp, place: Place) -> list[Value]:
        if isinstance(node.op, ast.And):
            return self.values(node.values[-1], place)
        found = [one for part in node.values for one in self.values(part, place)]
        known = [one for one in found if one != NOTHING and not (isinstance(one, Text) and not one.text)]
        return farther(known or [NOTHING], How.ITEM) if len(known) > 1 else known or [NOTHING]

    def _items(self, node: ast.List | ast.Tuple | ast.Set, place: Place) -> list[Value]:
        return [Items(tuple((one, place) for one in node.elts))]

    def _dict(self, node: ast.Dict, place: Place) -> list[Value]:
        entries: dict[str, tuple[ast.expr, Place]] = {}
        rest: list[tuple[ast.expr, Place]] = []
        keys: list[ast.Constant] = []
        unsure = False
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                inner = [one for one in self.values(value, place) if isinstance(one, Mapping)]
                merged = self.merged(inner, open_=not inner)
                entries.update(merged.entries)
                rest, keys, unsure = [*rest, *merged.rest], [*keys, *merged.keys], unsure or merged.open
            elif isinstance(key, ast.Constant) and isinstance(key.value, str):
                entries[key.value] = (value, place)
                keys.append(key)
            else:
                rest.append((value, place))
        return [Mapping(entries, tuple(rest), unsure, tuple(keys))]

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, place: Place) -> list[Value]:
        return [Items(((node.elt, place),))]

    def _call(self, node: ast.Call, place: Place) -> list[Value]:
        return call_values(self, node, place)

    def _inner(self, node: Any, place: Place) -> list[Value]:
        return self.values(node.value, place)


def _join(parts: Iterable[Value], node: ast.expr, *, whole: bool) -> Value:
    known, how = "", How.HERE
    for part in parts:
        match part:
            case Text(text=text, how=one, partial=partial):
                known, how = known + text, max(how, one)
                if partial:
                    return Text(known, node, how, partial=True)
            case Plain(value=value) if value is not None:
                known += str(value)
            case _:
                return Text(known, node, how, partial=True) if known else UNKNOWN
    return Text(known, node, How.HERE if how <= How.CONSTANT else how, partial=not whole)


def _hashable(values: Iterable[Value]) -> bool:
    return not any(isinstance(one, Mapping | Instance) for one in values)


# Which method of :class:`Evaluator` reads which node.
_HANDLERS: dict[type, str] = {
    ast.Constant: "_constant",
    ast.Name: "_name",
    ast.Attribute: "_attribute",
    ast.Subscript: "_subscript",
    ast.JoinedStr: "_joined",
    ast.BinOp: "_binary",
    ast.IfExp: "_choice",
    ast.BoolOp: "_bool",
    ast.List: "_items",
    ast.Tuple: "_items",
    ast.Set: "_items",
    ast.Dict: "_dict",
    ast.ListComp: "_comprehension",
    ast.GeneratorExp: "_comprehension",
    ast.SetComp: "_comprehension",
    ast.Call: "_call",
    ast.Await: "_inner",
    ast.NamedExpr: "_inner",
    ast.Starred: "_inner",
}

"""The parts of one file that the interpreter asks for: scopes, classes, functions, imports, options.

Decides which object a name in the file stands for; what lies in other files comes from ``Wrappers``.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ftlineage.drift.python.calls import dotted, keyword
from ftlineage.drift.python.scope import Function, Place, Scope, holding, statements
from ftlineage.drift.python.values import How, Text

if TYPE_CHECKING:
    from ftlineage.drift.python.source import Source
    from ftlineage.drift.python.wrappers import Wrappers

_ELSEWHERE = ast.Constant(value=None, lineno=1, col_offset=0)
_COMPOUND = frozenset({
             ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.AsyncFor, ast.While, ast.With,
             ast.AsyncWith, ast.Try, ast.TryStar, ast.Match})  # fmt: skip
_OPTION_MAKERS = frozenset({"add_argument", "DEFINE_string", "add_option"})


class File:
    """One parsed file with its scopes laid out."""

    def __init__(self, source: Source, tree: Wrappers | None = None) -> None:
        self.source = source
        self.wrappers = tree
        self.module = Scope(source.tree, None)
        self.scopes: dict[int, Scope] = {id(source.tree): self.module}
        self.classes: dict[str, Scope] = {}
        self.methods: dict[str, list[Function]] = {}
        self.options: dict[str, list[tuple[ast.expr, Place]]] = {}
        self.body: list[tuple[Place, ast.stmt]] = []
        self._lay_out(source.tree.body, self.module)
        self._firsts: list[int] | None = None
        self._calls: dict[int, list[tuple[ast.Call, Place]]] = {}

    def _lay_out(self, body: list[ast.stmt], scope: Scope) -> None:
        """List all statements with their places, scopes of functions and classes within their own."""
        scope.body = list(statements(body, scope))
        for place, statement in scope.body:
            self.body.append((place, statement))
            if isinstance(statement, Function | ast.ClassDef):
                inner = Scope(statement, scope)
                self.scopes[id(statement)] = inner
                if isinstance(statement, ast.ClassDef):
                    self.classes.setdefault(statement.name, inner)
                elif isinstance(scope.node, ast.ClassDef):
                    self.methods.setdefault(statement.name, []).append(statement)
                self._lay_out(statement.body, inner)
            else:
                self._note_option(statement, place)

    def close(self) -> None:
        """Let go of what refers in circles, so that the tree is freed at once."""
        self._calls.clear()
        for scope in self.scopes.values():
            scope.forget()

    def statements_at(self, lines: Iterable[int]) -> list[int]:
        """Numbers, in ``body``, of the statements that these lines belong to, blocks within them left out."""
        if self._firsts is None:
            self._firsts = [statement_lines(statement)[0] for _, statement in self.body]
        found: set[int] = set()
        for line in lines:
            # The last one to begin is the innermost; others before it may share its line.
            number = bisect_right(self._firsts, line) - 1
            while number >= 0 and statement_lines(self.body[number][1])[1] >= line:
                found.add(number)
                number -= 1
        return sorted(found)

    def _note_option(self, statement: ast.stmt, place: Place) -> None:
        match statement:
            case ast.Expr(value=ast.Call() as call) | ast.Assign(value=ast.Call() as call):
                if isinstance(call.func, ast.Attribute):
                    for name, default in _options(call, call.func.attr):
                        self.options.setdefault(name, []).append((default, place))
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                if isinstance(place.scope.node, ast.ClassDef):
                    self.options.setdefault(name, []).append((value, place))

    # --- who is meant ----------------------------------------------------------------------------

    def class_scope(self, node: ast.expr) -> Scope | None:
        """The class of this file that an expression names; a string or ``Optional[...]`` annotation too."""
        match node:
            case ast.Name(id=name) | ast.Attribute(value=ast.Name(), attr=name) | ast.Constant(value=str(name)):
                return self.classes.get(name)
            case ast.Subscript(slice=inner) | ast.BinOp(left=inner):
                return self.class_scope(inner)
        return None

    def function_of(self, node: ast.expr, place: Place) -> Function | None:
        """The function of this file that a callee names: by scope, or a method of ``self`` or of a known class."""
        match node:
            case ast.Name(id=name):
                for scope in place.scope.function_scopes():
                    bound = scope.names.get(name)
                    if bound:
                        last = holding(bound, None)[0].node
                        return last if isinstance(last, Function) else None
            case ast.Attribute(value=ast.Name(id=owner), attr=attr):
                inner = self.classes.get(owner) or self._class_around(owner, place)
                if inner is not None:
                    return self.method(inner, attr)
                methods = self.methods.get(attr, ())
                return methods[0] if len(methods) == 1 and not self.module.names.get(owner) else None
        return None

    def method(self, scope: Scope, name: str, seen: int = 0) -> Function | None:
        """A method of a class of this file, or of its bases here."""
        for one in scope.names.get(name, ()):
            if isinstance(one.node, Function):
                return one.node
        for base in scope.node.bases if isinstance(scope.node, ast.ClassDef) and seen < 5 else ():  # noqa: PLR2004
            inner = self.class_scope(base)
            if inner is not None and inner is not scope:
                return self.method(inner, name, seen + 1)
        return None

    def fields_of(self, node: ast.expr) -> list[str]:
        """What a class of this file takes, in order: its ``__init__``'s parameters, or its declared fields."""
        scope = self.class_scope(node)
        if scope is None:
            return []
        made = self.method(scope, "__init__")
        if made is not None:
            return [one.arg for one in (*made.args.posonlyargs, *made.args.args)][1:]
        return self._declared(scope, 0)

    def _declared(self, scope: Scope, seen: int) -> list[str]:
        found: list[str] = []
        for base in scope.node.bases if isinstance(scope.node, ast.ClassDef) and seen < 5 else ():  # noqa: PLR2004
            inner = self.class_scope(base)
            found += self._declared(inner, seen + 1) if inner is not None and inner is not scope else ()
        own = [one.target.id for _, one in scope.body
               if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]  # fmt: skip
        return list(dict.fromkeys([*found, *own]))

    def calls_of(self, function: Function) -> list[tuple[ast.Call, Place]]:
        """The calls of a function in this file."""
        known = self._calls.get(id(function))
        if known is None:
            known = self._calls[id(function)] = []
            for number in self.statements_at(self.source.lines_with([f"{function.name}("])):
                place, statement = self.body[number]
                for one in ast.iter_child_nodes(statement):
                    for node in ast.walk(one) if isinstance(one, ast.expr) else ():
                        if isinstance(node, ast.Call) and self.function_of(node.func, place) is function:
                            known.append((node, place))
        return known

    def _class_around(self, owner: str, place: Place) -> Scope | None:
        """The class whose method this is, if ``owner`` is the method's first parameter or ``super()``."""
        scope: Scope | None = place.scope
        while scope is not None:
            if isinstance(scope.node, Function) and scope.parent and isinstance(scope.parent.node, ast.ClassDef):
                first = scope.node.args.args[:1]
                return scope.parent if first and first[0].arg == owner else None
            scope = scope.parent
        return None

    def is_method(self, function: Function) -> bool:
        """Whether its first parameter is the object or the class."""
        scope = self.scopes.get(id(function))
        held = scope is not None and scope.parent is not None and isinstance(scope.parent.node, ast.ClassDef)
        return held and not any(dotted(one) == "staticmethod" for one in function.decorator_list)

    def qualified(self, node: ast.expr, place: Place) -> str:
        """A callee's dotted name with what its first part was imported as put in."""
        name = dotted(node)
        root, dot, rest = name.partition(".")
        for scope in place.scope.function_scopes():
            bound = scope.names.get(root)
            if bound:
                last = holding(bound, None)[0]
                return last.module.replace(":", ".") + dot + rest if last.kind == "import" else name
        return name

    def imported_constant(self, module: str) -> Text | None:
        """A module-level string of another file of the tree."""
        found = self.wrappers.text(module, self.source.path) if self.wrappers is not None else None
        return Text(found, _ELSEWHERE, How.CONSTANT, foreign=True) if found is not None else None

    # --- parameters ------------------------------------------------------------------------------

    def param_default(self, owner: Function, name: str) -> ast.expr | None:
        """The default of a parameter, from the signature or from a command line option over it."""
        positional = [*owner.args.posonlyargs, *owner.args.args]
        pairs = zip(reversed(positional), reversed(owner.args.defaults), strict=False)
        default = next((value for param, value in pairs if param.arg == name), None)
        if default is None:
            keyed = zip(owner.args.kwonlyargs, owner.args.kw_defaults, strict=True)
            default = next((value for param, value in keyed if param.arg == name and value is not None), None)
        return default if default is not None else _click_default(owner, name)

    def parametrized(self, owner: Function, name: str) -> tuple[int | None, ast.expr] | None:
        """The values a test is run with for a parameter, and their column where a row holds several."""
        for decorator in owner.decorator_list:
            if (
                isinstance(decorator, ast.Call)
                and len(decorator.args) > 1
                and dotted(decorator).endswith("parametrize()")
            ):
                names = _case_names(decorator.args[0])
                if name in names:
                    return (names.index(name) if len(names) > 1 else None), decorator.args[1]
        return None


def statement_lines(statement: ast.stmt) -> tuple[int, int]:
    """The lines of a statement without the blocks in it, decorators with it."""
    last = statement.end_lineno or statement.lineno
    if type(statement) not in _COMPOUND:
        return statement.lineno, last
    decorators = getattr(statement, "decorator_list", ())
    first = min((one.lineno for one in decorators), default=statement.lineno)
    body = getattr(statement, "body", None)
    return first, body[0].lineno if body else statement.lineno


def _options(call: ast.Call, name: str) -> Iterator[tuple[str, ast.expr]]:
    """The options that a call of argparse, optparse or absl declares, with their defaults."""
    if name == "set_defaults":
        yield from ((one.arg, one.value) for one in call.keywords if one.arg)
    if name not in _OPTION_MAKERS:
        return
    default = keyword(call, "default")
    if name == "DEFINE_string" and default is None and len(call.args) > 1:
        default = call.args[1]
    if default is not None:
        yield from ((option, default) for option in option_names(call))


def option_names(call: ast.Call) -> list[str]:
    """The attribute under which a program reads an option: ``dest``, or its long name."""
    dest = keyword(call, "dest")
    if isinstance(dest, ast.Constant) and isinstance(dest.value, str):
        return [dest.value]
    flags = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    names = [flag.lstrip("-").replace("-", "_") for flag in flags if flag.startswith("--")]
    return names[:1] or [flag.lstrip("-").replace("-", "_") for flag in flags[:1]]


def _click_default(owner: Function, name: str) -> ast.expr | None:
    for decorator in owner.decorator_list:
        if isinstance(decorator, ast.Call) and dotted(decorator).endswith(("option()", "argument()")):
            flags = [one.value for one in decorator.args if isinstance(one, ast.Constant)]
            names = {flag.lstrip("-").replace("-", "_") for flag in flags if isinstance(flag, str)}
            if name in names:
                return keyword(decorator, "default")
    return None


def _case_names(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str(text)):
            return [part.strip() for part in text.split(",")]
        case ast.List(elts=elts) | ast.Tuple(elts=elts):
            return [one.value for one in elts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return []

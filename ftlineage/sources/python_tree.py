"""A folder of Python files as text: what a name in one of them stands for, without importing any.

Decides how a constant is found from the function that reads it: its defaults, the functions around
it, the module's own assignments, and names imported from other files of the folder. Refused:
following installed packages, and choosing between two files that an import could mean.
"""

from __future__ import annotations

import ast
import functools
import tokenize
from collections.abc import Iterator, Mapping
from io import BytesIO, StringIO
from pathlib import PurePosixPath
from typing import Any, cast

from ftlineage.errors import BadInputError
from ftlineage.sources.python_text import (
    UNKNOWN,
    Definition,
    dotted,
    literals_of,
    parse_source,
    read_definitions,
    value_of,
)

_MAX_HOPS = 16
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class _Missing:
    """Nothing of that name is there."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


class PythonTree:
    """Python files by path, parsed when first asked for."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(sorted(files.items()))
        self._module = functools.cache(self._parse)

    @property
    def paths(self) -> list[str]:
        """Every file, relative to the folder, with ``/``."""
        return list(self._files)

    def definitions(self, name: str) -> Iterator[tuple[str, Definition]]:
        """Every definition of this own name, with the file it stands in.

        Raises:
            BadInputError: A file that speaks of the name is not readable as Python.
        """
        word = b"lambda" if name == "<lambda>" else name.encode()
        for path, data in self._files.items():
            if word in data:
                text, tree = self._module(path)
                for definition in read_definitions(text, tree, name):
                    yield path, definition

    def constant(self, path: str, definition: Definition, name: str) -> Any:
        """What a recorded constant of a definition is worth now.

        Args:
            path: The file of the definition.
            definition: The function, lambda or class.
            name: As a card names it: ``MEAN``, ``config.MEAN``, ``Class.attribute``, ``Normalize.mean``.

        Returns:
            The value, UNKNOWN if only running the code would tell, MISSING if nothing reads it any more.
        """
        node = definition.node
        if isinstance(node, ast.ClassDef):
            return self._of_class(path, definition, node, name)
        default = _default(node, name)
        if default is not None:
            return value_of(default, functools.partial(self._lookup, path))
        literals = literals_of(node)
        if name in literals:
            return literals[name]
        if name in _assigned(node):
            return UNKNOWN
        if name not in _names_read(node):
            return MISSING if isinstance(node, _Function) else UNKNOWN
        return self._seen_from(path, definition.parents, name)

    def read_names(self, path: str, definition: Definition) -> dict[str, Any]:
        """Every value that a definition plainly reads now, by name: for naming what is new."""
        node = definition.node
        found = dict(literals_of(node))
        for name in sorted(_names_read(node) - _assigned(node)):
            found.setdefault(name, self._seen_from(path, definition.parents, name))
        return found

    def _of_class(self, path: str, definition: Definition, node: ast.ClassDef, name: str) -> Any:
        owner, _, attribute = name.partition(".")
        if attribute and owner == node.name:
            bindings = _bindings(node.body, attribute)
            return self._bound(path, bindings, 0) if bindings else MISSING
        literals = literals_of(node)
        if name in literals:
            return literals[name]
        methods = [method for method in node.body if isinstance(method, _Function)]
        for method in methods:
            default = _default(method, name)
            if default is not None:
                return value_of(default, functools.partial(self._lookup, path))
        if any(name in _names_read(method) for method in methods):
            return self._seen_from(path, definition.parents, name)
        # Attributes of the object, set when it was made.
        return UNKNOWN

    def _seen_from(self, path: str, parents: tuple[ast.AST, ...], name: str) -> Any:
        first = name.partition(".")[0]
        for parent in reversed(parents):
            if isinstance(parent, ast.ClassDef):
                continue
            if first in _parameters(parent):
                return UNKNOWN
            bindings = _bindings(getattr(parent, "body", []), first) if isinstance(parent, _Function) else []
            if bindings:
                return self._bound(path, bindings, 0) if first == name else UNKNOWN
        return self._lookup(path, name)

    def _lookup(self, path: str, name: str, hops: int = 0) -> Any:
        if hops > _MAX_HOPS or path not in self._files:
            return UNKNOWN
        try:
            _, tree = self._module(path)
        except BadInputError:
            return UNKNOWN
        first, _, rest = name.partition(".")
        bindings = _bindings(tree.body, first)
        if bindings:
            plain = not rest and not any(
                isinstance(node, ast.Global) and first in node.names for node in ast.walk(tree)
            )
            return self._bound(path, bindings, hops) if plain else UNKNOWN
        return self._imported(path, tree, first, rest, hops)

    def _bound(self, path: str, bindings: list[ast.expr | None], hops: int) -> Any:
        """The value of the last assignment, if every one is plain."""
        if any(binding is None for binding in bindings):
            return UNKNOWN
        return value_of(bindings[-1], lambda name: self._settled(self._lookup(path, name, hops + 1)))

    @staticmethod
    def _settled(value: Any) -> Any:
        return UNKNOWN if value is MISSING else value

    def _imported(self, path: str, tree: ast.Module, first: str, rest: str, hops: int) -> Any:
        opaque = False
        for node in ast.walk(tree):
            if isinstance(node, ast.Global):
                opaque = opaque or first in node.names
            elif isinstance(node, ast.ImportFrom | ast.Import):
                for alias in node.names:
                    if alias.name == "*":
                        found = self._from(path, cast("ast.ImportFrom", node), first, rest, hops)
                        if found is not UNKNOWN:
                            return found
                        opaque = True
                    elif _imported_name(node, alias) == first:
                        return self._through(path, node, alias, rest, hops)
        return UNKNOWN if opaque else MISSING

    def _through(self, path: str, node: ast.Import | ast.ImportFrom, alias: ast.alias, rest: str, hops: int) -> Any:
        if isinstance(node, ast.ImportFrom):
            return self._from(path, node, alias.name, rest, hops)
        whole = rest if alias.asname else f"{alias.name.partition('.')[0]}.{rest}"
        module, wanted = (alias.name, rest) if alias.asname else (whole.rpartition(".")[0], whole.rpartition(".")[2])
        file = self._file_of(path, module, 0)
        return self._lookup(file, wanted, hops + 1) if file and wanted else UNKNOWN

    def _from(self, path: str, node: ast.ImportFrom, name: str, rest: str, hops: int) -> Any:
        module = node.module or ""
        file = self._file_of(path, module, node.level)
        if file is not None:
            found = self._lookup(file, f"{name}.{rest}" if rest else name, hops + 1)
            if found is not MISSING:
                return found
        submodule = self._file_of(path, f"{module}.{name}" if module else name, node.level)
        return self._lookup(submodule, rest, hops + 1) if submodule and rest else UNKNOWN

    def _file_of(self, path: str, module: str, level: int) -> str | None:
        """The file a module name means when it is imported in ``path``, if only one can be meant."""
        tail = module.replace(".", "/")
        here = PurePosixPath(path).parent
        for _ in range(max(0, level - 1)):
            here = here.parent
        near = [str(here / f"{tail}.py"), str(here / tail / "__init__.py")] if tail else [str(here / "__init__.py")]
        for candidate in near:
            if candidate in self._files:
                return candidate
        if level or not tail:
            return None
        ends = (f"/{tail}.py", f"/{tail}/__init__.py")
        found = [candidate for candidate in self._files if f"/{candidate}".endswith(ends)]
        return found[0] if len(found) == 1 else None

    def _parse(self, path: str) -> tuple[str, ast.Module]:
        text = _decoded(self._files[path], path)
        return text, parse_source(text, shown=path)


def _decoded(data: bytes, path: str) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
        return StringIO(data.decode(encoding), newline=None).read()
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise BadInputError(path=path, reason="not text in the encoding it names") from error


def _imported_name(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    own = alias.name if isinstance(node, ast.ImportFrom) else alias.name.partition(".")[0]
    return alias.asname or own


# --- names in a tree ---------------------------------------------------------------------------


def _bindings(body: list[ast.stmt], name: str) -> list[ast.expr | None]:
    """What is assigned to a name in a block: expressions, and None for whatever is not a plain assignment."""
    found: list[ast.expr | None] = []
    for statement in body:
        if isinstance(statement, ast.Assign):
            found += [bound for target in statement.targets for bound in _bound_to(target, statement.value, name)]
        elif isinstance(statement, ast.AnnAssign):
            found += _bound_to(statement.target, statement.value, name) if statement.value is not None else []
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found += [None] if statement.name == name else []
        elif not isinstance(statement, ast.Import | ast.ImportFrom) and name in _stored(statement):
            found.append(None)
    return found


def _bound_to(target: ast.expr, value: ast.expr, name: str) -> list[ast.expr | None]:
    if isinstance(target, ast.Name):
        return [value] if target.id == name else []
    if (
        isinstance(target, ast.Tuple | ast.List)
        and isinstance(value, ast.Tuple | ast.List)
        and len(target.elts) == len(value.elts)
    ):
        pairs = zip(target.elts, value.elts, strict=True)
        return [bound for one, part in pairs for bound in _bound_to(one, part, name)]
    return [None] if name in _stored(target) else []


def _stored(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load)}


def _assigned(node: ast.AST) -> set[str]:
    """Names that are a function's own: parameters, and what it assigns without declaring it global."""
    shared = {name for one in ast.walk(node) if isinstance(one, ast.Global | ast.Nonlocal) for name in one.names}
    return (_stored(node) | _parameters(node)) - shared


def _parameters(node: ast.AST) -> set[str]:
    arguments = getattr(node, "args", None)
    if not isinstance(arguments, ast.arguments):
        return set()
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return {one.arg for one in every if one is not None}


def _default(node: ast.AST, name: str) -> ast.expr | None:
    arguments = getattr(node, "args", None)
    if not isinstance(arguments, ast.arguments):
        return None
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [*zip(positional, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return next((default for one, default in pairs if one.arg == name), None)


def _names_read(node: ast.AST) -> set[str]:
    """Names and dotted names that are read; ``config.MEAN`` gives ``config`` and ``config.MEAN``."""
    found: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Name | ast.Attribute) and isinstance(one.ctx, ast.Load):
            name = dotted(one)
            if name is not None:
                found.add(name)
    return found

"""Hub references of one Python file.

``read_python`` gives one :class:`~ftlineage.drift.reference.Found` for each use it can see, without
running or importing anything. ``collect_wrappers`` gives what other files of the tree need from this one.
Refuses text that is no Python 3 with :class:`~ftlineage.errors.BadInputError`; never fails otherwise.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ftlineage.drift.python import written
from ftlineage.drift.python.apply import Applier, Given, flat, loaders_of
from ftlineage.drift.python.calls import argument, dotted
from ftlineage.drift.python.emit import Findings, Revision, Use
from ftlineage.drift.python.evaluate import Evaluator
from ftlineage.drift.python.file import File
from ftlineage.drift.python.keyed import Keyed
from ftlineage.drift.python.lines import RUNNERS, CommandLines, is_words
from ftlineage.drift.python.literals import FILE_CALLS, Literals
from ftlineage.drift.python.passing import Passing, Summaries, revision_through
from ftlineage.drift.python.scope import Function, Place, bind_comprehension
from ftlineage.drift.python.sinks import find_sinks, named_after, other_library
from ftlineage.drift.python.slots import call_slot
from ftlineage.drift.python.source import TOKENS, Source, is_interesting, without_collector
from ftlineage.drift.python.wrappers import FileWrappers, Wrapper, Wrappers, module_of, text_constants
from ftlineage.drift.reference import Found

_ROUNDS = 4  # of functions that call functions that load
_LITERALS = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.ListComp, ast.JoinedStr, ast.BoolOp, ast.IfExp, ast.Call)


def read_python(text: str, path: str, tree: Wrappers | None = None) -> list[Found]:
    """The references in a Python file.

    Args:
        text: The whole file.
        path: Its path in the tree, for imports and errors; ``/`` between parts.
        tree: What the other files of the tree export; None to look at this file alone.

    Returns:
        In the order of the text. A file without a loader's name or an id-shaped string gives none
        and is not parsed.

    Raises:
        BadInputError: It does not parse as Python 3.
    """
    if not is_interesting(text) and not (tree is not None and any(name in text for name in tree.functions)):
        return []
    with without_collector():
        reader = Reader(text, path, tree)
        found = reader.found()
        reader.close()
        del reader
    return found


def collect_wrappers(text: str, path: str) -> FileWrappers:
    """The functions of a file that hand a parameter on to a loader, and its constants that are ids.

    Raises:
        BadInputError: It does not parse as Python 3.
    """
    if not may_export(text, path):
        return FileWrappers(module=module_of(path), constants=text_constants(text))
    return read_and_collect(text, path)[1]


def read_and_collect(text: str, path: str) -> tuple[list[Found], FileWrappers]:
    """``read_python`` of a file by itself and ``collect_wrappers``, from one parse.

    Raises:
        BadInputError: It does not parse as Python 3.
    """
    found: list[Found] = []
    wrappers: tuple[Wrapper, ...] = ()
    if is_interesting(text):
        with without_collector():
            reader = Reader(text, path, None)
            found = reader.found()
            wrappers = tuple(reader.exported()) if may_export(text, path) else ()
            reader.close()
            del reader
    return found, FileWrappers(module=module_of(path), wrappers=wrappers, constants=text_constants(text))


def may_export(text: str, path: str) -> bool:
    """Whether other files can import a loader from this one: tests are imported by nobody."""
    name = path.replace("\\", "/").rpartition("/")[2]
    return "def " in text and not name.startswith("test_") and any(token in text for token in TOKENS)


class _Callee(NamedTuple):
    """A function of the file: its name as called, its parameters in order."""

    name: str
    params: tuple[str, ...]


class Reader:
    """Walks one file: loaders first, then what they make of functions, then keys and defaults."""

    def __init__(self, text: str, path: str, tree: Wrappers | None) -> None:
        self.source = Source(text, path)
        self.file = File(self.source, tree)
        self.tree = tree
        self.ev = Evaluator(self.file)
        self.findings = Findings(self.source)
        self.summaries = Summaries()
        self.applier = Applier(self.ev, self.findings, self.summaries)
        self.keyed = Keyed(self.applier)
        self.literals = Literals(self.findings)
        self.commands = CommandLines(self.ev, self.findings)
        self._later: list[tuple[ast.Call | ast.Dict, Place, str]] = []

    def found(self) -> list[Found]:
        """Everything in the file."""
        hot = self.look()
        for call, place, qualified in self._later:
            if isinstance(call, ast.Dict):
                self.keyed.dictionary(call, place)
            else:
                self.keyed.call(call, place, qualified)
        self.keyed.definitions(self.file.body[number] for number in hot)
        return self.findings.all()

    def close(self) -> None:
        """Free the tree at once: it refers in circles."""
        self.ev.close()

    def look(self) -> list[int]:
        """Read the calls of loaders, then of functions that turn out to be loaders; the statements looked at."""
        if any(token in self.source.text for token in written.TOKENS):
            written.note_written(self.ev, self.findings, self._nodes_with(written.TOKENS))
        lines = self.source.hot_lines() + self.source.lines_with(self._imported_wrappers())
        hot = self.file.statements_at(lines)
        self._read_all(hot)
        self._read_all(self._fed(hot))
        for _ in range(_ROUNDS):
            fresh = self.summaries.take_fresh()
            if not fresh:
                break
            self._apply_wrappers(fresh)
        return hot

    def exported(self) -> Iterator[Wrapper]:
        """Functions at module level, and classes by their ``__init__``, that hand a parameter on."""
        for place, statement in self.file.body:
            if place.scope is not self.file.module:
                continue
            function = self._constructor(statement) if isinstance(statement, ast.ClassDef) else statement
            if isinstance(function, Function) and (passings := self.summaries.of(function)):
                params = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
                name = statement.name if isinstance(statement, ast.ClassDef | Function) else ""
                yield Wrapper(
                    module=module_of(self.source.path),
                    name=name,
                    params=tuple(params[1:] if isinstance(statement, ast.ClassDef) else params),
                    passings=tuple(passings),
                )

    # --- walking ---------------------------------------------------------------------------------

    def _read_all(self, numbers: Sequence[int]) -> None:
        if self.source.has_flags:
            for number in numbers:
                place, statement = self.file.body[number]
                self.commands.statement(statement, place)
        nodes = list(self._nodes(numbers))
        for node, place in nodes:
            self.applier.note_siblings(node, place)
        for node, place in nodes:
            self._first(node, place)

    def _fed(self, hot: list[int]) -> list[int]:
        """Statements that use a name which a hot one gives an id: keys there may tell what becomes of it."""
        names: set[str] = set()
        for number in hot:
            statement = self.file.body[number][1]
            if isinstance(statement, ast.Assign) and isinstance(statement.value, _LITERALS):
                names.update(one.id for one in statement.targets if isinstance(one, ast.Name))
        known = set(hot)
        lines = self.source.lines_with(f"{name}{end}" for name in names for end in ",)" if len(name) > 2)  # noqa: PLR2004
        return [number for number in self.file.statements_at(lines) if number not in known]

    def _nodes(self, numbers: Iterable[int]) -> Iterator[tuple[ast.expr, Place]]:
        """Calls, dicts and strings of some statements."""
        for number in numbers:
            place, statement = self.file.body[number]
            stack = list(reversed(_expressions(statement)))
            while stack:
                node = stack.pop()
                if isinstance(node, ast.Call | ast.Dict | ast.Constant | ast.List):
                    yield node, place
                elif isinstance(node, ast.comprehension):
                    bind_comprehension(node, place, place.scope.names)
                stack.extend(reversed(_children(node)))

    def _nodes_with(self, tokens: Iterable[str]) -> Iterator[tuple[ast.expr, Place]]:
        return self._nodes(self.file.statements_at(self.source.lines_with(tokens)))

    def _first(self, node: ast.expr, place: Place) -> None:
        match node:
            case ast.Call():
                self._call(node, place)
            case ast.Dict():
                self._later.append((node, place, ""))
            case ast.List(elts=elts) if is_words(elts):
                self.commands.words(elts, place)
            case ast.Constant(value=str()):
                self.literals.url(node)

    def _call(self, call: ast.Call, place: Place) -> None:
        qualified = self.file.qualified(call.func, place)
        own = self.file.function_of(call.func, place) or self._own_class(call.func)
        if own is not None and own is not False:
            self._later.append((call, place, qualified))
            return
        sinks = find_sinks(qualified)
        wrapper = self._wrapper(call, place) if not sinks else None
        if wrapper is not None:
            for passing in wrapper.passings:
                node = _by_position(call, passing.param, wrapper.params)
                self._pass(call, place, passing, node, wrapper)
            return
        for sink, via in loaders_of(qualified, sinks or named_after(qualified)):
            self.applier.sink(sink, call, place, via)
        name = qualified.rpartition(".")[2]
        if name in FILE_CALLS and call.args and self._is_hub_files(call.func, place):
            self.literals.path(call.args[0])
        if name in RUNNERS and call.args:
            self.commands.line(call.args[0], place, named=True)
        if not written.is_upload(name) and not other_library(qualified):
            self._later.append((call, place, qualified))

    def _own_class(self, node: ast.expr) -> Function | bool | None:
        """For a class of this file or one of its methods that this file defines: who takes the arguments."""
        scope = self.file.class_scope(node)
        return (self.file.method(scope, "__init__") or True) if scope is not None else None

    def _is_hub_files(self, node: ast.expr, place: Place) -> bool:
        """Whether a method is one of ``HfFileSystem``'s."""
        owner = node.value if isinstance(node, ast.Attribute) else node
        if isinstance(owner, ast.Name):
            bound = self.ev.bound(owner.id, place)
            owner = bound[0].node if bound and isinstance(bound[0].node, ast.expr) else owner
        return isinstance(owner, ast.Call) and dotted(owner.func).endswith(("HfFileSystem", "hffs"))

    # --- wrappers --------------------------------------------------------------------------------

    def _apply_wrappers(self, fresh: list[Function]) -> None:
        """Calls, in this file, of functions that were seen to load what they are given."""
        names: dict[str, list[Function]] = {}
        for function in fresh:
            names.setdefault(self._called_as(function), []).append(function)
        for node, place in self._nodes_with(f"{name}(" for name in names):
            if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in names:
                target = self._target(node, place)
                for function in names[dotted(node.func).rpartition(".")[2]]:
                    if target is function:
                        self._through(node, place, function)

    def _called_as(self, function: Function) -> str:
        scope = self.file.scopes[id(function)].parent
        if function.name in {"__init__", "__new__", "__post_init__"} and scope and isinstance(scope.node, ast.ClassDef):
            return scope.node.name
        return function.name

    def _target(self, call: ast.Call, place: Place) -> Function | None:
        scope = self.file.class_scope(call.func)
        return self.file.method(scope, "__init__") if scope is not None else self.file.function_of(call.func, place)

    def _through(self, call: ast.Call, place: Place, function: Function) -> None:
        bound = self.file.is_method(function)
        positional = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
        params = tuple(positional[1:] if bound else positional)
        takes = (*params, *(f"*{one.arg}" for one in function.args.kwonlyargs))
        for passing in self.summaries.of(function):
            node = argument(call, function, passing.param, bound=bound)
            self._pass(call, place, passing, node, _Callee(dotted(call.func).rpartition(".")[2], takes))

    def _pass(
        self, call: ast.Call, place: Place, passing: Passing, node: ast.expr | None, callee: Wrapper | _Callee
    ) -> None:
        """Report what a wrapper's call gives for one parameter."""
        if node is None:
            return
        self.findings.consumed.add(id(node))
        name, takes = callee.name, callee.params
        given = Given(self.ev, call, place)
        through = passing.revision_param
        key = "revision" if through == "**" else through
        found = given.keyword(key) if key else None
        if found is None and key in takes:
            at = _by_position(call, key, takes)
            found = (at, place) if at is not None else None
        slot = (
            call_slot(self.source, call, key)
            if key and (through == "**" or key in takes or f"*{key}" in takes)
            else None
        )
        reason = f"{name}() takes no revision"
        revision = revision_through(
            passing,
            self.applier.revision_of(found, key) if found is not None and key else None,
            Revision(slot=slot, unpinnable=reason),
        )
        code = passing.remote_code or given.is_true("trust_remote_code", None)
        use = Use(
            kind=passing.kind, via=name, node=node, span=(call.lineno, call.end_lineno or call.lineno),
                strict=passing.strict,
            revision=revision, bare=passing.bare, remote_code=code,
        )  # fmt: skip
        self.applier.report(flat(self.ev, self.ev.values(node, place)), use, given)

    def _imported_wrappers(self) -> list[str]:
        if self.tree is None:
            return []
        return [
            f"{name}("
            for name, bound in self.file.module.names.items()
            if bound[-1].kind == "import" and self.tree.find(bound[-1].module, self.source.path) is not None
        ]

    def _wrapper(self, call: ast.Call, place: Place) -> Wrapper | None:
        if self.tree is None or not isinstance(call.func, ast.Name):
            return None
        bound = self.ev.bound(call.func.id, place)
        return self.tree.find(bound[0].module, self.source.path) if bound and bound[0].kind == "import" else None

    def _constructor(self, statement: ast.ClassDef) -> Function | None:
        return self.file.method(self.file.scopes[id(statement)], "__init__")


def _expressions(statement: ast.stmt) -> list[ast.AST]:
    """The expressions of a statement, without those of the blocks in it."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            defaults = [one for one in statement.args.kw_defaults if one is not None]
            return [*statement.decorator_list, *statement.args.defaults, *defaults]
        case ast.ClassDef():
            return [*statement.decorator_list, *statement.bases, *(one.value for one in statement.keywords)]
        case ast.Match():
            return [statement.subject]
        case ast.With() | ast.AsyncWith():
            return [one.context_expr for one in statement.items]
        case ast.Expr(value=ast.Constant()):
            return []
    return [one for one in ast.iter_child_nodes(statement) if isinstance(one, ast.expr)]


def _children(node: ast.AST) -> list[ast.AST]:
    """The expressions within one, left to right; a comprehension's variables before what is made of them."""
    if isinstance(node, ast.Name | ast.Constant):
        return []
    if isinstance(node, ast.Call):
        return [node.func, *node.args, *(one.value for one in node.keywords)]
    if isinstance(node, ast.Attribute):
        return [node.value]
    found = [one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.expr_context | ast.operator)]
    generators = [one for one in found if isinstance(one, ast.comprehension)]
    return [*generators, *(one for one in found if not isinstance(one, ast.comprehension))] if generators else found


def _by_position(call: ast.Call, param: str, params: tuple[str, ...]) -> ast.expr | None:
    found = next((one.value for one in call.keywords if one.arg == param), None)
    if found is None and param in params and params.index(param) < len(call.args):
        node = call.args[params.index(param)]
        found = None if isinstance(node, ast.Starred) else node
    return found

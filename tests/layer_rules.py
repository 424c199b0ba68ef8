"""The rules of the house, read from source text: who may import whom, how long things may get.

Nothing is imported or run, so the rules hold for names that do not exist yet and for seeded faults
in made-up trees. Every fault is one sentence; an empty list means the tree keeps the rules.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "ftlineage"

# One row a layer, lowest first. A package imports from rows above its own and from itself, never sideways.
LAYERS = (
    ("errors",),
    ("core",),
    ("hashing", "stats"),
    ("sources", "signing", "store"),
    ("record", "verify", "drift", "diff", "export"),
    ("trace", "registry"),
    ("serve",),
    ("ui", "cli"),
    ("__main__",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# Beside the layers: users' own CI runs these without the rest. Only the demo builds on them.
TESTING = "testing"
TESTING_MAY_IMPORT = ("errors", "core", "hashing", TESTING)
MAY_IMPORT_TESTING = (TESTING, "cli")

# `core` computes on values: it opens nothing, asks nothing, waits for nothing and reads no clock.
CORE_REFUSES = frozenset(
    {
        "asyncio", "ctypes", "fileinput", "getpass", "glob", "http", "io", "locale", "logging", "mmap",
        "multiprocessing", "os", "pathlib", "platform", "random", "secrets", "select", "shutil", "signal", "socket",
        "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib.request", "uuid",
    }
)  # fmt: skip
CORE_MAY_TAKE = frozenset({"pathlib.PurePath", "pathlib.PurePosixPath", "pathlib.PureWindowsPath"})
DOES = "does no input, output or clock"
CORE_CALLS_REFUSED = frozenset({"open", "input", "print", "now", "utcnow", "today"})

# The base install verifies without them: no torch in the layers under it, not even inside functions.
BASE_LAYERS = ("errors", "core", "hashing", "stats", "store", "registry")
TRAINING_LIBRARIES = frozenset({"accelerate", "datasets", "peft", "torch", "transformers", "trl"})

# Modules that import heavy libraries at module level, and which; nobody may import them at module level.
HEAVY_ALLOWED = {
    "ftlineage.cli.story.train": ("peft", "trl"),  # the demo's training script, copied out and run
    "ftlineage.record.callback": ("transformers",),  # subclasses TrainerCallback; a trainer is there already
}
# Packages whose __init__ is more than a docstring, with the reason.
INIT_ALLOWED = {
    "ftlineage",  # resolves the public names lazily
    "ftlineage.sources.retrieval",  # the section's one public function; each kind of index is a module beside it
}

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """One imported name: ``module`` as written, with the name appended for ``from module import name``."""

    target: str
    line: int
    lazy: bool
    typing: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Module:
    """One source file, parsed."""

    name: str
    path: Path
    tree: ast.Module
    lines: int
    imports: tuple[Import, ...] = field(default=())

    @property
    def place(self) -> str:
        """The top-level package or module it belongs to; the root's own ``__init__`` is ``""``."""
        return self.name.removeprefix(PACKAGE).lstrip(".").partition(".")[0]

    @property
    def is_init(self) -> bool:
        """Whether it is the ``__init__`` of a package."""
        return self.path.name == "__init__.py"


def heavy_libraries(pyproject: Path = ROOT / "pyproject.toml") -> frozenset[str]:
    """Ruff's list of libraries that are too slow to import at module level: one list for both judges."""
    settings = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    return frozenset(settings["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-module-level-imports"])


def read_modules(root: Path) -> list[Module]:
    """Every module of ``root/ftlineage``, by name."""
    found = []
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, filename=str(path))
        imports = tuple(_imports(tree.body, lazy=False, typing=False))
        found.append(Module(name=name, path=path, tree=tree, lines=len(text.splitlines()), imports=imports))
    return found


def faults(modules: list[Module], heavy: frozenset[str]) -> list[str]:
    """Everything in which a tree breaks the rules, as sentences."""
    return [
        *layer_faults(modules),
        *cycle_faults(modules),
        *core_faults(modules),
        *library_faults(modules, heavy),
        *init_faults(modules),
        *length_faults(modules),
    ]


# --- imports -----------------------------------------------------------------------------------


def _imports(body: Iterable[ast.stmt], *, lazy: bool, typing: bool) -> Iterator[Import]:
    """Imports anywhere in a body; ``lazy`` inside functions, ``typing`` under ``if TYPE_CHECKING``."""
    for node in body:
        match node:
            case ast.Import(names=names):
                yield from (Import(target=one.name, line=node.lineno, lazy=lazy, typing=typing) for one in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                start = "." * level + (f"{module}." if module else "")
                yield from (
                    Import(target=start + one.name, line=node.lineno, lazy=lazy, typing=typing) for one in names
                )
            case ast.FunctionDef(body=inner) | ast.AsyncFunctionDef(body=inner):
                yield from _imports(inner, lazy=True, typing=typing)
            case ast.If(test=test, body=inner, orelse=other):
                checked = typing or ast.unparse(test).endswith("TYPE_CHECKING")
                yield from _imports(inner, lazy=lazy, typing=checked)
                yield from _imports(other, lazy=lazy, typing=typing)
            case _:
                yield from _imports(_blocks(node), lazy=lazy, typing=typing)


def _blocks(node: ast.stmt) -> list[ast.stmt]:
    """Statements inside a class, ``with``, ``try``, loop or ``match``."""
    parts = [getattr(node, part, []) for part in ("body", "orelse", "finalbody")]
    parts += [part.body for part in (*getattr(node, "handlers", []), *getattr(node, "cases", []))]
    return [statement for part in parts for statement in part]


def _own_targets(module: Module) -> Iterator[tuple[Import, str]]:
    """Imports of this package's own parts, with the top-level place each leads to."""
    for found in module.imports:
        if found.target == PACKAGE or not found.target.startswith(f"{PACKAGE}."):
            continue
        place = found.target.split(".")[1]
        if not place.startswith("__") or place in RANK:  # `from ftlineage import __version__` leads nowhere
            yield found, place


def layer_faults(modules: list[Module]) -> Iterator[str]:
    """Imports that go up or sideways, and places that have no layer."""
    for module in modules:
        yield from (
            f"{module.name}:{found.line} imports {found.target} relatively"
            for found in module.imports
            if found.target.startswith(".")
        )
        if module.place == "":
            yield from (
                f"{module.name}:{found.line} imports {found.target} before it is asked for"
                for found, _ in _own_targets(module)
                if not (found.typing or found.lazy)
            )
        elif module.place != TESTING and module.place not in RANK:
            yield f"{module.name} is in no layer: add {module.place} to LAYERS"
        else:
            for found, place in _own_targets(module):
                if not may_import(module.place, place):
                    yield f"{module.name}:{found.line} imports {found.target}: {module.place} must not know {place}"


def may_import(place: str, other: str) -> bool:
    """Whether one top-level place may import another."""
    if place == TESTING:
        return other in TESTING_MAY_IMPORT
    if other == TESTING:
        return place in MAY_IMPORT_TESTING
    return place == other or RANK.get(other, len(LAYERS)) < RANK[place]


def cycle_faults(modules: list[Module]) -> Iterator[str]:
    """Groups of modules that need each other to be imported first; imports inside functions do not count."""
    names = {module.name for module in modules}
    edges = {
        module.name: {
            resolved
            for found in module.imports
            if not (found.lazy or found.typing)
            and (resolved := _module_of(found.target, names)) is not None
            and resolved != module.name
        }
        for module in modules
    }
    for group in _cycles(edges):
        yield "import cycle: " + " -> ".join([*group, group[0]])


def _module_of(target: str, names: set[str]) -> str | None:
    """The module a dotted import loads: itself, or the one that holds the name."""
    return next((name for name in (target, target.rpartition(".")[0]) if name in names and name != PACKAGE), None)


def _cycles(edges: dict[str, set[str]]) -> list[list[str]]:
    """One shortest cycle through each module that lies on one, without repeats."""
    found: dict[frozenset[str], list[str]] = {}
    for start in sorted(edges):
        paths = [[start]]
        seen = {start}
        while paths:
            path = paths.pop(0)
            if start in edges[path[-1]]:
                found.setdefault(frozenset(path), path)
                break
            fresh = sorted(edges[path[-1]] - seen)
            seen.update(fresh)
            paths.extend([*path, name] for name in fresh)
    return list(found.values())


# --- libraries ---------------------------------------------------------------------------------


def core_faults(modules: list[Module]) -> Iterator[str]:
    """Input, output and clocks in ``core`` and ``errors``."""
    for module in modules:
        if module.place not in ("core", "errors"):
            continue
        for found in module.imports:
            refused = {found.target, found.target.rpartition(".")[0], found.target.partition(".")[0]} & CORE_REFUSES
            if refused and found.target not in CORE_MAY_TAKE:
                yield f"{module.name}:{found.line} imports {found.target}: {module.place} {DOES}"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and (name := _called(node)) in CORE_CALLS_REFUSED:
                yield f"{module.name}:{node.lineno} calls {name}(): {module.place} {DOES}"


def _called(node: ast.Call) -> str | None:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def library_faults(modules: list[Module], heavy: frozenset[str]) -> Iterator[str]:
    """Heavy libraries at module level anywhere, training libraries at all in the layers of the base install."""
    names = {module.name for module in modules}
    for module in modules:
        allowed = HEAVY_ALLOWED.get(module.name, ())
        for found in module.imports:
            library = found.target.partition(".")[0]
            start = f"{module.name}:{found.line} imports"
            if not (found.lazy or found.typing):
                if library in heavy and library not in allowed:
                    yield f"{start} {library} at module level: import it where it is used"
                if (own := _module_of(found.target, names)) in HEAVY_ALLOWED:
                    yield f"{start} {own} at module level: it loads {HEAVY_ALLOWED[own][0]}"
            if library in TRAINING_LIBRARIES and module.place in BASE_LAYERS and not found.typing:
                yield f"{start} {library}: {module.place} must work without it"


# --- shape -------------------------------------------------------------------------------------


def init_faults(modules: list[Module]) -> Iterator[str]:
    """Packages whose ``__init__`` is more than a docstring: re-exports are how import cycles begin."""
    for module in modules:
        if module.is_init and module.name not in INIT_ALLOWED:
            rest = [node for node in module.tree.body if not _is_docstring(node) and not _is_future(node)]
            if rest or ast.get_docstring(module.tree) is None:
                yield f"{module.name}/__init__.py is not just a docstring"


def length_faults(modules: list[Module]) -> Iterator[str]:
    """Files of 400 lines and more; functions of 40 lines and more, from ``def`` to the end without the docstring."""
    for module in modules:
        if module.lines >= MAX_FILE_LINES:
            yield f"{module.name} has {module.lines} lines, {MAX_FILE_LINES} or more"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = function_lines(node)
                if length >= MAX_FUNCTION_LINES:
                    yield f"{module.name}:{node.lineno} {node.name}() has {length} lines, {MAX_FUNCTION_LINES} or more"


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from ``def`` to its end; decorators and the docstring do not count, comments do."""
    span = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if _is_docstring(first):
        span -= (first.end_lineno or first.lineno) - first.lineno + 1
    return span


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"

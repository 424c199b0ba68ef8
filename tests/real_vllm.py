"""vLLM's own modules in a test: the installed package, or its unmodified files that lie in ``tests/vendored``.

vLLM cannot be installed without a GPU toolchain, but the modules that decide about adapters are
plain Python. What they import from the engine is replaced by empty stand-ins here; every line that
is judged is vLLM's own. Only one test at a time may hold it: use the ``vllm`` fixture.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import logging
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

VERSION = "0.33.0"
VENDORED = Path(__file__).parent / "vendored" / f"vllm-{VERSION}"
SOURCE = VENDORED / "vllm"
# Read as text only: they need the engine, and hold the values that flags may have.
TEXT_ONLY = frozenset({"vllm.config.lora", "vllm.engine.arg_utils", "vllm.entrypoints.rl.online.api_router"})


def is_installed() -> bool:
    """Whether a real vLLM is here; the stand-ins are then not used."""
    return "vllm" not in sys.modules and importlib.util.find_spec("vllm") is not None


def source(module: str) -> ast.Module:
    """The syntax tree of one of vLLM's modules, without importing it."""
    return ast.parse((SOURCE / f"{module.removeprefix('vllm.').replace('.', '/')}.py").read_text("utf-8"))


@contextlib.contextmanager
def imported() -> Iterator[types.ModuleType]:
    """The package ``vllm`` inside the block, and no trace of it after."""
    if is_installed():
        yield importlib.import_module("vllm")
        return
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield importlib.import_module("vllm")
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name == "vllm" or name.startswith("vllm.")]:
            del sys.modules[name]


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Vendored files where there are some, stand-ins for every other module of vLLM."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - vLLM's modules lie in one place
        target: types.ModuleType | None = None,  # noqa: ARG002 - likewise
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] != "vllm":
            return None
        place = SOURCE.joinpath(*fullname.split(".")[1:])
        if fullname not in TEXT_ONLY:
            if place.with_suffix(".py").is_file():
                return importlib.util.spec_from_file_location(fullname, place.with_suffix(".py"))
            if (place / "__init__.py").is_file():
                return importlib.util.spec_from_file_location(
                    fullname, place / "__init__.py", submodule_search_locations=[]
                )
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        if module.__name__ == "vllm.logger":
            vars(module)["init_logger"] = _make_logger
        if module.__name__ == "vllm.config":
            vars(module)["config"] = lambda decorated=None, **_: decorated or (lambda kind: kind)


class _StandIn(types.ModuleType):
    """A module in which every name is an empty class."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if _is_vendored(self.__name__, name):
            return importlib.import_module(f"{self.__name__}.{name}")
        made = type(name, (), {})
        setattr(self, name, made)
        return made


def _is_vendored(package: str, name: str) -> bool:
    place = SOURCE.joinpath(*package.split(".")[1:], name)
    return place.with_suffix(".py").is_file() or place.is_dir()


def _make_logger(name: str) -> logging.Logger:
    logger: Any = logging.getLogger(name)
    logger.info_once = logger.info
    logger.warning_once = logger.warning
    found: logging.Logger = logger
    return found


# --- facts read from the source ------------------------------------------------------------------


def engine_flags() -> set[str]:
    """Every option string of vLLM's engine arguments."""
    return {
        argument.value
        for node in ast.walk(source("vllm.engine.arg_utils"))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def frontend_flags() -> dict[str, str]:
    """Every field of the server's arguments as an option, with its annotation."""
    classes = [
        node
        for node in source("vllm.entrypoints.common.cli_args").body
        if isinstance(node, ast.ClassDef) and node.name in ("BaseFrontendArgs", "FrontendArgs")
    ]
    return {
        f"--{field.target.id.replace('_', '-')}": ast.unparse(field.annotation)
        for found in classes
        for field in found.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    }


def literal(module: str, name: str) -> tuple[Any, ...]:
    """The values of ``name = Literal[...]`` in a module."""
    for node in source(module).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            values: tuple[Any, ...] = ast.literal_eval(f"({ast.unparse(node.value).removeprefix('Literal[')[:-1]},)")
            return values
    raise LookupError(name)


def routes(module: str) -> set[str]:
    """Paths of all routes a module declares."""
    return {
        str(call.args[0].value)
        for node in ast.walk(source(module))
        if isinstance(node, ast.AsyncFunctionDef)
        for call in node.decorator_list
        if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant)
    }

"""Loaders that a tree defines for itself: functions which hand a parameter on, seen from other files.

Decides which imported name is which function by the end of its module's path, since where the tree's
root lies on the import path is not known. Refuses names that two modules could mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from ftlineage.drift.python.passing import Passing

_T = TypeVar("_T")
_CONSTANT = re.compile(
    r"""^([A-Za-z_]\w*)(?:\s*:\s*[\w\[\]. |]+)?\s*=\s*["']([\w.-]+/[\w.-]+|[0-9a-f]{40})["']\s*(?:#.*)?$""",
    re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wrapper:
    """A function or class of a module that loads what it is given. ``params`` are its parameters in order."""

    module: str
    name: str
    params: tuple[str, ...]
    passings: tuple[Passing, ...]


@dataclass(kw_only=True, slots=True)
class Wrappers:
    """What the files of one tree export to each other; filled by :meth:`add`, then only read."""

    functions: dict[str, list[Wrapper]] = field(default_factory=dict)
    constants: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, found: FileWrappers) -> None:
        """Take in what one file exports."""
        for one in found.wrappers:
            self.functions.setdefault(one.name, []).append(one)
        for name, text in found.constants:
            self.constants.setdefault(name, []).append((found.module, text))

    def find(self, imported: str, path: str) -> Wrapper | None:
        """The wrapper that ``module:name`` means in the file at ``path``."""
        module, _, name = imported.partition(":")
        return _only([one for one in self.functions.get(name, ()) if same_module(one.module, absolute(module, path))])

    def text(self, imported: str, path: str) -> str | None:
        """The module-level string that ``module:name`` means in the file at ``path``."""
        module, _, name = imported.partition(":")
        where = absolute(module, path)
        return _only([text for held, text in self.constants.get(name, ()) if same_module(held, where)])


@dataclass(frozen=True, kw_only=True, slots=True)
class FileWrappers:
    """What one file exports."""

    module: str
    wrappers: tuple[Wrapper, ...] = ()
    constants: tuple[tuple[str, str], ...] = ()


def module_of(path: str) -> str:
    """The dotted module of a file's path, a package's ``__init__`` as the package."""
    parts = path.replace("\\", "/").removesuffix(".py").strip("/").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def absolute(module: str, path: str) -> str:
    """A module as imported in the file at ``path``, dots in front resolved."""
    dots = len(module) - len(module.lstrip("."))
    if dots == 0:
        return module
    parts = path.replace("\\", "/").strip("/").split("/")[:-dots]
    return ".".join([*parts, module.lstrip(".")]).rstrip(".")


def same_module(defined: str, imported: str) -> bool:
    """Whether a module imported under a name can be this one: the same end, or a package that re-exports it."""
    if not imported:
        return False
    return defined == imported or defined.endswith(f".{imported}") or f".{imported}." in f".{defined}"


def text_constants(text: str) -> tuple[tuple[str, str], ...]:
    """Module-level strings that are ids or commits."""
    return tuple((found.group(1), found.group(2)) for found in _CONSTANT.finditer(text))


def _only(found: Iterable[_T]) -> _T | None:
    held = list(dict.fromkeys(found))
    return held[0] if len(held) == 1 else None

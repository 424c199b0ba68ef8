"""What an expression can be when it runs, as far as the file says.

An expression has a list of possible values. ``how`` keeps the way a text came to its use, since
that decides where it is reported: a constant at its use, a default or one of several at its own line.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ftlineage.drift.python.scope import Place, Scope


class How(IntEnum):
    """How a value came to its use; the farther way wins when ways are chained."""

    HERE = 0
    CONSTANT = 1
    ITEM = 2  # one of several: a dict or list entry, a branch
    DEFAULT = 3  # what holds unless the caller says otherwise


@dataclass(frozen=True, slots=True)
class Text:
    """A known string. ``node`` is where it is written; ``partial`` that only its beginning is known."""

    text: str
    node: ast.expr
    how: How = How.HERE
    partial: bool = False
    foreign: bool = False  # written in another file of the tree


@dataclass(frozen=True, slots=True)
class Plain:
    """A constant that is no string: True, None, a number."""

    value: object


@dataclass(frozen=True, slots=True)
class Local:
    """Something that is a path on this machine, or an object, and thus no Hub id."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Only a run knows it."""


@dataclass(frozen=True, slots=True)
class Param:
    """What the caller of ``function`` gives for ``name``."""

    function: ast.FunctionDef | ast.AsyncFunctionDef
    name: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """A dict literal or ``dict(...)``: values by constant key; ``open`` if it may hold more."""

    entries: dict[str, tuple[ast.expr, Place]]
    rest: tuple[tuple[ast.expr, Place], ...] = ()
    open: bool = False
    keys: tuple[ast.Constant, ...] = ()

    def every(self) -> list[tuple[ast.expr, Place]]:
        """All values."""
        return [*self.entries.values(), *self.rest]


@dataclass(frozen=True, slots=True)
class Items:
    """A list, tuple or set literal, or what stands for one."""

    elements: tuple[tuple[ast.expr, Place], ...]


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class of this file, with the call that made it where that is known."""

    scope: Scope
    call: ast.Call | None = None
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Made:
    """An object that a loader or the like has made: whatever it is, no id."""


Value = Made | Text | Plain | Local | Unknown | Param | Mapping | Items | Instance

UNKNOWN = Unknown()
LOCAL = Local()
NOTHING = Plain(None)
MADE = Made()


def farther(values: Iterable[Value], how: How) -> list[Value]:
    """The same, come by this way."""
    return [replace(one, how=how) if isinstance(one, Text) and one.how < how else one for one in values]

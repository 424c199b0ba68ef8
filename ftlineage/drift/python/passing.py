"""Functions that hand a parameter on to a loader, and so are loaders themselves.

A summary says which parameter is the id, which the revision, and what is loaded. Nothing is decided
about calls; :mod:`reader` applies summaries to the calls of the file, :mod:`wrappers` to other files.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from ftlineage.drift.python.emit import Revision, Use
from ftlineage.drift.python.names import Kind
from ftlineage.drift.python.scope import Function
from ftlineage.drift.python.sinks import Bare
from ftlineage.drift.python.values import Param


@dataclass(frozen=True, kw_only=True, slots=True)
class Passing:
    """What becomes of one parameter. ``revision_param`` is ``**`` where keywords are handed on."""

    param: str
    kind: Kind
    via: str
    bare: Bare
    strict: bool
    remote_code: bool
    revision: str | None
    revision_known: bool
    revision_param: str | None


class Summaries:
    """Which functions of a file hand what on."""

    def __init__(self) -> None:
        self.functions: dict[int, Function] = {}
        self.passings: dict[int, dict[tuple[str, str], Passing]] = {}
        self.fresh: set[int] = set()

    def note(self, param: Param, use: Use, revision_param: str | None) -> None:
        """Remember that a parameter reaches a use; the first use of a kind decides."""
        known = self.passings.setdefault(id(param.function), {})
        key = (param.name, use.kind)
        if key in known:
            return
        self.functions[id(param.function)] = param.function
        self.fresh.add(id(param.function))
        known[key] = Passing(
            param=param.name,
            kind=use.kind,
            via=use.via,
            bare=use.bare,
            strict=use.strict,
            remote_code=use.remote_code,
            revision=use.revision.text,
            revision_known=use.revision.known,
            revision_param=revision_param,
        )

    def take_fresh(self) -> list[Function]:
        """The functions noted since the last call."""
        found = [self.functions[one] for one in self.fresh]
        self.fresh.clear()
        return found

    def of(self, function: Function | ast.AST) -> list[Passing]:
        """What a function hands on."""
        return list(self.passings.get(id(function), {}).values())


def revision_through(passing: Passing, given: Revision | None, slot: Revision) -> Revision:
    """The revision of a call of a wrapper: what the call gives, else what the wrapper fixes, else none."""
    if given is not None:
        return given
    if passing.revision is not None:
        return Revision(text=passing.revision, unpinnable=f"fixed within {passing.via}'s caller")
    if passing.revision_param is None and not passing.revision_known:
        return Revision(known=False, unpinnable="only a run knows the revision")
    return slot

"""A loading call: its id, its revision, whether code runs, and the Found that follow.

Decides for one call of :mod:`sinks`' table. A parameter that reaches it makes the function around
it a loader itself, which is noted for :mod:`wrappers`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from ftlineage.drift.python.calls import dotted, keyword
from ftlineage.drift.python.emit import Findings, Revision, Use
from ftlineage.drift.python.evaluate import Evaluator
from ftlineage.drift.python.names import Kind, kind_of_words, revision_beside
from ftlineage.drift.python.passing import Summaries
from ftlineage.drift.python.scope import Place
from ftlineage.drift.python.sinks import Sink
from ftlineage.drift.python.slots import call_slot, literal_slot, nothing_slot
from ftlineage.drift.python.values import (
    LOCAL,
    NOTHING,
    How,
    Items,
    Local,
    Made,
    Mapping,
    Param,
    Plain,
    Text,
    Unknown,
    Value,
)
from ftlineage.drift.revision import is_commit

Arg = tuple[ast.expr, Place]
_NO_LITERAL = "the revision is not written as one plain string in this file"


class Applier:
    """Applies loaders to the calls of one file."""

    def __init__(self, ev: Evaluator, findings: Findings, summaries: Summaries) -> None:
        self.ev = ev
        self.findings = findings
        self.summaries = summaries
        self.source = findings.source
        self.siblings: dict[int, tuple[Arg, str]] = {}

    def sink(self, sink: Sink, call: ast.Call, place: Place, via: str) -> bool:
        """Report what a call of a loader loads; whether the call has the argument at all."""
        given = Given(self.ev, call, place)
        argument = self._argument(sink, given)
        if argument is None:
            if given.open and sink.at is not None and not sink.strict:
                self.findings.dynamic(self._use(sink, given, call, (call, place), via))
            return False
        use = self._use(sink, given, call, argument, via)
        self.findings.consumed.add(id(argument[0]))
        values = flat(self.ev, self.ev.values(*argument))
        self.report(values, use, given)
        return True

    def report(self, values: list[Value], use: Use, given: Given | None) -> None:
        """Report all values of one argument, and note parameters that reach it."""
        texts = [one for one in values if isinstance(one, Text)]
        params = [one for one in values if isinstance(one, Param)]
        if len(values) > 1:
            texts = [Text(one.text, one.node, max(one.how, How.ITEM), one.partial, one.foreign) for one in texts]
        unread = [one for one in texts if not self.findings.text(one, self._with_lookup(one, use, given))]
        for one in params:
            self.summaries.note(one, use, given.revision_param(use) if given is not None else None)
        unsure = any(isinstance(one, Unknown | Param) for one in values)
        silent = any(isinstance(one, Made | Local) for one in values) and not unsure
        if values and all(one == LOCAL for one in values) and not use.strict:
            self.findings.local(use)
        several = unsure or len(texts) > 1 or any(one.partial for one in unread)
        if several and not silent and (not use.strict or _names_something(use.node)):
            self.findings.dynamic(use)

    def _with_lookup(self, text: Text, use: Use, given: Given | None) -> Use:
        """``revision=PINS[name]``: the entry of this very id."""
        if use.revision.known and use.revision.text is not None:
            return use
        beside = self.siblings.get(id(text.node)) if text.how >= How.ITEM else None
        if beside is not None:
            return replace(use, revision=self.revision_of(*beside))
        entry = given.revision_for(text.text) if given is not None and not use.revision.known else None
        return use if entry is None else replace(use, revision=Revision(text=entry, unpinnable="looked up by the id"))

    def note_siblings(self, node: ast.expr, place: Place) -> None:
        """Remember which revision stands beside which literal, in one dict or call."""
        pairs: dict[str, ast.expr] = {}
        if isinstance(node, ast.Call):
            pairs = {one.arg: one.value for one in node.keywords if one.arg}
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    pairs[key.value] = value
                    if isinstance(value, ast.Constant) and is_commit(str(value.value)):
                        self.siblings[id(key)] = (value, place), "revision"
        if any(mark in name for name in pairs for mark in ("revision", "sha", "commit")):
            for name, value in pairs.items():
                beside = revision_beside(name, pairs)
                if beside is not None and isinstance(value, ast.Constant):
                    self.siblings[id(value)] = (pairs[beside], place), beside

    def _argument(self, sink: Sink, given: Given) -> Arg | None:
        for key in sink.keys:
            found = given.keyword(key)
            if found is not None:
                return found
        return given.positional(sink.at) if sink.at is not None else None

    def _use(self, sink: Sink, given: Given, call: ast.Call, argument: Arg, via: str) -> Use:
        kind = sink.kind or _repo_kind(self.ev, given, via)
        return Use(
            kind=kind,
            via=via,
            node=argument[0],
            span=(call.lineno, call.end_lineno or call.lineno),
            revision=self._revision(sink, given, call),
            bare="any" if kind == "dataset" and sink.bare != "never" else sink.bare,
            strict=sink.strict,
            remote_code=sink.always_code or given.is_true("trust_remote_code", sink.inside),
            only_local=given.is_true("local_files_only", None),
            scheme=sink.scheme,
            prefix=_prefix(self.ev, sink, given),
        )

    def _revision(self, sink: Sink, given: Given, call: ast.Call) -> Revision:
        for key in sink.revisions:
            found = given.keyword(key) or (given.within(sink.inside, key) if sink.inside else None)
            if found is not None:
                return self.revision_of(found, key)
        settings = given.settings("args", sink.inside) if sink.inside == "model_init_kwargs" else None
        if settings is not None:
            return (
                Revision(known=False, unpinnable="the config's model_init_kwargs may hold a revision")
                if settings.open
                else (
                    self.revision_of(settings.entries["revision"], "revision")
                    if "revision" in settings.entries
                    else Revision(unpinnable=sink.reason)
                )
            )
        if given.open:
            return Revision(known=False, unpinnable="arguments handed on may hold a revision")
        slot = call_slot(self.source, call, sink.insert) if sink.insert else None
        return Revision(slot=slot, unpinnable=sink.reason or "no place for a revision in this call")

    def revision_of(self, argument: Arg, key: str) -> Revision:
        """What a revision argument says."""
        values = self.ev.values(*argument)
        texts = [one for one in values if isinstance(one, Text) and not one.partial]
        if len(texts) == 1 and (len(values) == 1 or texts[0].how is How.DEFAULT):
            slot = literal_slot(self.source, texts[0], key)
            return Revision(text=texts[0].text, slot=slot, unpinnable=_NO_LITERAL, default=texts[0].how is How.DEFAULT)
        if all(one == NOTHING for one in values):
            literal = isinstance(argument[0], ast.Constant)
            slot = nothing_slot(self.source, argument[0], key) if literal else None
            return Revision(slot=slot, unpinnable=_NO_LITERAL)
        return Revision(known=False, unpinnable="only a run knows the revision")


class Given:
    """The arguments of one call, those in dicts handed on with ``**`` too."""

    def __init__(self, ev: Evaluator, call: ast.Call, place: Place) -> None:
        self.ev = ev
        self.call = call
        self.place = place
        self.open = any(isinstance(one, ast.Starred) for one in call.args[:1])
        self._spread: list[Mapping] = []
        for one in call.keywords:
            if one.arg is None:
                self._spread_in(one.value)

    def _spread_in(self, node: ast.expr) -> None:
        held = self.ev.values(node, self.place)
        mappings = [one for one in held if isinstance(one, Mapping)]
        self._spread += mappings
        self.open = self.open or not mappings or any(one.open for one in mappings)
        if isinstance(node, ast.Name):
            # `kwargs["revision"] = x` after the literal.
            for scope in self.place.scope.function_scopes():
                for name, bound in scope.names.items():
                    if name.startswith(f"{node.id}["):
                        key = name[len(node.id) + 1 : -1]
                        self._spread += [
                            Mapping({key: (one.node, one.place)})
                            for one in bound
                            if isinstance(one.node, ast.expr) and one.place.position < self.place.position
                        ]

    def positional(self, at: int) -> Arg | None:
        """The argument at a position, if no ``*`` stands before it."""
        before = self.call.args[: at + 1]
        if at < len(self.call.args) and not any(isinstance(one, ast.Starred) for one in before):
            return self.call.args[at], self.place
        return None

    def keyword(self, key: str) -> Arg | None:
        """An argument by keyword; ``model_args.pretrained`` for one within another."""
        outer, dot, inner = key.partition(".")
        if dot:
            return self.within(outer, inner)
        found = keyword(self.call, key)
        if found is not None:
            return found, self.place
        return next((one.entries[key] for one in reversed(self._spread) if key in one.entries), None)

    def within(self, outer: str, inner: str) -> Arg | None:
        """An entry of the dict that is given for a keyword."""
        held = self.keyword(outer)
        for one in self.ev.values(*held) if held is not None else ():
            if isinstance(one, Mapping) and inner in one.entries:
                return one.entries[inner]
        return None

    def settings(self, outer: str, inner: str) -> Mapping | None:
        """A dict within the call that made an argument: ``args=Config(model_init_kwargs={...})``."""
        held = self.keyword(outer)
        if held is None:
            return None
        node, place = held
        if isinstance(node, ast.Name):
            bound = self.ev.bound(node.id, place)
            node, place = (bound[0].node, bound[0].place) if bound and isinstance(bound[0].node, ast.expr) else held
        inside = keyword(node, inner) if isinstance(node, ast.Call) else None
        if inside is None:
            return None
        return next((one for one in self.ev.values(inside, place) if isinstance(one, Mapping)), Mapping({}, open=True))

    def is_true(self, key: str, inside: str | None) -> bool:
        """Whether a switch is on, or on by default."""
        found = self.keyword(key) or (self.within(inside, key) if inside else None)
        return found is not None and any(one == Plain(True) for one in self.ev.values(*found))  # noqa: FBT003

    def revision_param(self, use: Use) -> str | None:
        """The parameter of the function around that a revision is taken from."""
        for key in ("revision", "model_revision", "tokenizer_revision", "hf_revision"):
            found = self.keyword(key)
            for one in self.ev.values(*found) if found is not None else ():
                if isinstance(one, Param):
                    return one.name
        return None if not self.open or use.revision.text else "**"

    def revision_for(self, ref: str) -> str | None:
        """The revision that a dict of revisions has for an id."""
        found = self.keyword("revision")
        node = found[0] if found is not None else None
        holder: ast.expr | None = None
        if isinstance(node, ast.Subscript):
            holder = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            holder = node.func.value
        for one in self.ev.values(holder, self.place) if holder is not None else ():
            if isinstance(one, Mapping) and ref in one.entries:
                return self.ev.text(*one.entries[ref])
        return None


def flat(ev: Evaluator, values: list[Value]) -> list[Value]:
    """The values, with lists taken apart."""
    found: list[Value] = []
    for one in values:
        found += ev.each([one]) if isinstance(one, Items) else [one]
    return [one for one in found if one != NOTHING] if len(found) > 1 else found


def _names_something(node: ast.expr) -> bool:
    name = dotted(node).rpartition(".")[2]
    return kind_of_words(name) is not None and name.endswith(("name", "path", "id", "repo"))


def _repo_kind(ev: Evaluator, given: Given, via: str) -> Kind:
    found = given.keyword("repo_type")
    text = ev.text(*found) if found is not None else None
    if "dataset" in via.rpartition(".")[2] or text == "dataset":
        return "dataset"
    return "space" if text == "space" else "model"


def _prefix(ev: Evaluator, sink: Sink, given: Given) -> str:
    if sink.kind != "space":
        return sink.prefix
    found = given.keyword("module_type") or given.positional(2)
    text = ev.text(*found) if found is not None else None
    return f"evaluate-{text}/" if text in {"comparison", "measurement"} else sink.prefix


def loaders_of(qualified: str, sinks: tuple[Sink, ...]) -> Iterator[tuple[Sink, str]]:
    """Each loader with the name it is reported by: the class and the method, without the modules before."""
    parts = [part for part in qualified.split(".") if part]
    via = ".".join(parts[-2:]) if len(parts) > 1 and (parts[-2][:1].isupper() or parts[-2] == "evaluate") else parts[-1]
    for sink in sinks:
        yield sink, via

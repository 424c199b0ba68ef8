"""What is made of a value that reaches a loader: one :class:`Found` for each use.

Decides whether a text is an id, a path or nothing there, and on which line it is reported: a constant
where it is used, a default or one of several where it is written. Refuses to report one literal
twice when several calls read it as a default.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace

from ftlineage.drift.python.names import (
    BUILDERS,
    Kind,
    is_canonical,
    is_local_word,
    shape_of,
    split_id,
)
from ftlineage.drift.python.sinks import Bare
from ftlineage.drift.python.slots import literal_span
from ftlineage.drift.python.source import Source
from ftlineage.drift.python.values import How, Text
from ftlineage.drift.reference import Found, Slot


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """The revision that reaches a loader: its text, or that none is given, or that only a run knows."""

    text: str | None = None
    known: bool = True
    slot: Slot | None = None
    unpinnable: str | None = None
    default: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """One argument of one loading call, key or default: what every Found made of it shares."""

    kind: Kind
    via: str
    node: ast.expr  # the argument
    span: tuple[int, int]
    revision: Revision = field(default_factory=Revision)
    bare: Bare = "never"
    strict: bool = False
    remote_code: bool = False
    only_local: bool = False
    scheme: str | None = None
    prefix: str = ""


NO_SLOT_DEFAULT = "a default that the caller can change: give it a revision of its own beside it"
NO_SLOT_ITEM = "one of several ids that one call loads"

# Of several readers of one default the one that says most about it names its kind.
_RANK: dict[str, int] = {"tokenizer": 0, "code": 1, "model": 2, "adapter": 3, "dataset": 4, "space": 5}


class Findings:
    """Collects what is found in one file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.saved: set[str] = set()
        self.consumed: set[int] = set()
        self._found: dict[tuple[object, ...], Found] = {}

    def all(self) -> list[Found]:
        """Everything found, in the order of the text."""
        return sorted(self._found.values(), key=lambda one: (one.line, one.column, one.kind, one.ref or ""))

    def text(self, text: Text, use: Use) -> bool:
        """Report a text that reaches a use; False if it is no reference at all."""
        shape, ref, revision = self._read(text, use)
        if shape == "none":
            return False
        self.consumed.add(id(text.node))
        own = text.how >= How.ITEM
        node = text.node if own and not text.foreign else use.node
        is_local = shape == "local" or use.only_local
        given = Revision(unpinnable="a path on this machine") if is_local else self._given(text, use, revision)
        found = Found(
            ref=ref,
            kind=use.kind,
            line=node.lineno,
            column=self._column(node, text),
            lines=use.span if not own else (node.lineno, node.end_lineno or node.lineno),
            revision=given.text,
            revision_known=given.known,
            is_local=is_local,
            remote_code=use.remote_code and use.kind != "code",  # one finding, not two
            via=use.via,
            slot=given.slot,
            unpinnable=given.unpinnable if given.slot is None else None,
        )
        self._add(found, once=own)
        return True

    def dynamic(self, use: Use) -> None:
        """Report a use whose id only a run knows."""
        node = use.node
        line, column = node.lineno, self.source.column(node)
        found = Found(ref=None, kind=use.kind, line=line, column=column, lines=use.span, via=use.via,
                      revision=use.revision.text, revision_known=use.revision.known, remote_code=use.remote_code,
                      unpinnable="only a run knows the id")  # fmt: skip
        self._add(found, once=False)

    def local(self, use: Use) -> None:
        """Report a use that is given a path on this machine."""
        found = Found(ref=None, kind=use.kind, line=use.node.lineno, column=self.source.column(use.node),
            lines=use.span,
                      via=use.via, is_local=True, unpinnable="a path on this machine")  # fmt: skip
        self._add(found, once=False)

    def add(self, found: Found) -> None:
        """Report what another reader found here."""
        self._add(found, once=False)

    def _add(self, found: Found, *, once: bool) -> None:
        key = (found.line, found.column, found.ref, found.is_local, "" if once else (found.kind, found.via))
        known = self._found.get(key)
        if known is not None and once:
            found = _better(known, found)
        self._found[key] = found

    def _column(self, node: ast.expr, text: Text) -> int:
        if node is text.node:
            inner = literal_span(self.source, node)
            if inner is not None:
                return self.source.column(node) + inner[0] - self.source.span(node)[0]
        return self.source.column(node)

    def _given(self, text: Text, use: Use, inline: str | None) -> Revision:
        """The revision of this text: written into the id itself, or as the use has it."""
        given = use.revision
        if inline is not None:
            return Revision(text=inline, slot=self._inline_slot(text, inline), unpinnable="joined from pieces")
        if text.how < How.ITEM:
            return given
        known = given.known or text.how is How.DEFAULT
        if given.slot is not None and given.slot.start == given.slot.end:
            reason = NO_SLOT_DEFAULT if text.how is How.DEFAULT else NO_SLOT_ITEM
            return replace(given, known=known, slot=None, unpinnable=reason)
        return replace(given, known=known)

    def _inline_slot(self, text: Text, revision: str) -> Slot | None:
        inner = literal_span(self.source, text.node)
        at = text.text.find(f"@{revision}")
        if inner is None or at < 0:
            return None
        start = inner[0] + at + 1
        return Slot(key="revision", start=start, end=start + len(revision))

    def _read(self, text: Text, use: Use) -> tuple[str, str | None, str | None]:
        """Shape, id and inline revision of a text at a use."""
        raw = text.text.strip()
        if use.scheme is not None and not raw.startswith(use.scheme) and shape_of(raw) != "id":
            return "none", None, None
        shape: str = shape_of(raw)
        if raw.startswith(("hf://", "hf-hub:", "hf_hub:")):
            found = split_id(raw)
            return ("id", found.ref, found.revision) if found is not None else ("none", None, None)
        if text.partial:
            return self._read_partial(raw, use)
        if shape != "local" and (raw in self.saved or raw.split("/", 1)[0] in self.saved):
            shape = "local"
        if shape == "bare":
            shape = self._bare(raw, use)
        if shape == "local":
            return ("none" if use.strict and "/" not in raw else "local"), raw, None
        if shape == "id":
            return self._read_id(raw, use)
        return (shape, use.prefix + raw, None) if shape == "name" else ("none", None, None)

    def _read_id(self, raw: str, use: Use) -> tuple[str, str | None, str | None]:
        found = split_id(raw)
        if found is None:
            return "none", None, None
        if found.rest and use.kind != "adapter":
            return ("none", None, None) if use.strict else ("local", raw, None)
        return "id", found.ref, found.revision

    def _read_partial(self, raw: str, use: Use) -> tuple[str, str | None, str | None]:
        found = split_id(raw)
        if found is not None and raw.count("/") > 1 and shape_of(raw.rstrip("/")) == "id":
            return ("id", found.ref, found.revision) if use.kind in {"adapter", "model"} else ("none", None, None)
        return (
            ("local", None, None)
            if raw.startswith(("./", "../", "/", "~")) and not use.strict
            else ("none", None, None)
        )

    def _bare(self, raw: str, use: Use) -> str:
        if use.strict or use.bare == "never":
            return "none"
        if use.kind == "dataset" and raw in BUILDERS:
            return "local"
        if is_canonical(raw) or (use.bare == "any" and not is_local_word(raw)):
            return "name"
        return "local"


def _better(known: Found, found: Found) -> Found:
    """Of two reports of one literal: the pinned one, else the one whose kind says more."""
    for one, other in ((known, found), (found, known)):
        if one.revision is not None and other.revision is None:
            return one
    best = known if _RANK[known.kind] >= _RANK[found.kind] else found
    return changed(best, remote_code=known.remote_code or found.remote_code)


def changed(found: Found, **changes: object) -> Found:
    """The same with some fields replaced."""
    fields = {name: getattr(found, name) for name in found.__struct_fields__}
    return Found(**{**fields, **changes})

"""A reference to something on the Hub, as it stands in a file: what it names, at which revision, and where to pin it.

Readers give :class:`Found`: the facts they see, one for each use. :func:`judge` makes of each a
:class:`Reference` with its status and rule, the same way for every kind of file. Decided here and
nowhere else: what is floating.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ftlineage.core.layout import ADAPTER_CONFIG
from ftlineage.drift.revision import Rule, rule_of

Kind = Literal["model", "dataset", "adapter", "tokenizer", "space", "code"]
Status = Literal["floating", "pinned", "dynamic", "local"]


_OWNERS_OF_BARE_NAMES = frozenset({"SentenceTransformer", "SparseEncoder"})


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """Where a revision is written, or can be: offsets in characters of the file's text.

    ``start == end`` is a place for a new one; ``before`` and ``after`` are written around it there
    (``, revision="`` and ``"``). ``comment`` is how a remark ends a line there, None where the format
    has none (JSON) or none fits. ``key`` is the name people know it by: ``revision``, ``model_revision``.
    """

    key: str
    start: int
    end: int
    before: str = ""
    after: str = ""
    comment: str | None = "#"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader saw at one place.

    ``ref`` is the Hub id as written (``org/name``, ``gpt2``), None where only a run knows it.
    ``revision`` is the text that was found for it, None if none is given; ``revision_known`` is False
    where one is given that only a run knows. ``is_local`` says that it names a path here.
    ``via`` is the call, key or flag that loads it. ``line`` is the physical line of the id, from 1,
    ``column`` from 1; ``lines`` are all lines of the statement, where a suppression may stand.
    ``slot`` is None with a reason in ``unpinnable`` where the format has no place for a revision.
    """

    ref: str | None
    kind: Kind
    line: int
    column: int = 1
    lines: tuple[int, int] | None = None
    revision: str | None = None
    revision_known: bool = True
    is_local: bool = False
    remote_code: bool = False
    via: str
    cell: int | None = None
    cell_line: int | None = None
    slot: Slot | None = None
    unpinnable: str | None = None


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """One reference with its verdict; ``path`` is relative to the current folder, with ``/``."""

    path: str
    line: int
    column: int
    ref: str | None
    kind: Kind
    status: Status
    rule: Rule | None
    revision: str | None
    message: str
    cell: int | None = None
    cell_line: int | None = None
    via: str = ""
    lines: tuple[int, int] | None = None
    slot: Slot | None = None
    unpinnable: str | None = None

    @property
    def repository(self) -> str:
        """The repository that a loader asks the Hub for: some put an owner before a bare name."""
        ref = self.ref or ""
        return f"sentence-transformers/{ref}" if self.via in _OWNERS_OF_BARE_NAMES and ref and "/" not in ref else ref


def judge(found: Found, path: str) -> list[Reference]:
    """The verdict on one place: the reference itself, and remote code on a floating one as its own finding."""
    status, rule = _status(found)
    own = _reference(found, path, kind=found.kind, status=status, rule=rule)
    if not (found.remote_code and status == "floating"):
        return [own]
    return [own, _reference(found, path, kind="code", status="floating", rule="FLOAT006")]


def _status(found: Found) -> tuple[Status, Rule | None]:
    if found.is_local:
        return "local", None
    if found.ref is None or not found.revision_known:
        return "dynamic", None
    rule = rule_of(found.revision)
    if rule is None:
        return "pinned", None
    if found.kind == "model" and found.via == ADAPTER_CONFIG:
        return "floating", "FLOAT007"
    return "floating", rule


def _reference(found: Found, path: str, *, kind: Kind, status: Status, rule: Rule | None) -> Reference:
    return Reference(
        path=path,
        line=found.line,
        column=found.column,
        ref=found.ref,
        kind=kind,
        status=status,
        rule=rule,
        revision=found.revision,
        message=_message(found, status, rule),
        cell=found.cell,
        cell_line=found.cell_line,
        via=found.via,
        lines=found.lines,
        slot=found.slot,
        unpinnable=found.unpinnable,
    )


def _message(found: Found, status: Status, rule: Rule | None) -> str:
    name = found.ref or "an id known only when it runs"
    match rule:
        case "FLOAT001":
            return f"{name} names no revision: it loads whatever the {found.kind} is by then"
        case "FLOAT002":
            return f"{name} follows the branch {found.revision}: it loads whatever that is by then"
        case "FLOAT003":
            return f"{name} follows the tag {found.revision}, and tags can be moved"
        case "FLOAT004":
            return f"{name} names {found.revision}, which is no full commit id: write all 40 digits"
        case "FLOAT005":
            return f"{name} follows {found.revision}, which its author can change"
        case "FLOAT006":
            return f"{name} runs code from the repository, and its revision can move: pin it to a commit"
        case "FLOAT007":
            return f"the adapter's base {name} is not pinned: loaders take whatever it is by then"
        case None:
            return {
                "pinned": f"{name} is pinned to {found.revision}",
                "local": f"{name} is a path on this machine",
                "dynamic": f"{name}: only a run knows which revision it loads",
                "floating": name,
            }[status]
    return name

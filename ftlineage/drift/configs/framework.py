"""What a framework's files look like and which of their keys name something on the Hub: one table each.

A table is data: TOML in ``frameworks/`` here, or under ``[[tool.ftlineage.scan.frameworks]]`` in a
user's own settings. ``docs/scan-frameworks.md`` describes every key of one. Refused: keys that no
table has, and patterns that match nothing by their form.

A pattern is a path of keys, ``model.model_name``; lists on the way are not written. ``*`` stands for
a part of one key or a whole one, ``**`` for any number of keys, ``{a,b}`` for either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal

import msgspec

from ftlineage.drift.reference import Kind
from ftlineage.errors import BadArgumentError

Role = Literal["exclusive", "overlay", "fallback"]
Form = Literal["value", "keys", "args"]

# Between the keys of a path: no key has it.
SEPARATOR = "\x1f"


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys that name something on the Hub, and what stands beside them.

    ``revision`` and ``remote_code`` are looked up beside the id, in order: ``revision``,
    ``dataset_kwargs.revision`` further in, ``../revision`` further out; the first one is where a
    pin is written. ``shared_revision`` are revisions of another id that hold for this one too: read,
    never written for it. ``ids`` says whether a bare name (``gpt2``) counts. ``at`` is what separates the
    id from a revision inside the value, ``split`` what separates several ids. ``form`` is ``keys``
    where the mapping's keys are the ids, ``args`` for ``pretrained=org/name,revision=main``.
    ``when`` are patterns that values beside must match for the rule to hold, ``unless`` must not; of
    the keys ``with_any`` at least one must stand beside. ``unpinnable`` says why no new revision can
    be written; one that stands there still can be replaced. ``via`` is what the finding names instead
    of the key.
    """

    keys: list[str]
    kind: Kind = "model"
    ids: Literal["any", "org/name"] = "any"
    revision: list[str] = []
    shared_revision: list[str] = []
    remote_code: list[str] = []
    form: Form = "value"
    at: str = ""
    split: str = ""
    rest_kind: Kind | None = None
    when: dict[str, str] = {}
    unless: dict[str, str] = {}
    with_any: list[str] = []
    unpinnable: str = ""
    via: str = ""


class Framework(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, eq=False):
    """One framework: how its files are known and what they name.

    ``signs`` give each pattern that occurs its weight (``key=regex`` asks for a value); a file is the
    framework's whose sum is highest and at least ``least``. An ``overlay`` is read beside it, a
    ``fallback`` where no framework claims the file. ``silent`` keys are never references;
    ``builders`` are names that load files of one's own; ``commands`` hold command lines.
    """

    name: str
    title: str = ""
    docs: str = ""
    role: Role = "exclusive"
    least: int = 0
    signs: dict[str, int] = {}
    references: list[Rule] = []
    silent: list[str] = []
    builders: list[str] = []
    commands: list[str] = []
    images: dict[str, str] = {}
    note: str = ""


def read_framework(document: Mapping[str, object], where: str = "frameworks") -> Framework:
    """A table from a parsed TOML document.

    Raises:
        BadArgumentError: A key is unknown, missing, of the wrong type, or a pattern that cannot match.
    """
    try:
        framework = msgspec.convert(dict(document), type=Framework, strict=True)
    except msgspec.ValidationError as fault:
        raise BadArgumentError(argument=_named(where, document), reason=str(fault)) from fault
    for key, text in _expressions(framework):
        try:
            re.compile(text)
        except re.error as fault:
            reason = f"{key}: {text!r} is no regular expression: {fault}"
            raise BadArgumentError(argument=_named(where, document), reason=reason) from fault
    for pattern in patterns_of(framework):
        if not pattern.strip() or any(not segment for segment in segments(pattern)):
            reason = f"{pattern!r} is no path of keys"
            raise BadArgumentError(argument=_named(where, document), reason=reason)
    if framework.role == "exclusive" and (not framework.signs or framework.least < 1):
        reason = "needs signs and a least sum of at least 1, or every file would be its"
        raise BadArgumentError(argument=_named(where, document), reason=reason)
    return framework


def _named(where: str, document: Mapping[str, object]) -> str:
    name = document.get("name")
    return f"{where}: {name}" if isinstance(name, str) and name else where


def _expressions(framework: Framework) -> list[tuple[str, str]]:
    found = [("signs", sign.partition("=")[2]) for sign in framework.signs if "=" in sign]
    for rule in framework.references:
        found += [("when", text) for text in rule.when.values()]
        found += [("unless", text) for text in rule.unless.values()]
    return found


def patterns_of(framework: Framework) -> list[str]:
    """Every pattern of keys in a table."""
    found = [sign.partition("=")[0] for sign in framework.signs]
    found += framework.silent + framework.commands
    for rule in framework.references:
        found += rule.keys
    return found


def segments(pattern: str) -> list[str]:
    """The keys of a pattern; dots inside ``{}`` are part of a key."""
    return re.findall(r"(?:\{[^}]*\}|[^.{])+|(?<=\.)(?=\.|$)|^(?=\.)", pattern)


@cache
def last_key(pattern: str) -> re.Pattern[str] | tuple[str, ...]:
    """What the last key of a pattern may be: names, or a shape."""
    last = segments(pattern)[-1]
    if "*" in last:
        return re.compile(_one_key(last))
    return tuple(alternatives(last))


class Pattern:
    """A path of keys to match, over keys each followed by :data:`SEPARATOR`; compiled when it is first needed."""

    __slots__ = ("_any", "_exact", "_regex", "_segments")

    def __init__(self, text: str) -> None:
        self._segments = segments(text)
        simple = not any(sign in text for sign in "*{")
        self._exact = "".join(f"{segment}{SEPARATOR}" for segment in self._segments) if simple else None
        # Places are looked up by their last key, so that `**.key` has nothing left to ask.
        self._any = len(self._segments) == 2 and self._segments[0] == "**"  # noqa: PLR2004 - `**` and the last
        self._regex: re.Pattern[str] | None = None

    def matches(self, path: str) -> bool:
        """Whether a path whose last key is the pattern's is matched."""
        if self._exact is not None:
            return path == self._exact
        if self._any:
            return True
        if self._regex is None:
            self._regex = re.compile("".join(map(_step, self._segments)))
        return self._regex.fullmatch(path) is not None


@cache
def pattern_of(text: str) -> Pattern:
    """The pattern of a text, made once."""
    return Pattern(text)


def _step(segment: str) -> str:
    if segment == "**":
        return f"(?:[^{SEPARATOR}]*{SEPARATOR})*"
    return f"(?:{_one_key(segment)}){SEPARATOR}"


def _one_key(segment: str) -> str:
    return "|".join(re.escape(text).replace(r"\*", f"[^{SEPARATOR}]*") for text in alternatives(segment))


def alternatives(segment: str) -> Sequence[str]:
    """The keys that one part of a pattern stands for, its braces written out."""
    found = re.fullmatch(r"([^{}]*)\{([^{}]*)\}([^{}]*)", segment)
    if found is None:
        return (segment,)
    return [found[1] + text.strip() + found[3] for text in found[2].split(",")]

"""Which tables speak for a file: whether any can, cheaper than parsing it, and which do for a document.

Decided by signs alone, never by a file's name. Tables are looked up by the last key of each pattern,
so a document costs what its own keys cost, however many tables there are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Generic, NamedTuple, TypeVar

from ftlineage.drift.configs.framework import Framework, Pattern, Rule, alternatives, last_key, pattern_of, segments
from ftlineage.drift.configs.index import Index, Place
from ftlineage.drift.configs.nodes import Scalar
from ftlineage.drift.configs.nodes import Sequence as Row
from ftlineage.drift.configs.strings import HINT, ON_HUB

_KEY = re.compile(r"""(?<![\w$-])([\w$-]++)["']?[ \t]*+[:=]""")
_WORD = re.compile(r"[\w$-]+")
_VARIABLE = re.compile(r"""\bname["']?[ \t]*:[ \t]*["']?(\w+)""")
_EMBEDDED_KEY = re.compile(r"\.(?:ya?ml|json|toml|sh|py)[\"']?[ \t]*:[ \t]*[|>]")


# For a pattern to match, one key of each set must occur.
_Needs = tuple[frozenset[str], ...]


class _Sign(NamedTuple):
    """What speaks for a framework; it counts once for a document."""

    name: tuple[str, str]
    framework: Framework
    path: Pattern
    value: re.Pattern[str] | None
    weight: int


class _Use(NamedTuple):
    """A pattern of a rule, None for one that is silent."""

    order: int
    path: Pattern
    rule: Rule | None


T = TypeVar("T")


class _ByKey(Generic[T]):
    """Things found by the last key of a pattern."""

    def __init__(self) -> None:
        self._named: dict[str, list[T]] = defaultdict(list)
        self._shaped: list[tuple[re.Pattern[str], T]] = []

    def add(self, pattern: str, thing: T) -> None:
        last = last_key(pattern)
        if isinstance(last, tuple):
            for key in last:
                self._named[key].append(thing)
            return
        self._shaped.append((last, thing))

    @cached_property
    def shape(self) -> re.Pattern[str] | None:
        """All shapes in one; read when every pattern is there."""
        shapes = sorted({f"(?:{shape.pattern})" for shape, _ in self._shaped})
        return re.compile("|".join(shapes)) if shapes else None

    def among(self, keys: Iterable[str]) -> Iterator[T]:
        for key in keys:
            yield from self.of(key)

    def of(self, key: str) -> Iterator[T]:
        yield from self._named.get(key, ())
        if self.shape is not None and self.shape.fullmatch(key):
            yield from (thing for shape, thing in self._shaped if shape.fullmatch(key))


class Choice:
    """Tables made ready: earlier ones win where two weigh the same."""

    def __init__(self, tables: Sequence[Framework]) -> None:
        self.tables = tables
        self._signs: _ByKey[_Sign] = _ByKey()
        self._named: _ByKey[_Needs] = _ByKey()
        self._commands: _ByKey[_Needs] = _ByKey()
        self._uses: dict[Framework, _ByKey[_Use]] = {}
        for framework in tables:
            self._add_signs(framework)
            self._add_uses(framework)

    def _add_signs(self, framework: Framework) -> None:
        for sign, weight in framework.signs.items():
            pattern, equals, value = sign.partition("=")
            wanted = re.compile(value) if equals else None
            self._signs.add(pattern, _Sign((framework.name, sign), framework, pattern_of(pattern), wanted, weight))

    def _add_uses(self, framework: Framework) -> None:
        uses = self._uses[framework] = _ByKey()
        for pattern in framework.silent:
            uses.add(pattern, _Use(-1, pattern_of(pattern), None))
        for order, rule in enumerate(framework.references):
            for pattern in rule.keys:
                self._named.add(pattern, _needs(pattern, rule.with_any))
                uses.add(pattern, _Use(order, pattern_of(pattern), rule))
        for pattern in framework.commands:
            self._commands.add(pattern, _needs(pattern, []))

    def is_likely(self, text: str, *, is_toml: bool = False) -> bool:
        """Whether the keys of any rule can occur in a text."""
        if ON_HUB.search(text):
            return True
        # Headers and dotted keys of TOML have no sign behind each key.
        keys = set((_WORD if is_toml else _KEY).findall(text))
        keys.update(_VARIABLE.findall(text))
        if _are_met(self._named.among(keys), keys):
            return True
        if not HINT.search(text):
            return False
        return _are_met(self._commands.among(keys), keys) or _EMBEDDED_KEY.search(text) is not None

    def speaking(self, index: Index, *, is_data: bool) -> list[Framework]:
        """The tables that speak for a document, the one that claims it first; no fallback for plain data."""
        weights = self._weights(index)
        claim = max(
            (framework for framework in self.tables if framework.role == "exclusive" and framework in weights),
            key=lambda framework: weights[framework] if weights[framework] >= framework.least else 0,
            default=None,
        )
        claimed = claim is not None and weights[claim] >= claim.least
        found = [claim] if claim is not None and claimed else []
        for framework in self.tables:
            joins = framework.role == "overlay" and weights.get(framework, 0) >= framework.least
            if joins or (framework.role == "fallback" and not claimed and not is_data):
                found.append(framework)
        return found

    def _weights(self, index: Index) -> dict[Framework, int]:
        weights: dict[Framework, int] = defaultdict(int)
        seen: set[tuple[str, str]] = set()
        for key, places in index.by_key.items():
            for sign in self._signs.of(key):
                if sign.name not in seen and any(_shows(place, sign) for place in places):
                    seen.add(sign.name)
                    weights[sign.framework] += sign.weight
        return weights

    def rules(self, framework: Framework, index: Index) -> Iterator[tuple[Place, list[Rule]]]:
        """The places that a table speaks for, each with its rules in order; none where it is silent."""
        uses = self._uses[framework]
        for key, places in index.by_key.items():
            here = sorted(uses.of(key), key=lambda use: use.order)
            for place in places if here else ():
                matching = [use.rule for use in here if use.path.matches(place.path)]
                if matching:
                    yield place, [] if matching[0] is None else [rule for rule in matching if rule is not None]


def _needs(pattern: str, with_any: list[str]) -> _Needs:
    named = (alternatives(segment) for segment in segments(pattern)[:-1] if "*" not in segment)
    beside = [[key.rpartition(".")[2].removeprefix("../") for key in with_any]] if with_any else []
    return tuple(frozenset(keys) for keys in (*named, *beside))


def _are_met(wanted: Iterable[_Needs], keys: set[str]) -> bool:
    return any(all(not need.isdisjoint(keys) for need in needs) for needs in wanted)


@lru_cache(maxsize=8)
def choice_of(tables: tuple[Framework, ...]) -> Choice:
    """The tables made ready, once."""
    return Choice(tables)


def scalars_of(place: Place) -> Iterable[Scalar]:
    """The value of a place, or the values of its list."""
    value = place.entry.value
    if isinstance(value, Scalar):
        return [value]
    return [item for item in value.items if isinstance(item, Scalar)] if isinstance(value, Row) else []


def _shows(place: Place, sign: _Sign) -> bool:
    if not sign.path.matches(place.path):
        return False
    wanted = sign.value
    return wanted is None or any(wanted.fullmatch(scalar.text.strip()) for scalar in scalars_of(place))

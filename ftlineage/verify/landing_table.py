"""How transformers renames a checkpoint's tensors into modules, followed without transformers.

Decides which module names a checkpoint's tensor may have once the model is loaded, from a table
copied from transformers (``python -m docs.generate_names``). It gives every name the rules could
lead to, never fewer: rules of a model's parts are tried at every place where the part could be, so a
module is missed only if no rule makes it. Patterns come from that table alone, none from a folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import msgspec

# A part of a model (a vision tower, a text decoder) is found within this many names of the root.
_DEEPEST_PART = 3
_HEAD = re.compile(r"(\w+?)(For[A-Z]\w*|LMHeadModel|Model)")


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """One rule: ``r`` renames, ``g`` renames each alternative its own way, ``c`` merges or splits tensors."""

    kind: str
    pattern: str
    targets: tuple[str, ...]


class Table(msgspec.Struct, frozen=True):
    """The names transformers changes, as ``docs/generate_names.py`` copied them."""

    transformers: str
    transforms: tuple[tuple[Rule, ...], ...]
    rules: dict[str, int]
    opaque: frozenset[str]
    classes: dict[str, tuple[str, ...]]
    prefixes: dict[str, tuple[str, ...]]
    tied: frozenset[str]


@cache
def table() -> Table:
    """The table, read once."""
    data = resources.files("ftlineage.verify").joinpath("landing_table.json").read_bytes()
    return msgspec.json.decode(data, type=Table)


def model_types(config: Mapping[str, Any]) -> list[str]:
    """A model's type and those of its parts, the root first."""
    parts = [part for part in config.values() if isinstance(part, dict)]
    found = [section.get("model_type") for section in (config, *parts)]
    return list(dict.fromkeys(name for name in found if isinstance(name, str)))


def is_known(config: Mapping[str, Any]) -> bool:
    """Whether transformers, as the table has it, brings the model's code and every rule can be followed."""
    types = model_types(config)
    if "auto_map" in config or not types or types[0] not in table().prefixes:
        return False
    return table().opaque.isdisjoint(types)


def prefixes(config: Mapping[str, Any]) -> tuple[str, ...]:
    """What a model with a head may put before the names of its base model, ``model`` among them."""
    types = model_types(config)
    return ("model", *table().prefixes.get(types[0], ())) if types else ("model",)


def has_rules(config: Mapping[str, Any]) -> bool:
    """Whether any rule but the oldest ones speaks of this model."""
    return len(_applicable(config)) > 1


def loaded_names(names: Iterable[str], config: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """The names that a checkpoint's tensors may have in the loaded model.

    Args:
        names: Of the checkpoint's tensors.
        config: The model's ``config.json``.

    Yields:
        The checkpoint's name, a name it may have, and whether the tensor is still the same one: it
        is not where tensors are merged or split.
    """
    lists = [[(rule.kind, re.compile(rule.pattern), rule.targets) for rule in rules] for rules in _applicable(config)]
    root, parts = lists[0], lists[1:]
    for name in names:
        forms = dict([(name, True), *_apply(root, name, same=True)])
        for rules in parts:
            for form, same in list(forms.items()):
                for scope, rest in _scopes(form):
                    for changed, still in _apply(rules, rest, same=same):
                        forms.setdefault(scope + changed, still)
        yield from ((name, form, same) for form, same in forms.items() if form != name)


def _applicable(config: Mapping[str, Any]) -> list[tuple[Rule, ...]]:
    """Rules of the whole model, of its parts, and those that hold for every model, in this order."""
    known = table()
    types = model_types(config)
    listed = config.get("architectures")
    architectures = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    stems = [f"{match[1]}Model" for name in architectures if (match := _HEAD.fullmatch(name))]
    root = next((name for name in (*architectures, *types[:1]) if name in known.rules), None)
    inner = [name for model_type in types for name in (*known.classes.get(model_type, ()), model_type)]
    names = dict.fromkeys(name for name in (*stems, *inner, "legacy") if name in known.rules and name != root)
    indexes = dict.fromkeys(known.rules[name] for name in names)
    first = known.transforms[known.rules[root]] if root is not None else ()
    return [first, *(known.transforms[index] for index in indexes)]


def _scopes(name: str) -> Iterator[tuple[str, str]]:
    yield "", name
    position = -1
    for _ in range(_DEEPEST_PART):
        position = name.find(".", position + 1)
        if position < 0:
            return
        yield name[: position + 1], name[position + 1 :]


def _apply(
    rules: Sequence[tuple[str, re.Pattern[str], tuple[str, ...]]], name: str, *, same: bool
) -> Iterator[tuple[str, bool]]:
    """A name after all renamings and then at most one conversion, as transformers goes about it."""
    renamed = name
    for kind, pattern, targets in rules:
        match = pattern.search(renamed) if kind != "c" else None
        if match is not None:
            index = int(_branch(match)[1:]) if kind == "g" else 0
            renamed = _replaced(renamed, match, targets[index])
    if renamed != name:
        yield renamed, same
    for kind, pattern, targets in rules:
        match = pattern.search(renamed) if kind == "c" else None
        if match is not None:
            yield from ((_replaced(renamed, match, target), False) for target in targets)
            return


def _branch(match: re.Match[str]) -> str:
    return next(name for name, value in match.groupdict().items() if value is not None)


def _replaced(name: str, match: re.Match[str], target: str) -> str:
    first = match.re.groupindex[_branch(match)]
    replacement = re.sub(r"\\(\d)", lambda found: match.group(first + int(found[1])) or "", target)
    return name.replace(match.group(0), replacement, 1)

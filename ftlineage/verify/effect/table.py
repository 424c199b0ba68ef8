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
from pathlib import Path
from typing import Any

import msgspec

# A part of a model (a vision tower, a text decoder) is found within this many names of the root.
_DEEPEST_PART = 3
_HEAD = re.compile(r"(\w+?)(?:For[A-Z]\w*|LMHeadModel|Model)")
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")
_DEEPEST_CONFIG = 3
# Stands for the n-th number of a name while rules are applied; no checkpoint counts this far.
_SLOT = 7_770_000


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
    tied: tuple[str, ...]


@cache
def table() -> Table:
    """The table, read once."""
    # `importlib.resources` takes longer to import than the table to read.
    return msgspec.json.decode(Path(__file__).with_name("table.json").read_bytes(), type=Table)


@cache
def tied_modules() -> re.Pattern[str]:
    """Modules whose weight may be another one's."""
    return re.compile("|".join(table().tied))


def model_types(config: Mapping[str, Any]) -> list[str]:
    """A model's type and those of its parts, the root first."""
    return list(dict.fromkeys(_types(config, _DEEPEST_CONFIG)))


def _types(config: Mapping[str, Any], depth: int) -> Iterator[str]:
    model_type = config.get("model_type")
    if isinstance(model_type, str):
        yield model_type
    for part in config.values() if depth else ():
        if isinstance(part, dict):
            yield from _types(part, depth - 1)


def is_known(config: Mapping[str, Any]) -> bool:
    """Whether transformers, as the table has it, brings the model's code and every rule can be followed."""
    types = model_types(config)
    # A backbone is another model's inside, under names that depend on how it was made.
    if "auto_map" in config or "backbone_config" in config or not types or types[0] not in table().prefixes:
        return False
    return table().opaque.isdisjoint(types)


def prefixes(config: Mapping[str, Any]) -> tuple[str, ...]:
    """What a model with a head may put before the names of its base model, ``model`` among them."""
    types = model_types(config)
    return ("model", *table().prefixes.get(types[0], ())) if types else ("model",)


def loaded_names(names: Iterable[str], config: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """The names that a checkpoint's tensors may have in the loaded model.

    Args:
        names: Of the checkpoint's tensors.
        config: The model's ``config.json``.

    Yields:
        The checkpoint's name, a name it may have, and whether the tensor is still the same one: it
        is not where tensors are merged or split.
    """
    listed = _applicable(config)
    root, *parts = [[(rule.kind, re.compile(rule.pattern), rule.targets) for rule in rules] for rules in listed]
    literal = _literal_numbers(listed)
    known: dict[str, list[tuple[str, bool]]] = {}
    for name in names:
        # Layers and experts differ by numbers alone: what the rules make of one holds for all.
        template, numbers = _template(name, literal)
        if template not in known:
            known[template] = [(form, same) for form, same in _forms(template, root, parts).items() if form != template]
        for form, same in known[template]:
            yield name, _filled(form, numbers), same


Compiled = Sequence[tuple[str, re.Pattern[str], tuple[str, ...]]]


def _forms(name: str, root: Compiled, parts: Sequence[Compiled]) -> dict[str, bool]:
    forms = dict([(name, True), *_apply(root, name, same=True)])
    for rules in parts:
        for form, same in list(forms.items()):
            for scope, rest in _scopes(form):
                for changed, still in _apply(rules, rest, same=same):
                    forms.setdefault(scope + changed, still)
    return forms


def _literal_numbers(listed: Iterable[Iterable[Rule]]) -> frozenset[str]:
    """Numbers that rules speak of, which must stay as they are."""
    texts = (text for rules in listed for rule in rules for text in (rule.pattern, *rule.targets))
    return frozenset(number for text in texts for number in re.findall(r"\d+", re.sub(r"\?P<g\d+>", "", text)))


def _template(name: str, literal: frozenset[str]) -> tuple[str, list[str]]:
    numbers: list[str] = []

    def slot(match: re.Match[str]) -> str:
        if match.group() in literal:
            return match.group()
        numbers.append(match.group())
        return str(_SLOT + len(numbers) - 1)

    return _NUMBER.sub(slot, name), numbers


def _filled(template: str, numbers: Sequence[str]) -> str:
    for index, number in enumerate(numbers):
        template = template.replace(str(_SLOT + index), number)
    return template


def _applicable(config: Mapping[str, Any]) -> list[tuple[Rule, ...]]:
    """Rules of the whole model, of its parts, and those that hold for every model, in this order."""
    known = table()
    types = model_types(config)
    listed = config.get("architectures")
    architectures = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    stems = tuple(match[1] for name in architectures if (match := _HEAD.fullmatch(name)))
    family = [name for name in known.rules if stems and name.startswith(stems)]
    root = next((name for name in (*architectures, *types[:1]) if name in known.rules), None)
    inner = [name for model_type in types for name in (*known.classes.get(model_type, ()), model_type)]
    names = dict.fromkeys(name for name in (*family, *inner, "legacy") if name in known.rules and name != root)
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


def _apply(rules: Compiled, name: str, *, same: bool) -> Iterator[tuple[str, bool]]:
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

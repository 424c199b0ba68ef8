"""References in a file of settings: YAML, TOML or JSON, by the framework that reads it.

Decides from the text alone whether a file is worth parsing, and which tables speak for each of its
documents: the framework whose signs weigh most, overlays beside it, the fallback where no framework
claims it. Refuses files that do not parse, templates with control blocks, and files that are too
large to be settings, each with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

from ftlineage.drift.configs.builtin import BUILTIN
from ftlineage.drift.configs.framework import Framework, last_key
from ftlineage.drift.configs.index import Index, Place
from ftlineage.drift.configs.json_nodes import read_json
from ftlineage.drift.configs.nodes import MAX_CHARACTERS, Document, Mapping, Page, Scalar
from ftlineage.drift.configs.nodes import Sequence as Items
from ftlineage.drift.configs.references import Sight, find
from ftlineage.drift.configs.strings import HINT, read_strings
from ftlineage.drift.configs.toml_nodes import read_toml
from ftlineage.drift.configs.yaml_nodes import read_yaml
from ftlineage.drift.reference import Found
from ftlineage.errors import BadInputError

_JSON = frozenset({".json", ".jsonl", ".jsonc", ".json5", ".webmanifest"})
_KEY = re.compile(r"""([\w$-]+)["']?[ \t]*[:=]""")
_VARIABLE = re.compile(r"""\bname["']?[ \t]*:[ \t]*["']?(\w+)""")
_ON_HUB = re.compile(r"huggingface\.co/|hf\.co/|hf://", re.IGNORECASE)
# More records than this in a row are data, not settings.
_MAX_RECORDS = 200


def read_config(text: str, path: str, tables: Sequence[Framework] = BUILTIN) -> list[Found]:
    """Every reference of a YAML, TOML or JSON file, in the order of its lines.

    Args:
        text: The file's text.
        path: Its path; the suffix decides the format, YAML where it says nothing.
        tables: The frameworks; earlier ones win where two weigh the same.

    Raises:
        BadInputError: It does not parse, is a template, is nested too deeply, or is too large.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadInputError(path=path, reason=f"has over {MAX_CHARACTERS:,} characters: not read as settings")
    chosen = tuple(tables)
    if not _filter(chosen).passes(text):
        return []
    page = Page(text)
    found: list[Found] = []
    for document in _parser(path)(text, path):
        found += _read_document(page, document, chosen)
    return sorted(found, key=lambda one: (one.line, one.column))


def framework_of(text: str, path: str, tables: Sequence[Framework] = BUILTIN) -> list[str | None]:
    """The name of the framework that claims each document of a file."""
    documents = _parser(path)(text, path)
    claims = (_claim(Index(document.root), tables) for document in documents)
    return [claim.name if claim is not None else None for claim in claims]


def _parser(path: str) -> Callable[[str, str], list[Document]]:
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".toml":
        return read_toml
    return read_json if suffix in _JSON else read_yaml


class _Filter:
    """Whether any key of any table can occur in a text: cheaper than parsing it."""

    def __init__(self, tables: tuple[Framework, ...]) -> None:
        shapes: set[str] = set()
        self._words: set[str] = set()
        self._shapes: re.Pattern[str] | None = None
        self._commands: set[str] = set()
        for framework in tables:
            for rule in framework.references:
                for pattern in rule.keys:
                    last = last_key(pattern)
                    if isinstance(last, tuple):
                        self._words.update(last)
                    else:
                        shapes.add(last.pattern)
            for pattern in framework.commands:
                last = last_key(pattern)
                self._commands.update(last if isinstance(last, tuple) else ())
        if shapes:
            self._shapes = re.compile("|".join(f"(?:{shape})" for shape in sorted(shapes)))

    def passes(self, text: str) -> bool:
        if _ON_HUB.search(text):
            return True
        keys = set(_KEY.findall(text))
        keys.update(_VARIABLE.findall(text))
        if not self._words.isdisjoint(keys):
            return True
        if not self._commands.isdisjoint(keys) and HINT.search(text):
            return True
        return self._shapes is not None and any(map(self._shapes.fullmatch, keys))


@lru_cache(maxsize=8)
def _filter(tables: tuple[Framework, ...]) -> _Filter:
    return _Filter(tables)


def _read_document(page: Page, document: Document, tables: tuple[Framework, ...]) -> list[Found]:
    if isinstance(document.root, Scalar):
        return []
    index = Index(document.root)
    claim = _claim(index, tables)
    speaking = [framework for framework in tables if _joins(index, framework)]
    if claim is not None:
        speaking.insert(0, claim)
    elif not _is_data(document.root):
        speaking += [framework for framework in tables if framework.role == "fallback"]
    taken: set[int] = set()
    found: list[Found] = []
    for framework in speaking:
        found += _read_framework(page, document, index, framework, taken)
    return found + read_strings(page, index, speaking, taken)


def _joins(index: Index, framework: Framework) -> bool:
    return framework.role == "overlay" and _weight(index, framework) >= framework.least


def _is_data(root: Mapping | Items) -> bool:
    return isinstance(root, Items) and len(root.items) > _MAX_RECORDS


def _claim(index: Index, tables: Sequence[Framework]) -> Framework | None:
    """The exclusive framework whose signs weigh most."""
    best: Framework | None = None
    most = 0
    for framework in tables:
        if framework.role == "exclusive":
            weight = _weight(index, framework)
            if weight >= framework.least and weight > most:
                best, most = framework, weight
    return best


def _weight(index: Index, framework: Framework) -> int:
    return sum(weight for sign, weight in framework.signs.items() if _occurs(index, sign))


def _occurs(index: Index, sign: str) -> bool:
    pattern, equals, value = sign.partition("=")
    for place in index.find(pattern):
        if not equals:
            return True
        if any(re.fullmatch(value, scalar.text.strip()) for scalar in _scalars(place)):
            return True
    return False


def _scalars(place: Place) -> list[Scalar]:
    value = place.entry.value
    if isinstance(value, Scalar):
        return [value]
    return [item for item in value.items if isinstance(item, Scalar)] if isinstance(value, Items) else []


def _read_framework(page: Page, document: Document, index: Index, framework: Framework, taken: set[int]) -> list[Found]:
    """What one table finds; ``taken`` are the keys and values that some table has spoken for."""
    found: list[Found] = []
    for pattern in framework.silent:
        for place in index.find(pattern):
            _take(place, taken)
    for rule in framework.references:
        for pattern in rule.keys:
            for place in index.find(pattern):
                if place.entry.key.start in taken:
                    continue
                here = find(Sight(page, document.format, framework, rule, place))
                if here:
                    _take(place, taken)
                    found += here
    return found


def _take(place: Place, taken: set[int]) -> None:
    taken.add(place.entry.key.start)
    taken.update(scalar.start for scalar in _scalars(place))

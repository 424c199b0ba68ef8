"""References in a file of settings: YAML, TOML or JSON, by the framework that reads it.

Decides from the text alone whether a file is worth parsing, and which tables speak for each of its
documents: the framework whose signs weigh most, overlays beside it, the fallback where no framework
claims it. Refuses files that do not parse, templates with control blocks, and files that are too
large to be settings, each with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from ftlineage.drift.configs.builtin import BUILTIN
from ftlineage.drift.configs.choice import Choice, choice_of, scalars_of
from ftlineage.drift.configs.framework import Framework
from ftlineage.drift.configs.index import Index
from ftlineage.drift.configs.json_nodes import read_json
from ftlineage.drift.configs.nodes import MAX_CHARACTERS, Document, Node, Page, Scalar
from ftlineage.drift.configs.nodes import Sequence as Items
from ftlineage.drift.configs.references import Sight, find
from ftlineage.drift.configs.strings import Reading, read_strings
from ftlineage.drift.configs.toml_nodes import read_toml
from ftlineage.drift.configs.yaml_nodes import read_yaml
from ftlineage.drift.reference import Found
from ftlineage.errors import BadInputError

_JSON = frozenset({".json", ".jsonl", ".jsonc", ".json5", ".webmanifest"})
# More records than this in a row are data, not settings.
_MAX_RECORDS = 100


def read_config(text: str, path: str, tables: Sequence[Framework] = BUILTIN) -> list[Found]:
    """Every reference of a YAML, TOML or JSON file, in the order of its lines.

    Args:
        text: The file's text.
        path: Its path; the suffix decides the format, YAML where it says nothing.
        tables: The frameworks; earlier ones win where two weigh the same.

    Raises:
        BadInputError: It does not parse, is a template, is nested too deeply, or is too large.
    """
    return read_within(text, path, tables, 0)


def read_within(text: str, path: str, tables: Sequence[Framework], depth: int) -> list[Found]:
    """The same for a file that stands ``depth`` files deep in values of others."""
    if len(text) > MAX_CHARACTERS:
        raise BadInputError(path=path, reason=f"has over {MAX_CHARACTERS:,} characters: not read as settings")
    choice = choice_of(tuple(tables))
    if not choice.is_likely(text, is_toml=path.endswith(".toml")):
        return []
    page = Page(text)
    found: list[Found] = []
    documents = _parser(path)(text, path)
    is_data = len(documents) > _MAX_RECORDS and documents[0].format == "json"
    for document in documents:
        if not isinstance(document.root, Scalar):
            found += _read_document(page, document, choice, depth, is_data=is_data or _is_data(document.root))
    return sorted(found, key=lambda one: (one.line, one.column))


def frameworks_of(text: str, path: str, tables: Sequence[Framework] = BUILTIN) -> list[list[str]]:
    """The names of the tables that speak for each document of a file, the one that claims it first."""
    choice = choice_of(tuple(tables))
    documents = _parser(path)(text, path)
    return [
        [framework.name for framework in choice.speaking(Index(document.root), is_data=_is_data(document.root))]
        for document in documents
    ]


def _parser(path: str) -> Callable[[str, str], list[Document]]:
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".toml":
        return read_toml
    return read_json if suffix in _JSON else read_yaml


def _read_document(page: Page, document: Document, choice: Choice, depth: int, *, is_data: bool) -> list[Found]:
    index = Index(document.root)
    speaking = choice.speaking(index, is_data=is_data)
    taken: set[int] = set()
    found: list[Found] = []
    for framework in speaking:
        for place, rules in choice.rules(framework, index):
            if place.entry.key.start in taken:
                continue
            here = _first(Sight(page, document.format, framework, rule, place) for rule in rules)
            if here or not rules:
                taken.add(place.entry.key.start)
                taken.update(scalar.start for scalar in scalars_of(place))
            found += here
    return found + read_strings(Reading(page, document.format, index, speaking, choice.tables, depth), taken)


def _first(sights: Iterable[Sight]) -> list[Found]:
    """What the first rule that names anything names."""
    return next((found for sight in sights if (found := find(sight))), [])


def _is_data(root: Node) -> bool:
    return isinstance(root, Items) and len(root.items) > _MAX_RECORDS

"""Every key of a document by its name, with the path that leads to it.

Decides that lists leave no trace in a path, that environment lists (``- name: X``, ``- X=value``) are
mappings, and that what aliases share is visited once. Refuses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ftlineage.drift.configs.framework import SEPARATOR, last_key, pattern_of
from ftlineage.drift.configs.nodes import Entry, Mapping, Node, Scalar, Sequence

ENVIRONMENT_KEYS = frozenset(
    {"env", "envs", "environment", "environment_variables", "environmentVariables", "env_vars", "extraEnv"}
)
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


class Place(NamedTuple):
    """One key of a document: the path of keys to it, the mapping that holds it, and the place of that."""

    path: str
    owner: Mapping
    entry: Entry
    outer: Place | None

    @property
    def dotted(self) -> str:
        """The path as people write it."""
        return self.path.rstrip(SEPARATOR).replace(SEPARATOR, ".")


class Index:
    """The keys of one document."""

    def __init__(self, root: Node) -> None:
        self.by_key: dict[str, list[Place]] = {}
        self.scalars: list[tuple[Scalar, Place | None]] = []
        self._seen: set[int] = set()
        stack: list[tuple[Node, str, Place | None]] = [(root, "", None)]
        while stack:
            node, path, outer = stack.pop()
            stack.extend(reversed(list(self._children(node, path, outer))))

    def _children(self, node: Node, path: str, outer: Place | None) -> Iterator[tuple[Node, str, Place | None]]:
        if isinstance(node, Scalar):
            self.scalars.append((node, outer))
            return
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        if isinstance(node, Sequence):
            if outer is not None and outer.entry.key.text in ENVIRONMENT_KEYS:
                view = _environment(node)
                if view is not None:
                    node = view
            if isinstance(node, Sequence):
                yield from ((item, path, outer) for item in node.items)
                return
        for entry in node.effective():
            place = Place(f"{path}{entry.key.text}{SEPARATOR}", node, entry, outer)
            self.by_key.setdefault(entry.key.text, []).append(place)
            yield entry.value, place.path, place

    def find(self, pattern: str) -> Iterator[Place]:
        """The places whose path a pattern matches."""
        last = last_key(pattern)
        keys = last if isinstance(last, tuple) else [key for key in self.by_key if last.fullmatch(key)]
        wanted = pattern_of(pattern)
        for key in keys:
            yield from (place for place in self.by_key.get(key, ()) if wanted.matches(place.path))


def beside(place: Place, relative: str) -> Entry | None:
    """The entry that a relative key names, seen from a place: ``revision``, ``kwargs.revision``, ``../revision``."""
    owner: Mapping | None = place.owner
    outer = place.outer
    keys = relative
    while keys.startswith("../"):
        keys = keys[3:]
        owner, outer = (outer.owner, outer.outer) if outer is not None else (None, None)
    return within(owner, keys)


def within(owner: Mapping | None, keys: str) -> Entry | None:
    """The entry under a dotted key of a mapping."""
    *way, last = keys.split(".")
    for key in way:
        entry = owner.get(key) if owner is not None else None
        owner = entry.value if entry is not None and isinstance(entry.value, Mapping) else None
    return owner.get(last) if owner is not None else None


def _environment(node: Sequence) -> Mapping | None:
    """A list of variables as one mapping, None if it is something else."""
    pairs = [entry for item in node.items if isinstance(item, Mapping) and (entry := _pair(item)) is not None]
    if pairs:
        return Mapping(node.start, node.end, node.flow, pairs, [], "pairs")
    assigned = [entry for item in node.items if isinstance(item, Scalar) and (entry := _assignment(item)) is not None]
    if assigned:
        return Mapping(node.start, node.end, node.flow, assigned, [], "assignments")
    return None


def _pair(item: Mapping) -> Entry | None:
    name, value = item.get("name"), item.get("value")
    if name is None or value is None or not isinstance(name.value, Scalar):
        return None
    return Entry(name.value, value.value)


def _assignment(item: Scalar) -> Entry | None:
    found = _ASSIGNMENT.fullmatch(item.text)
    if found is None or item.style == "block":
        return None
    start = item.start + (item.style == "quoted")
    end = item.end - (item.style == "quoted")
    key = Scalar(found[1], start, start + len(found[1]))
    return Entry(key, Scalar(found[2], start + found.start(2), end, item.style, item.use))

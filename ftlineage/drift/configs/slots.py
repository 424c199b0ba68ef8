"""Where the revision of an id is written in a file of settings, or can be.

Decides the text around a new one: the indent, quotes and commas of its neighbours. Refuses, by None,
places where a new key would need more than an insertion.
"""

from __future__ import annotations

import re

from ftlineage.drift.configs.index import Place, beside, within
from ftlineage.drift.configs.nodes import Entry, Format, Mapping, Node, Page, Scalar, Sequence
from ftlineage.drift.reference import Slot

_DASH = re.compile(r"[ ]*-[ ]+")


def written_slot(page: Page, form: Format, key: str, value: Scalar) -> Slot:
    """The place of a revision that is written already, as ``null`` or as nothing included."""
    start, end = value.start, value.end
    comment = None if form == "json" else "#"
    if value.is_null:
        quote = '"' if form == "json" else ""
        gap = " " if start == end and not page.text[start - 1 : start].isspace() else ""
        return Slot(key=key, start=start, end=end, before=gap + quote, after=quote, comment=comment)
    if value.style == "quoted":
        start, end = start + 1, end - 1
    return Slot(key=key, start=start, end=end, comment=comment)


def new_slot(page: Page, form: Format, place: Place, relative: str) -> Slot | None:
    """The place for a new revision key beside an id; None where none fits."""
    if relative.startswith("../"):
        return None
    owner, entry = place.owner, place.entry
    if owner.form != "mapping":
        return _in_environment(page, owner, entry, relative)
    first, dot, rest = relative.partition(".")
    if not dot:
        return _beside(page, form, owner, entry, [relative])
    inner = beside(place, first)
    if inner is None:
        return _beside(page, form, owner, entry, [first, *rest.split(".")])
    table = inner.value
    if not isinstance(table, Mapping) or within(table, rest) is not None or "." in rest:
        return None
    if table.entries:
        return _beside(page, form, table, table.entries[0], [rest])
    return _in_empty(page, form, table, rest)


def end_of(page: Page, node: Node) -> int:
    """Where a value's text ends, without the blank lines that parsers count to it."""
    if isinstance(node, Scalar):
        end = node.ends
    elif node.flow:
        end = node.end
    else:
        children: list[Node] = node.items if isinstance(node, Sequence) else [entry.value for entry in node.entries]
        end = max((end_of(page, child) for child in children[-1:]), default=node.end)
    while end > 0 and page.text[end - 1].isspace():
        end -= 1
    return end


def _beside(page: Page, form: Format, owner: Mapping, entry: Entry, keys: list[str]) -> Slot | None:
    end = end_of(page, entry.value)
    if end < entry.key.end:  # nothing is written after the key, or an anchor stands elsewhere
        return None
    if form == "json":
        return _in_json(page, entry, end, keys)
    if form == "toml":
        return _in_toml(page, owner, entry, end, keys)
    if owner.flow:
        return _in_flow(entry, end, keys)
    return _in_block(page, entry, end, keys)


def _in_block(page: Page, entry: Entry, end: int, keys: list[str]) -> Slot:
    width = len(page.text[page.line_start(entry.key.start) : entry.key.start].lstrip("\ufeff"))
    lines = [f"{page.newline}{' ' * (width + 2 * depth)}{key}:" for depth, key in enumerate(keys)]
    at = page.line_end(end)
    return Slot(key=".".join(keys), start=at, end=at, before="".join(lines) + " ")


def _in_flow(entry: Entry, end: int, keys: list[str]) -> Slot:
    if entry.key.style == "quoted":
        return _quoted_keys(end, keys, ", ", "#")
    before = ", " + "".join(f"{key}: {{" for key in keys[:-1]) + f"{keys[-1]}: "
    return Slot(key=".".join(keys), start=end, end=end, before=before, after="}" * (len(keys) - 1))


def _in_json(page: Page, entry: Entry, end: int, keys: list[str]) -> Slot:
    indent = page.text[page.line_start(entry.key.start) : entry.key.start]
    gap = f",{page.newline}{indent}" if indent.isspace() or not indent else ", "
    if page.line(entry.key.start) == 1:
        gap = ", "
    return _quoted_keys(end, keys, gap, None)


def _quoted_keys(end: int, keys: list[str], gap: str, comment: str | None) -> Slot:
    before = gap + "".join(f'"{key}": {{' for key in keys[:-1]) + f'"{keys[-1]}": "'
    after = '"' + "}" * (len(keys) - 1)
    return Slot(key=".".join(keys), start=end, end=end, before=before, after=after, comment=comment)


def _in_toml(page: Page, owner: Mapping, entry: Entry, end: int, keys: list[str]) -> Slot:
    name = f'{entry.prefix}{".".join(keys)} = "'
    if owner.flow:
        return Slot(key=".".join(keys), start=end, end=end, before=f", {name}", after='"')
    line = page.text[page.line_start(entry.key.start) : entry.key.start]
    indent = line[: len(line) - len(line.lstrip())]
    at = page.line_end(end)
    return Slot(key=".".join(keys), start=at, end=at, before=f"{page.newline}{indent}{name}", after='"')


def _in_empty(page: Page, form: Format, table: Mapping, key: str) -> Slot | None:
    if not table.flow or page.text[table.start : table.end].strip("{} \t\r\n"):
        return None
    at = table.start + 1
    if form == "json":
        return Slot(key=key, start=at, end=at, before=f'"{key}": "', after='"', comment=None)
    if form == "toml":
        return Slot(key=key, start=at, end=at, before=f' {key} = "', after='" ')
    return Slot(key=key, start=at, end=at, before=f"{key}: ")


def _in_environment(page: Page, owner: Mapping, entry: Entry, name: str) -> Slot | None:
    """One more variable in a list of them, each on lines of its own."""
    if owner.flow or not isinstance(entry.value, Scalar):
        return None
    first = min(entry.key.start, entry.value.start)
    line = page.line_start(first)
    dash = _DASH.match(page.text, line)
    if dash is None:
        return None
    at = page.line_end(max(entry.key.end, entry.value.ends))
    lead = page.newline + dash[0]
    if owner.form == "pairs":
        before = f"{lead}name: {name}{page.newline}{' ' * len(dash[0])}value: "
        return Slot(key=name, start=at, end=at, before=before)
    quote = page.text[first - 1] if entry.value.style == "quoted" else ""
    return Slot(key=name, start=at, end=at, before=f"{lead}{quote}{name}=", after=quote)

"""What one rule of a framework's table finds at one place of a document.

Decides which words of a value are ids, which revision belongs to each, and where it is or can be
written. Whether that floats is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ftlineage.drift.configs.framework import Framework, Rule
from ftlineage.drift.configs.ids import Named, is_number, read_named
from ftlineage.drift.configs.index import Place, beside
from ftlineage.drift.configs.nodes import Entry, Format, Mapping, Page, Scalar, Sequence
from ftlineage.drift.configs.slots import end_of, new_slot, written_slot
from ftlineage.drift.reference import Found, Kind, Slot

# What `pretrained=org/name,revision=main` names, and as what.
_ARGUMENT_IDS: dict[str, Kind] = {
    "pretrained": "model", "model": "model", "model_name": "model", "base_model": "model", "tokenizer": "tokenizer",
    "peft": "adapter", "delta": "adapter", "lora_local_path": "adapter",
}  # fmt: skip
_ARGUMENT = re.compile(r"\s*([A-Za-z_]\w*)=([^,]*)")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "none", "null", "auto", "default"})
_SEVERAL = "one key holds the revision of several ids"


class Sight(NamedTuple):
    """Where a rule is applied: the file, the framework, the rule, and the place in the document."""

    page: Page
    form: Format
    framework: Framework
    rule: Rule
    place: Place


class _Word(NamedTuple):
    """One id inside a value, with its offsets in the file."""

    text: str
    start: int
    kind: Kind


class _Pin(NamedTuple):
    """The revision beside an id."""

    revision: str | None = None
    known: bool = True
    slot: Slot | None = None
    reason: str | None = None


def find(sight: Sight) -> list[Found]:
    """Everything that the rule names at the place."""
    if not _holds(sight):
        return []
    if sight.rule.form == "keys":
        return list(_keys(sight))
    value = sight.place.entry.value
    scalars = [item for item in _items(value) if not _is_setting(item)]
    found: list[Found] = []
    for number, scalar in enumerate(scalars):
        if sight.rule.form == "args":
            found += _arguments(sight, scalar)
            continue
        words = _words(sight, scalar)
        single = len(words) == 1 and len(scalars) == 1
        for word in words:
            pin = _pin(sight, None if single else number, single=single)
            found += _found(sight, scalar, word, pin)
    return found


def _holds(sight: Sight) -> bool:
    if sight.rule.with_any and not any(beside(sight.place, key) for key in sight.rule.with_any):
        return False
    for key, pattern in sight.rule.when.items():
        if not _matches(beside(sight.place, key), pattern):
            return False
    return not any(_matches(beside(sight.place, key), pattern) for key, pattern in sight.rule.unless.items())


def _matches(entry: Entry | None, pattern: str) -> bool:
    return entry is not None and isinstance(entry.value, Scalar) and bool(re.fullmatch(pattern, entry.value.text))


def _items(value: object) -> Iterator[Scalar]:
    if isinstance(value, Scalar):
        yield value
    elif isinstance(value, Sequence):
        yield from (item for item in value.items if isinstance(item, Scalar))


def _is_setting(scalar: Scalar) -> bool:
    text = scalar.text.strip()
    return scalar.is_null or not text or (scalar.style == "plain" and (is_number(text) or text.lower() in _WORDS))


def _words(sight: Sight, scalar: Scalar) -> list[_Word]:
    separator = sight.rule.split
    texts = [scalar.text]
    if separator:
        texts = scalar.text.split() if separator.isspace() else scalar.text.split(separator)
    words = []
    raw = sight.page.text[scalar.start : scalar.end]
    at = 0
    for number, text in enumerate(texts):
        name = text.strip()
        if not name or (separator and is_number(name)):
            continue
        where = raw.find(name, at)
        at = where + len(name) if where >= 0 else at
        kind = sight.rule.rest_kind if number and sight.rule.rest_kind else sight.rule.kind
        words.append(_Word(name, scalar.start + max(where, 0), kind))
    return words


def _found(sight: Sight, scalar: Scalar, word: _Word, pin: _Pin) -> list[Found]:
    rule = sight.rule
    named = _named(sight, scalar, word)
    if named is None or (rule.ids == "org/name" and (named.is_local or named.ref is None)):
        return []
    if named.ref is None or named.is_local:
        pin = _Pin(reason=None)
    elif named.revision is not None or rule.at:
        pin = _inside(sight, word, named, pin)
    return [_report(sight, scalar, word, named, pin)]


def _named(sight: Sight, scalar: Scalar, word: _Word) -> Named | None:
    if scalar.style == "tagged":
        return Named(None)
    bare = sight.rule.ids == "any"
    return read_named(word.text, word.kind, bare=bare, at=sight.rule.at, builders=sight.framework.builders)


def _report(sight: Sight, scalar: Scalar, word: _Word, named: Named, pin: _Pin) -> Found:
    page, entry = sight.page, sight.place.entry
    at = word.start
    if named.ref is not None and sight.rule.form != "keys":
        # In an address the id itself starts later than the word.
        at = max(page.text.find(named.ref, word.start, scalar.end), word.start)
    if scalar.style == "quoted" and at == scalar.start + 1:
        at = scalar.start
    return Found(
        ref=named.ref,
        kind=named.kind or word.kind,
        line=page.line(at),
        column=page.column(at),
        lines=_lines(page, entry, scalar),
        revision=pin.revision,
        revision_known=pin.known,
        is_local=named.is_local,
        remote_code=_runs_code(sight),
        via=sight.rule.via or f"{sight.framework.name}: {_key_name(sight)}",
        slot=pin.slot,
        unpinnable=pin.reason if pin.slot is None else None,
    )


def _lines(page: Page, entry: Entry, scalar: Scalar) -> tuple[int, int]:
    first = min(page.line(entry.key.start), page.line(scalar.start))
    last = max(page.line(entry.key.start), page.line(end_of(page, scalar)))
    if isinstance(entry.value, Sequence) and not entry.value.flow:
        first = page.line(scalar.start)
        last = max(first, page.line(end_of(page, scalar)))
    return first, last


def _key_name(sight: Sight) -> str:
    if sight.framework.role == "exclusive":
        return sight.place.dotted[-80:]
    return sight.place.entry.key.text[:80]


def _runs_code(sight: Sight) -> bool:
    for key in sight.rule.remote_code:
        entry = beside(sight.place, key)
        if entry is not None and isinstance(entry.value, Scalar) and entry.value.is_true:
            return True
    return False


def _pin(sight: Sight, number: int | None, *, single: bool) -> _Pin:
    """The revision that a key beside the id names, or where one could."""
    rule = sight.rule
    for relative in (*rule.revision, *rule.shared_revision):
        entry = beside(sight.place, relative)
        if entry is None:
            continue
        if relative in rule.shared_revision:
            single = False
        if isinstance(entry.value, Sequence) and number is not None:
            return _of_list(sight, entry.value, number, relative)
        if isinstance(entry.value, Scalar):
            return _written(sight, relative, entry.value, single=single)
        return _Pin(known=False)
    if rule.unpinnable or not rule.revision:
        return _Pin(reason=rule.unpinnable or f"{_title(sight)} reads no revision for {_key_name(sight)}")
    if not single:
        return _Pin(reason=_SEVERAL)
    slot = new_slot(sight.page, sight.form, sight.place, rule.revision[0])
    return _Pin(slot=slot, reason=f"{rule.revision[0]} must be written by hand here")


def _written(sight: Sight, relative: str, value: Scalar, *, single: bool) -> _Pin:
    named = None if value.is_null else value.text.strip()
    if named and (re.search(r"[${<]", named) or value.style == "tagged"):
        return _Pin(revision=named, known=False)
    slot = written_slot(sight.page, sight.form, relative, value) if single else None
    reason = f"{relative} holds for other ids too" if slot is None else None
    return _Pin(revision=named or None, slot=slot, reason=reason)


def _of_list(sight: Sight, values: Sequence, number: int, relative: str) -> _Pin:
    value = values.items[number] if number < len(values.items) else None
    return _written(sight, relative, value, single=True) if isinstance(value, Scalar) else _Pin(reason=_SEVERAL)


def _inside(sight: Sight, word: _Word, named: Named, pin: _Pin) -> _Pin:
    """The revision written in the value itself, ``org/name@main``, or the place for one."""
    if named.revision is None and (pin.revision is not None or not sight.rule.at or named.ref is None):
        return pin
    text, ref = sight.page.text, named.ref or ""
    start = text.find(ref, word.start) + len(ref)
    comment = None if sight.form == "json" else "#"
    if named.revision is None:
        slot = Slot(key="revision", start=start, end=start, before=sight.rule.at, comment=comment)
        return _Pin(slot=slot)
    at = text.find(named.revision, start)
    slot = Slot(key="revision", start=at, end=at + len(named.revision), comment=comment)
    return _Pin(revision=named.revision, slot=slot)


def _title(sight: Sight) -> str:
    return sight.framework.title or sight.framework.name


def _keys(sight: Sight) -> Iterator[Found]:
    """The keys of a mapping as ids; a mapping under one may hold its revision."""
    table = sight.place.entry.value
    if not isinstance(table, Mapping):
        return
    for entry in table.effective():
        inner = entry.value if isinstance(entry.value, Mapping) and entry.value.entries else None
        pin = _Pin(reason=sight.rule.unpinnable or f"{_title(sight)} reads no revision beside the keys of a mapping")
        if inner is not None and sight.rule.revision:
            pin = _pin(sight._replace(place=Place("", inner, inner.entries[0], sight.place)), None, single=True)
        word = _Word(entry.key.text.strip(), entry.key.start, sight.rule.kind)
        at_key = sight._replace(place=sight.place._replace(entry=Entry(sight.place.entry.key, entry.key)))
        for found in _found(at_key, entry.key, word, pin):
            line = sight.page.line(entry.key.start)
            yield _with_lines(found, line)


def _with_lines(found: Found, line: int) -> Found:
    import msgspec

    return msgspec.structs.replace(found, lines=(line, line))


def _arguments(sight: Sight, scalar: Scalar) -> Iterator[Found]:
    """The ids of ``pretrained=org/name,revision=main,trust_remote_code=True``."""
    raw = sight.page.text[scalar.start : scalar.end]
    given = {found[1]: found for found in _ARGUMENT.finditer(raw.strip("\"'"))}
    shift = scalar.start + len(raw) - len(raw.lstrip("\"'"))
    revision = given.get("revision")
    for key, kind in _ARGUMENT_IDS.items():
        if key not in given or not given[key][2].strip():
            continue
        word = _Word(given[key][2].strip(), shift + given[key].start(2), kind)
        pin = _Pin(reason=f"no revision can be given for {key}")
        if kind == "model":
            pin = _argument_pin(sight, revision, shift, word)
        for found in _found(sight, scalar, word, pin):
            code = given.get("trust_remote_code")
            yield _with_code(found, runs=code is not None and code[2].strip().lower() in {"true", "1", "yes"})


def _argument_pin(sight: Sight, revision: re.Match[str] | None, shift: int, word: _Word) -> _Pin:
    comment = None if sight.form == "json" else "#"
    if revision is None:
        end = word.start + len(word.text)
        return _Pin(slot=Slot(key="revision", start=end, end=end, before=",revision=", comment=comment))
    start, end = shift + revision.start(2), shift + revision.end(2)
    return _Pin(revision=revision[2].strip(), slot=Slot(key="revision", start=start, end=end, comment=comment))


def _with_code(found: Found, *, runs: bool) -> Found:
    import msgspec

    return msgspec.structs.replace(found, remote_code=runs or found.remote_code)

"""``ftlineage.lock``: for each Hub reference the commit it meant, when that was, and what the commit held.

Decides the format (``docs/lock.md``, decision 0013): TOML, one ``[[reference]]`` for each kind, id and
wished revision, in one order, one file a line, so that a change of one reference is a change of its
own lines. Files stand under the class their change would have, so that drift is judged from the lock
alone. Refused: unknown keys in a format this release knows, a later major, two entries of one key,
anything that is no full commit id.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from ftlineage.core import codec
from ftlineage.core.card import format_major
from ftlineage.core.digest import CommitSha, root_digest
from ftlineage.drift.classify import DriftClass, FileFact, file_class
from ftlineage.drift.errors import LockMalformedError, LockMissingError, LockTooNewError
from ftlineage.drift.reference import Kind
from ftlineage.drift.rewrite.undo import Kept
from ftlineage.errors import BadInputError, CardMalformedError

LOCK_NAME = "ftlineage.lock"
FORMAT = "1"
#: Files of one class that are listed one by one; more are bound by one digest, to keep the file readable.
MOST_LISTED = 500

_END = r"$(?!\n)"
RepoId = Annotated[str, msgspec.Meta(pattern=rf"^[\w.-]{{1,96}}(/[\w.-]{{1,96}})?{_END}")]
Wished = Annotated[str, msgspec.Meta(pattern=rf"^[^\x00-\x20\x7f]{{1,250}}{_END}")]
Moment = Annotated[str, msgspec.Meta(pattern=rf"^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ{_END}")]
Use = Annotated[str, msgspec.Meta(pattern=rf"^[\s\S]+:[1-9]\d{{0,8}}{_END}")]
_MARK = rf"(sha256:[0-9a-f]{{64}}|git:[0-9a-f]{{40}})( (0|[1-9]\d{{0,17}}))?{_END}"
FileMark = Annotated[str, msgspec.Meta(pattern=f"^{_MARK}")]
FoldMark = Annotated[str, msgspec.Meta(pattern=rf"^sha256:[0-9a-f]{{64}} [1-9]\d{{0,9}} files{_END}")]


T = TypeVar("T")


class Key(NamedTuple):
    """What one entry answers; ``wished`` is None for the default branch."""

    kind: Kind
    id: str
    wished: str | None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One reference and what it meant when it was resolved.

    ``committed_at`` is the date the Hub gave for the commit, ``used`` the places as ``path:line``.
    ``files`` holds ``sha256:<LFS digest> <size>`` or ``git:<blob id> <size>`` by class and path;
    ``folded`` one digest over all files of a class that has too many to list.
    """

    kind: Kind
    id: RepoId
    wished: Wished | None = None
    sha: CommitSha
    committed_at: Moment | None = None
    resolved_at: Moment
    private: bool = False
    gated: bool = False
    used: tuple[Use, ...] = ()
    files: dict[DriftClass, dict[str, FileMark]] = {}
    folded: dict[DriftClass, FoldMark] = {}

    @property
    def key(self) -> Key:
        """What it answers."""
        return Key(self.kind, self.id, self.wished)

    def facts(self) -> Iterator[FileFact]:
        """The files that are listed one by one."""
        for listed in self.files.values():
            for path, mark in listed.items():
                digest, _, size = mark.partition(" ")
                yield FileFact(path, int(size) if size else None, digest)


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """All entries, in their order; ``format`` is that of the file they were read from.

    ``pins`` is what ``unpin`` needs for pins that no remark stands beside, as in JSON.
    """

    entries: tuple[Entry, ...] = ()
    format: str = FORMAT
    pins: tuple[Kept, ...] = ()

    def by_key(self) -> dict[Key, Entry]:
        """Each entry under what it answers."""
        return {entry.key: entry for entry in self.entries}


def make_lock(entries: Iterable[Entry], pins: Iterable[Kept] = ()) -> Lock:
    """A lock of these entries, in the one order there is: by id, kind, wish; pins by path and text."""
    return Lock(
        entries=tuple(sorted(entries, key=lambda one: (one.id, one.kind, one.wished or ""))),
        pins=tuple(sorted(pins, key=lambda one: (one.path, one.now, one.nth))),
    )


def group_files(
    facts: Iterable[FileFact], kind: Kind
) -> tuple[dict[DriftClass, dict[str, str]], dict[DriftClass, str]]:
    """Files by class as an entry holds them: listed, or folded where a class has more than ``MOST_LISTED``."""
    grouped: dict[DriftClass, list[FileFact]] = {}
    for fact in sorted(facts):
        grouped.setdefault(file_class(fact.path, kind=kind), []).append(fact)
    ordered = sorted(grouped, key=lambda one: one.rank)
    files = {one: {fact.path: _mark(fact) for fact in grouped[one]} for one in ordered if _is_listed(grouped[one])}
    folded = {one: fold(grouped[one]) for one in ordered if not _is_listed(grouped[one])}
    return files, folded


def fold(facts: Iterable[FileFact]) -> str:
    """One digest that binds every path, size and digest of files."""
    entries = [(fact.path, -1 if fact.size is None else fact.size, fact.digest) for fact in facts]
    return f"sha256:{root_digest('locked-files', entries)} {len(entries)} files"


def _is_listed(facts: list[FileFact]) -> bool:
    return len(facts) <= MOST_LISTED


def _mark(fact: FileFact) -> str:
    return fact.digest if fact.size is None else f"{fact.digest} {fact.size}"


# --- writing -------------------------------------------------------------------------------------

_HEAD = f"""\
# What every Hub reference meant when it was locked. Written by `ftlineage lock` and `ftlineage update`;
# commit it, and do not edit it by hand.
ftlineage = "{FORMAT}"
"""
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f]')
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_text(lock: Lock) -> str:
    """The file of a lock: equal locks give equal text."""
    ordered = make_lock(lock.entries, lock.pins)
    return _HEAD + "".join([*map(_entry_text, ordered.entries), *map(_pin_text, ordered.pins)])


def _pin_text(pin: Kept) -> str:
    lines = ["", "[[pin]]", *(f"{name} = {_quoted(getattr(pin, name))}" for name in ("path", "now", "was"))]
    if pin.of > 1:
        lines += [f"nth = {pin.nth}", f"of = {pin.of}"]
    return "\n".join([*lines, ""])


def _entry_text(entry: Entry) -> str:
    lines = ["", "[[reference]]"]
    single = {name: getattr(entry, name) for name in ("kind", "id", "wished", "sha", "committed_at", "resolved_at")}
    lines += [f"{name} = {_quoted(value)}" for name, value in single.items() if value is not None]
    lines += [f"{name} = true" for name in ("private", "gated") if getattr(entry, name)]
    if entry.used:
        places = sorted(set(entry.used), key=place_order)
        lines += ["used = [", *(f"    {_quoted(place)}," for place in places), "]"]
    for one in sorted(entry.files, key=lambda found: found.rank):
        lines += ["", f"[reference.files.{one}]"]
        lines += [f"{_quoted(path)} = {_quoted(mark)}" for path, mark in sorted(entry.files[one].items())]
    if entry.folded:
        lines += ["", "[reference.folded]"]
        lines += [f"{one} = {_quoted(entry.folded[one])}" for one in sorted(entry.folded, key=lambda found: found.rank)]
    return "\n".join([*lines, ""])


def place_order(place: str) -> tuple[str, int]:
    """How places are sorted: by path, then by line as a number."""
    path, _, line = place.rpartition(":")
    return path, int(line)


def _quoted(text: str) -> str:
    return '"' + _ESCAPED.sub(lambda found: _escape(found[0]), text) + '"'


def _escape(character: str) -> str:
    return f"\\{character}" if character in '"\\' else f"\\u{ord(character):04x}"


# --- reading -------------------------------------------------------------------------------------

_TOP = frozenset({"ftlineage", "reference", "pin"})
_KEYS = {"reference": frozenset(Entry.__struct_fields__), "pin": frozenset(Kept.__struct_fields__)}


def from_text(data: bytes, *, name: str = LOCK_NAME) -> Lock:
    """Read a lock strictly.

    Raises:
        LockMalformedError: It does not follow the format; the error names the place.
        LockTooNewError: It has a later major format.
    """
    document = _document(data, name)
    try:
        major = format_major(document)
    except CardMalformedError as error:
        raise _malformed(name, "ftlineage", error.reason) from error
    written = str(document["ftlineage"])
    if major != int(FORMAT):
        raise LockTooNewError(path=name, found=written, does="reads", supported=FORMAT)
    listed = {table: _tables(document, table, name) for table in _KEYS}
    if is_known(written):
        _refuse_unknown(document, listed, name)
    entries = tuple(_struct("reference", number, item, name, Entry) for number, item in enumerate(listed["reference"]))
    pins = tuple(_struct("pin", number, item, name, Kept) for number, item in enumerate(listed["pin"]))
    lock = Lock(entries=entries, format=written, pins=pins)
    if len(lock.by_key()) != len(lock.entries):
        raise _malformed(name, _twice(lock), "two entries answer the same kind, id and wish")
    return lock


def is_known(written: str) -> bool:
    """Whether this release knows every key of a format, so that it may write the file again."""
    return written in {FORMAT, f"{FORMAT}.0"}


def _document(data: bytes, name: str) -> dict[str, Any]:
    if len(data) > codec.MAX_BYTES:
        raise _malformed(name, "byte 0", f"{len(data)} bytes, more than the {codec.MAX_BYTES} that are read")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _malformed(name, f"byte {error.start}", "not UTF-8") from error
    except RecursionError as error:
        raise _malformed(name, "byte 0", "nested too deeply") from error
    except ValueError as error:
        raise _malformed(name, "its TOML", str(error)[:200]) from error


def _tables(document: dict[str, Any], table: str, name: str) -> list[Any]:
    listed = document.get(table, [])
    if not isinstance(listed, list):
        raise _malformed(name, table, "expected a list of tables")
    return listed


def _refuse_unknown(document: dict[str, Any], listed: dict[str, list[Any]], name: str) -> None:
    places = [("", document.keys() - _TOP)]
    places += [
        (f"{table}[{number}].", item.keys() - _KEYS[table])
        for table, items in listed.items()
        for number, item in enumerate(items)
        if isinstance(item, dict)
    ]
    for where, unknown in places:
        for key in sorted(unknown):
            raise _malformed(name, f"{where}{key[:80]}", "there is no such key in this format")


def _struct(table: str, number: int, item: Any, name: str, kind: type[T]) -> T:
    try:
        return msgspec.convert(item, kind, strict=True)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at ")
        place = f"{table}[{number}]{where.partition('$')[2].strip('`')}"
        raise _malformed(name, place, reason[:1].lower() + reason[1:]) from error


def _twice(lock: Lock) -> str:
    keys = [entry.key for entry in lock.entries]
    return f"reference[{next(number for number, key in enumerate(keys) if key in keys[:number])}]"


def _malformed(name: str, where: str, reason: str) -> LockMalformedError:
    return LockMalformedError(path=name, where=where, reason=reason)


# --- on disk -------------------------------------------------------------------------------------


def read_lock(path: Path) -> Lock:
    """The lock in a file.

    Raises:
        LockMissingError: There is none.
        LockMalformedError, LockTooNewError: See :func:`from_text`.
        BadInputError, UnsafePathError, StorageError: It cannot be read, or is no regular file.
    """
    from ftlineage.store.lines import read_lines

    try:
        data = read_lines(path, limit=codec.MAX_BYTES)
    except BadInputError as error:
        raise _malformed(str(path), "byte 0", error.reason) from error
    if not data and not path.exists():
        raise LockMissingError(path=str(path))
    return from_text(data, name=str(path))


def require_writable(path: Path, lock: Lock) -> None:
    """Refuse to write over a lock of a later minor format, of which parts would be lost.

    Raises:
        LockTooNewError: It is one.
    """
    if not is_known(lock.format):
        raise LockTooNewError(path=str(path), found=lock.format, does="writes", supported=FORMAT)


def write_lock(path: Path, lock: Lock) -> bool:
    """Replace the file by a lock, whole or not at all; False if it held that very text already.

    Raises:
        OutputNotWritableError, StorageError: Nothing was changed.
    """
    from ftlineage.store.atomic import write_bytes
    from ftlineage.store.lines import read_lines

    data = to_text(lock).encode()
    if data == read_lines(path, limit=codec.MAX_BYTES):
        return False
    write_bytes(path, data)
    return True

"""One file from bytes to judged references, whatever is in it.

Decides encoding, reader and what a file that cannot be read leaves: a note, never an exception.
What the readers see is judged by :mod:`ftlineage.drift.reference` alone. Refused with a note: files
beyond the size limits, binary content behind a text's name, files that do not parse.
"""

from __future__ import annotations

import codecs
import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from ftlineage.core import words
from ftlineage.drift import kinds
from ftlineage.drift.kinds import FileKind
from ftlineage.drift.reference import Found, Reference, judge
from ftlineage.drift.rewrite.remark import read_remarks
from ftlineage.drift.suppress import Directive, find_directives
from ftlineage.drift.walk import Candidate
from ftlineage.errors import FtlineageError

if TYPE_CHECKING:
    from ftlineage.drift.commands.tools import Tools
    from ftlineage.drift.configs.framework import Framework
    from ftlineage.drift.python.wrappers import FileWrappers, Wrappers

MAX_CODE = 5_000_000
MAX_NOTEBOOK = 64_000_000  # what the reader of notebooks takes
_POINTER = b"version https://git-lfs.github.com/spec/"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


_IMPORT = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n(]*)", re.MULTILINE)
_NAME = re.compile(r"([A-Za-z_]\w*)(?:[ \t]+as[ \t]+\w+)?|#[^\n]*")


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """What users add to the readers' own tables, as it stands in their settings."""

    frameworks: tuple[dict[str, Any], ...] = ()
    tools: dict[str, Any] = {}


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A reference with what only its file could say.

    ``file`` is the absolute path. ``touches`` are the lines that make it what it is: its statement
    and where its revision stands. ``wish`` is the ref in the comment beside its commit.
    """

    reference: Reference
    file: str
    touches: tuple[tuple[int, int], ...]
    wish: str | None = None


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What one file gave; ``note`` says why it was not read, None if it was.

    ``exports`` is what other files may load through a Python file, ``imports`` what it takes from
    others, as ``module:name``.
    """

    shown: str
    seen: tuple[Seen, ...] = ()
    directives: tuple[Directive, ...] = ()
    note: str | None = None
    exports: FileWrappers | None = None
    imports: frozenset[str] = frozenset()


class Readers:
    """The readers with the tables of one scan.

    Without ``wrappers`` it is the first pass: ``exports`` and ``imports`` then say what the last
    Python file lends to others and takes from them.
    """

    def __init__(self, tables: Tables, wrappers: Wrappers | None = None) -> None:
        self._tables = tables
        self._wrappers = wrappers
        self._frameworks: Sequence[Framework] | None = None
        self._tools: Tools | None = None
        self.exports: FileWrappers | None = None
        self.imports: frozenset[str] = frozenset()

    def read(self, kind: FileKind, text: str, shown: str) -> list[Found]:
        """What a text names.

        Raises:
            BadInputError: It cannot be read as what it is.
        """
        self.exports, self.imports = None, frozenset()
        reader: Callable[[str, str], list[Found]] = getattr(self, f"_{kind}")
        return reader(text, shown)

    def _python(self, text: str, shown: str) -> list[Found]:
        from ftlineage.drift.python.reader import read_and_collect, read_python

        if self._wrappers is not None:
            return read_python(text, shown, self._wrappers)
        found, self.exports = read_and_collect(text, shown)
        self.imports = frozenset(_imports(text))
        return found

    def _notebook(self, text: str, shown: str) -> list[Found]:
        from ftlineage.drift.notebook import read_notebook

        return read_notebook(text, shown, tools=self._programs())

    def _config(self, text: str, shown: str) -> list[Found]:
        from ftlineage.drift.configs.reader import read_config

        if self._frameworks is None:
            self._frameworks = _frameworks(self._tables)
        return read_config(text, shown, self._frameworks)

    def _shell(self, text: str, shown: str) -> list[Found]:
        from ftlineage.drift.commands.reader import read_shell

        return read_shell(text, shown, tools=self._programs())

    def _dockerfile(self, text: str, shown: str) -> list[Found]:
        from ftlineage.drift.commands.reader import read_dockerfile

        return read_dockerfile(text, shown, tools=self._programs())

    def _makefile(self, text: str, shown: str) -> list[Found]:
        from ftlineage.drift.commands.reader import read_makefile

        return read_makefile(text, shown, tools=self._programs())

    def _urls(self, text: str, shown: str) -> list[Found]:
        from ftlineage.drift.commands.urls import read_urls

        return read_urls(text, PurePath(shown).suffix)

    def _programs(self) -> Tools:
        if self._tools is None:
            self._tools = _tools(self._tables)
        return self._tools


def _imports(text: str) -> Iterator[str]:
    """What a Python file takes from others, as ``module:name``; from the text, for most files are not parsed."""
    for module, names in _IMPORT.findall(text):
        for name in _NAME.findall(names):
            if name:
                yield f"{module}:{name}"


def check_tables(tables: Tables) -> None:
    """Build the users' tables once, before any work is done with them.

    Raises:
        BadArgumentError, BadInputError: One is not what it should be; names it and its key.
    """
    if tables.frameworks:
        _frameworks(tables)
    if tables.tools:
        _tools(tables)


def _tools(tables: Tables) -> Tools:
    from ftlineage.drift.commands.tools import read_table, with_tables

    return with_tables([read_table(tables.tools, "tools")] if tables.tools else [])


def _frameworks(tables: Tables) -> Sequence[Framework]:
    from ftlineage.drift.configs.builtin import BUILTIN
    from ftlineage.drift.configs.framework import read_framework

    own = tuple(read_framework(table, "[[frameworks]]") for table in tables.frameworks)
    return (*own, *BUILTIN) if own else BUILTIN


def decode(data: bytes) -> tuple[str, str]:
    """The text of a file and its encoding: UTF-8, what its first bytes say, else Latin-1, which reads anything.

    A byte order mark stays in the text, so that offsets are those of the file.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace"), encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def load(candidate: Candidate) -> tuple[FileKind, bytes] | str | None:
    """The kind and bytes of a file, why it is left out, or None if it is no file of ours."""
    path = PurePath(candidate.path)
    kind = kinds.kind_by_name(path)
    try:
        with open(candidate.path, "rb") as stream:  # noqa: PTH123 - a path object for each of 20,000 files costs as much
            size = os.fstat(stream.fileno()).st_size
            limit = MAX_NOTEBOOK if kind == "notebook" else MAX_CODE
            if size > limit:
                return f"{words.size(size)}, more than the {words.size(limit)} that are read" if kind else None
            data = stream.read()
    except FileNotFoundError:
        return "gone since it was listed"
    except OSError as error:
        return (error.strerror or "cannot be read").lower()
    kind = kind or kinds.kind_by_content(data[: kinds.SNIFFED])
    if kind is None:
        return "of no kind that is read" if candidate.named else None
    if data.startswith(_POINTER):
        return "a pointer of Git LFS: its content is not here"
    return "binary" if kinds.is_binary(data) else (kind, data)


def read_file(candidate: Candidate, readers: Readers) -> Read | None:
    """Everything a scan wants from one file; None if it is no file of ours, raises nothing."""
    loaded = load(candidate)
    if loaded is None or isinstance(loaded, str):
        return None if loaded is None else Read(shown=candidate.shown, note=loaded)
    kind, data = loaded
    if not kinds.can_hold_reference(kind, data):
        return Read(shown=candidate.shown)
    text, _ = decode(data)
    try:
        found = readers.read(kind, text, candidate.shown)
    except FtlineageError as error:
        guessed = kinds.kind_by_name(PurePath(candidate.path)) is None
        # A file without a suffix that only looked like YAML was never promised to be.
        return None if guessed and not candidate.named else Read(shown=candidate.shown, note=_reason(error))
    except ImportError:  # of ours: then no file can be read, which must not look like none floats
        raise
    except Exception as error:  # noqa: BLE001 - a stranger's file must not end the scan of all others
        return Read(shown=candidate.shown, note=f"the reader failed: {words.clean(words.cut(repr(error), 200))}")
    seen = see(found, text, kind, candidate) if found else ()
    return Read(
        shown=candidate.shown,
        seen=seen,
        directives=tuple(find_directives(text, kind)),
        exports=readers.exports,
        imports=readers.imports,
    )


def _reason(error: FtlineageError) -> str:
    return words.clean(words.cut(getattr(error, "reason", "") or error.sentence, 300))


def see(found: Sequence[Found], text: str, kind: FileKind, candidate: Candidate) -> tuple[Seen, ...]:
    """Every reference that a reader found in a text, judged, in the order of the text."""
    starts = _line_starts(text)
    wishes = [(beside.start, beside.wish.ref) for beside in read_remarks(text, notebook=kind == "notebook")]
    listed: dict[tuple[object, ...], Seen] = {}
    for one in sorted(found, key=lambda each: (each.line, each.column)):
        touches = [one.lines or (one.line, one.line)]
        if one.slot is not None:
            place = bisect_right(starts, one.slot.start)
            touches.append((place, place))
        for reference in judge(one, candidate.shown):
            wish = _wish(one, wishes) if reference.status == "pinned" else None
            key = (one.line, one.column, one.cell, one.cell_line, reference.ref, reference.kind, reference.rule)
            one_seen = Seen(reference=_writable(reference), file=candidate.path, touches=tuple(touches), wish=wish)
            listed.setdefault(key, one_seen)
    return tuple(listed.values())


def _writable(reference: Reference) -> Reference:
    """The reference with lone surrogates written out: a literal may hold them, a report cannot."""
    try:
        f"{reference.ref}{reference.revision}{reference.message}".encode()
    except UnicodeEncodeError:
        return msgspec.structs.replace(
            reference,
            ref=_escaped(reference.ref),
            revision=_escaped(reference.revision),
            message=_escaped(reference.message) or "",
        )
    return reference


def _escaped(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()


def _line_starts(text: str) -> list[int]:
    return [0, *(found.end() for found in re.finditer("\n", text))]


def _wish(found: Found, wishes: Sequence[tuple[int, str]]) -> str | None:
    """The wish in the remark beside the commit that stands in the reference's slot."""
    slot = found.slot
    if slot is None:
        return None
    return next((wish for start, wish in wishes if slot.start <= start <= slot.end), None)

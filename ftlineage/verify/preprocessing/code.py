"""The user's preprocessing code as it stands now, against the code that a card recorded.

Decides by text alone: a function is found by its name, its text has the digest of the card, and the
constants it reads are worth what they were. Nothing is imported or run, so a value that only
running the code would tell is said to be unseen, never taken for equal. One changed constant gives
one finding, however many functions read it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ftlineage.core import codec, words
from ftlineage.core.finding import Finding, Severity
from ftlineage.core.sections import CodeDigest, Preprocessing
from ftlineage.errors import BadInputError, PathNotFoundError
from ftlineage.sources.python_text import UNKNOWN, Definition, Made, Rounded, is_plain, same_when_rounded
from ftlineage.sources.python_tree import MISSING, PythonTree
from ftlineage.verify.checks import shown
from ftlineage.verify.preprocessing.words import Change, changes_sentence, expected_and_actual, python_text

MAX_FILES = 5_000
MAX_FILE_BYTES = 4 * 1024 * 1024
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "dist-packages"})
_HINT = "Serve with the code the version was trained with, or train a version with this code and record it"


class GivenCode(NamedTuple):
    """Python files that serving runs; ``name`` is how sentences call the place."""

    name: str
    files: Mapping[str, bytes]


class _Found(NamedTuple):
    path: str
    definition: Definition


# --- reading -----------------------------------------------------------------------------------


def observe_given_code(path: str | os.PathLike[str]) -> GivenCode:
    """Read the Python files of a folder, or one file; none of them is run.

    Left out are hidden folders, installed packages and virtual environments.

    Raises:
        PathNotFoundError: No such file or folder.
        BadInputError: It holds no Python file, or too many, or one that is too large.
    """
    place = Path(path)
    if place.is_file():
        return GivenCode(str(path), {place.name: _read(place, place.name)})
    if not place.is_dir():
        raise PathNotFoundError(path=str(path), hint="--code names a Python file, or a folder of them")
    files: dict[str, bytes] = {}
    for file in _python_files(place):
        name = file.relative_to(place).as_posix()
        files[name] = _read(file, name)
        if len(files) > MAX_FILES:
            reason = f"more than {MAX_FILES:,} Python files"
            raise BadInputError(path=str(path), reason=reason, hint="Name the folder with the preprocessing alone")
    if not files:
        raise BadInputError(path=str(path), reason="no Python file is in it", hint="--code names a Python file")
    return GivenCode(str(path), files)


def _python_files(place: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(place):
        here = Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in _SKIPPED and not (here / name / "pyvenv.cfg").exists()
        )
        yield from (here / name for name in sorted(names) if name.endswith(".py") and (here / name).is_file())


def _read(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadInputError(path=name, reason=f"it cannot be read: {error.strerror}") from error
    if len(data) > MAX_FILE_BYTES:
        raise BadInputError(path=name, reason=f"more than the {MAX_FILE_BYTES} bytes that are read")
    return data


# --- checking ----------------------------------------------------------------------------------


def check_given_code(preprocessing: Preprocessing, given: GivenCode) -> list[Finding]:
    """The functions that a card recorded are in the given code, with the text and constants they had.

    Args:
        preprocessing: The card's section.
        given: What serving runs.

    Returns:
        An error for each function that differs or is gone; a warning for what could not be seen.

    Raises:
        BadInputError: A file that must be read is not Python.
    """
    tree = PythonTree(given.files)
    check = _Check(tree, given)
    for digest in _unique(preprocessing.code):
        check.function(digest)
    return check.conclusion()


def _unique(code: Sequence[CodeDigest]) -> list[CodeDigest]:
    """Each function once: one that has two roles is recorded twice."""
    seen: dict[tuple[str, str | None, bytes], CodeDigest] = {}
    for digest in code:
        seen.setdefault((digest.name, digest.sha256, codec.canonical_bytes(digest.constants)), digest)
    return list(seen.values())


class _Check:
    """One comparison as it goes."""

    def __init__(self, tree: PythonTree, given: GivenCode) -> None:
        self.tree = tree
        self.given = given
        self.findings: list[Finding] = []
        self.compared = 0
        self.absent: list[CodeDigest] = []
        self.unseen: list[str] = []
        self._told: set[tuple[str, bytes, bytes]] = set()

    def function(self, digest: CodeDigest) -> None:
        """Judge one function of the card."""
        found = _candidates(self.tree, digest)
        if not found:
            self._missing(digest)
            return
        self.compared += 1
        # Where several could be the one that serves, each must be right.
        for place in found:
            finding = self._compare(digest, place)
            if finding is not None:
                self.findings.append(finding)
                return

    def conclusion(self) -> list[Finding]:
        """All findings; that nothing at all could be compared is an error."""
        name = words.clean(self.given.name)
        if not self.compared and not self.findings:
            what = "records no preprocessing code" if not self.absent else f"names {_called(self.absent[0].name)}"
            message = f"nothing in {name} is code that the card records: the card {what}"
            hint = "Name the code that serving runs: --code PATH"
            return [Finding(code="preprocessing.changed", section="preprocessing", message=message, hint=hint)]
        if self.unseen:
            message = f"{name}: values that are set when the code runs were not compared: {', '.join(self.unseen[:5])}"
            self.findings.append(_unseen("warning", message))
        if self.absent:
            listed = ", ".join(f"{_called(one.name)} of {words.clean(one.path or '?')}" for one in self.absent[:5])
            message = f"not in {name}, so not compared: {listed}"
            hint = "Name a folder that holds these files too: --code PATH"
            self.findings.append(_unseen("note", message, hint))
        return self.findings

    def _missing(self, digest: CodeDigest) -> None:
        path = next((path for path in self.tree.paths if PurePosixPath(path).name == digest.path), None)
        if path is None or digest.sha256 is None:
            self.absent.append(digest)
            return
        own = digest.name.removeprefix(f"{PurePosixPath(path).stem}.")
        message = f"{shown(path)} has no {_called(own)} any more, which the card records"
        self.findings.append(_error(path, message, digest.sha256))

    def _compare(self, digest: CodeDigest, place: _Found) -> Finding | None:
        same_text = place.definition.sha256 == digest.sha256
        changes = [*self._changes(digest, place)]
        if not same_text:
            changes += self._new(digest, place)
        fresh = [change for change in changes if same_text is False or self._is_fresh(change)]
        if same_text and not fresh:
            return None
        where = f"{_called(place.definition.name)} in {shown(place.path)}"
        if same_text:
            message = f"{where}: {changes_sentence(fresh)}"
        else:
            what = changes_sentence(fresh) if fresh else "its text differs"
            message = f"{where} is not the code the card says: {what}"
        expected, actual = expected_and_actual(fresh) if fresh else (digest.sha256, place.definition.sha256)
        return _error(place.path, message, expected, actual)

    def _is_fresh(self, change: Change) -> bool:
        key = (change.name, codec.canonical_bytes(change.card), codec.canonical_bytes(change.found))
        return key not in self._told and not self._told.add(key)  # type: ignore[func-returns-value]

    def _changes(self, digest: CodeDigest, place: _Found) -> Iterator[Change]:
        for name, held in digest.constants.items():
            value = self.tree.constant(place.path, place.definition, name)
            if value is MISSING:
                yield Change(name, card=held, found=None, gone=True)
                continue
            found = list(compare_value(name, held, value))
            if UNKNOWN in found:
                self.unseen.append(f"{words.clean(name)} of {_called(place.definition.name)}")
            yield from (change for change in found if isinstance(change, Change))

    def _new(self, digest: CodeDigest, place: _Found) -> Iterator[Change]:
        for name, read in self.tree.read_names(place.path, place.definition).items():
            value = read.value if isinstance(read, Rounded) else read
            if name not in digest.constants and value is not MISSING and is_plain(value) and value is not None:
                yield Change(name, card=None, found=plain_form(name, value), python=python_text(value), added=True)


def _candidates(tree: PythonTree, digest: CodeDigest) -> list[_Found]:
    """The definitions that could be the recorded one: by module and name, else by file and name, else by name."""
    if digest.sha256 is None:
        return []
    parts = digest.name.split(".")
    every = [
        _Found(path, definition)
        for path, definition in tree.definitions(parts[-1])
        if _is_suffix(definition.name.split("."), parts)
    ]
    for tier in (_by_module, _by_file):
        best = [found for found in every if tier(found, digest)]
        if best:
            every = best
            break
    if parts[-1] == "<lambda>":
        # Nothing but its text tells one lambda from the next.
        same = [found for found in every if found.definition.sha256 == digest.sha256]
        return same[:1] or every[:1]
    return every


def _is_suffix(name: list[str], whole: list[str]) -> bool:
    return len(name) <= len(whole) and whole[len(whole) - len(name) :] == name


def _by_module(found: _Found, digest: CodeDigest) -> bool:
    module = digest.name[: -len(found.definition.name) - 1]
    path = found.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return bool(module) and (path == module or f".{path}".endswith(f".{module}"))


def _by_file(found: _Found, digest: CodeDigest) -> bool:
    return PurePosixPath(found.path).name == digest.path


def compare_value(name: str, held: Any, value: Any) -> Iterator[Any]:
    """What differs between a recorded value and the one in the text.

    Yields:
        A :class:`Change` for each difference, UNKNOWN once if a part could not be seen.
    """
    if value is UNKNOWN:
        yield UNKNOWN
    elif isinstance(value, Made):
        yield from _compare_made(name, held, value)
    elif isinstance(value, Rounded):
        written = plain_form(name, value.value)
        if not same_when_rounded(written, held):
            yield Change(name, card=held, found=written, python=python_text(value.value))
    elif isinstance(value, list | tuple) and not is_plain(value):
        if isinstance(held, list) and len(held) == len(value):
            for place, (one, part) in enumerate(zip(held, value, strict=True)):
                yield from compare_value(f"{name}[{place}]", one, part)
        else:
            yield UNKNOWN
    elif not is_plain(value):
        yield UNKNOWN
    elif codec.canonical_bytes(plain_form(name, value)) != codec.canonical_bytes(held):
        yield Change(name, card=held, found=plain_form(name, value), python=python_text(value))


def _compare_made(name: str, held: Any, made: Made) -> Iterator[Any]:
    kind = held.get("class", held.get("partial", "")) if isinstance(held, dict) else held
    if not isinstance(kind, str) or not isinstance(held, dict | str):
        yield UNKNOWN
    elif "partial" not in (held if isinstance(held, dict) else {}) and kind.rpartition(".")[2] != made.name:
        yield Change(name, card=kind, found=made.name) if made.name[:1].isupper() else UNKNOWN
    elif isinstance(held, dict):
        for key, part in made.named.items():
            if key in held:
                yield from compare_value(f"{name}.{key}", held[key], part)
        for part in made.positional:
            yield from _compare_positional(name, held, part)


def _compare_positional(name: str, held: dict[str, Any], part: Any) -> Iterator[Any]:
    """An argument without a name is the attribute that has its value, or the one list of its length."""
    if isinstance(part, str | bool | int | float) and plain_form("", part) in held.values():
        return
    if isinstance(part, list | tuple):
        alike = [key for key, one in held.items() if isinstance(one, list) and len(one) == len(part)]
        if any(not list(compare_value(key, held[key], part)) for key in alike):
            return
        if len(alike) == 1:
            yield from compare_value(f"{name}.{alike[0]}", held[alike[0]], part)
            return
    yield UNKNOWN


def plain_form(name: str, value: Any) -> Any:
    """A value as a card holds it."""
    from ftlineage.sources.plain import named

    return named(name.rpartition(".")[2], value)


def _called(name: str) -> str:
    clean = words.clean(name)
    last = clean.rpartition(".")[2]
    if last == "<lambda>":
        return f"the lambda of {clean.rpartition('.')[0] or 'the module'}"
    return clean if last[:1].isupper() else f"{clean}()"


def _error(path: str, message: str, expected: Any, actual: Any = None) -> Finding:
    return Finding(
        code="preprocessing.changed",
        section="preprocessing",
        path=path,
        expected=expected,
        actual=actual,
        message=message,
        hint=_HINT,
    )


def _unseen(severity: Severity, message: str, hint: str | None = None) -> Finding:
    return Finding(code="preprocessing.unseen", severity=severity, section="preprocessing", message=message, hint=hint)

"""A project's settings of the scan: ``[tool.ftlineage.scan]`` of pyproject.toml, or ``[scan]`` of ftlineage.toml.

Decides where settings are looked for (upward from the current folder, the nearest file that has
them) and how severe a finding is. Patterns of paths are relative to the settings' folder. Refused,
naming the key: unknown keys, rules and severities that are misspelt, a reference ignored without a
reason, a table of keys that cannot match.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from ftlineage.core import words
from ftlineage.core.finding import Severity
from ftlineage.drift.globs import compile_globs
from ftlineage.drift.reference import Reference
from ftlineage.drift.revision import Rule
from ftlineage.errors import BadInputError, PathNotFoundError

Grade = Literal["error", "warning", "note", "ignore"]
Threshold = Literal["error", "warning", "note", "never"]
MAX_BYTES = 1024 * 1024
NAMES = ("ftlineage.toml", "pyproject.toml")

# FLOAT008 stands beside a finding that fails by itself.
_MILD: dict[Rule | None, Grade] = {"FLOAT008": "warning"}
_ORDER: dict[str, int] = {"note": 0, "warning": 1, "error": 2, "never": 3}


class Ignored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """References that are known and stay as they are: a pattern of ids, where, and why."""

    ref: str
    reason: str
    rules: tuple[Rule, ...] = ()
    paths: tuple[str, ...] = ()


class Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The keys of the table as they are written."""

    exclude: tuple[str, ...] = ()
    severity: dict[str, Grade] = {}
    rules: dict[Rule, Grade] = {}
    ignore: tuple[Ignored, ...] = ()
    fail_on: Threshold = "error"
    baseline: str | None = None
    frameworks: tuple[dict[str, Any], ...] = ()
    tools: dict[str, Any] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one scan; ``folder`` is what patterns are relative to, ``source`` where they were read."""

    keys: Keys = Keys()
    folder: str = "."
    source: str = ""

    def inner(self, path: str) -> str:
        """A path as the patterns see it: absolute to relative, with ``/``."""
        return os.path.relpath(path, self.folder).replace(os.sep, "/")


DEFAULT = Settings()


# --- reading -------------------------------------------------------------------------------------


def find_settings(start: Path) -> Settings:
    """The nearest settings at a folder or above it, up to the top of the repository; the default if there are none.

    Raises:
        BadInputError: The nearest file with such a table is not what it should be; names the key.
    """
    for folder in (start, *start.parents):
        for name in NAMES:
            path = folder / name
            if path.is_file():
                table = _table(_document(path, str(path)), name, str(path), demanded=False)
                if table is not None:
                    return _settings(table, folder, name, str(path))
        if (folder / ".git").exists():
            break
    return msgspec.structs.replace(DEFAULT, folder=str(start))


def load_settings(path: Path) -> Settings:
    """The settings in a file that was named.

    Raises:
        PathNotFoundError: There is none.
        BadInputError: It is not what it should be; names the key.
    """
    if not path.is_file():
        raise PathNotFoundError(path=str(path), hint="--config names a TOML file; see docs/scan.md")
    table = _table(_document(path, str(path)), path.name, str(path), demanded=True)
    return _settings(table or {}, path.absolute().parent, path.name, str(path))


def _document(path: Path, shown: str) -> dict[str, Any]:
    import tomllib

    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(path=shown, reason=(error.strerror or "cannot be read").lower()) from error
    if len(data) > MAX_BYTES:
        raise BadInputError(path=shown, reason=f"{len(data)} bytes, too large for settings")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInputError(path=shown, reason=f"not UTF-8 at byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(path=shown, reason=words.clean(f"not TOML: {error}")) from error


def _place(name: str) -> tuple[str, ...]:
    return ("tool", "ftlineage", "scan") if name == "pyproject.toml" else ("scan",)


def _table(document: Mapping[str, Any], name: str, shown: str, *, demanded: bool) -> dict[str, Any] | None:
    found: Any = document
    for key in _place(name):
        found = found.get(key) if isinstance(found, dict) else None
    if found is None and not demanded:
        return None
    if not isinstance(found, dict):
        title = ".".join(_place(name))
        raise BadInputError(path=shown, reason=f"has no table [{title}]", hint="docs/scan.md shows one")
    return found


def _settings(table: Mapping[str, Any], folder: Path, name: str, shown: str) -> Settings:
    prefix = ".".join(_place(name))
    try:
        keys = msgspec.convert(table, Keys)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at ")
        # Of an unknown rule among the keys of `rules` msgspec says "`key` in `$.rules`".
        key = words.clean(where.removeprefix("`key` in ").strip("`").replace("$", prefix, 1)) or prefix
        raise BadInputError(path=shown, reason=words.clean(f"{key}: {reason[:1].lower()}{reason[1:]}")) from error
    for where, patterns in _patterns(keys):
        try:
            compile_globs(patterns)
        except re.error as error:
            raise BadInputError(path=shown, reason=f"{prefix}.{where}: {error}: {patterns!r}") from error
    unsaid = next((number for number, entry in enumerate(keys.ignore) if not entry.reason.strip()), None)
    if unsaid is not None:
        raise BadInputError(path=shown, reason=f"{prefix}.ignore[{unsaid}].reason is empty: say why it may float")
    return Settings(keys=keys, folder=str(folder.absolute()), source=shown)


def _patterns(keys: Keys) -> Iterable[tuple[str, tuple[str, ...]]]:
    yield "exclude", keys.exclude
    yield "severity", tuple(keys.severity)
    for number, entry in enumerate(keys.ignore):
        yield f"ignore[{number}].paths", entry.paths


# --- deciding ------------------------------------------------------------------------------------


class Judge:
    """The settings made ready: what is excluded, what is ignored, how severe the rest is."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        keys = settings.keys
        self._excluded = compile_globs(keys.exclude)
        # The last pattern that matches decides, as in every ignore file.
        self._severity = [(compile_globs([glob]), grade) for glob, grade in reversed(keys.severity.items())]
        self._ignored = [(entry, compile_globs(entry.paths)) for entry in keys.ignore]

    def excludes(self, path: str) -> bool:
        """Whether an absolute path is left out."""
        return self._excluded is not None and self._excluded.fullmatch(self._settings.inner(path)) is not None

    def grade(self, reference: Reference, path: str) -> Grade:
        """How severe a finding at an absolute path is: what its path says, else what its rule says."""
        keys = self._settings.keys
        by_rule = keys.rules.get(reference.rule) if reference.rule is not None else None
        if by_rule == "ignore":
            return "ignore"
        inner = self._settings.inner(path)
        by_path = next((grade for glob, grade in self._severity if glob is not None and glob.fullmatch(inner)), None)
        return by_path or by_rule or _MILD.get(reference.rule, "error")

    def reason_to_ignore(self, reference: Reference, path: str) -> str | None:
        """Why the settings let a reference float; None if they do not."""
        for entry, paths in self._ignored:
            named = reference.ref is not None and fnmatch.fnmatchcase(reference.ref, entry.ref)
            ruled = not entry.rules or reference.rule in entry.rules
            if named and ruled and (paths is None or paths.fullmatch(self._settings.inner(path)) is not None):
                return entry.reason
        return None


def fails(severities: Iterable[Severity], threshold: Threshold) -> bool:
    """Whether findings of these severities fail a scan."""
    return any(_ORDER[severity] >= _ORDER[threshold] for severity in severities)

"""Which files a path stands for, in which format and split, and the rows they hold.

A path is a file, a folder of shards of one format, or a folder that ``datasets`` saved. Shards are
read in the order of their names. Where names say splits (``train-00000.parquet``, ``test/a.jsonl``)
one must be chosen. Refused: mixed formats, unknown formats, a split that is not there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import msgspec

from ftlineage.core.sections import DataSource, FileRecord
from ftlineage.errors import BadInputError, PathNotFoundError, UnsafePathError
from ftlineage.hashing.files import list_files, record_file, record_files
from ftlineage.hashing.progress import progress_bar
from ftlineage.sources.data_arrow import SPLITS, STATE, TypedFile, saved_files, saved_splits, typed_rows
from ftlineage.sources.data_csv import CsvFile, csv_rows
from ftlineage.sources.data_json import JsonFile, json_rows
from ftlineage.sources.data_rows import Rows

FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
_PACKED = (".gz", ".bz2", ".zst", ".lz4")
_TEXT = frozenset({"jsonl", "json", "csv", "tsv"})
# The words by which datasets finds splits in file names.
_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
    "validation": "validation",
    "valid": "validation",
    "dev": "validation",
    "val": "validation",
}


class DataFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one dataset: ``paths`` below ``root``, all of one ``format``.

    ``saved`` is the folder that ``Dataset.save_to_disk`` wrote, if it did.
    """

    root: Path
    paths: tuple[Path, ...]
    kind: Literal["file", "folder"]
    format: str
    split: str | None = None
    saved: Path | None = None

    @property
    def name(self) -> str:
        """What the card calls it: the name of the file or folder, without where it lies."""
        return self.paths[0].name if self.kind == "file" else self.root.resolve().name

    def shown(self, path: Path) -> str:
        """How errors and the card name one of the files."""
        return path.relative_to(self.root).as_posix()

    def rows(self) -> Rows:
        """The rows of all files.

        Raises:
            BadInputError: A file is not what its name says.
            MixedTypesError: A column has values of different kinds.
        """
        pairs = [(path, self.shown(path)) for path in self.paths]
        if self.format in ("json", "jsonl"):
            return json_rows([JsonFile(path=path, shown=shown) for path, shown in pairs])
        if self.format in ("csv", "tsv"):
            mark = "\t" if self.format == "tsv" else ","
            return csv_rows([CsvFile(path=path, shown=shown, delimiter=mark) for path, shown in pairs])
        return typed_rows(self.typed())

    def typed(self) -> list[TypedFile]:
        """The files, where the format is Parquet or Arrow."""
        kind: Any = self.format
        return [TypedFile(path=path, shown=self.shown(path), format=kind) for path in self.paths]

    @property
    def is_mappable(self) -> bool:
        """Whether all are Arrow streams, which ``datasets`` maps into memory."""
        return self.format == "arrow" and all(file.is_stream for file in self.typed())

    def source(self, *, digests: bool) -> DataSource:
        """As a card names it.

        Args:
            digests: Hash every file as it lies there, too.
        """
        records = self._records() if digests else []
        return DataSource(
            kind=self.kind,
            id=self.name,
            split=self.split,
            format="datasets" if self.saved is not None else self.format,
            files=records,
        )

    def state(self) -> tuple[tuple[int, int], ...]:
        """Size and time of every file; differs if one was written to in between."""
        found = [path.stat() for path in self.paths]
        return tuple((stat.st_size, stat.st_mtime_ns) for stat in found)

    def _records(self) -> list[FileRecord]:
        with progress_bar(sum(path.stat().st_size for path in self.paths), f"Hashing {self.name}") as update:
            if self.kind == "folder":
                return record_files(self.paths, self.root, update=update)
            # A single file was named on purpose, so a link may lead anywhere.
            real = self.paths[0].resolve()
            return [msgspec.structs.replace(record_file(real, real.parent, update=update), path=self.name)]


def find_files(path: Path, split: str | None = None) -> DataFiles:
    """The files that a path stands for.

    Args:
        path: A data file, a folder of shards, or a folder that ``datasets`` saved.
        split: Which split, where there are several.

    Raises:
        PathNotFoundError: Nothing is there.
        BadInputError: No data files, several formats, or a split that is not there.
    """
    if path.is_dir():
        return _saved(path, split) or _folder(path, split)
    if path.exists() and not path.is_file():
        raise BadInputError(path=str(path), reason="it is no regular file", hint="Write its content into a file first")
    if not path.is_file():
        raise PathNotFoundError(path=str(path), hint="For data on the Hub write hf://datasets/org/name")
    kind = _format(path)
    if kind is None:
        known = " ".join(sorted(FORMATS))
        raise BadInputError(path=path.name, reason="its format is not known by its name", hint=f"Known are {known}")
    if split is not None:
        raise BadInputError(path=path.name, reason=f"a file has no splits, so there is no {split!r} to choose")
    return DataFiles(root=path.parent, paths=(path,), kind="file", format=kind)


def choose_split(available: list[str], split: str | None, shown: str) -> str:
    """The split that is meant: the only one there is, or the one that was named.

    Raises:
        BadInputError: It is not there, or several are and none was named; the sentence lists them.
    """
    listed = ", ".join(available) or "none"
    if split is None and len(available) != 1:
        raise BadInputError(
            path=shown,
            reason=f"it has several splits ({listed})",
            hint="Name one with split, or after the name: hf://datasets/org/name:config/split",
        )
    if split is not None and split not in available:
        raise BadInputError(path=shown, reason=f"it has no split {split!r}; there is {listed}")
    return split or available[0]


def _saved(folder: Path, split: str | None) -> DataFiles | None:
    if (folder / SPLITS).is_file():
        chosen = choose_split(saved_splits(folder), split, folder.name)
        found = _saved(folder / chosen, None)
        if found is None:
            raise BadInputError(path=folder.name, reason=f"its split {chosen!r} lacks {STATE}")
        return DataFiles(root=folder, paths=found.paths, kind="folder", format="arrow", split=chosen, saved=found.saved)
    if not (folder / STATE).is_file():
        return None
    if split is not None:
        raise BadInputError(path=folder.name, reason=f"it is one saved split, so there is no {split!r} to choose")
    paths = tuple(file.path for file in saved_files(folder))
    return DataFiles(root=folder, paths=paths, kind="folder", format="arrow", saved=folder)


def _folder(folder: Path, split: str | None) -> DataFiles:
    try:
        listed = list_files(folder, keep=_visible, enter=_visible)
    except UnsafePathError as error:  # of data this is bad input, not a sign that somebody tampered
        raise BadInputError(path=folder.name, reason=f"{error.path!r}: {error.reason}", hint=error.hint) from error
    paths = [path for path in listed if _format(path) is not None]
    if not paths:
        known = " ".join(sorted(FORMATS))
        raise BadInputError(path=folder.name, reason="it holds no data files", hint=f"Known are {known}")
    by_split: dict[str | None, list[Path]] = {}
    for path in paths:
        by_split.setdefault(_split_of(path.relative_to(folder)), []).append(path)
    named = sorted(name for name in by_split if name is not None)
    if named and split is None and None in by_split:
        reason = f"some of its files name a split ({', '.join(named)}) and some do not"
        raise BadInputError(path=folder.name, reason=reason, hint="Name one with split, or move the others away")
    chosen = choose_split(named, split, folder.name) if named or split is not None else None
    paths = by_split[chosen]
    formats = sorted({str(_format(path)) for path in paths})
    if len(formats) > 1:
        raise BadInputError(path=folder.name, reason=f"it holds files of several formats ({', '.join(formats)})")
    return DataFiles(root=folder, paths=tuple(paths), kind="folder", format=formats[0], split=chosen)


def _visible(name: str) -> bool:
    return not any(part.startswith((".", "_")) for part in name.split("/"))


def _format(path: Path) -> str | None:
    name = path.name.lower()
    packed = next((ending for ending in _PACKED if name.endswith(ending)), "")
    found = FORMATS.get(Path(name.removesuffix(packed)).suffix)
    return None if packed and found not in _TEXT else found


def _split_of(name: Path) -> str | None:
    """The split a file's name or folder says, as ``datasets`` reads them; None if it says none."""
    for part in reversed(name.parts):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in _SPLIT_WORDS:
                return _SPLIT_WORDS[word]
    return None

"""Datasets of a run: every row fingerprinted as it was given to training, and named by where it came from.

Decides what a source is (a path, the Hub, an object in memory), reads it once, and gives the rows
back unchanged. Refused: empty data, a split or configuration that is not there, a Hub dataset at
another commit than the one that was resolved, and files that change while they are read.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from ftlineage.core.sections import Column, Dataset, DataSource, Fingerprint, Prepared, Size
from ftlineage.errors import BadArgumentError, BadInputError, BadReferenceError, MissingExtraError, StorageError
from ftlineage.hashing.rows import RowFingerprint
from ftlineage.sources.data_files import DataFiles, find_files
from ftlineage.sources.data_media import embedded_rows, media_features
from ftlineage.sources.data_objects import dataset_of, dataset_rows, kind_of, labelled, one_split, stream_rows
from ftlineage.sources.data_rows import MixedTypesError, Rows, fingerprint_rows


class LoadedData(msgspec.Struct, frozen=True, kw_only=True):
    """Rows for training (``datasets.Dataset``, or ``IterableDataset`` for streams) and their record."""

    rows: Any
    section: Dataset


class DataFingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """What ``ftlineage data fingerprint`` prints."""

    source: DataSource
    rows: Size
    columns: list[Column]
    fingerprint: Fingerprint
    seconds: float


def load_data(
    source: Any,
    *,
    name: str,
    split: str | None = None,
    config: str | None = None,
    revision: str | None = None,
    role: str = "train",
) -> LoadedData:
    """Load a dataset, fingerprint every row, and record where it came from.

    Args:
        source: A path (jsonl, json, csv, tsv, parquet, arrow, a folder of shards or one that
            ``datasets`` saved), ``hf://datasets/org/name[@revision][:config/split]``, a
            ``datasets.Dataset``, ``IterableDataset`` (read once to its end for the fingerprint) or
            ``DatasetDict``, a pandas table, or a list of dicts.
        name: Name in the card.
        split: Which split, where there are several.
        config: Which configuration of a Hub dataset.
        revision: Which Hub revision; it is resolved to a commit, and the commit is asserted after loading.
        role: What it is for: ``train``, ``eval``, ...

    Raises:
        UsageError: The source does not exist, is empty or malformed, or an argument means nothing for it.
        UndecidedError: The Hub did not tell.
        RevisionMismatchError: Another commit was loaded than the one that was resolved (trap T5).
    """
    opened = _open(source, _Wanted(split=split, config=config, revision=revision))
    rows, found = _kept(opened)
    if found.rows == 0:
        raise BadInputError(path=opened.source.id or name, reason="it holds no rows")
    section = Dataset(
        name=name,
        role=role,
        source=opened.files.source(digests=True) if opened.files else opened.source,
        rows=found.rows,
        schema=labelled(found.columns, rows),
        fingerprint=found.section(),
        license=opened.license,
    )
    opened.require_unchanged()
    return LoadedData(rows=rows, section=section)


def fingerprint_source(
    source: Any,
    *,
    split: str | None = None,
    config: str | None = None,
    revision: str | None = None,
    order_free: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> DataFingerprint:
    """Fingerprint every row of a source without keeping any.

    Args:
        source: As for :func:`load_data`.
        split: Which split, where there are several.
        config: Which configuration of a Hub dataset.
        revision: Which Hub revision.
        order_free: Compute the order-free digest too; it costs one SHA-256 call a row.
        clock: Gives seconds.

    Raises:
        As :func:`load_data`; a typed source without rows is no error.
    """
    start = clock()
    opened = _open(source, _Wanted(split=split, config=config, revision=revision))
    found = _fingerprint(opened, order_free=order_free)
    opened.require_unchanged()
    if found.rows == 0 and not found.columns:
        raise BadInputError(path=opened.source.id or "the data", reason="it holds no rows")
    return DataFingerprint(
        source=opened.source,
        rows=found.rows,
        columns=list(found.columns),
        fingerprint=found.section(),
        seconds=round(clock() - start, 3),
    )


def observe_prepared(dataset: Any) -> Prepared:
    """Fingerprint the rows as the trainer saw them: templated, tokenised, packed, in their order.

    Transforms that run while training (``set_transform``, collators) are not rows, and not part of it.

    Args:
        dataset: A ``datasets.Dataset`` or ``IterableDataset`` (read to its end), e.g. ``trainer.train_dataset``.

    Raises:
        BadArgumentError: Something else, whose rows cannot be read.
    """
    kind = kind_of(dataset)
    if kind not in ("dataset", "stream"):
        reason = f"the prepared rows of a {type(dataset).__name__} cannot be read"
        raise BadArgumentError(argument="dataset", reason=reason)
    found = fingerprint_rows(dataset_rows(dataset) if kind == "dataset" else stream_rows(dataset))
    return Prepared(rows=found.rows, columns=labelled(found.columns, dataset), fingerprint=found.section())


# --- opening -------------------------------------------------------------------------------------


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    split: str | None = None
    config: str | None = None
    revision: str | None = None

    def refuse(self, *names: str, why: str) -> None:
        for name in names:
            if getattr(self, name) is not None:
                raise BadArgumentError(argument=name, reason=why)


class _Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A source: an object of ``datasets`` that is there already, or files to read."""

    source: DataSource
    held: Any = None
    files: DataFiles | None = None
    state: tuple[tuple[int, int], ...] = ()
    license: str | None = None

    def require_unchanged(self) -> None:
        if self.files is not None and self.files.state() != self.state:
            hint = "Wait until nothing writes to it, then run again"
            raise StorageError(path=self.files.name, cause="the data changed while it was read", hint=hint)


def _open(source: Any, wanted: _Wanted) -> _Opened:
    _require("pyarrow", "reading rows")
    kind = kind_of(source)
    if kind == "path":
        return _open_path(os.fspath(source), wanted)
    wanted.refuse("config", "revision", why="only data on the Hub has one")
    if kind == "splits":
        held, split = one_split(source, wanted.split)
        return _open_held(held, split)
    wanted.refuse("split", why=f"a {type(source).__name__} has no splits")
    if kind in ("pandas", "list"):
        _require("datasets", "tables in memory")
        return _open_held(dataset_of(source, kind), None)
    if kind is None:
        reason = f"a {type(source).__name__} is no dataset: give a path, hf://datasets/org/name, or a datasets object"
        raise BadArgumentError(argument="source", reason=reason)
    return _open_held(source, None if source.split is None else str(source.split))


def _open_path(text: str, wanted: _Wanted) -> _Opened:
    if text.startswith("hf://"):
        _require("datasets", "data on the Hub")
        # Here and below: what hashing a file does not need is not loaded for it.
        from ftlineage.sources import data_hub

        reference = data_hub.parse_hub_data(text, revision=wanted.revision, config=wanted.config, split=wanted.split)
        loaded = data_hub.load_hub_data(reference)
        return _Opened(source=loaded.source, held=loaded.dataset, license=loaded.license)
    if "://" in text:
        raise BadReferenceError(reference=text, reason="data is read from files here or from hf://datasets/org/name")
    if not text:
        raise BadArgumentError(argument="source", reason="the name is empty", hint="Name a file or folder, such as .")
    wanted.refuse("config", "revision", why="only data on the Hub has one")
    files = find_files(Path(text), wanted.split)
    return _Opened(source=files.source(digests=False), files=files, state=files.state())


def _open_held(held: Any, split: str | None) -> _Opened:
    kind: Literal["memory", "stream"] = "stream" if kind_of(held) == "stream" else "memory"
    return _Opened(
        source=DataSource(kind=kind, split=split), held=held, license=getattr(held.info, "license", None) or None
    )


# --- reading -------------------------------------------------------------------------------------


def _kept(opened: _Opened) -> tuple[Any, RowFingerprint]:
    """The rows for the user, and their fingerprint."""
    if opened.files is None:
        return opened.held, fingerprint_rows(_held_rows(opened.held))
    _require("datasets", "training data")
    from ftlineage.sources.data_tables import dataset_from, mapped_dataset

    try:
        rows = opened.files.rows()
        if opened.files.is_mappable:
            dataset = mapped_dataset(opened.files.typed(), opened.files.name, opened.files.saved)
        else:
            dataset, found = dataset_from(rows, opened.files.name)
            if media_features(rows.schema) is None:
                return dataset, found
    except MixedTypesError as error:
        dataset = _as_datasets_reads_it(opened.files, error)
    return dataset, fingerprint_rows(dataset_rows(dataset))


def _fingerprint(opened: _Opened, *, order_free: bool) -> RowFingerprint:
    if opened.files is None:
        return fingerprint_rows(_held_rows(opened.held), order_free=order_free)
    try:
        rows = opened.files.rows()
        rows = embedded_rows(rows, media_features(rows.schema), opened.files.name)
        return fingerprint_rows(rows, order_free=order_free)
    except MixedTypesError as error:
        return fingerprint_rows(dataset_rows(_as_datasets_reads_it(opened.files, error)), order_free=order_free)


def _held_rows(held: Any) -> Rows:
    return stream_rows(held) if kind_of(held) == "stream" else dataset_rows(held)


def _as_datasets_reads_it(files: DataFiles, error: MixedTypesError) -> Any:
    """JSON whose values change their kind from row to row: ``datasets`` keeps such columns as JSON text."""
    if files.format not in ("json", "jsonl"):
        raise BadInputError(path=files.name, reason=error.reason) from error
    _require("datasets", "JSON with values of several kinds in one column")
    from ftlineage.sources.data_tables import mixed_json

    return mixed_json(files.paths, files.name, error.reason)


def _require(package: str, purpose: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(package=package, purpose=purpose, extra="data")

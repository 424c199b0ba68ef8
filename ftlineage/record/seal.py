"""Sealing: from a trained model to an adapter folder with its card, all or nothing.

Collective over all training processes; only rank 0 touches the output folder. The model is saved
into a staging folder, made byte-stable, hashed, and moved in with the card last
(``store.publish``). Callbacks cannot do this: when the last of them runs, the final adapter is not
on disk (trap T16).
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ftlineage.core import codec
from ftlineage.core.card import CARD_NAME, Card, read_card
from ftlineage.core.layout import README_NAME
from ftlineage.core.sections import Adapter
from ftlineage.errors import FtlineageError, RunStateError
from ftlineage.hashing.files import record_files
from ftlineage.hashing.tensors import read_header
from ftlineage.record import distributed, saving
from ftlineage.record.assemble import Loop, assemble
from ftlineage.record.strays import refuse_sealed, retired_files, strays
from ftlineage.store.atomic import storage_fault, write_bytes, writing
from ftlineage.store.publish import STAGE_PREFIX, UNSEALED_PREFIX, exclusive, publish, staging

if TYPE_CHECKING:
    from ftlineage.record.run import Run

# Written by transformers 5 into tokenizer_config.json and read by nothing.
_LOADING = frozenset({"is_local", "local_files_only"})
_OS_ERROR = re.compile(r"os error (\d+)")


def seal_run(run: Run, subject: Any, loop: Loop, *, finished: Callable[[], str]) -> Card:
    """Save, hash, assemble and publish; see :meth:`ftlineage.record.run.Run.seal`."""
    if distributed.is_cut_off():
        reason = "seal() on a process that no process group connects to rank 0, which alone writes the card"
        raise RunStateError(name=run.name, reason=reason, hint="Call seal() before the process group is destroyed")
    with contextlib.ExitStack() as stack:
        stage = distributed.on_writer(lambda: stack.enter_context(staging(run.out)))
        failure = distributed.any_failure(_save(run, subject, loop, stage))

        def finish() -> bytes:
            if failure is not None:
                error = _storage_failure(run.out, failure) or failure
                _rescue(stage, run.out, error)
                raise error
            return _finish(run, stage, lambda adapter: assemble(run, subject, loop, adapter, finished()))

        data = distributed.on_writer(finish)
    return read_card(data)


def _save(run: Run, subject: Any, loop: Loop, stage: Path) -> Exception | None:
    """The collective part. A failure is kept, not raised: other ranks wait at the next exchange."""
    base = run.pinned_base
    processor = loop.processor
    if processor is None and base is not None and base.processors:
        processor = base.processors[-1]
    write = distributed.is_writer()
    # transformers can take every rank for the first (on a CPU without use_cpu): each has its own folder then.
    place = contextlib.nullcontext(stage) if write else tempfile.TemporaryDirectory(prefix="ftlineage-")
    try:
        with place as folder:
            saving.save(subject, Path(folder), processor=processor, base=base, write=write)
    except Exception as error:  # noqa: BLE001 - raised on every rank by seal_run
        return error
    return None


def _finish(run: Run, stage: Path, assembled: Callable[[Adapter], Card]) -> bytes:
    try:
        with writing(run.out), exclusive(run.out):
            refuse_sealed(run.out, overwrite=run.overwrite)
            adapter = _observe_saved(run, stage)
            retired = retired_files(run.out)
            data = assembled(_with_strays(adapter, run.out, retired)).to_bytes()
            read_card(data)  # a card that nobody could read must not replace one
            write_bytes(stage / CARD_NAME, data)
            publish(stage, run.out, retired=retired, keep=[README_NAME])
    except BaseException as error:
        _rescue(stage, run.out, error)
        raise
    return data


def _with_strays(adapter: Adapter, out: Path, retired: list[str]) -> Adapter:
    """The adapter section with the other files of the output folder listed too."""
    own = {*retired, *(file.path for file in adapter.files)}
    others = record_files(strays(out, own=own), out)
    files = sorted([*adapter.files, *others], key=lambda file: file.path)
    return msgspec.structs.replace(adapter, files=files) if others else adapter


def _rescue(stage: Path, out: Path, error: BaseException) -> None:
    """Hours of training must not go with a failed seal: the saved model stays, and the error says where."""
    kept = out / stage.name.replace(STAGE_PREFIX, UNSEALED_PREFIX)
    try:
        (stage / CARD_NAME).unlink(missing_ok=True)
        if not _holds_whole_weights(stage):
            return
        stage.replace(kept)
    except OSError:
        return
    sentence = f"The trained model was saved, without a card, in {kept}"
    if isinstance(error, FtlineageError):
        error.hint = f"{error.hint}. " * bool(error.hint) + sentence
    else:
        error.add_note(sentence)


def _holds_whole_weights(stage: Path) -> bool:
    weights = sorted(stage.rglob("*.safetensors"))
    try:
        for path in weights:
            read_header(path)
    except FtlineageError:
        return False
    return bool(weights)


def _observe_saved(run: Run, stage: Path) -> Adapter:
    """Make what was saved byte-stable and readable, and hash it."""
    from ftlineage.sources.adapter import normalise_modes, observe_adapter, write_adapter_config

    base = run.pinned_base
    if base is not None:
        for config in [*stage.glob("adapter_config.json"), *stage.glob("*/adapter_config.json")]:
            write_adapter_config(config.parent, base_model=base.model, revision=base.revision)
    for config in [*stage.glob("tokenizer_config.json"), *stage.glob("*/tokenizer_config.json")]:
        _forget_loading(config)
    normalise_modes(stage)
    return observe_adapter(stage)


def _forget_loading(config: Path) -> None:
    """Drop how and from where a tokenizer was loaded: offline, an equal run would save other bytes."""
    written = codec.foreign_object(config.read_bytes())
    if written is None:
        return
    kept = {key: value for key, value in written.items() if key not in _LOADING}
    if kept != written:
        write_bytes(config, codec.pretty_bytes(kept))


def _storage_failure(out: Path, failure: Exception) -> Exception | None:
    """The full disk behind an error of safetensors or torch, whose text alone has the number."""
    if isinstance(failure, OSError):
        return storage_fault(out, failure)
    found = _OS_ERROR.search(str(failure))
    return storage_fault(out, OSError(int(found[1]), str(failure))) if found else None

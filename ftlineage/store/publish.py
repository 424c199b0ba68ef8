"""From a finished staging folder to the output folder, so that a card never stands beside other bytes.

Everything is written and flushed in ``<out>/.ftlineage-stage-*`` first: a full disk or a crash
before that point leaves the output folder as it was. Then the old card goes, the files move in,
and the new card comes last. Whenever the process dies, the folder holds the old card with its own
files, or no card, or the new card with its own files; a journal then names what was being moved, so
that the next publish cleans up. Refused: removing anything that no version could have listed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from ftlineage.core import codec
from ftlineage.core.card import CARD_NAME, PARTIAL_NAME
from ftlineage.core.layout import is_recorded, path_fault
from ftlineage.errors import CardMalformedError, StorageError
from ftlineage.store.atomic import sync_file, sync_folder, temporary_name, write_bytes, writing
from ftlineage.store.cards import drop_partial

STAGE_PREFIX = ".ftlineage-stage-"
# A model that was saved but could not be sealed; kept for its owner, never cleaned.
UNSEALED_PREFIX = ".ftlineage-unsealed-"
JOURNAL = ".ftlineage-publishing"


@contextlib.contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A fresh staging folder below ``out``, removed at the end whatever happened.

    Folders and halves of files left behind by killed processes are removed first.

    Raises:
        OutputNotWritableError, StorageError: ``out`` cannot be written.
    """
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        _clean(out)
        stage = out / f"{STAGE_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        stage.mkdir()
    try:
        with writing(out):
            yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextlib.contextmanager
def exclusive(out: Path) -> Iterator[None]:
    """Inside the block no other process publishes into ``out``; two at once would mix their files.

    The lock goes with the process that holds it. Where the system or a network file system has
    none, nothing is locked.

    Raises:
        StorageError: Another process is publishing there at this moment.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(path=str(out), cause="another run is being sealed into it at this moment") from error
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)


def publish(stage: Path, out: Path, *, retired: Iterable[str] = (), keep: Iterable[str] = ()) -> None:
    """Move a staged version (files and ``lineage.json``) into ``out``.

    Args:
        stage: Holds the finished files and the card.
        out: The output folder, on the same file system.
        retired: Relative paths of the version being replaced that the new one does not have.
        keep: Relative paths that, when they exist in ``out``, are not replaced (a README people edit).

    Raises:
        OutputNotWritableError, StorageError: Before the old card was touched, unless the disk
            fails between two renames.
    """
    with writing(out):
        files = _relative_files(stage)
        old = {*retired, *interrupted(out)} - set(files)
        for name in files:
            sync_file(stage / name)
        for name in files:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
        write_bytes(out / JOURNAL, codec.pretty_bytes(sorted({*old, *files})))
        (out / CARD_NAME).unlink(missing_ok=True)
        sync_folder(out)
        _remove(out, old)
        _move(stage, out, [name for name in files if name != CARD_NAME], keep=set(keep))
        (stage / CARD_NAME).replace(out / CARD_NAME)
        sync_folder(out)
        (out / JOURNAL).unlink(missing_ok=True)
    drop_partial(out)


def interrupted(out: Path) -> list[str]:
    """Relative paths of files that a publish was moving when it was killed; empty after every whole one."""
    try:
        names = codec.parse((out / JOURNAL).read_bytes())
    except (OSError, CardMalformedError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _remove(out: Path, names: Iterable[str]) -> None:
    for name in names:
        # The names come from an old card or journal, which anybody may have written.
        if path_fault(name) is not None or not is_recorded(name):
            continue
        path = out / PurePosixPath(name)
        path.unlink(missing_ok=True)
        if path.parent != out:
            with contextlib.suppress(OSError):
                path.parent.rmdir()


def _move(stage: Path, out: Path, names: Iterable[str], *, keep: set[str]) -> None:
    folders = {out}
    for name in names:
        if not (name in keep and (out / name).exists()):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (stage / name).replace(out / name)
            folders.add((out / name).parent)
    for folder in folders:
        sync_folder(folder)


def _relative_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _clean(out: Path) -> None:
    for left in out.glob(f"{STAGE_PREFIX}*"):
        owner = left.name.removeprefix(STAGE_PREFIX).partition("-")[0]
        if not (owner.isdecimal() and _alive(int(owner))):
            shutil.rmtree(left, ignore_errors=True)
    for name in (CARD_NAME, PARTIAL_NAME, JOURNAL):
        for half in out.glob(temporary_name(name, "*")):
            half.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

"""What is done to a sealed folder, and the sentences that verify must say about it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftlineage.core import codec
from ftlineage.core.finding import Finding, Report
from tests import sealed

WEIGHTS, CONFIG, CARD = "adapter_model.safetensors", "adapter_config.json", "lineage.json"
TEMPLATE, TOKENIZER = "chat_template.jinja", "tokenizer.json"
RECORDED = (CONFIG, WEIGHTS, TEMPLATE, TOKENIZER)

# What a changed file is called: those that make the model's input have a code of their own.
CHANGED = {
    CONFIG: "adapter.changed",
    WEIGHTS: "adapter.changed",
    TEMPLATE: "preprocessing.changed",
    TOKENIZER: "preprocessing.changed",
}

Harm = Callable[[Path], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing wrong with a sealed folder, and the one finding it must give; ``kind`` is its class."""

    kind: str
    harm: Harm
    code: str
    path: str
    message: str


def errors(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.severity == "error"]


# --- sentences -----------------------------------------------------------------------------------


def changed(kind: str, harm: Harm, path: str, difference: str) -> Fault:
    message = f"{path} is not what the card says: {difference}"
    return Fault(kind=kind, harm=harm, code="adapter.changed", path=path, message=message)


def processing(kind: str, harm: Harm, path: str, difference: str) -> Fault:
    """A file that turns text into what the model reads."""
    return Fault(kind=kind, harm=harm, code="preprocessing.changed", path=path, message=f"{path}: {difference}")


def unsound(kind: str, harm: Harm, reason: str) -> Fault:
    return changed(kind, harm, WEIGHTS, f"it is no longer a sound safetensors file: {reason}")


def missing(kind: str, harm: Harm, path: str, *, now: str | None = None) -> Fault:
    more = f"; {now} has its bytes: it was renamed" if now else ""
    return Fault(kind=kind, harm=harm, code="adapter.missing", path=path, message=f"{path} is missing{more}")


def unlisted(kind: str, harm: Harm, path: str, what: str = "a file", *, shown: str | None = None) -> Fault:
    message = f"{shown or path} is {what} that the card does not list, and a loader could open it"
    return Fault(kind=kind, harm=harm, code="adapter.unlisted", path=path, message=message)


def pickled(kind: str, harm: Harm, path: str, where: str = "the card does not list it") -> Fault:
    message = f"{path} is a pickle format, which can run code when it is loaded ({where})"
    return Fault(kind=kind, harm=harm, code="adapter.unsafe-format", path=path, message=message)


def refused(
    kind: str,
    harm: Harm,
    path: str,
    reason: str,
    *,
    shown: str | None = None,
    where: str = "it lies in the folder",
) -> Fault:
    message = f"{shown or path} is refused: {reason} ({where})"
    return Fault(kind=kind, harm=harm, code="path.unsafe", path=path, message=message)


def malformed(kind: str, harm: Harm, where: str, reason: str) -> Fault:
    message = f"malformed lineage card at {where}: {reason}"
    return Fault(kind=kind, harm=harm, code="card.malformed", path=CARD, message=message)


# --- harm ----------------------------------------------------------------------------------------


def put(name: str, data: bytes = b"x") -> Harm:
    def harm(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    return harm


def edit(name: str, change: Callable[[bytes], bytes]) -> Harm:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def flip(name: str, at: int, bit: int = 0) -> Harm:
    def change(data: bytes) -> bytes:
        found = bytearray(data)
        found[at] ^= 1 << bit
        return bytes(found)

    return edit(name, change)


def remove(name: str) -> Harm:
    return lambda folder: (folder / name).unlink()


def rename(name: str, to: str) -> Harm:
    def harm(folder: Path) -> None:
        (folder / to).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(folder / to)

    return harm


def replaced(name: str, make: Callable[[Path], object]) -> Harm:
    def harm(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return harm


def reserialised(name: str) -> Harm:
    return edit(name, lambda data: codec.compact_text(codec.parse(data)).encode())


def rewritten(change: Callable[[dict[str, Any]], object]) -> Harm:
    """The card edited by somebody who also makes its id right."""
    return lambda folder: sealed.rewrite(folder, change)


def edited_card(change: Callable[[dict[str, Any]], object]) -> Harm:
    """The card edited by somebody who leaves its id."""

    def harm(folder: Path) -> None:
        document = codec.parse((folder / CARD).read_bytes())
        change(document)
        (folder / CARD).write_bytes(codec.pretty_bytes(document))

    return harm


def first_key(text: bytes) -> Harm:
    """The card with one more key at the front."""
    return edit(CARD, lambda data: b"{" + text + b"," + data[1:])


def listed(path: str, section: str = "adapter") -> Harm:
    """The card lists one more file."""
    record = {"path": path, "size": 1, "sha256": "0" * 64}
    return rewritten(lambda document: document[section]["files"].append(record))


def another_adapter(folder: Path) -> Path:
    """A sealed folder beside this one: other weights of the same names, another rank."""
    other = folder.parent / "other"
    tensors = {name: (kind, shape, data[::-1]) for name, (kind, shape, data) in sealed.TENSORS.items()}
    sealed.write_adapter(other, {**sealed.CONFIG, "r": 4}, tensors)
    sealed.seal(other)
    return other


def swap_with_another(name: str) -> Harm:
    return lambda folder: shutil.copy(another_adapter(folder) / name, folder / name)


def leave(name: str) -> Harm:
    """The very bytes, behind a link that leads out of the folder."""

    def harm(folder: Path) -> None:
        (folder / name).rename(folder.parent / "secret")
        (folder / name).symlink_to("../secret")

    return harm


def hide_behind_linked_folder(folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "x.json").write_bytes(b"{}")
    (folder / "sub").symlink_to(outside)


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def bind(path: Path) -> None:
    """A socket; its name may have 107 bytes, and a test's folder has more."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def grow(name: str, size: int) -> Harm:
    """A file that claims a size on the disk without having it (sparse)."""
    return lambda folder: os.truncate(folder / name, size)


# --- somebody without the right to read ----------------------------------------------------------


@contextlib.contextmanager
def common_folder() -> Iterator[Path]:
    """A new folder that other users may enter, which pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="ftlineage-faults-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """Nothing is unreadable to the superuser, so a superuser's test becomes somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)

"""What is fuzzed: readers of what a stranger may have written, and the whole of ``verify`` around them.

A target is made with a scratch folder and then takes any bytes. It returns if the code under test
did what it promises: either a deliberate error with a harmless sentence, or a value that holds
together. Anything else leaves as an exception, and that is a bug. No fuzzing engine is needed to
call one, so the tests replay the whole corpus through the same functions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from ftlineage.core import codec, words
from ftlineage.core.card import card_id, read_card
from ftlineage.errors import CardMalformedError, CardTooNewError, FtlineageError, SafetensorsMalformedError
from ftlineage.hashing.tensors import hash_tensors, read_header, record_tensors, summarise
from ftlineage.verify import checks
from fuzz import folders, signatures

Run = Callable[[bytes], None]


def card(scratch: Path) -> Run:
    """The reader of ``lineage.json`` and the checks of a card by itself."""
    del scratch

    def run(data: bytes) -> None:
        try:
            found = read_card(data)
        except (CardMalformedError, CardTooNewError) as error:
            require_harmless(error)
            return
        for finding in checks.check_card(found):
            folders.require_sound(finding)
        document = found.document()
        document["id"] = card_id(document)
        again = read_card(codec.pretty_bytes(document))
        assert again.document() == document
        assert again.content_id == document["id"] == found.content_id

    return run


def safetensors(scratch: Path) -> Run:
    """The reader of safetensors headers, against the library that loaders use."""
    path = scratch / "adapter_model.safetensors"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        try:
            header = read_header(path)
        except SafetensorsMalformedError as error:
            require_harmless(error)
            return
        names = {tensor.name for tensor in header.tensors}
        record, first, tensors = record_tensors(path, path.name)
        assert (record.size, record.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert (first, tensors) == hash_tensors(path, path.name)
        assert summarise([first], tensors).count == len(names) == len(header.tensors)
        assert names == names_by_library(data)

    return run


def names_by_library(data: bytes) -> set[str]:
    """The tensors that safetensors itself finds; it must take whatever we take."""
    from safetensors import deserialize

    return {name for name, _ in deserialize(data)}  # type: ignore[no-untyped-call]


def require_harmless(error: FtlineageError) -> None:
    """An error's words reach terminals and logs: they are one short line without characters that act."""
    text = str(error)
    assert text == words.clean(text), text
    assert len(text) < folders.LONGEST, text
    text.encode()


TARGETS: dict[str, Callable[[Path], Run]] = {
    "card": card,
    "safetensors": safetensors,
    "folder": folders.folder,
    "document": folders.document,
    "config": folders.config,
    "weights": folders.weights,
    "landing": folders.landing,
    "bundle": signatures.bundle,
    "claims": signatures.claims,
    "ssh-signature": signatures.ssh_signature,
    "trust": signatures.trust,
    "revoked": signatures.revoked,
    "policy": signatures.policy,
    "signed": signatures.signed,
}

"""Whole verifications of a folder in which a stranger wrote one file, with the digests made right again.

Whoever can change a file can also change the digest that vouches for it. So after each edit the
card is made to agree, and the checks behind the digests must cope with what they read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ftlineage.core import codec, words
from ftlineage.core.card import CARD_NAME, card_id
from ftlineage.core.digest import sha256_hex
from ftlineage.core.finding import Finding
from ftlineage.core.layout import ADAPTER_CONFIG
from ftlineage.errors import CardMalformedError, FtlineageError
from ftlineage.hashing.tensors import record_tensors, summarise
from ftlineage.verify.runner import verify
from fuzz.edits import Cursor, edited
from tests import safetensors_bytes, sealed
from tests.unit.cli import sample

LONGEST = 8000
WEIGHTS = "adapter_model.safetensors"
_PREFIX = 8
Run = Callable[[bytes], None]
Document = dict[str, Any]


def folder(scratch: Path) -> Run:
    """Any bytes for a card; one that parses gets the id of its content, so that it is believed."""
    out, sound = _sealed(scratch)

    def run(data: bytes) -> None:
        _put(out, _with_id(data))
        require_verdict(out, sound)

    return run


def document(scratch: Path) -> Run:
    """A sound card with edits."""
    out, sound = _sealed(scratch)

    def run(data: bytes) -> None:
        _put(out, edited(sound, Cursor(data)))
        require_verdict(out, sound)

    return run


def config(scratch: Path) -> Run:
    """An ``adapter_config.json`` with edits, or of any bytes, which the card vouches for."""
    out, sound = _sealed(scratch)

    def run(data: bytes) -> None:
        cursor = Cursor(data)
        raw = cursor.byte() % 4 == 0
        changed = cursor.rest() if raw else codec.pretty_bytes(edited(sealed.CONFIG, cursor))
        (out / ADAPTER_CONFIG).write_bytes(changed)
        _put(out, vouched(sound, ADAPTER_CONFIG, changed))
        require_verdict(out, None)

    return run


def weights(scratch: Path) -> Run:
    """A safetensors file whose header has edits, which the card vouches for if it can be read at all."""
    out, sound = _sealed(scratch)
    whole = (out / WEIGHTS).read_bytes()
    size = int.from_bytes(whole[:_PREFIX], "little")
    header, tensors = codec.parse(whole[_PREFIX : _PREFIX + size].strip()), whole[_PREFIX + size :]

    def run(data: bytes) -> None:
        cursor = Cursor(data)
        content = bytes(cursor.byte() for _ in range(4)) * (len(tensors) // 4)
        changed = safetensors_bytes.document(edited(header, cursor), content)
        (out / WEIGHTS).write_bytes(changed)
        described = vouched(sound, WEIGHTS, changed)
        try:
            _, first, entries = record_tensors(out / WEIGHTS, WEIGHTS)
        except FtlineageError:
            pass
        else:
            described["adapter"]["tensors"] = codec.builtins(summarise([first], entries))
        _put(out, described)
        require_verdict(out, None)

    return run


# --- what must hold ------------------------------------------------------------------------------


def require_verdict(out: Path, sound: Document | None) -> None:
    """Verify gives a verdict that can be shown, and says yes only to the files that were recorded."""
    report = verify(out)
    assert report.verdict in ("ok", "failed")
    assert report.ok == (not any(finding.severity == "error" for finding in report.findings))
    for finding in report.findings:
        require_sound(finding)
    codec.compact_text(codec.builtins(report)).encode()
    if report.ok and sound is not None:
        claimed = codec.parse((out / CARD_NAME).read_bytes())
        assert claimed["id"] == card_id(claimed)
        assert _listed(claimed) == _listed(sound)


def require_sound(finding: Finding) -> None:
    """A finding's words can be printed and pasted: no character acts on a terminal, nothing is endless."""
    assert finding.message
    for text in (finding.message, finding.hint or ""):
        assert text == words.clean(text), text
        assert len(text) < LONGEST, len(text)


def vouched(sound: Document, name: str, data: bytes) -> Document:
    """The card's document with the size and digest that a file has now."""
    files = [
        {"path": name, "size": len(data), "sha256": sha256_hex(data)} if file["path"] == name else file
        for file in sound["adapter"]["files"]
    ]
    return {**sound, "adapter": {**sound["adapter"], "files": files}}


def _sealed(scratch: Path) -> tuple[Path, Document]:
    out = sealed.write_adapter(scratch / "out")
    full = sample.full_card().body
    names = ("preprocessing", "data", "prompts", "retrieval", "recipe", "code", "environment", "parents", "unrecorded")
    card = sealed.seal(out, **{name: getattr(full, name) for name in names})
    return out, card.document()


def _with_id(data: bytes) -> bytes | Document:
    try:
        document = codec.parse(data)
        return document if isinstance(document, dict) else data
    except CardMalformedError:
        return data


def _put(out: Path, card: Any) -> None:
    if isinstance(card, dict):
        with contextlib.suppress(CardMalformedError):
            card = {**card, "id": card_id(card)}
    (out / CARD_NAME).write_bytes(card if isinstance(card, bytes) else codec.pretty_bytes(card))


def _listed(document: Document) -> dict[str, str]:
    return {file["path"]: file["sha256"] for file in document["adapter"]["files"]}

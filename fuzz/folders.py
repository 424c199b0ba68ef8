"""Whole verifications of a folder in which a stranger wrote one file, with the digests made right again.

Whoever can change a file can also change the digest that vouches for it. So after each edit the
card is made to agree, and the checks behind the digests must cope with what they read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ftlineage.core import codec, words
from ftlineage.core.card import CARD_NAME, card_id
from ftlineage.core.digest import sha256_hex
from ftlineage.core.finding import MOST_WORDS, Finding
from ftlineage.core.layout import ADAPTER_CONFIG
from ftlineage.core.sections import ChatTemplate
from ftlineage.errors import CardMalformedError, FtlineageError
from ftlineage.hashing.files import record_file
from ftlineage.hashing.tensors import record_tensors, summarise
from ftlineage.verify.runner import verify
from fuzz.edits import Cursor, edited
from tests import safetensors_bytes, sealed
from tests.unit.cli import sample

LONGEST = MOST_WORDS + 1
BASE_WEIGHTS = "model.safetensors"
BASE_CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4,
    "tie_word_embeddings": False,
}
WEIGHTS, TOKENIZER, TEMPLATE = "adapter_model.safetensors", "tokenizer.json", "chat_template.jinja"
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
    header, tensors = _taken_apart((out / WEIGHTS).read_bytes())

    def run(data: bytes) -> None:
        cursor = Cursor(data)
        content = bytes(cursor.byte() for _ in range(4)) * (len(tensors) // 4)
        changed = safetensors_bytes.document(edited(header, cursor), content)
        _put(out, _with_weights(out, sound, changed))
        require_verdict(out, None)

    return run


def landing(scratch: Path) -> Run:
    """An adapter and the base it is to land on, with edits in any of their configurations and headers."""
    out, sound = _sealed(scratch)
    base = write_base(scratch / "base")
    header, tensors = _taken_apart((out / WEIGHTS).read_bytes())
    base_header, base_tensors = _taken_apart((base / BASE_WEIGHTS).read_bytes())

    def run(data: bytes) -> None:
        cursor = Cursor(data)
        which = cursor.byte()
        settings = edited(sealed.CONFIG, cursor) if which & 1 else sealed.CONFIG
        names = edited(header, cursor) if which & 2 else header
        model = edited(BASE_CONFIG, cursor) if which & 4 else BASE_CONFIG
        places = edited(base_header, cursor) if which & 8 else base_header
        (base / "config.json").write_bytes(codec.pretty_bytes(model))
        (base / BASE_WEIGHTS).write_bytes(safetensors_bytes.document(places, base_tensors))
        written = codec.pretty_bytes(settings)
        (out / ADAPTER_CONFIG).write_bytes(written)
        described = _with_weights(out, sound, safetensors_bytes.document(names, tensors))
        described = vouched(described, ADAPTER_CONFIG, written)
        described["adapter"] |= {"config": settings if isinstance(settings, dict) else {}}
        described["base"] = {**described["base"], "files": codec.builtins(sealed.base_records(base))}
        _put(out, described)
        require_verdict(out, None, base=base)

    return run


def write_base(folder: Path) -> Path:
    """A base whose modules are those that the adapter changes."""
    folder.mkdir(parents=True)
    tensors = {
        f"model.layers.{layer}.self_attn.{part}_proj.weight": ("F32", [4, 4], bytes(64))
        for layer in (0, 1)
        for part in "qv"
    }
    (folder / BASE_WEIGHTS).write_bytes(safetensors_bytes.write(tensors))
    (folder / "config.json").write_bytes(codec.pretty_bytes(BASE_CONFIG))
    return folder


# --- what must hold ------------------------------------------------------------------------------


def require_verdict(out: Path, sound: Document | None, *, base: Path | None = None) -> None:
    """Verify gives a verdict that can be shown, and says yes only to the files that were recorded."""
    report = verify(out, base=base)
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
    sections = {name: getattr(full, name) for name in names}
    tokenizer = msgspec.structs.replace(full.preprocessing.processors[0], files=[record_file(out / TOKENIZER, out)])
    text = (out / TEMPLATE).read_text()
    template = ChatTemplate(name="default", text=text, sha256=sha256_hex(text.encode()))
    sections["preprocessing"] = msgspec.structs.replace(
        full.preprocessing, processors=[tokenizer], chat_templates=[template], settings={"max_length": 1024}
    )
    card = sealed.seal(out, **sections)
    report = verify(out)
    assert report.ok, report.findings
    return out, card.document()


def _taken_apart(data: bytes) -> tuple[Document, bytes]:
    """Header and tensors of a sound safetensors file."""
    size = int.from_bytes(data[:_PREFIX], "little")
    return codec.parse(data[_PREFIX : _PREFIX + size].strip()), data[_PREFIX + size :]


def _with_weights(out: Path, sound: Document, data: bytes) -> Document:
    """The card's document about a folder with these weights, which it lists as they are if they can be read."""
    (out / WEIGHTS).write_bytes(data)
    described = vouched(sound, WEIGHTS, data)
    with contextlib.suppress(FtlineageError):
        _, first, entries = record_tensors(out / WEIGHTS, WEIGHTS)
        described["adapter"]["tensors"] = codec.builtins(summarise([first], entries))
    return described


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

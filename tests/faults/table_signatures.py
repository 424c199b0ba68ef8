"""Faults of signatures: who signed, what was signed, where it lies, what was done to it. One exact sentence each."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ftlineage.core import codec
from ftlineage.core.card import CARD_NAME
from ftlineage.signing.envelope import read_envelope, write_envelope
from ftlineage.signing.wire import string
from tests import sealed
from tests.faults import harms, signers
from tests.faults.harms import WEIGHTS, Harm
from tests.faults.signers import CLAIMS, PURPOSE, SIGNATURE, alice, mallory, sign, trusted

_ALICE = alice().public.fingerprint
_OTHER_VERSION = f"{SIGNATURE} was made for another version"
_NOT_ALICE = f"{SIGNATURE} is no valid signature: it names the trusted key {_ALICE}, and does not fit what is signed"


@dataclass(frozen=True, kw_only=True, slots=True)
class SignatureFault:
    """One thing wrong with a signed folder, or with who is trusted, and the one finding it must give."""

    kind: str
    harm: Harm = lambda _: None
    trust: str = trusted()
    revoked: str = ""
    code: str = "signature.invalid"
    path: str | None = SIGNATURE
    message: str


def untrusted(kind: str, why: str, **more: Any) -> SignatureFault:
    return SignatureFault(kind=kind, code="signature.untrusted", message=f"{SIGNATURE} does not count: {why}", **more)


def unreadable(kind: str, harm: Harm, why: str, path: str = SIGNATURE) -> SignatureFault:
    return SignatureFault(kind=kind, harm=harm, path=path, message=f"{path} cannot be read: {why}")


def another_version(kind: str, harm: Harm, why: str) -> SignatureFault:
    return SignatureFault(kind=kind, harm=harm, message=f"{_OTHER_VERSION}: {why}")


# --- harm ----------------------------------------------------------------------------------------


def bundle(change: Callable[[dict[str, Any]], object]) -> Harm:
    """Edit the bundle's own JSON."""

    def harm(folder: Path) -> None:
        document = codec.parse((folder / SIGNATURE).read_bytes())
        change(document)
        (folder / SIGNATURE).write_bytes(codec.compact_text(document).encode())

    return harm


def payload(change: Callable[[dict[str, Any]], object], *, root: bool = True, signed_again: bool = False) -> Harm:
    """Edit what was signed, with its own digest made right; the signature stays unless alice signs again."""

    def harm(folder: Path) -> None:
        statement = signers.statement_of(folder)
        change(statement)
        found = signers.with_root(statement) if root else statement
        signers.write_statement(folder, found, signed_again=signed_again)

    return harm


def resource(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda statement: next(one for one in statement["predicate"]["resources"] if one["name"] == name)


def leave_out(name: str) -> Callable[[dict[str, Any]], None]:
    def change(statement: dict[str, Any]) -> None:
        statement["predicate"]["resources"].remove(resource(name)(statement))

    return change


def with_hint_of_alice(folder: Path) -> None:
    """Mallory signs and writes alice's name on it."""
    sign(folder, mallory())
    bundle(lambda d: d["verificationMaterial"]["publicKey"].update(hint=alice().hint))(folder)


def bit_of_signature(folder: Path) -> None:
    envelope = read_envelope((folder / SIGNATURE).read_bytes())
    flipped = envelope.signature[:-1] + bytes([envelope.signature[-1] ^ 1])
    (folder / SIGNATURE).write_bytes(write_envelope(msgspec.structs.replace(envelope, signature=flipped)))


def from_another_version(folder: Path) -> None:
    """A good signature by alice, moved here from the folder it was made for."""
    other = harms.another_adapter(folder)
    sign(other)
    shutil.copy(other / SIGNATURE, folder / SIGNATURE)


def claim_from_another_version(folder: Path) -> None:
    (folder / CLAIMS).write_bytes(signers.claim(harms.another_adapter(folder)))


def sealed_again(folder: Path) -> None:
    """Another rank, recorded as it should be, under the signature of the version before."""
    sealed.write_adapter(folder, {**sealed.CONFIG, "r": 4})
    sealed.seal(folder)


def claim_for_git(folder: Path) -> None:
    """Bob signed this for Git: the namespace inside the signature is another, the bytes are the same."""
    envelope = read_envelope(signers.claim(folder))
    other = envelope.signature.replace(string(b"lineage@ftlineage"), string(b"git"))
    (folder / CLAIMS).write_bytes(write_envelope(msgspec.structs.replace(envelope, signature=other)))


def loose_base64(folder: Path) -> None:
    """The same bytes in a spelling that other readers take for something else."""

    def change(document: dict[str, Any]) -> None:
        entry = document["dsseEnvelope"]["signatures"][0]
        raw = base64.b64decode(entry["sig"])
        entry["sig"] = base64.urlsafe_b64encode(raw).decode() + "\n"

    bundle(change)(folder)


def beside_the_version(name: str, then: Harm) -> Harm:
    """A file that no card lists is signed too, and harmed afterwards."""

    def harm(folder: Path) -> None:
        (folder / name).write_bytes(b"by the trainer")
        sign(folder)
        then(folder)

    return harm


SIGNATURES: dict[str, SignatureFault] = {
    # who
    "by a stranger": untrusted(
        "other key", f"no trusted key made it; it names its key {mallory().hint}", harm=lambda f: sign(f, mallory())
    ),
    "by a stranger with a borrowed name": SignatureFault(kind="other key", harm=with_hint_of_alice, message=_NOT_ALICE),
    "by a certificate": untrusted(
        "other key",
        "it is signed with a certificate, which is not supported: nobody's key can be compared",
        harm=bundle(lambda d: d.update(verificationMaterial={"certificate": {"rawBytes": "AA=="}, "tlogEntries": []})),
    ),
    "expired": untrusted(
        "expired key",
        "the key of alice@example.com was valid until 2020-01-01 00:00:00 UTC",
        trust=trusted(f'{PURPOSE},valid-before="20200101000000Z"'),
    ),
    "not yet valid": untrusted(
        "expired key",
        "the key of alice@example.com is valid from 2999-01-01 00:00:00 UTC",
        trust=trusted(f'{PURPOSE},valid-after="29990101000000Z"'),
    ),
    "revoked by key": untrusted("revoked key", f"the key {_ALICE} was revoked", revoked=alice().public.line),
    "revoked by fingerprint": untrusted("revoked key", f"the key {_ALICE} was revoked", revoked=_ALICE),
    "trusted for Git only": untrusted(
        "other purpose",
        "alice@example.com is trusted for the namespace git, not for lineage@ftlineage",
        trust=trusted('namespaces="git"'),
    ),
    "made for Git": SignatureFault(
        kind="other purpose",
        harm=claim_for_git,
        path=CLAIMS,
        message="claims.jsonl line 1 is no valid signature: it was made for the namespace 'git', "
        "not for lineage@ftlineage",
    ),
    "nobody signed": SignatureFault(
        kind="no signature",
        harm=harms.remove(SIGNATURE),
        code="signature.missing",
        path=None,
        message="nobody signed this version: there is no model.sig, and no signature over its files in claims.jsonl",
    ),
    # what
    "a digest edited": SignatureFault(
        kind="edited payload", harm=payload(lambda s: resource(WEIGHTS)(s).update(digest="0" * 64)), message=_NOT_ALICE
    ),
    "a name edited": SignatureFault(
        kind="edited payload", harm=payload(lambda s: resource(WEIGHTS)(s).update(name="x.bin")), message=_NOT_ALICE
    ),
    "a digest edited, its root left": unreadable(
        "edited payload",
        payload(lambda s: resource(WEIGHTS)(s).update(digest="0" * 64), root=False),
        "$.subject[0].digest it is not the digest of the files listed",
    ),
    "one bit of the signature": SignatureFault(kind="edited payload", harm=bit_of_signature, message=_NOT_ALICE),
    "moved from another folder": another_version(
        "moved", from_another_version, "it covers another lineage.json (and 2 more differences)"
    ),
    "claim moved from another folder": SignatureFault(
        kind="moved",
        harm=claim_from_another_version,
        path=CLAIMS,
        message="claims.jsonl line 1 was made for another version: it covers another lineage.json "
        "(and 2 more differences)",
    ),
    "sealed again": another_version("moved", sealed_again, "it covers another lineage.json (and 1 more difference)"),
    "card edited outside its id": another_version(
        "edited card",
        harms.edited_card(lambda d: d["governance"].update(owner="mallory")),
        "it covers another lineage.json",
    ),
    "card re-serialised": another_version(
        "edited card", harms.reserialised(CARD_NAME), "it covers another lineage.json"
    ),
    "without the card": another_version(
        "incomplete", payload(leave_out(CARD_NAME), signed_again=True), "it does not cover lineage.json"
    ),
    "without the weights": another_version(
        "incomplete", payload(leave_out(WEIGHTS), signed_again=True), f"it does not cover {WEIGHTS}"
    ),
    "signed file changed": another_version(
        "changed beside",
        beside_the_version("training_args.bin", harms.put("training_args.bin")),
        "it covers another training_args.bin",
    ),
    "signed file gone": another_version(
        "changed beside",
        beside_the_version("trainer_state.json", harms.remove("trainer_state.json")),
        "trainer_state.json is missing",
    ),
    # the bundle as a file
    "listed and ignored": unreadable(
        "malformed bundle",
        payload(lambda s: s["predicate"]["serialization"]["ignore_paths"].append(WEIGHTS), signed_again=True),
        f"$.predicate.serialization.ignore_paths '{WEIGHTS}' is listed and ignored at once",
    ),
    "upwards": unreadable(
        "path leaves the folder",
        payload(lambda s: resource(WEIGHTS)(s).update(name="../x"), signed_again=True),
        "$.predicate.resources[1].name '../x': the path has an empty, '.' or '..' part",
    ),
    "empty": unreadable(
        "malformed bundle",
        harms.edit(SIGNATURE, lambda _: b""),
        "$ not JSON: Expecting value: line 1 column 1 (char 0)",
    ),
    "a list": unreadable("malformed bundle", harms.edit(SIGNATURE, lambda _: b"[]"), "$ it is missing or no object"),
    "a key more": unreadable("malformed bundle", bundle(lambda d: d.update(x=1)), "$ the key 'x' is not known"),
    "two signatures": unreadable(
        "malformed bundle",
        bundle(lambda d: d["dsseEnvelope"]["signatures"].append(d["dsseEnvelope"]["signatures"][0])),
        "$.dsseEnvelope.signatures there must be exactly one signature",
    ),
    "no signatures": unreadable(
        "malformed bundle",
        bundle(lambda d: d["dsseEnvelope"].update(signatures=[])),
        "$.dsseEnvelope.signatures there must be exactly one signature",
    ),
    "other payload type": unreadable(
        "malformed bundle",
        bundle(lambda d: d["dsseEnvelope"].update(payloadType="text/plain")),
        "$.dsseEnvelope.payloadType 'text/plain' is not application/vnd.in-toto+json",
    ),
    "loose base64": unreadable("malformed bundle", loose_base64, "$.dsseEnvelope.signatures[0].sig it is not base64"),
    "a key twice": unreadable(
        "duplicate key",
        harms.edit(SIGNATURE, lambda d: b'{"mediaType":"x",' + d[1:]),
        "$ the key 'mediaType' stands twice in one object",
    ),
    "deep": unreadable("deep JSON", harms.edit(SIGNATURE, lambda _: b"[" * 100_000), "$ nested too deeply"),
    "1 GB": unreadable(
        "1 GB JSON", harms.grow(SIGNATURE, 1 << 30), "1073741824 bytes, more than the 67108864 that are read"
    ),
    "claims, a broken line": unreadable(
        "malformed bundle",
        lambda f: (f / CLAIMS).write_bytes(signers.claim(f) + b"\n{}\n"),
        "line 3, $.mediaType it is missing, empty or no text",
        CLAIMS,
    ),
    "pipe": unreadable("FIFO", harms.replaced(SIGNATURE, os.mkfifo), "it is a named pipe, not a regular file"),
    "folder": unreadable("folder as file", harms.replaced(SIGNATURE, Path.mkdir), "it is a folder, not a regular file"),
    "link out": unreadable("link out", harms.leave(SIGNATURE), "the symbolic link leaves the folder"),
}

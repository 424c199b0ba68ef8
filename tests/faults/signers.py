"""Keys for tests, the same in every run, and folders signed by them. Nobody must ever trust them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from ftlineage.core import codec
from ftlineage.core.digest import sha256_hex
from ftlineage.signing.claims import make_claim
from ftlineage.signing.envelope import Envelope, write_envelope
from ftlineage.signing.keys import EcdsaSigner, SshSigner
from ftlineage.signing.manifest import record_signed
from ftlineage.signing.oms import make_bundle, read_bundle
from ftlineage.signing.statement import make_statement

SIGNATURE, CLAIMS = "model.sig", "claims.jsonl"
PURPOSE = 'namespaces="lineage@ftlineage"'


@functools.cache
def alice() -> EcdsaSigner:
    return EcdsaSigner(ec.derive_private_key(1001, ec.SECP256R1()))


@functools.cache
def mallory() -> EcdsaSigner:
    return EcdsaSigner(ec.derive_private_key(666, ec.SECP256R1()))


@functools.cache
def bob() -> SshSigner:
    return SshSigner(ed25519.Ed25519PrivateKey.from_private_bytes(b"bob" + bytes(29)))


def trusted(options: str = PURPOSE) -> str:
    """A trust file that names alice and bob."""
    return "".join(f"{name}@example.com {options} {key.line}\n" for name, key in names().items())


def names() -> dict[str, Any]:
    return {"alice": alice().public, "bob": bob().public}


def signed_files(folder: Path) -> list[tuple[str, str]]:
    return [(file.path, file.sha256) for file in record_signed(folder)]


def sign(folder: Path, signer: EcdsaSigner | None = None) -> None:
    """Write ``model.sig`` over what lies there now."""
    (folder / SIGNATURE).write_bytes(make_bundle(folder.name, signed_files(folder), signer or alice()))


def claim(folder: Path) -> bytes:
    """A line of ``claims.jsonl`` by bob over what lies there now."""
    return make_claim(make_statement(folder.name, signed_files(folder)), bob())


def statement_of(folder: Path) -> dict[str, Any]:
    document = codec.parse(read_bundle((folder / SIGNATURE).read_bytes()).envelope.payload)
    assert isinstance(document, dict)
    return document


def with_root(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement with the digest of its list made right."""
    listed = b"".join(bytes.fromhex(entry["digest"]) for entry in statement["predicate"]["resources"])
    statement["subject"][0]["digest"]["sha256"] = sha256_hex(listed)
    return statement


def write_statement(folder: Path, statement: Any, *, signed_again: bool) -> None:
    """Put another payload into ``model.sig``; the old signature stays unless alice signs it again."""
    old = read_bundle((folder / SIGNATURE).read_bytes()).envelope
    envelope: Envelope = msgspec.structs.replace(old, payload=codec.compact_text(statement).encode())
    if signed_again:
        envelope = msgspec.structs.replace(envelope, signature=alice().sign(envelope.signed_bytes))
    (folder / SIGNATURE).write_bytes(write_envelope(envelope))

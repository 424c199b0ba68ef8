"""DSSE envelopes in Sigstore bundles (v0.3): the shape of ``model.sig`` and of every line of ``claims.jsonl``.

Decides what a signature is over (the DSSE pre-authentication encoding of the exact payload bytes)
and how a bundle is written and read. Refused: unknown keys, a second signature, base64 in any but
its canonical form, anything that two readers could take for two different things. Nothing here
says whether a signature is right; see :mod:`ftlineage.signing.check`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

import msgspec

from ftlineage.core import codec
from ftlineage.errors import CardMalformedError
from ftlineage.signing.errors import SignatureMalformedError

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_BYTES = 32 * 1024 * 1024
_MAX_KEY_BYTES = 16 * 1024


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A payload with one signature, and what the bundle says about the key.

    ``hint`` names the key: for OMS the SHA-256 of its PEM form in hex, for SSH signatures its
    fingerprint. It is what somebody wrote, not a proof. ``certificate`` says that the bundle
    carries certificates instead (Sigstore's keyless signing, or an organisation's own).
    """

    payload: bytes
    payload_type: str = PAYLOAD_TYPE
    signature: bytes
    keyid: str = ""
    hint: str | None = None
    certificate: bool = False

    @property
    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        return pae(self.payload, self.payload_type)


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """DSSE's pre-authentication encoding: type and payload, each with its length before it."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def write_envelope(envelope: Envelope) -> bytes:
    """The bundle on one line, with a final newline; equal envelopes give equal bytes."""
    bundle = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": envelope.hint or ""}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": _encode(envelope.payload),
            "payloadType": envelope.payload_type,
            "signatures": [{"sig": _encode(envelope.signature), "keyid": envelope.keyid}],
        },
    }
    return (codec.compact_text(bundle) + "\n").encode()


def read_envelope(data: bytes) -> Envelope:
    """A bundle from its bytes.

    Raises:
        SignatureMalformedError: It is no Sigstore bundle of version 0.3 with one DSSE signature.
    """
    bundle = read_object(parse(data, MAX_BYTES), "$")
    only(bundle, "$", {"mediaType", "verificationMaterial", "dsseEnvelope"})
    media = text(bundle, "mediaType", "$")
    if media != MEDIA_TYPE:
        raise fault("$.mediaType", f"{media[:80]!r} is not {MEDIA_TYPE}")
    where = "$.dsseEnvelope"
    dsse = read_object(bundle.get("dsseEnvelope"), where)
    only(dsse, where, {"payload", "payloadType", "signatures"})
    payload_type = text(dsse, "payloadType", where)
    if payload_type != PAYLOAD_TYPE:
        raise fault(f"{where}.payloadType", f"{payload_type[:80]!r} is not {PAYLOAD_TYPE}")
    signature, keyid = _read_signature(dsse.get("signatures"), f"{where}.signatures")
    material = read_object(bundle.get("verificationMaterial"), "$.verificationMaterial")
    hint, certificate = _read_material(material)
    return Envelope(
        payload=_decode(text(dsse, "payload", where), f"{where}.payload"),
        payload_type=payload_type,
        signature=signature,
        keyid=keyid,
        hint=hint,
        certificate=certificate,
    )


def _read_signature(value: Any, where: str) -> tuple[bytes, str]:
    if not isinstance(value, list) or len(value) != 1:
        raise fault(where, "there must be exactly one signature")
    place = f"{where}[0]"
    entry = read_object(value[0], place)
    only(entry, place, {"sig", "keyid"})
    keyid = entry.get("keyid")  # absent and null in bundles of older signers
    if keyid is not None and not isinstance(keyid, str):
        raise fault(f"{place}.keyid", "it is no text")
    return _decode(text(entry, "sig", place), f"{place}.sig"), keyid or ""


def _read_material(material: dict[str, Any]) -> tuple[str | None, bool]:
    """The key's hint, and whether certificates stand in its place."""
    where = "$.verificationMaterial"
    only(
        material,
        where,
        {"publicKey", "certificate", "x509CertificateChain", "tlogEntries", "timestampVerificationData"},
    )
    named = {"publicKey", "certificate", "x509CertificateChain"} & material.keys()
    if len(named) != 1:
        raise fault(where, "it must hold one of publicKey, certificate and x509CertificateChain")
    if "publicKey" not in named:
        return None, True
    place = f"{where}.publicKey"
    key = read_object(material["publicKey"], place)
    only(key, place, {"hint", "rawBytes", "keyDetails", "validFor"})
    hint = key.get("hint")
    if hint is not None and not isinstance(hint, str):
        raise fault(f"{place}.hint", "it is no text")
    if not hint and "rawBytes" in key:
        return _hint_of_raw(_decode(text(key, "rawBytes", place), f"{place}.rawBytes")), False
    return hint or None, False


def _hint_of_raw(raw: bytes) -> str:
    """The hint of a key that an older signer put into the bundle, as PEM or DER."""
    if not raw.startswith(b"-----BEGIN"):
        lines = _encode(raw[:_MAX_KEY_BYTES])
        body = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
        raw = f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n".encode()
    return hashlib.sha256(raw).hexdigest()


# --- reading strictly, for the statement too -----------------------------------------------------


def parse(data: bytes, limit: int) -> Any:
    """Plain values of JSON; read as strictly as a card.

    Raises:
        SignatureMalformedError: It is not JSON, too large, or ambiguous.
    """
    if len(data) > limit:
        raise fault("$", f"{len(data)} bytes, more than the {limit} that are read")
    try:
        return codec.parse(data)
    except CardMalformedError as error:
        raise fault(error.where, error.reason) from error


def fault(where: str, reason: str) -> SignatureMalformedError:
    """The error for one place of a bundle or statement."""
    return SignatureMalformedError(where=where, reason=reason)


def read_object(value: Any, where: str) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise fault(where, "it is missing or no object")
    return value


def text(value: dict[str, Any], key: str, where: str) -> str:
    """A string that is not empty."""
    found = value.get(key)
    if not isinstance(found, str) or not found:
        raise fault(f"{where}.{key}", "it is missing, empty or no text")
    return found


def only(value: dict[str, Any], where: str, known: set[str]) -> None:
    """No other keys than these."""
    unknown = sorted(value.keys() - known)
    if unknown:
        raise fault(where, f"the key {unknown[0][:80]!r} is not known")


def _decode(encoded: str, where: str) -> bytes:
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise fault(where, "it is not base64") from error
    if _encode(data) != encoded:
        raise fault(where, "it is not the canonical base64 of its bytes")
    return data


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")

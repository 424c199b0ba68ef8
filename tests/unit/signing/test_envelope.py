from __future__ import annotations

import base64
import copy
import hashlib

import pytest

from ftlineage.core import codec
from ftlineage.signing.envelope import MAX_BYTES, Envelope, pae, read_envelope, write_envelope
from ftlineage.signing.errors import SignatureMalformedError
from tests import keys

ENVELOPE = Envelope(payload=b'{"a": 1}', signature=b"signature", keyid="k", hint="h")
BUNDLE = codec.parse(write_envelope(ENVELOPE))


def fault_of(change) -> str:
    bundle = copy.deepcopy(BUNDLE)
    change(bundle)
    with pytest.raises(SignatureMalformedError) as caught:
        read_envelope(codec.canonical_bytes(bundle))
    return f"{caught.value.where}: {caught.value.reason}"


def read(change) -> Envelope:
    bundle = copy.deepcopy(BUNDLE)
    change(bundle)
    return read_envelope(codec.canonical_bytes(bundle))


def key(bundle):
    return bundle["verificationMaterial"]["publicKey"]


def signature(bundle):
    return bundle["dsseEnvelope"]["signatures"][0]


def test_the_example_of_the_dsse_protocol():
    assert pae(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_round_trip():
    assert read_envelope(write_envelope(ENVELOPE)) == ENVELOPE
    assert write_envelope(ENVELOPE).count(b"\n") == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda bundle: signature(bundle).pop("keyid"),
        lambda bundle: signature(bundle).update(keyid=None),
        lambda bundle: signature(bundle).update(keyid=""),
        lambda bundle: bundle["verificationMaterial"].pop("tlogEntries"),
    ],
)
def test_forms_that_other_signers_write(change):
    assert read(change).signature == b"signature"


def test_keys_inside_bundles_of_older_signers_become_hints():
    pem = keys.pem("p256")
    der = base64.b64decode(b"".join(pem.split(b"\n")[1:-2]))
    for raw in (pem, der):
        encoded = base64.b64encode(raw).decode()
        envelope = read(lambda bundle, value=encoded: key(bundle).update(hint=None, rawBytes=value, keyDetails="PKIX"))
        assert envelope.hint == hashlib.sha256(pem).hexdigest() == keys.signer("p256").hint


@pytest.mark.parametrize("name", ["certificate", "x509CertificateChain"])
def test_certificates_are_read_as_such(name):
    def change(bundle):
        bundle["verificationMaterial"] = {name: {"rawBytes": "AAAA"}, "tlogEntries": [{"logIndex": "1"}]}

    assert (read(change).certificate, read(change).hint) == (True, None)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda b: b.update(extra=1), "$: the key 'extra' is not known"),
        (
            lambda b: b.update(mediaType="application/json"),
            "$.mediaType: 'application/json' is not application/vnd.dev.sigstore.bundle.v0.3+json",
        ),
        (lambda b: b.pop("mediaType"), "$.mediaType: it is missing, empty or no text"),
        (lambda b: b.pop("dsseEnvelope"), "$.dsseEnvelope: it is missing or no object"),
        (lambda b: b.pop("verificationMaterial"), "$.verificationMaterial: it is missing or no object"),
        (
            lambda b: b["verificationMaterial"].pop("publicKey"),
            "$.verificationMaterial: it must hold one of publicKey, certificate and x509CertificateChain",
        ),
        (
            lambda b: b["verificationMaterial"].update(certificate={}),
            "$.verificationMaterial: it must hold one of publicKey, certificate and x509CertificateChain",
        ),
        (lambda b: key(b).update(hint=5), "$.verificationMaterial.publicKey.hint: it is no text"),
        (lambda b: signature(b).update(keyid=5), "$.dsseEnvelope.signatures[0].keyid: it is no text"),
        (lambda b: signature(b).update(sig="?"), "$.dsseEnvelope.signatures[0].sig: it is not base64"),
        (
            lambda b: signature(b).update(sig="QR=="),
            "$.dsseEnvelope.signatures[0].sig: it is not the canonical base64 of its bytes",
        ),
        (lambda b: signature(b).update(sig=""), "$.dsseEnvelope.signatures[0].sig: it is missing, empty or no text"),
        (
            lambda b: b["dsseEnvelope"]["signatures"].append(signature(b)),
            "$.dsseEnvelope.signatures: there must be exactly one signature",
        ),
        (
            lambda b: b["dsseEnvelope"].update(payloadType="text/plain"),
            "$.dsseEnvelope.payloadType: 'text/plain' is not application/vnd.in-toto+json",
        ),
    ],
)
def test_bundles_that_are_refused(change, fault):
    assert fault_of(change) == fault


def test_size_is_looked_at_before_anything_else():
    with pytest.raises(SignatureMalformedError) as caught:
        read_envelope(b" " * (MAX_BYTES + 1))

    assert caught.value.reason == f"{MAX_BYTES + 1} bytes, more than the {MAX_BYTES} that are read"

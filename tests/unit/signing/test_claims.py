from __future__ import annotations

import pytest

from ftlineage.core import codec
from ftlineage.signing.claims import make_claim, read_claims
from ftlineage.signing.errors import SignatureMalformedError
from ftlineage.signing.oms import make_bundle, read_bundle
from ftlineage.signing.sshsig import armour, is_ssh_signature, read_signature, unarmour
from ftlineage.signing.statement import make_statement
from ftlineage.signing.wire import WireError
from tests import keys

STATEMENT = make_statement("bot", keys.FILES)
LINE = make_claim(STATEMENT, keys.signer("ed25519"))


def test_lines_are_read_in_order():
    provenance = codec.canonical_bytes(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "a", "digest": {"sha256": "0" * 64}}],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {},
        }
    )
    claims = read_claims(LINE + b"\n" + make_claim(provenance, keys.signer("rsa")) + LINE.rstrip(b"\n"))

    assert [claim.line for claim in claims] == [1, 3, 4]
    assert claims[0].manifest is not None
    assert claims[0].manifest.resources == keys.FILES
    assert (claims[1].manifest, claims[1].statement.predicate_type) == (None, "https://slsa.dev/provenance/v1")
    assert read_claims(b"") == ()


def test_a_line_carries_the_very_statement_of_the_bundle():
    claim, bundle = read_claims(LINE)[0], read_bundle(make_bundle("bot", keys.FILES, keys.signer("p256")))

    assert claim.envelope.payload == bundle.envelope.payload == STATEMENT
    assert claim.envelope.keyid == claim.envelope.hint == keys.public("ed25519").fingerprint
    assert is_ssh_signature(claim.envelope.signature)
    assert not is_ssh_signature(bundle.envelope.signature)


def test_equal_input_gives_equal_bytes():
    assert make_claim(STATEMENT, keys.signer("ed25519")) == LINE
    assert make_bundle("bot", keys.FILES, keys.signer("p384")) == make_bundle("bot", keys.FILES, keys.signer("p384"))


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"nonsense\n", "line 1, $: not JSON: Expecting value: line 1 column 1 (char 0)"),
        (LINE + b"\n{}\n", "line 3, $.mediaType: it is missing, empty or no text"),
        (LINE[:-5], "line 1, $: not JSON: "),
        (LINE + b"[]", "line 2, $: it is missing or no object"),
    ],
)
def test_a_malformed_line_is_named(data, fault):
    with pytest.raises(SignatureMalformedError) as caught:
        read_claims(data)

    assert f"{caught.value.where}: {caught.value.reason}".startswith(fault)


def test_armour():
    blob = read_claims(LINE)[0].envelope.signature

    assert unarmour(armour(blob)) == blob
    for text in ("", "AAAA", "-----BEGIN SSH SIGNATURE-----\n?\n-----END SSH SIGNATURE-----"):
        with pytest.raises(WireError):
            unarmour(text)


def test_what_nobody_signed_is_not_accepted_in_a_signature():
    blob = read_claims(LINE)[0].envelope.signature
    at = blob.index(b"lineage@ftlineage") + len("lineage@ftlineage")
    with pytest.raises(WireError, match="its reserved part is not empty"):
        read_signature(blob[:at] + b"\0\0\0\1x" + blob[at + 4 :])
    with pytest.raises(WireError, match="1 bytes are left over"):
        read_signature(blob + b"x")
    with pytest.raises(WireError, match="neither sha256 nor sha512"):
        read_signature(blob.replace(b"\0\0\0\6sha512", b"\0\0\0\6sha384"))

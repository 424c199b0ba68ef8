"""Signatures: whatever is signed reads back, and no changed byte is ever trusted."""

from __future__ import annotations

import contextlib
import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlineage.core import codec
from ftlineage.core.layout import path_fault
from ftlineage.errors import BadInputError
from ftlineage.signing.check import Judgement, judge
from ftlineage.signing.claims import make_claim, read_claims
from ftlineage.signing.errors import SignatureMalformedError
from ftlineage.signing.oms import make_bundle, read_bundle
from ftlineage.signing.revoked import read_revoked
from ftlineage.signing.sshsig import read_signature
from ftlineage.signing.statement import is_ignored, make_statement, read_statement
from ftlineage.signing.trust import matches, read_trust
from ftlineage.signing.wire import WireError, read_public_key
from tests import keys

NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
NAMES = st.text(min_size=1, max_size=40).filter(lambda name: path_fault(name) is None and not is_ignored(name))
SHA256 = st.binary(min_size=32, max_size=32).map(bytes.hex)
FILES = st.dictionaries(NAMES, SHA256, min_size=1, max_size=8)
BUNDLES = {name: make_bundle("bot", keys.FILES, keys.signer(name)) for name in ("p256", "p384", "p521")}
CLAIMS = {name: make_claim(make_statement("bot", keys.FILES), keys.signer(name)) for name in ("ed25519", "rsa")}
TRUST = keys.trust(*BUNDLES, *CLAIMS)


def judged(data: bytes, read) -> Judgement | None:
    """What is thought of bytes; None if they are no signature."""
    with contextlib.suppress(SignatureMalformedError):
        found = read(data)
        return judge(found[0] if isinstance(found, tuple) else found, TRUST, now=NOW) if found != () else None
    return None


def signed(name: str):
    return read_bundle(BUNDLES[name]) if name in BUNDLES else read_claims(CLAIMS[name])[0]


@given(files=FILES, name=st.text(max_size=20))
def test_what_is_signed_reads_back(files, name):
    try:
        data = make_bundle(name, files.items(), keys.signer("p256"))
    except SignatureMalformedError:
        assert not name.isprintable()  # a lone surrogate
        return
    except UnicodeEncodeError:
        return
    bundle = read_bundle(data)

    assert dict(bundle.resources) == files
    assert [found for found, _ in bundle.resources] == sorted(files)
    assert judge(bundle, keys.trust("p256"), now=NOW).state == "trusted"


@pytest.mark.parametrize("name", [*BUNDLES, *CLAIMS])
@given(data=st.data())
def test_no_changed_byte_of_a_payload_is_trusted(name, data):
    one = signed(name)
    payload = bytearray(one.envelope.payload)
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at] ^= data.draw(st.integers(1, 255))
    changed = msgspec.structs.replace(one, envelope=msgspec.structs.replace(one.envelope, payload=bytes(payload)))

    assert judge(changed, TRUST, now=NOW).state == "invalid"


@pytest.mark.parametrize("name", [*BUNDLES, *CLAIMS])
@given(data=st.data())
def test_no_changed_byte_of_a_signature_is_trusted(name, data):
    one = signed(name)
    signature = bytearray(one.envelope.signature)
    at = data.draw(st.integers(0, len(signature) - 1))
    signature[at] ^= data.draw(st.integers(1, 255))
    changed = msgspec.structs.replace(one, envelope=msgspec.structs.replace(one.envelope, signature=bytes(signature)))

    assert judge(changed, TRUST, now=NOW).state != "trusted"


@pytest.mark.parametrize("name", [*BUNDLES, *CLAIMS])
@given(data=st.data())
def test_a_changed_file_is_trusted_only_for_what_was_signed(name, data):
    # Some bytes of the file are not signed (a blank, the hint's absence); the payload always is.
    whole = bytearray(BUNDLES.get(name) or CLAIMS[name])
    at = data.draw(st.integers(0, len(whole) - 2))
    whole[at] ^= data.draw(st.integers(1, 255))
    read = read_bundle if name in BUNDLES else read_claims
    judgement = judged(bytes(whole), read)

    if judgement is not None and judgement.state == "trusted":
        found = read(bytes(whole))
        one = found[0] if isinstance(found, tuple) else found
        assert one.envelope.payload == signed(name).envelope.payload
        assert one.envelope.signature == signed(name).envelope.signature


@pytest.mark.parametrize("name", [*BUNDLES, *CLAIMS])
@given(data=st.data())
def test_a_signature_fits_no_other_files(name, data):
    files = data.draw(FILES)
    one = signed(name)
    payload = make_statement("bot", files.items())
    changed = msgspec.structs.replace(one, envelope=msgspec.structs.replace(one.envelope, payload=payload))

    assert (judge(changed, TRUST, now=NOW).state == "trusted") == (tuple(sorted(files.items())) == keys.FILES)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(value=JSON | st.fixed_dictionaries({"mediaType": JSON, "verificationMaterial": JSON, "dsseEnvelope": JSON}))
def test_readers_of_json_raise_their_own_error_only(value):
    with contextlib.suppress(UnicodeEncodeError):
        data = codec.compact_text(value).encode()
        for read in (read_bundle, read_claims, read_statement):
            with contextlib.suppress(SignatureMalformedError):
                read(data)


@given(data=st.binary(max_size=300))
def test_readers_of_bytes_raise_their_own_error_only(data):
    for read, error in (
        (read_bundle, SignatureMalformedError),
        (read_claims, SignatureMalformedError),
        (lambda found: read_trust(found, shown="s"), BadInputError),
        (read_revoked, BadInputError),
        (lambda found: read_revoked(b"SSHKRL\n\0\0\0\0\1" + found), BadInputError),
        (read_public_key, WireError),
        (read_signature, WireError),
        (lambda found: read_signature(b"SSHSIG\0\0\0\1" + found), WireError),
    ):
        with contextlib.suppress(error):
            read(data)


@given(line=st.text(max_size=120))
def test_lines_of_trust_files_raise_their_own_error_only(line):
    with contextlib.suppress(UnicodeEncodeError):
        data = f"{line}\nalice@example.com {keys.public('ed25519').line}\n".encode()
        with contextlib.suppress(BadInputError):
            assert any(key.principals == "alice@example.com" for key in read_trust(data, shown="s").keys)


@given(text=st.text("ab@.", max_size=8), pattern=st.text("ab@.*?", max_size=8))
def test_patterns_mean_what_regular_expressions_say(text, pattern):
    import re

    said = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    assert matches(text, pattern) == (re.fullmatch(said, text) is not None)

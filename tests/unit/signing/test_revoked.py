from __future__ import annotations

import hashlib

import pytest

from ftlineage.errors import BadInputError
from ftlineage.signing.revoked import Revoked, is_revoked_hint, read_revoked
from ftlineage.signing.wire import string
from tests import keys

KEY = keys.public("ed25519")
OTHER = keys.public("ed25519-other")
EC = keys.public("p256")
HEAD = b"SSHKRL\n\0" + (1).to_bytes(4, "big") + bytes(24) + string(b"") + string(b"a comment")


@pytest.mark.parametrize(
    "entry",
    [
        KEY.line,
        f"{KEY.line} comment",
        f"key: {KEY.line}",
        f"sha1: {KEY.line}",
        f"sha256: {KEY.line}",
        f"hash: {KEY.fingerprint}",
        KEY.fingerprint,
        f"# one\n\nserial: 5\nid: someone\n  {KEY.fingerprint}  \n",
    ],
)
def test_every_way_to_name_a_key(entry):
    revoked = read_revoked(entry.encode())

    assert revoked.covers(KEY)
    assert not revoked.covers(OTHER)


def test_public_keys_as_pem():
    revoked = read_revoked(keys.pem("p256"))

    assert revoked.covers(EC)
    assert not revoked.covers(KEY)
    assert is_revoked_hint(revoked, keys.signer("p256").hint) == EC
    assert is_revoked_hint(revoked, "0" * 64) is None


@pytest.mark.parametrize(
    "section",
    [
        b"\2" + string(string(OTHER.blob) + string(KEY.blob)),
        b"\3" + string(string(hashlib.sha1(KEY.blob, usedforsecurity=False).digest())),
        b"\5" + string(string(hashlib.sha256(KEY.blob).digest())),
        b"\1" + string(b"certificates") + b"\2" + string(string(KEY.blob)),
    ],
)
def test_binary_lists(section):
    assert read_revoked(HEAD + section).covers(KEY)
    assert not read_revoked(HEAD + section).covers(EC)


def test_nobody_is_revoked_by_an_empty_list():
    assert read_revoked(b"") == read_revoked(HEAD) == Revoked()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"nonsense", "line 1: the key is missing"),
        (f"{KEY.line}\nssh-ed25519 AAAA\n".encode(), "line 2: it is cut off"),
        (b"SHA256:short", "line 1: the key is missing"),
        (b"\xff", "it is neither text nor a KRL"),
        (HEAD[:20], "it is cut off"),
        (HEAD + b"\2" + string(b"\0\0\0\5x"), "it is cut off"),
        (HEAD + b"\x09" + string(b""), "the KRL has a section of kind 9, which is not known"),
        (HEAD.replace(b"\0\0\0\1", b"\0\0\0\2", 1), "a KRL of format 2"),
        (keys.pem("p256") + b"-----BEGIN CERTIFICATE-----\n", "it holds a PEM block that is no public key"),
    ],
)
def test_half_a_list_is_no_list(data, reason):
    with pytest.raises(BadInputError) as caught:
        read_revoked(data, shown="revoked")

    assert (caught.value.path, caught.value.reason) == ("revoked", reason)

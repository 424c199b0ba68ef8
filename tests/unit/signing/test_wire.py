from __future__ import annotations

import base64

import pytest

from ftlineage.signing.wire import (
    PublicKey,
    Reader,
    WireError,
    mpint,
    read_key_line,
    read_public_key,
    string,
)
from tests import keys

ED = string(b"ssh-ed25519") + string(bytes(32))
POINT = b"\x04" + bytes(64)


def test_a_key_and_its_fingerprint():
    key = read_public_key(ED)

    assert key == PublicKey(kind="ssh-ed25519", blob=ED)
    assert key.fingerprint == "SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk"
    assert key.line == "ssh-ed25519 " + base64.b64encode(ED).decode()


@pytest.mark.parametrize("name", ["ed25519", "rsa", "p256", "p384", "p521"])
def test_every_kind_reads_back(name):
    key = keys.public(name)

    assert read_public_key(key.blob) == key
    assert read_key_line(f"{key.line} a comment") == key


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"", "it is cut off"),
        (ED[:-1], "it is cut off"),
        (ED + b"\0", "1 bytes are left over"),
        (string(b"ssh-ed25519") + string(bytes(31)), "31 bytes where a key of this kind has 32"),
        (string(b"ssh-dss") + string(b"\1"), "ssh-dss: this kind of key is not supported"),
        (
            string(b"ssh-ed25519-cert-v01@openssh.com"),
            "ssh-ed25519-cert-v01@openssh.com: certificates are not supported",
        ),
        (string(b"ssh-\xff"), "the kind of key is no text"),
        (string(b"ssh-\x1b[2J"), "the kind of key is no text"),
        (
            string(b"ecdsa-sha2-nistp256") + string(b"nistp384") + string(POINT),
            "the curve does not fit the kind of key",
        ),
        (
            string(b"ecdsa-sha2-nistp256") + string(b"nistp256") + string(b"\x02" + bytes(64)),
            "the point is not in its uncompressed form",
        ),
        (string(b"ssh-rsa") + mpint(65537) + mpint(1 << 1024), "an RSA key of 1025 bits; at least 2048 are asked for"),
        (string(b"ssh-rsa") + mpint(65536) + mpint(1 << 2048), "the RSA exponent is not odd, or below 3"),
        (string(b"ssh-rsa") + string(b"\0\0\3"), "a number is not in its shortest form, or not positive"),
    ],
)
def test_what_is_no_key(blob, reason):
    with pytest.raises(WireError) as caught:
        read_public_key(blob)

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ssh-ed25519", "the key is missing"),
        ("ssh-ed25519 ???", "the key is not base64"),
        ("ssh-rsa " + base64.b64encode(ED).decode(), "it says ssh-rsa and holds ssh-ed25519"),
    ],
)
def test_what_is_no_key_line(line, reason):
    with pytest.raises(WireError) as caught:
        read_key_line(line)

    assert str(caught.value) == reason


@pytest.mark.parametrize("value", [1, 127, 128, 255, 256, 2**64, 2**2047])
def test_numbers_have_one_form(value):
    reader = Reader(mpint(value))

    assert reader.mpint() == value
    assert not reader.more()


def test_zero_is_no_number_of_a_key():
    with pytest.raises(WireError):
        Reader(mpint(0)).mpint()

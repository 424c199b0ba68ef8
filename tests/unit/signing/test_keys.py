from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ftlineage.errors import PathNotFoundError
from ftlineage.signing.errors import KeyUnusableError
from ftlineage.signing.keys import EcdsaSigner, ProgramSigner, SshSigner, load_signer
from ftlineage.signing.wire import string
from tests import keys


def nobody(path):
    raise AssertionError(path)


def fault_of(path, passphrase=nobody) -> str:
    with pytest.raises(KeyUnusableError) as caught:
        load_signer(path, passphrase=passphrase)
    assert caught.value.path == str(path)
    return caught.value.reason


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *((curve, form) for curve in keys.CURVES for form in ("openssh", "pkcs8", "sec1")),
        ("ed25519", "openssh"),
        ("ed25519", "pkcs8"),
        ("rsa", "openssh"),
        ("rsa", "pkcs8"),
        ("rsa", "sec1"),
    ],
)
@pytest.mark.parametrize("passphrase", [None, "correct horse é"])
def test_every_file_form(tmp_path, name, form, passphrase):
    path = keys.write_private(tmp_path / "key", name, form=form, passphrase=passphrase)
    asked = []

    def ask(path):
        asked.append(path)
        return passphrase

    signer = load_signer(path, passphrase=ask)

    assert signer.public == keys.public(name)
    assert type(signer) is (EcdsaSigner if name.startswith("p") else SshSigner)
    assert asked == ([path] if passphrase else [])


@pytest.mark.parametrize("form", ["openssh", "pkcs8"])
def test_a_wrong_passphrase(tmp_path, form):
    path = keys.write_private(tmp_path / "key", "p256", form=form, passphrase="right")

    assert fault_of(path, lambda _: "wrong") == "the passphrase is wrong, or the file is damaged"
    assert fault_of(path, lambda _: "") == "the passphrase is wrong, or the file is damaged"


def test_a_locked_key_and_nobody_to_ask(tmp_path):
    path = keys.write_private(tmp_path / "key", "ed25519", passphrase="right")

    with pytest.raises(KeyUnusableError) as caught:
        load_signer(path, passphrase=lambda _: None)
    assert caught.value.reason == "it is locked by a passphrase, and nobody is there to type it"
    assert caught.value.hint == "Give it in the variable FTLINEAGE_KEY_PASSPHRASE, or run on a terminal"


@pytest.mark.parametrize(
    ("private", "reason"),
    [
        (ec.generate_private_key(ec.SECP256K1()), "this kind of key is not supported"),
        (ed448.Ed448PrivateKey.generate(), "this kind of key is not supported"),
        (rsa.generate_private_key(65537, 1024), "an RSA key of 1024 bits; at least 2048 are asked for"),  # noqa: S505
    ],
    ids=["secp256k1", "ed448", "short rsa"],
)
def test_kinds_that_sign_nothing_here(tmp_path, private, reason):
    path = tmp_path / "key.pem"
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    with pytest.raises(KeyUnusableError) as caught:
        load_signer(path, passphrase=nobody)
    assert caught.value.reason == reason
    assert "openssl genpkey" in caught.value.hint


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is no key file"),
        (b"\xff\xfe\0", "it is no key file"),
        (b"ssh-ed25519 AAAA", "it is cut off"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "it holds no private key"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "it holds no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "it holds no sound key"),
        (
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
            "it is cut off",
        ),
        (b"x" * 70_000, "it is too large for a key"),
    ],
)
def test_what_is_no_key(tmp_path, data, reason):
    (tmp_path / "key").write_bytes(data)

    assert fault_of(tmp_path / "key") == reason


def test_no_such_file_and_a_folder(tmp_path):
    with pytest.raises(PathNotFoundError):
        load_signer(tmp_path / "none", passphrase=nobody)
    assert fault_of(tmp_path) == "is a directory"


def test_a_public_key_stands_for_one_in_an_agent(tmp_path):
    path = tmp_path / "key.pub"
    path.write_text(keys.public("ed25519").line + " me\n")

    signer = load_signer(path, passphrase=nobody)

    assert isinstance(signer, ProgramSigner)
    assert signer.public == keys.public("ed25519")


def test_a_security_key_is_left_to_ssh_keygen(tmp_path):
    import base64

    public = string(b"sk-ssh-ed25519@openssh.com") + string(bytes(32)) + string(b"ssh:")
    body = (
        b"openssh-key-v1\0" + string(b"none") * 2 + string(b"") + (1).to_bytes(4, "big") + string(public) + string(b"")
    )
    path = tmp_path / "id_ed25519_sk"
    path.write_bytes(
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.encodebytes(body) + b"-----END OPENSSH PRIVATE KEY-----\n"
    )

    signer = load_signer(path, passphrase=nobody)

    assert isinstance(signer, ProgramSigner)
    assert signer.public.kind == "sk-ssh-ed25519@openssh.com"


def test_without_ssh_keygen(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    signer = ProgramSigner(tmp_path / "key.pub", keys.public("ed25519"))

    with pytest.raises(KeyUnusableError) as caught:
        signer.sign(b"x")
    assert caught.value.reason == "this kind of key needs ssh-keygen, which is not installed"

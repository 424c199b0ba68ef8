"""Keys for tests of signatures: made once a session, and signers over them."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from ftlineage.signing.keys import EcdsaSigner, SshSigner
from ftlineage.signing.trust import Trust, TrustedKey

CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
FILES = (("adapter_model.safetensors", "a" * 64), ("lineage.json", "b" * 64), ("sub/part-1.bin", "c" * 64))


@functools.cache
def private(name: str) -> Any:
    """A private key; ``p256``, ``p384``, ``p521``, ``ed25519`` or ``rsa``, with any suffix for another one.

    All but RSA keys are the same in every process, because they stand in names of tests.
    """
    kind = name.partition("-")[0]
    seed = hashlib.sha256(name.encode()).digest()
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    # OpenSSH takes no short numbers: about as many bits as the curve has.
    long = hashlib.sha512(name.encode()).digest()[: CURVES[kind].key_size // 8]
    return ec.derive_private_key(int.from_bytes(long, "big") >> 1, CURVES[kind])


def signer(name: str) -> Any:
    """A signer of the kind that fits the key."""
    return EcdsaSigner(private(name)) if name.startswith("p") else SshSigner(private(name))


def public(name: str) -> Any:
    """The public key as SSH writes it."""
    return signer(name).public


def pem(name: str) -> bytes:
    """The public key as PEM."""
    return private(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def trust(*names: str, **rules: Any) -> Trust:
    """A trust file's content with these keys, each the owner of ``name@example.com``."""
    return Trust(keys=tuple(TrustedKey(key=public(name), principals=f"{name}@example.com", **rules) for name in names))


def write_private(path: Path, name: str, *, form: str = "openssh", passphrase: str | None = None) -> Path:
    """A private key file in OpenSSH's format, or PEM (``pkcs8``, ``sec1``)."""
    form_of = {
        "openssh": PrivateFormat.OpenSSH,
        "pkcs8": PrivateFormat.PKCS8,
        "sec1": PrivateFormat.TraditionalOpenSSL,
    }
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    path.write_bytes(private(name).private_bytes(Encoding.PEM, form_of[form], lock))
    path.chmod(0o600)  # ssh-keygen refuses keys that others can read
    return path

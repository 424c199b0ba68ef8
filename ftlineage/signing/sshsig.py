"""SSHSIG, the signature format of ``ssh-keygen -Y``: what is signed, and how it is written and read.

Decides that a signature says what it was made for: its namespace is part of the signed bytes, so a
signature made for e-mail or Git proves nothing here. Refused: other versions of the format, weak
hashes, bytes left over. Nothing here needs a cryptography library.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

import msgspec

from ftlineage.signing.wire import PublicKey, Reader, WireError, read_public_key, string

NAMESPACE = "lineage@ftlineage"
_MAGIC = b"SSHSIG"
_VERSION = 1
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}


class SshSignature(msgspec.Struct, frozen=True, kw_only=True):
    """A signature with the key that claims to have made it.

    ``algorithm`` and ``value`` are the inner signature; ``value`` still has its algorithm's own form.
    """

    key: PublicKey
    namespace: str
    hash: str
    algorithm: str
    value: bytes
    extra: bytes = b""  # security keys: flags and counter


def is_ssh_signature(data: bytes) -> bool:
    """Whether bytes announce this format; ECDSA signatures of OMS are DER and begin otherwise."""
    return data.startswith(_MAGIC)


def signed_bytes(message: bytes, *, namespace: str = NAMESPACE, hash_name: str = "sha512") -> bytes:
    """What a key signs for ``message``."""
    digest = _HASHES[hash_name](message).digest()
    return _MAGIC + string(namespace.encode()) + string(b"") + string(hash_name.encode()) + string(digest)


def write_signature(key: PublicKey, algorithm: str, value: bytes) -> bytes:
    """The signature as bytes, without armour.

    Args:
        key: The signer's public key.
        algorithm: Of the inner signature, such as ``ssh-ed25519`` or ``rsa-sha2-512``.
        value: The inner signature over :func:`signed_bytes`.
    """
    return (
        _MAGIC
        + _VERSION.to_bytes(4, "big")
        + string(key.blob)
        + string(NAMESPACE.encode())
        + string(b"")
        + string(b"sha512")
        + string(string(algorithm.encode()) + string(value))
    )


def read_signature(blob: bytes) -> SshSignature:
    """A signature from its bytes.

    Raises:
        WireError: It is malformed, of another version, or by a kind of key that is not supported.
    """
    reader = Reader(blob)
    if reader.take(len(_MAGIC)) != _MAGIC or reader.uint32() != _VERSION:
        raise WireError("it is no SSH signature of version 1")
    key = read_public_key(reader.string())
    namespace = reader.string()
    if reader.string():
        # Reserved. OpenSSH ignores it and signs over an empty one; bytes that nobody signed are not accepted.
        raise WireError("its reserved part is not empty")
    hash_name = reader.string()
    inner = Reader(reader.string())
    reader.end()
    if hash_name.decode("latin-1") not in _HASHES:
        raise WireError("its hash is neither sha256 nor sha512")
    algorithm, value = inner.string(), inner.string()
    extra = inner.take(5) if inner.more() else b""
    inner.end()
    return SshSignature(
        key=key,
        namespace=namespace.decode("utf-8", "replace"),
        hash=hash_name.decode(),
        algorithm=algorithm.decode("latin-1"),
        value=value,
        extra=extra,
    )


def armour(blob: bytes) -> str:
    """The text form that ``ssh-keygen -Y verify -s`` reads."""
    encoded = base64.b64encode(blob).decode()
    lines = [encoded[at : at + 70] for at in range(0, len(encoded), 70)]
    return "\n".join([_BEGIN, *lines, _END, ""])


def unarmour(text: str) -> bytes:
    """The bytes in the text form.

    Raises:
        WireError: There is no armour, or no base64 in it.
    """
    lines = text.strip().splitlines()
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:  # noqa: PLR2004
        raise WireError("it is no armoured SSH signature")
    try:
        return base64.b64decode("".join(lines[1:-1]), validate=True)
    except (binascii.Error, ValueError) as error:
        raise WireError("the armour does not hold base64") from error

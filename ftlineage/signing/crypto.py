"""The one module that calls the ``cryptography`` library: does a key verify a signature?

Imported only when a signature is really checked or made. Decides which hash belongs to which key,
as OMS and SSH fix it, and answers yes or no; a malformed signature is a no.
"""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
    load_ssh_public_key,
)

from ftlineage.signing.sshsig import SshSignature, signed_bytes
from ftlineage.signing.wire import (
    ECDSA,
    ED25519,
    RSA,
    SK_ECDSA,
    SK_ED25519,
    PublicKey,
    Reader,
    WireError,
    mpint,
    read_key_line,
)

_CURVES: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "ecdsa-sha2-nistp256": (ec.SECP256R1(), hashes.SHA256()),
    "ecdsa-sha2-nistp384": (ec.SECP384R1(), hashes.SHA384()),
    "ecdsa-sha2-nistp521": (ec.SECP521R1(), hashes.SHA512()),
}
_RSA_HASHES: dict[str, hashes.HashAlgorithm] = {"rsa-sha2-256": hashes.SHA256(), "rsa-sha2-512": hashes.SHA512()}


def ecdsa_algorithm(kind: str) -> ec.ECDSA:
    """ECDSA with the hash that belongs to the curve; without a random part where the library can do that."""
    algorithm = _CURVES[kind][1]
    try:
        return ec.ECDSA(algorithm, deterministic_signing=True)
    except UnsupportedAlgorithm:
        return ec.ECDSA(algorithm)


def public_key_of(key: Any) -> PublicKey:
    """The SSH form of a public key of the library.

    Raises:
        WireError: SSH has no such kind of key, or ftlineage does not support it.
    """
    try:
        line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except (ValueError, AttributeError, UnsupportedAlgorithm) as error:
        raise WireError("this kind of key is not supported") from error
    return read_key_line(line.decode("ascii"))


def read_pem(block: bytes) -> PublicKey:
    """A public key from one PEM block.

    Raises:
        WireError: It is malformed, or of a kind that is not supported.
    """
    try:
        return public_key_of(load_pem_public_key(block))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise WireError(str(error) if isinstance(error, WireError) else "the PEM block holds no public key") from error


def pem_of(key: PublicKey) -> bytes:
    """A key as PEM, as ``openssl`` and model_signing use it.

    Raises:
        WireError: The point is not on its curve.
    """
    try:
        loaded = load_ssh_public_key(key.line.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise WireError("the key is not sound") from error
    return loaded.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def hint_of(key: PublicKey) -> str | None:
    """How an OMS bundle names a key: SHA-256 of its PEM form in hex; None for keys that OMS does not allow."""
    try:
        return hashlib.sha256(pem_of(key)).hexdigest() if key.kind in ECDSA else None
    except WireError:
        return None


def verifies_ecdsa(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether an ECDSA key made a DER signature over a message."""
    if key.kind not in ECDSA:
        return False
    try:
        _elliptic(key.kind, _point(key)).verify(signature, message, ec.ECDSA(_CURVES[key.kind][1]))
    except (InvalidSignature, ValueError):
        return False
    return True


def verifies_ssh(signature: SshSignature, message: bytes) -> bool:
    """Whether the key inside an SSH signature made it over a message; says nothing about whose key it is."""
    signed = signed_bytes(message, namespace=signature.namespace, hash_name=signature.hash)
    check = _CHECKS.get(signature.key.kind, _ecdsa)
    try:
        check(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _ed25519(signature: SshSignature, signed: bytes) -> None:
    _plain(signature, ED25519)
    _edwards(signature.key).verify(signature.value, signed)


def _rsa(signature: SshSignature, signed: bytes) -> None:
    _plain(signature, *_RSA_HASHES)
    reader = Reader(signature.key.blob)
    reader.string()
    exponent, modulus = reader.mpint(), reader.mpint()
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    key.verify(signature.value, signed, padding.PKCS1v15(), _RSA_HASHES[signature.algorithm])


def _ecdsa(signature: SshSignature, signed: bytes) -> None:
    kind = signature.key.kind
    _plain(signature, kind)
    key = _elliptic(kind, _point(signature.key))
    key.verify(_der(signature.value), signed, ec.ECDSA(_CURVES[kind][1]))


def _sk_ed25519(signature: SshSignature, signed: bytes) -> None:
    _token(signature, SK_ED25519)
    reader = Reader(signature.key.blob)
    reader.string(), reader.string()
    _edwards(signature.key).verify(signature.value, _token_bytes(reader.string(), signature.extra, signed))


def _sk_ecdsa(signature: SshSignature, signed: bytes) -> None:
    _token(signature, SK_ECDSA)
    reader = Reader(signature.key.blob)
    reader.string(), reader.string()
    key = _elliptic("ecdsa-sha2-nistp256", reader.string())
    message = _token_bytes(reader.string(), signature.extra, signed)
    key.verify(_der(signature.value), message, ec.ECDSA(hashes.SHA256()))


_CHECKS = {ED25519: _ed25519, RSA: _rsa, SK_ED25519: _sk_ed25519, SK_ECDSA: _sk_ecdsa}


def _plain(signature: SshSignature, *algorithms: str) -> None:
    """The inner signature is of an algorithm that belongs to the key, with nothing behind it."""
    if signature.algorithm not in algorithms or signature.extra:
        raise InvalidSignature


def _token(signature: SshSignature, algorithm: str) -> None:
    if signature.algorithm != algorithm or not signature.extra:
        raise InvalidSignature


def _token_bytes(application: bytes, extra: bytes, signed: bytes) -> bytes:
    """What a security key (FIDO) signs: the application, its flags and counter, and the message, hashed."""
    return hashlib.sha256(application).digest() + extra + hashlib.sha256(signed).digest()


def _edwards(key: PublicKey) -> ed25519.Ed25519PublicKey:
    reader = Reader(key.blob)
    reader.string()
    return ed25519.Ed25519PublicKey.from_public_bytes(reader.string())


def _point(key: PublicKey) -> bytes:
    reader = Reader(key.blob)
    reader.string(), reader.string()
    return reader.string()


def _elliptic(kind: str, point: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[kind][0], point)


def _der(value: bytes) -> bytes:
    """SSH writes r and s one after the other."""
    reader = Reader(value)
    r, s = reader.mpint(), reader.mpint()
    reader.end()
    return utils.encode_dss_signature(r, s)


def ssh_ecdsa_value(der: bytes) -> bytes:
    """An ECDSA signature as SSH writes it."""
    r, s = utils.decode_dss_signature(der)
    return mpint(r) + mpint(s)

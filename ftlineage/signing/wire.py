"""SSH's wire format: length-prefixed strings, and public keys with their fingerprints.

Decides which kinds of key ftlineage knows; reading one needs no cryptography library. Refused:
bytes left over, lengths beyond the data, numbers with needless zeros, RSA below 2048 bits. Two
spellings of one key would be two fingerprints, so there is exactly one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

import msgspec

ED25519 = "ssh-ed25519"
RSA = "ssh-rsa"
SK_ED25519 = "sk-ssh-ed25519@openssh.com"
SK_ECDSA = "sk-ecdsa-sha2-nistp256@openssh.com"
# By kind: the curve's name inside the key, and the bytes of one coordinate.
ECDSA = {
    "ecdsa-sha2-nistp256": (b"nistp256", 32),
    "ecdsa-sha2-nistp384": (b"nistp384", 48),
    "ecdsa-sha2-nistp521": (b"nistp521", 66),
}
MIN_RSA_BITS = 2048
_MAX_RSA_BITS = 16384


class WireError(ValueError):
    """Bytes that do not follow the format; the callers say where they stood."""


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key as SSH writes it; ``blob`` is the whole key, its kind included."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """``SHA256:`` and 43 characters, as ``ssh-keygen -l`` shows it."""
        return fingerprint(self.blob)

    @property
    def line(self) -> str:
        """``kind base64``: the key as it stands in ``.pub`` and ``allowed_signers`` files."""
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"


class Reader:
    """Reads one value after the other; everything must be read in the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        if count > len(self._data) - self._at:
            raise WireError("it is cut off")
        self._at += count
        return self._data[self._at - count : self._at]

    def uint32(self) -> int:
        """An unsigned 32-bit number."""
        return int.from_bytes(self.take(4), "big")

    def uint64(self) -> int:
        """An unsigned 64-bit number."""
        return int.from_bytes(self.take(8), "big")

    def string(self) -> bytes:
        """Bytes with their length before them."""
        return self.take(self.uint32())

    def mpint(self) -> int:
        """A positive number in its shortest form."""
        data = self.string()
        value = int.from_bytes(data, "big")
        if not value or data != _shortest(value):
            raise WireError("a number is not in its shortest form, or not positive")
        return value

    def more(self) -> bool:
        """Whether anything is left."""
        return self._at < len(self._data)

    def end(self) -> None:
        """Nothing may be left."""
        if self.more():
            raise WireError(f"{len(self._data) - self._at} bytes are left over")


def string(data: bytes) -> bytes:
    """Bytes with their length before them."""
    return len(data).to_bytes(4, "big") + data


def mpint(value: int) -> bytes:
    """A positive number in its shortest form, with its length before it."""
    return string(_shortest(value))


def fingerprint(blob: bytes) -> str:
    """``SHA256:`` and the digest of a key's blob in base64 without padding."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def read_public_key(blob: bytes) -> PublicKey:
    """A key from its wire form.

    Raises:
        WireError: It is malformed, or of a kind that is not known here (DSA, certificates, ...).
    """
    reader = Reader(blob)
    kind = _text(reader.string())
    if kind == ED25519:
        _exactly(reader.string(), 32)
    elif kind in ECDSA:
        _read_point(reader, kind)
    elif kind == RSA:
        _read_rsa(reader)
    elif kind == SK_ED25519:
        _exactly(reader.string(), 32)
        reader.string()  # the application
    elif kind == SK_ECDSA:
        _read_point(reader, "ecdsa-sha2-nistp256")
        reader.string()
    else:
        what = "certificates are not supported" if "-cert-v" in kind else "this kind of key is not supported"
        raise WireError(f"{kind}: {what}")
    reader.end()
    return PublicKey(kind=kind, blob=blob)


def read_key_line(text: str) -> PublicKey:
    """A key from ``kind base64 [comment]``.

    Raises:
        WireError: It is malformed or not supported.
    """
    kind, _, rest = text.strip().partition(" ")
    encoded = rest.split(maxsplit=1)
    if not encoded:
        raise WireError("the key is missing")
    try:
        blob = base64.b64decode(encoded[0], validate=True)
    except (binascii.Error, ValueError) as error:
        raise WireError("the key is not base64") from error
    key = read_public_key(blob)
    if key.kind != kind:
        raise WireError(f"it says {kind} and holds {key.kind}")
    return key


def looks_like_key(word: str) -> bool:
    """Whether a word is the kind at the beginning of a key line."""
    return word.startswith(("ssh-", "ecdsa-sha2-", "sk-"))


def _read_point(reader: Reader, kind: str) -> None:
    curve, size = ECDSA[kind]
    if reader.string() != curve:
        raise WireError("the curve does not fit the kind of key")
    point = reader.string()
    _exactly(point, 1 + 2 * size)
    if point[0] != 4:  # noqa: PLR2004 - the mark of an uncompressed point
        raise WireError("the point is not in its uncompressed form")


def _read_rsa(reader: Reader) -> None:
    exponent, modulus = reader.mpint(), reader.mpint()
    if not MIN_RSA_BITS <= modulus.bit_length() <= _MAX_RSA_BITS:
        raise WireError(f"an RSA key of {modulus.bit_length()} bits; at least {MIN_RSA_BITS} are asked for")
    if exponent < 3 or not exponent & 1:  # noqa: PLR2004
        raise WireError("the RSA exponent is not odd, or below 3")


def _exactly(data: bytes, count: int) -> None:
    if len(data) != count:
        raise WireError(f"{len(data)} bytes where a key of this kind has {count}")


def _shortest(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big") if value else b""


def _text(data: bytes) -> str:
    if not data.isascii() or not data.decode("ascii").isprintable():
        raise WireError("the kind of key is no text")
    return data.decode("ascii")

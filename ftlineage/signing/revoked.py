"""Which keys are no longer to be believed: text lists, and OpenSSH's binary lists (KRL).

Decides whether a key is revoked by the key itself or by its digest. Entries for certificates are
passed over, because certificates are never trusted here. Anything else that cannot be read is an
error: a list of revocations that is half understood would let revoked keys through.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

import msgspec

from ftlineage.core import words
from ftlineage.errors import BadInputError
from ftlineage.signing.trust import MAX_BYTES
from ftlineage.signing.wire import PublicKey, Reader, WireError, read_key_line, read_public_key

_KRL_MAGIC = b"SSHKRL\n\0"
_CERTIFICATES, _KEYS, _SHA1, _SIGNATURE, _SHA256, _EXTENSION = 1, 2, 3, 4, 5, 255
_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
_FINGERPRINT = re.compile(r"SHA256:([A-Za-z0-9+/]{43})=?")


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """Keys that were revoked, by their wire form and by digests of it."""

    blobs: frozenset[bytes] = frozenset()
    sha1: frozenset[bytes] = frozenset()
    sha256: frozenset[bytes] = frozenset()

    def covers(self, key: PublicKey) -> bool:
        """Whether a key is revoked."""
        return (
            key.blob in self.blobs
            or hashlib.sha256(key.blob).digest() in self.sha256
            or (bool(self.sha1) and hashlib.sha1(key.blob, usedforsecurity=False).digest() in self.sha1)
        )


def read_revoked(data: bytes, *, shown: str = "the list of revoked keys") -> Revoked:
    """A list of revoked keys.

    Each line is a public key, ``SHA256:`` and a fingerprint, or a line of a KRL specification
    (``key:``, ``sha1:``, ``sha256:``, ``hash:``; ``serial:`` and ``id:`` speak of certificates).
    PEM public keys and binary KRL files are read too.

    Raises:
        BadInputError: Anything in it cannot be read.
    """
    if len(data) > MAX_BYTES:
        raise BadInputError(path=shown, reason=f"{len(data)} bytes, too large for a list of revoked keys")
    try:
        if data.startswith(_KRL_MAGIC):
            return _read_krl(data)
        if b"-----BEGIN " in data:
            return _read_pem_file(data)
        return _read_lines(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInputError(path=shown, reason="it is neither text nor a KRL") from error
    except WireError as error:
        hint = "Nothing is verified with half a list"
        raise BadInputError(path=shown, reason=words.clean(str(error)), hint=hint) from error


def _read_lines(text: str) -> Revoked:
    blobs, sha256 = set(), set()
    for number, line in enumerate(text.split("\n"), 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        try:
            found = _FINGERPRINT.fullmatch(re.sub(r"^hash:\s*", "", entry))
            if found is not None:
                sha256.add(base64.b64decode(found[1] + "="))
            elif not re.match(r"(serial|id):", entry):
                blobs.add(_read_revoked_key(re.sub(r"^(key|sha1|sha256):\s*", "", entry)))
        except (WireError, binascii.Error) as error:
            raise WireError(f"line {number}: {error}") from error
    return Revoked(blobs=frozenset(blobs), sha256=frozenset(sha256))


def _read_revoked_key(line: str) -> bytes:
    return read_key_line(line).blob


def _read_pem_file(data: bytes) -> Revoked:
    from ftlineage.signing.crypto import read_pem

    if _PEM.sub(b"", data).count(b"-----BEGIN "):
        raise WireError("it holds a PEM block that is no public key")
    return Revoked(blobs=frozenset(read_pem(block[0]).blob for block in _PEM.finditer(data)))


def _read_krl(data: bytes) -> Revoked:
    """PROTOCOL.krl of OpenSSH: a header, then sections with their length before them."""
    reader = Reader(data)
    reader.take(len(_KRL_MAGIC))
    version = reader.uint32()
    if version != 1:
        raise WireError(f"a KRL of format {version}")
    reader.uint64(), reader.uint64(), reader.uint64()  # its version, when it was made, flags
    reader.string(), reader.string()  # reserved, comment
    found: dict[int, set[bytes]] = {_KEYS: set(), _SHA1: set(), _SHA256: set()}
    while reader.more():
        kind = reader.take(1)[0]
        section = Reader(reader.string())
        if kind in found:
            while section.more():
                found[kind].add(section.string())
        elif kind not in (_CERTIFICATES, _SIGNATURE, _EXTENSION):
            raise WireError(f"the KRL has a section of kind {kind}, which is not known")
    return Revoked(blobs=frozenset(found[_KEYS]), sha1=frozenset(found[_SHA1]), sha256=frozenset(found[_SHA256]))


def is_revoked_hint(revoked: Revoked, hint: str) -> PublicKey | None:
    """The revoked key that an OMS bundle names by its hint, if the list holds the key itself."""
    from ftlineage.signing.crypto import hint_of

    for blob in sorted(revoked.blobs):
        try:
            key = read_public_key(blob)
        except WireError:
            continue  # a kind that never verifies here
        if hint_of(key) == hint:
            return key
    return None

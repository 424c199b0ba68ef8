"""Keys that sign: which file holds what, how it is unlocked, and which signature it can make.

Decides by the key's kind. ECDSA on P-256, P-384 and P-521 signs OMS bundles, the only kind OMS
allows. Ed25519 and RSA keys sign in SSH's format. Keys that cannot be loaded here (in an agent: the
public key is given; on a security key) are used through ``ssh-keygen``. Refused: keys of other
kinds, certificates, and a passphrase that is asked for where nobody can type one.
"""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ftlineage.errors import PathNotFoundError
from ftlineage.signing.errors import KeyUnusableError
from ftlineage.signing.sshsig import NAMESPACE, read_signature, signed_bytes, unarmour, write_signature
from ftlineage.signing.wire import (
    ECDSA,
    ED25519,
    PublicKey,
    Reader,
    WireError,
    looks_like_key,
    read_key_line,
    read_public_key,
)

PASSPHRASE_VARIABLE = "FTLINEAGE_KEY_PASSPHRASE"  # noqa: S105 - the name of one
_MAX_BYTES = 64 * 1024
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_OPENSSH_MAGIC = b"openssh-key-v1\0"
# A person may have to touch a security key or type a passphrase into an agent's window.
_PATIENCE = 180.0
_MAKE_ONE = "Make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out sign.pem"

# Asks for the passphrase of the key file it is given; None when nobody can be asked.
Passphrase = Callable[[Path], str | None]


class EcdsaSigner:
    """An ECDSA key in memory; signs OMS bundles."""

    def __init__(self, private: Any) -> None:
        from ftlineage.signing.crypto import hint_of, public_key_of

        self._private = private
        self.public = public_key_of(private.public_key())
        self.hint = hint_of(self.public)

    def sign(self, message: bytes) -> bytes:
        """A DER signature; equal messages give equal signatures where the library can do that."""
        from ftlineage.signing.crypto import ecdsa_algorithm

        signature: bytes = self._private.sign(message, ecdsa_algorithm(self.public.kind))
        return signature


class SshSigner:
    """An Ed25519 or RSA key in memory; signs in SSH's format."""

    def __init__(self, private: Any) -> None:
        from ftlineage.signing.crypto import public_key_of

        self._private = private
        self.public = public_key_of(private.public_key())

    def sign(self, message: bytes) -> bytes:
        """An SSH signature without armour, byte for byte what ``ssh-keygen -Y sign`` makes."""
        signed = signed_bytes(message)
        if self.public.kind == ED25519:
            return write_signature(self.public, ED25519, self._private.sign(signed))
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA512

        return write_signature(self.public, "rsa-sha2-512", self._private.sign(signed, PKCS1v15(), SHA512()))


class ProgramSigner:
    """A key that only ``ssh-keygen`` can use: in an agent, or on a security key."""

    def __init__(self, path: Path, public: PublicKey) -> None:
        self._path = path
        self.public = public

    def sign(self, message: bytes) -> bytes:
        """An SSH signature without armour; may wait for a person.

        Raises:
            KeyUnusableError: ssh-keygen is not installed, or made no signature.
        """
        # Its own words go to the terminal: it may ask to touch the key.
        command = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(self._path), "-n", NAMESPACE]
        try:
            done = subprocess.run(command, input=message, stdout=subprocess.PIPE, check=False, timeout=_PATIENCE)
            blob = unarmour(done.stdout.decode("ascii", "replace")) if done.returncode == 0 else b""
            if not blob:
                raise _unusable(self._path, "ssh-keygen made no signature", "Is it in your agent? See: ssh-add -L")
            made_by = read_signature(blob).key
        except OSError as error:
            raise _unusable(self._path, "this kind of key needs ssh-keygen, which is not installed") from error
        except subprocess.TimeoutExpired as error:
            raise _unusable(self._path, f"ssh-keygen gave no answer within {_PATIENCE:.0f} s") from error
        except WireError as error:
            raise _unusable(self._path, f"ssh-keygen gave no signature that can be read: {error}") from error
        if made_by != self.public:
            raise _unusable(self._path, f"ssh-keygen signed with another key, {made_by.fingerprint}")
        return blob


Signer = EcdsaSigner | SshSigner | ProgramSigner


def load_signer(path: Path, *, passphrase: Passphrase) -> Signer:
    """The signer of a key file: PEM, OpenSSH's format, or the public key of one in an agent.

    Args:
        path: The file.
        passphrase: Called at most once, and only for a locked key.

    Raises:
        PathNotFoundError: No such file.
        KeyUnusableError: It holds no key that can sign here.
    """
    data = _read(path)
    if data.lstrip().startswith(_OPENSSH):
        public = _openssh_public(data, path)
        if public.kind.startswith("sk-"):
            return ProgramSigner(path, public)
        return _signer(_load(data, path, passphrase, openssh=True), path)
    if b"PRIVATE KEY-----" in data:
        return _signer(_load(data, path, passphrase, openssh=False), path)
    if b"-----BEGIN " in data:
        raise _unusable(path, "it holds no private key", "Name the private key; what is published is the public one")
    return ProgramSigner(path, _public_line(data, path))


def _signer(private: Any, path: Path) -> Signer:
    from ftlineage.signing.crypto import public_key_of

    try:
        kind = public_key_of(private.public_key()).kind
    except WireError as error:
        raise _unusable(path, str(error), _MAKE_ONE) from error
    return EcdsaSigner(private) if kind in ECDSA else SshSigner(private)


def _load(data: bytes, path: Path, passphrase: Passphrase, *, openssh: bool) -> Any:
    """The private key, unlocked if need be."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    load = load_ssh_private_key if openssh else load_pem_private_key
    try:
        try:
            return load(data, None)
        except TypeError:  # the library's word for "a passphrase is needed"
            return load(data, _ask(path, passphrase).encode())
    except (ValueError, TypeError) as error:
        reason = "the passphrase is wrong, or the file is damaged" if _is_locked(data) else "it holds no sound key"
        raise _unusable(path, reason) from error
    except UnsupportedAlgorithm as error:
        raise _unusable(path, "this kind of key is not supported", _MAKE_ONE) from error


def _ask(path: Path, passphrase: Passphrase) -> str:
    given = passphrase(path)
    if given is None:
        hint = f"Give it in the variable {PASSPHRASE_VARIABLE}, or run on a terminal"
        raise _unusable(path, "it is locked by a passphrase, and nobody is there to type it", hint)
    return given


def _is_locked(data: bytes) -> bool:
    if b"ENCRYPTED" in data:
        return True
    try:
        reader = Reader(_openssh_body(data))
        reader.take(len(_OPENSSH_MAGIC))
        return reader.string() != b"none"
    except (WireError, ValueError):
        return False


def _openssh_public(data: bytes, path: Path) -> PublicKey:
    """The public key that stands unlocked at the beginning of OpenSSH's format."""
    try:
        return _read_openssh_public(_openssh_body(data))
    except WireError as error:
        raise _unusable(path, str(error), _MAKE_ONE) from error
    except ValueError as error:
        raise _unusable(path, "it holds no sound key") from error


def _read_openssh_public(body: bytes) -> PublicKey:
    reader = Reader(body)
    if reader.take(len(_OPENSSH_MAGIC)) != _OPENSSH_MAGIC:
        raise WireError("it is not in OpenSSH's format")
    reader.string(), reader.string(), reader.string()  # cipher, key derivation, its options
    if reader.uint32() != 1:
        raise WireError("it holds several keys")
    return read_public_key(reader.string())


def _openssh_body(data: bytes) -> bytes:
    lines = data.strip().splitlines()
    return base64.b64decode(b"".join(line.strip() for line in lines[1:-1]), validate=True)


def _public_line(data: bytes, path: Path) -> PublicKey:
    line = data.decode("utf-8", "replace").strip()
    if "\n" in line or not looks_like_key(line):
        raise _unusable(path, "it is no key file", _MAKE_ONE)
    try:
        return read_key_line(line)
    except WireError as error:
        raise _unusable(path, str(error)) from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            data = handle.read(_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise PathNotFoundError(path=str(path), hint="--key names a private key file") from error
    except OSError as error:
        raise _unusable(path, (error.strerror or type(error).__name__).lower()) from error
    if len(data) > _MAX_BYTES:
        raise _unusable(path, "it is too large for a key")
    return data


def _unusable(path: Path, reason: str, hint: str = "") -> KeyUnusableError:
    return KeyUnusableError(path=str(path), reason=reason, hint=hint)

"""``model.sig``: an OMS v1.0 bundle over every file of a version's folder.

The format is OpenSSF Model Signing's, so that its own tools verify what ftlineage signs and the
other way round. Decides how a bundle is read into a value and made from a list of files and a
signer. Whether a bundle is to be believed is decided by :mod:`ftlineage.signing.check`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from ftlineage.signing.envelope import Envelope, read_envelope, write_envelope
from ftlineage.signing.statement import Manifest, make_statement, read_manifest

if TYPE_CHECKING:
    # Only signing needs it, and it loads subprocess.
    from ftlineage.signing.keys import EcdsaSigner


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A signature over a folder, as it was read; nothing in it is proven yet."""

    envelope: Envelope
    manifest: Manifest

    @property
    def resources(self) -> tuple[tuple[str, str], ...]:
        """(name, SHA-256 in hex) of every file that is covered."""
        return self.manifest.resources

    @property
    def ignore_paths(self) -> tuple[str, ...]:
        """Names that were left out, with everything below them."""
        return self.manifest.ignore_paths


def read_bundle(data: bytes) -> Bundle:
    """A bundle from the bytes of ``model.sig``.

    Key-signed bundles of model_signing 0.3 and later are read too; those with certificates are
    read, and judged untrusted.

    Raises:
        SignatureMalformedError: It is no OMS bundle over whole files with SHA-256.
    """
    envelope = read_envelope(data)
    return Bundle(envelope=envelope, manifest=read_manifest(envelope.payload))


def make_bundle(name: str, files: Iterable[tuple[str, str]], signer: EcdsaSigner) -> bytes:
    """The bytes of ``model.sig``.

    Args:
        name: What the folder is called.
        files: (name, SHA-256 in hex) of every file that is not ignored; see ``manifest.py``.
        signer: An ECDSA key on P-256, P-384 or P-521; OMS allows no other.
    """
    envelope = Envelope(payload=make_statement(name, files), signature=b"", hint=signer.hint)
    signed = msgspec.structs.replace(envelope, signature=signer.sign(envelope.signed_bytes))
    return write_envelope(signed)

"""``claims.jsonl``: statements signed later, one Sigstore bundle a line.

Decides how a line is read. A line carries any in-toto statement; those with the OMS predicate list
the files of the folder, as ``model.sig`` does. The file can lose lines unseen, so it proves what it
holds and never that nothing else was said. A line that cannot be read is an error with its number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ftlineage.signing.envelope import Envelope, fault, read_envelope, write_envelope
from ftlineage.signing.errors import SignatureMalformedError
from ftlineage.signing.statement import Manifest, Statement, read_statement

if TYPE_CHECKING:
    # Only signing needs it, and it loads subprocess.
    from ftlineage.signing.keys import ProgramSigner, SshSigner

MAX_BYTES = 64 * 1024 * 1024
MAX_LINES = 100_000


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One line, as it was read; nothing in it is proven yet."""

    line: int
    envelope: Envelope
    statement: Statement

    @property
    def manifest(self) -> Manifest | None:
        """The files it speaks of, if it is a signature over a folder."""
        return self.statement.manifest


def read_claims(data: bytes) -> tuple[Claim, ...]:
    """All lines of a ``claims.jsonl``; empty lines are passed over.

    Raises:
        SignatureMalformedError: A line is malformed; ``where`` begins with its number.
    """
    if len(data) > MAX_BYTES:
        raise fault("$", f"{len(data)} bytes, more than the {MAX_BYTES} that are read")
    lines = data.split(b"\n")
    if len(lines) > MAX_LINES:
        raise fault("$", f"more than {MAX_LINES} lines")
    return tuple(read_claim(line, number) for number, line in enumerate(lines, 1) if line.strip())


def make_claim(payload: bytes, signer: SshSigner | ProgramSigner) -> bytes:
    """One line with its line break: a statement signed in SSH's format.

    Args:
        payload: The statement's bytes, such as those of ``make_statement``.
        signer: Any SSH key.
    """
    shown = signer.public.fingerprint
    envelope = Envelope(payload=payload, signature=b"", keyid=shown, hint=shown)
    return write_envelope(msgspec.structs.replace(envelope, signature=signer.sign(envelope.signed_bytes)))


def read_claim(line: bytes, number: int) -> Claim:
    """One line.

    Raises:
        SignatureMalformedError: It is malformed.
    """
    try:
        envelope = read_envelope(line)
        return Claim(line=number, envelope=envelope, statement=read_statement(envelope.payload))
    except SignatureMalformedError as error:
        raise SignatureMalformedError(where=f"line {number}, {error.where}", reason=error.reason) from error

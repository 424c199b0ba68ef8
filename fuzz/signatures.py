"""Readers of signatures, of who is trusted and revoked, and of policies; and verifications of a signed folder.

The key that is trusted here is a number in this file, so every case means the same everywhere.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ftlineage.core import codec, words
from ftlineage.core.card import CARD_NAME
from ftlineage.core.digest import sha256_hex
from ftlineage.core.layout import SIGNATURE_NAME
from ftlineage.errors import BadInputError, FtlineageError, PathNotFoundError
from ftlineage.hashing.files import file_sha256
from ftlineage.signing.check import Judgement, judge
from ftlineage.signing.claims import read_claims
from ftlineage.signing.envelope import Envelope, write_envelope
from ftlineage.signing.errors import SignatureMalformedError
from ftlineage.signing.keys import EcdsaSigner
from ftlineage.signing.oms import Bundle, make_bundle, read_bundle
from ftlineage.signing.revoked import read_revoked
from ftlineage.signing.sshsig import read_signature
from ftlineage.signing.trust import Trust, read_trust
from ftlineage.signing.wire import WireError
from ftlineage.verify.policy import check_base_allowed, close, load_policy
from ftlineage.verify.runner import verify
from fuzz import folders
from fuzz.edits import Cursor, edited
from tests import sealed

NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
Run = Callable[[bytes], None]
_SECRET = 0x1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF


@functools.cache
def signer() -> EcdsaSigner:
    """The key that is trusted."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return EcdsaSigner(ec.derive_private_key(_SECRET, ec.SECP256R1()))


def trust_file() -> bytes:
    """A trust file that names the key."""
    return f'alice@example.com namespaces="lineage@ftlineage" {signer().public.line}\n'.encode()


def good_bundle() -> bytes:
    """A sound bundle over two files."""
    return make_bundle("out", [("a.json", "0" * 64), (CARD_NAME, "1" * 64)], signer())


def bundle(scratch: Path) -> Run:
    """The reader of ``model.sig``; what is not the very statement that was signed is never believed."""
    del scratch
    trust, sound = read_trust(trust_file(), shown="trust"), read_bundle(good_bundle())

    def run(data: bytes) -> None:
        try:
            found = read_bundle(data)
        except SignatureMalformedError as error:
            _require_harmless(error)
            return
        judged = _require_judged(found, trust)
        assert judged.state != "trusted" or found.envelope.payload == sound.envelope.payload

    return run


def claims(scratch: Path) -> Run:
    """The reader of ``claims.jsonl``."""
    del scratch
    trust, sound = read_trust(trust_file(), shown="trust"), read_bundle(good_bundle())

    def run(data: bytes) -> None:
        try:
            found = read_claims(data)
        except SignatureMalformedError as error:
            _require_harmless(error)
            return
        for claim in found:
            judged = judge(claim, trust, now=NOW)
            assert judged.state != "trusted" or claim.envelope.payload == sound.envelope.payload

    return run


def ssh_signature(scratch: Path) -> Run:
    """The reader of SSH signatures, and the check behind it: no made-up bytes are a signature."""
    del scratch
    trust, sound = read_trust(trust_file(), shown="trust"), read_bundle(good_bundle())

    def run(data: bytes) -> None:
        try:
            read_signature(data)
        except WireError as error:
            _require_line(str(error))
        envelope = msgspec.structs.replace(sound.envelope, signature=data, hint=None)
        assert _require_judged(msgspec.structs.replace(sound, envelope=envelope), trust).state != "trusted"

    return run


def trust(scratch: Path) -> Run:
    """The reader of ``allowed_signers`` and PEM files, and judging by what it read."""
    del scratch
    sound = read_bundle(good_bundle())

    def run(data: bytes) -> None:
        try:
            found = read_trust(data, shown="allowed_signers")
        except BadInputError as error:
            _require_harmless(error)
            return
        judged = _require_judged(sound, found)
        assert judged.state != "trusted" or any(line.key == signer().public for line in found.keys)

    return run


def revoked(scratch: Path) -> Run:
    """The reader of lists of revoked keys; a key that stands in one is never believed."""
    del scratch
    trusted, sound = read_trust(trust_file(), shown="trust"), read_bundle(good_bundle())

    def run(data: bytes) -> None:
        try:
            found = read_revoked(data)
        except BadInputError as error:
            _require_harmless(error)
            return
        state = judge(sound, trusted, found, now=NOW).state
        assert state == ("revoked" if found.covers(signer().public) else "trusted")

    return run


def policy(scratch: Path) -> Run:
    """The reader of policies, and a verification that demands what it read."""
    path = scratch / "policy.toml"
    (scratch / "allowed_signers").write_bytes(trust_file())
    out = sealed.sealed(scratch / "out")

    def run(data: bytes) -> None:
        path.write_bytes(data)
        try:
            found = load_policy(path)
        except (BadInputError, PathNotFoundError) as error:
            _require_harmless(error, but=str(scratch))
            return
        check_base_allowed(sealed.make_body(out).base, found.base)
        close(found, [], {})
        try:
            report = verify(out, policy=found)
        except BadInputError as error:  # the trust file that the policy names is none
            _require_harmless(error, but=str(scratch))
            return
        assert found.require or not report.ok
        for finding in report.findings:
            folders.require_sound(finding)

    return run


def signed(scratch: Path) -> Run:
    """A signed folder whose statement has edits and is signed again by the key that is trusted."""
    out = sealed.sealed(scratch / "out")
    trusted = scratch / "allowed_signers"
    trusted.write_bytes(trust_file())
    digests = {path.name: file_sha256(path) for path in out.iterdir()}
    sound = read_bundle(make_bundle("out", digests.items(), signer()))
    statement: dict[str, Any] = codec.parse(sound.envelope.payload)

    def run(data: bytes) -> None:
        changed = edited(statement, Cursor(data))
        _make_root_right(changed)
        payload = codec.compact_text(changed).encode("utf-8", "surrogatepass")
        envelope = Envelope(payload=payload, signature=b"", hint=signer().hint)
        envelope = msgspec.structs.replace(envelope, signature=signer().sign(envelope.signed_bytes))
        (out / SIGNATURE_NAME).write_bytes(write_envelope(envelope))
        report = verify(out, trust=trusted, require_signature=True)
        for finding in report.findings:
            folders.require_sound(finding)
        if report.ok:
            assert digests.items() <= dict(read_bundle((out / SIGNATURE_NAME).read_bytes()).resources).items()

    return run


def _make_root_right(statement: Any) -> None:
    """The signer of a wrong list can make its digest right as well."""
    try:
        listed = [bytes.fromhex(entry["digest"]) for entry in statement["predicate"]["resources"]]
        statement["subject"][0]["digest"]["sha256"] = sha256_hex(b"".join(listed))
    except (TypeError, KeyError, ValueError, IndexError):
        pass  # it has no such list any more


def _require_judged(found: Bundle, trust: Trust) -> Judgement:
    judged = judge(found, trust, now=NOW)
    _require_line(judged.reason)
    return judged


def _require_harmless(error: FtlineageError, *, but: str = "") -> None:
    _require_line(str(error).replace(but, "") if but else str(error))


def _require_line(text: str) -> None:
    assert text == words.clean(text), text
    assert len(text) < folders.LONGEST, len(text)
    text.encode()

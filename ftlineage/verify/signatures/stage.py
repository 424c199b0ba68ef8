"""Reads a version's signatures and who is trusted, and has them judged.

Decides what is read: ``model.sig`` and ``claims.jsonl`` if they are there, the trust file if one is
named, and files that only a signature lists. Nothing of the signing libraries is loaded for a
version that nobody signed.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from ftlineage.core.card import CARD_NAME, Card
from ftlineage.core.finding import Finding
from ftlineage.core.layout import CLAIMS_NAME, SIGNATURE_NAME, is_recorded
from ftlineage.core.sections import FileRecord
from ftlineage.errors import BadInputError, FtlineageError, PathNotFoundError
from ftlineage.verify.given import Judged
from ftlineage.verify.policy import Policy
from ftlineage.verify.version import VersionFiles, is_unanswered

if TYPE_CHECKING:
    from ftlineage.signing.revoked import Revoked
    from ftlineage.signing.trust import Trust
    from ftlineage.verify.signatures.checks import Signature

MAX_BYTES = 64 * 1024 * 1024
_NO_DIGEST = "0" * 64


def judge_signatures(
    version: VersionFiles, card: Card, card_sha256: str, policy: Policy, *, revoked: Path | None, now: dt.datetime
) -> Judged:
    """What the version's signatures prove.

    Args:
        version: Where it lies.
        card: Its card, whose id was found right.
        card_sha256: Of the card's bytes as they were read.
        policy: Whose signatures count, and whether one is demanded.
        revoked: A list of keys that count no longer; goes before the policy's.
        now: The moment that validity periods are compared with.

    Raises:
        BadInputError, PathNotFoundError: The trust file or the list of revoked keys cannot be used.
    """
    rules = policy.signature
    trust = _trust(rules.trust)
    withdrawn = _revoked(revoked if revoked is not None else rules.revoked)
    files = {name: _read(version, name) for name in (SIGNATURE_NAME, CLAIMS_NAME)}
    if all(data is None for data in files.values()):
        from ftlineage.verify.signatures.checks import missing

        absent = missing(wanted=trust is not None)
        expected = trust is not None and "signature" not in policy.require
        return Judged(fact="signature", findings=(absent,) if expected else (), absent=absent)
    signatures, unread = _signatures(files, trust, withdrawn, now)
    listed = card.body.adapter.files if card.body.adapter is not None else []
    recorded = {CARD_NAME: card_sha256} | {file.path: file.sha256 for file in listed}
    judged = _judged(version, recorded, policy, signatures)
    findings = (*unread, *judged.findings, *_unused(trust))
    # One fault is one error: what cannot be read is not missing too.
    return Judged(fact="signature", findings=findings, absent=None if unread else judged.absent)


def _may_be_signed(name: str) -> bool:
    """Whether a file or folder counts for a signature: not what OMS leaves out, nor what is written about a version."""
    from ftlineage.signing.statement import is_ignored

    return not is_ignored(name)


def _unused(trust: Trust | None) -> list[Finding]:
    from ftlineage.verify.signatures.checks import unused_line

    return [unused_line(note) for note in (trust.notes if trust is not None else ())]


def _judged(version: VersionFiles, recorded: dict[str, str], policy: Policy, signatures: list[Signature]) -> Judged:
    from ftlineage.verify.signatures import checks as signature_checks

    names = signature_checks.extra_names(signatures, recorded)
    seen = version.observe([FileRecord(path=name, size=0, sha256=_NO_DIGEST) for name in names], {})
    beside = version.list(keep=_may_be_signed).files if any(one.manifest for one in signatures) else ()
    held = signature_checks.Held(
        recorded=recorded,
        extra={name: seen[name].sha256 for name in names},
        # A file that the card should list is an error of its own.
        beside=frozenset(name for name in beside if name not in recorded and not is_recorded(name)),
    )
    findings = signature_checks.check_signatures(signatures, held, policy.signature)
    over_files = [one for one in signatures if one.manifest is not None]
    if any(signature_checks.is_good(one, held, policy.signature) for one in over_files):
        return Judged(fact="signature", findings=tuple(findings))
    if any(finding.severity == "error" for finding in findings):
        return Judged(fact="signature", findings=tuple(findings))
    if not over_files:
        return Judged(fact="signature", findings=tuple(findings), absent=signature_checks.missing(wanted=False))
    note = signature_checks.unjudged(over_files)
    if "signature" not in policy.require:
        findings.append(note)
    return Judged(fact="signature", findings=tuple(findings), absent=note)


def _signatures(
    files: dict[str, bytes | FtlineageError | None], trust: Trust | None, revoked: Revoked | None, now: dt.datetime
) -> tuple[list[Signature], list[Finding]]:
    """Every signature that can be read, and a finding for each file that cannot."""
    from ftlineage.signing.check import judge
    from ftlineage.signing.claims import read_claims
    from ftlineage.signing.oms import read_bundle
    from ftlineage.verify.signatures.checks import Signature, unreadable

    found: list[Signature] = []
    unread: list[Finding] = []
    for path, data in files.items():
        if data is None:
            continue
        try:
            if isinstance(data, FtlineageError):
                raise data
            read = [read_bundle(data)] if path == SIGNATURE_NAME else read_claims(data)
        except FtlineageError as error:
            unread.append(unreadable(path, error))
            continue
        found += [
            Signature(
                path=path,
                line=getattr(one, "line", None),
                manifest=one.manifest,
                judgement=judge(one, trust, revoked, now=now) if trust is not None else None,
            )
            for one in read
        ]
    return found, unread


def _read(version: VersionFiles, name: str) -> bytes | FtlineageError | None:
    try:
        return version.read(name, MAX_BYTES)
    except PathNotFoundError:
        return None
    except FtlineageError as error:
        if is_unanswered(error):
            raise
        return error


def _trust(path: str | None) -> Trust | None:
    if path is None:
        return None
    from ftlineage.signing.trust import read_trust

    return read_trust(_bytes(Path(path), "a trust file"), shown=path)


def _revoked(path: str | Path | None) -> Revoked | None:
    if path is None:
        return None
    from ftlineage.signing.revoked import read_revoked

    return read_revoked(_bytes(Path(path), "a list of revoked keys"), shown=str(path))


def _bytes(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise PathNotFoundError(path=str(path)) from error
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise BadInputError(path=str(path), reason=f"cannot be read as {what}: {reason}") from error

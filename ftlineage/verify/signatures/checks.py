"""Who vouches for a version: its signatures against its card, and against who is trusted.

Decides from values. A signature counts only if it covers the card and every file the card lists
under the recorded names and digests, if the key is trusted at this moment, and if the policy wants
that signer. What does not fit is ``signature.invalid`` whoever made it; a signature by somebody else
is ``signature.untrusted``. Without a trust file nothing is believed and nothing is accused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ftlineage.core import words
from ftlineage.core.card import CARD_NAME
from ftlineage.core.finding import Finding, Severity
from ftlineage.core.layout import CLAIMS_NAME, SIGNATURE_NAME
from ftlineage.errors import FtlineageError
from ftlineage.signing.check import Judgement
from ftlineage.signing.statement import Manifest, is_ignored
from ftlineage.verify.checks import shown
from ftlineage.verify.policy import SignatureRules, is_signer

_SIGN_AGAIN = "Sign what is here, once it is known to be right: ftlineage sign DIR --key FILE --overwrite"
_TRUST = "Name whose signatures count: --trust allowed_signers"


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One signature as it was read: where, what it covers, and what is to be thought of it.

    ``manifest`` is None for a claim about something else than the files; ``judgement`` is None
    where no trust file was given.
    """

    path: str
    line: int | None = None
    manifest: Manifest | None
    judgement: Judgement | None

    @property
    def place(self) -> str:
        """Where it stands, for a sentence."""
        return self.path if self.line is None else f"{self.path} line {self.line}"


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in a version's place, as far as signatures speak of it.

    ``recorded`` is the SHA-256 by name of the card and of every file it lists; ``extra`` that of
    files that only a signature lists, None where one cannot be read; ``beside`` are the names of all
    files that no card lists.
    """

    recorded: Mapping[str, str]
    extra: Mapping[str, str | None] = {}
    beside: frozenset[str] = frozenset()


def check_signatures(signatures: Sequence[Signature], held: Held, rules: SignatureRules) -> list[Finding]:
    """Every signature fits the version and is by somebody who counts.

    Args:
        signatures: All that were found and could be read.
        held: What lies there.
        rules: Whose signatures count.

    Returns:
        At most one finding a signature.
    """
    trusted = any(is_good(signature, held, rules) for signature in signatures)
    findings = []
    for signature in signatures:
        found = _check(signature, held, rules, others_trusted=trusted)
        findings += [found] if found is not None else []
    return findings


def is_good(signature: Signature, held: Held, rules: SignatureRules) -> bool:
    """Whether a signature alone proves the version."""
    judged = signature.judgement
    return (
        signature.manifest is not None
        and judged is not None
        and judged.state == "trusted"
        and _is_wanted(judged, rules)
        and not _differences(signature.manifest, held)
    )


def extra_names(signatures: Iterable[Signature], recorded: Mapping[str, str]) -> list[str]:
    """Files that signatures list and the card does not."""
    return sorted({name for one in signatures if one.manifest for name, _ in one.manifest.resources} - set(recorded))


def missing(*, wanted: bool) -> Finding:
    """There is no signature over the files; a warning where a trust file shows that one was expected."""
    severity: Severity = "warning" if wanted else "note"
    message = (
        f"nobody signed this version: there is no {SIGNATURE_NAME}, and no signature over its files in {CLAIMS_NAME}"
    )
    hint = "Sign it: ftlineage sign DIR --key FILE"
    return Finding(code="signature.missing", severity=severity, section="signature", message=message, hint=hint)


def unjudged(signatures: Sequence[Signature]) -> Finding:
    """There are signatures, and nobody said whose count."""
    message = f"{signatures[0].place} was not believed: no trust file says whose signatures count"
    return Finding(
        code="signature.untrusted",
        severity="note",
        section="signature",
        path=signatures[0].path,
        message=message,
        hint=_TRUST,
    )


def unreadable(path: str, error: FtlineageError) -> Finding:
    """A signature file that cannot be read as one."""
    message = f"{path} cannot be read: {getattr(error, 'where', '')} {getattr(error, 'reason', error.sentence)}"
    return _invalid(path, " ".join(words.clean(message).split()))


def unused_line(note: str) -> Finding:
    """A line of the trust file that cannot be used: it trusts nobody, and its owner should know."""
    message = f"a line of the trust file was not used: {words.clean(note)}"
    hint = "Correct the line, or remove it; see docs/signing.md"
    return Finding(code="signature.unused-trust", severity="note", section="signature", message=message, hint=hint)


def _check(signature: Signature, held: Held, rules: SignatureRules, *, others_trusted: bool) -> Finding | None:
    judged = signature.judgement
    if judged is not None and judged.state == "invalid":
        return _invalid(signature.path, f"{signature.place} is no valid signature: {judged.reason}")
    if signature.manifest is not None:
        wrong = _differences(signature.manifest, held)
        if wrong:
            more = f" (and {words.quantity(len(wrong) - 1, 'more difference')})" if len(wrong) > 1 else ""
            return _invalid(signature.path, f"{signature.place} was made for another version: {wrong[0]}{more}")
    if judged is None or (judged.state == "trusted" and _is_wanted(judged, rules)):
        return None
    reason = judged.reason
    if judged.state == "trusted":
        reason = f"the policy does not name {judged.identity} as a signer"
    # Others may say what they like about a version, if somebody who counts vouches for it.
    aside = signature.line is not None and (others_trusted or signature.manifest is None)
    return Finding(
        code="signature.untrusted",
        severity="note" if aside else "error",
        section="signature",
        path=signature.path,
        actual=judged.fingerprint,
        message=f"{signature.place} does not count: {reason}",
        hint=None if aside else "Take the version from who is trusted, or add the key to the trust file",
    )


def _is_wanted(judged: Judgement, rules: SignatureRules) -> bool:
    names = (judged.identity or "").split(",")
    return any(is_signer(name.strip(), rules) for name in names)


def _differences(manifest: Manifest, held: Held) -> list[str]:
    """In what a signed list of files differs from the version, the card first."""
    signed = dict(manifest.resources)
    found = []
    for name in sorted(held.recorded, key=lambda name: (name != CARD_NAME, name)):
        if name not in signed:
            found.append(f"it does not cover {shown(name)}")
        elif signed[name] != held.recorded[name]:
            found.append(f"it covers another {shown(name)}")
    for name, sha256 in signed.items():
        if name not in held.recorded and held.extra.get(name) != sha256:
            gone = held.extra.get(name) is None
            found.append(f"{shown(name)} is missing" if gone else f"it covers another {shown(name)}")
    # Signed folders are closed: what came later is a place for bytes that nobody vouches for.
    added = (name for name in held.beside if name not in signed and not is_ignored(name, manifest.ignore_paths))
    return found + [f"{shown(name)} was added after it was made" for name in sorted(added)]


def _invalid(path: str, message: str) -> Finding:
    return Finding(code="signature.invalid", section="signature", path=path, message=message, hint=_SIGN_AGAIN)

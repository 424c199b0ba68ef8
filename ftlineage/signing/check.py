"""Is a signature to be believed? Decided from values: what was signed, who is trusted, who is revoked, and when.

The order of the questions is fixed: does the signature fit the bytes at all, is the key revoked, is
it trusted for this purpose, is it valid at this moment. Only the last yes is ``trusted``. What
cannot be judged (certificates, unknown kinds of keys) is never trusted.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from ftlineage.core import words
from ftlineage.signing.claims import Claim
from ftlineage.signing.envelope import Envelope
from ftlineage.signing.oms import Bundle
from ftlineage.signing.revoked import Revoked, is_revoked_hint
from ftlineage.signing.sshsig import NAMESPACE, is_ssh_signature, read_signature
from ftlineage.signing.trust import Trust, TrustedKey, matches
from ftlineage.signing.wire import ECDSA, PublicKey, WireError

State = Literal["trusted", "untrusted", "expired", "not-yet-valid", "revoked", "invalid"]
_HINT = re.compile(r"[0-9a-f]{64}")
# When several lines of a trust file speak of one key, the best answer counts.
_BEST: tuple[State, ...] = ("trusted", "expired", "not-yet-valid", "untrusted")


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be thought of one signature.

    ``identity`` is how the trust file names the signer, ``fingerprint`` the key as SSH shows it;
    either is None where nobody knows. ``reason`` is a sentence without a full stop.
    """

    state: State
    identity: str | None = None
    fingerprint: str | None = None
    reason: str


def judge(
    signed: Bundle | Claim,
    trust: Trust,
    revoked: Revoked | None = None,
    *,
    now: dt.datetime,
    identity: str | None = None,
) -> Judgement:
    """Judge one signature.

    Args:
        signed: ``model.sig`` or a line of ``claims.jsonl``, as it was read.
        trust: Who may sign.
        revoked: Whose keys are no longer to be believed.
        now: The moment that validity periods are compared with; with a time zone.
        identity: Accept only signers whose principals match this name.

    Returns:
        The judgement; this function raises for no content of a signature.
    """
    revoked = revoked or Revoked()
    envelope = signed.envelope
    if envelope.certificate:
        reason = "it is signed with a certificate, which is not supported: nobody's key can be compared"
        return Judgement(state="untrusted", reason=reason)
    if is_ssh_signature(envelope.signature):
        return _judge_ssh(envelope, trust, revoked, now, identity)
    return _judge_ecdsa(envelope, trust, revoked, now, identity)


def _judge_ssh(envelope: Envelope, trust: Trust, revoked: Revoked, now: dt.datetime, identity: str | None) -> Judgement:
    from ftlineage.signing.crypto import verifies_ssh

    try:
        signature = read_signature(envelope.signature)
    except WireError as error:
        return Judgement(state="invalid", reason=f"the SSH signature cannot be read: {error}")
    key = signature.key
    if signature.namespace != NAMESPACE:
        made_for = words.clean(signature.namespace[:80])
        reason = f"it was made for the namespace {made_for!r}, not for {NAMESPACE}"
        return Judgement(state="invalid", fingerprint=key.fingerprint, reason=reason)
    if envelope.keyid and envelope.keyid != key.fingerprint:
        reason = f"it names the key {words.clean(envelope.keyid[:80])} and was made by {key.fingerprint}"
        return Judgement(state="invalid", fingerprint=key.fingerprint, reason=reason)
    if not verifies_ssh(signature, envelope.signed_bytes):
        reason = f"the signature by {key.fingerprint} does not fit what is signed"
        return Judgement(state="invalid", fingerprint=key.fingerprint, reason=reason)
    return _judge_key(key, trust, revoked, now, identity)


def _judge_ecdsa(
    envelope: Envelope, trust: Trust, revoked: Revoked, now: dt.datetime, identity: str | None
) -> Judgement:
    from ftlineage.signing.crypto import hint_of, verifies_ecdsa

    hint = envelope.hint if envelope.hint is not None and _HINT.fullmatch(envelope.hint) else None
    candidates = list(dict.fromkeys(line.key for line in trust.keys if line.key.kind in ECDSA))
    if hint is not None:
        candidates = [key for key in candidates if hint_of(key) == hint]
    for key in candidates:
        if verifies_ecdsa(key, envelope.signature, envelope.signed_bytes):
            return _judge_key(key, trust, revoked, now, identity)
    if hint is not None and candidates:
        shown = candidates[0].fingerprint
        reason = f"it names the trusted key {shown}, and does not fit what is signed"
        return Judgement(state="invalid", fingerprint=shown, reason=reason)
    withdrawn = is_revoked_hint(revoked, hint) if hint is not None else None
    if withdrawn is not None:
        return _revoked(withdrawn)
    named = f"; it names its key {words.clean(envelope.hint[:80])}" if envelope.hint else ""
    return Judgement(state="untrusted", reason=f"no trusted key made it{named}")


def _judge_key(key: PublicKey, trust: Trust, revoked: Revoked, now: dt.datetime, identity: str | None) -> Judgement:
    """A key whose signature is right: may it sign here and now?"""
    if revoked.covers(key):
        return _revoked(key)
    answers = [_judge_line(line, now, identity) for line in trust.keys if line.key == key]
    return _best(answers) or Judgement(
        state="untrusted", fingerprint=key.fingerprint, reason=f"nobody trusts the key {key.fingerprint}"
    )


def _judge_line(line: TrustedKey, now: dt.datetime, identity: str | None) -> Judgement:
    seconds = int(now.timestamp())
    name, shown = words.clean(line.principals), line.key.fingerprint
    state: State = "trusted"
    reason = f"signed by {name} with {shown}"
    if identity is not None and not matches(identity, line.principals):
        state, reason = "untrusted", f"the key {shown} is {name}'s, not {words.clean(identity)}'s"
    elif line.namespaces is not None and not matches(NAMESPACE, line.namespaces):
        allowed = words.clean(line.namespaces)
        state, reason = "untrusted", f"{name} is trusted for the namespace {allowed}, not for {NAMESPACE}"
    elif line.valid_after is not None and seconds < line.valid_after:
        state, reason = "not-yet-valid", f"the key of {name} is valid from {_moment(line.valid_after)}"
    elif line.valid_before is not None and seconds > line.valid_before:
        state, reason = "expired", f"the key of {name} was valid until {_moment(line.valid_before)}"
    return Judgement(state=state, identity=name, fingerprint=shown, reason=reason)


def _best(answers: Iterable[Judgement]) -> Judgement | None:
    return min(answers, key=lambda answer: _BEST.index(answer.state), default=None)


def _revoked(key: PublicKey) -> Judgement:
    return Judgement(state="revoked", fingerprint=key.fingerprint, reason=f"the key {key.fingerprint} was revoked")


def _moment(seconds: int) -> str:
    try:
        return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s after 1970"

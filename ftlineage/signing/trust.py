"""Who is trusted to sign: OpenSSH ``allowed_signers`` files and PEM public keys.

Decides which keys count, under which names, for which purposes and when. A line that cannot be read
is never trusted and never passed over in silence: it is a note with its number. Certificate
authorities are not supported and are a note too. Dates follow OpenSSH: without a ``Z`` they are in
this machine's time zone.
"""

from __future__ import annotations

import calendar
import re
import time
from pathlib import PurePath

import msgspec

from ftlineage.core import words
from ftlineage.errors import BadInputError
from ftlineage.signing.sshsig import NAMESPACE
from ftlineage.signing.wire import PublicKey, WireError, looks_like_key, read_key_line

MAX_BYTES = 4 * 1024 * 1024
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_WORD = re.compile(r'(?:"([^"]*)"|([^\s"]\S*))(?=\s|$)')
_OPTION = re.compile(r'([A-Za-z-]+)(?:="((?:[^"\\]|\\.)*)")?')
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z|UTC)?", re.IGNORECASE | re.ASCII)
_MONTHS, _DAYS, _HOURS, _MINUTES = 12, 31, 23, 59


class TrustedKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key and what it is trusted for.

    ``principals`` is the list of patterns as it is written, which is also how the signer is named.
    ``valid_after`` and ``valid_before`` are seconds since 1970, both included.
    """

    key: PublicKey
    principals: str
    namespaces: str | None = None
    valid_after: int | None = None
    valid_before: int | None = None
    line: int = 0


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of a trust file, in its order, and what in it could not be used."""

    keys: tuple[TrustedKey, ...]
    notes: tuple[str, ...] = ()


def read_trust(data: bytes, *, shown: str) -> Trust:
    """A trust file: ``allowed_signers`` lines, or one or more PEM public keys.

    Args:
        data: The file.
        shown: How the file is named in notes and errors; signers by PEM keys are named after it.

    Raises:
        BadInputError: It is too large, not text, holds a private key, or no key that can be used.
    """
    if len(data) > MAX_BYTES:
        raise BadInputError(path=shown, reason=f"{len(data)} bytes, too large for a list of trusted keys")
    if b"PRIVATE KEY-----" in data:
        hint = "Give the public key: ssh-keygen -y -f KEY, or openssl pkey -in KEY -pubout"
        raise BadInputError(path=shown, reason="it holds a private key, which nobody should share", hint=hint)
    trust = _read_pem_file(data, shown) if b"-----BEGIN " in data else _read_lines(data, shown)
    if not trust.keys:
        reason = f"it holds no key that can be used; {'; '.join(trust.notes[:3])}" if trust.notes else "it is empty"
        hint = f'A line such as: alice@example.com namespaces="{NAMESPACE}" ssh-ed25519 AAAA...'
        raise BadInputError(path=shown, reason=reason, hint=hint)
    return trust


def allowed_signers_line(principal: str, key: PublicKey) -> str:
    """The line that makes a key trusted for this purpose only."""
    return f'{principal} namespaces="{NAMESPACE}" {key.line}'


def matches(text: str, patterns: str) -> bool:
    """OpenSSH's pattern lists: ``*`` and ``?``, separated by commas; one that begins with ``!`` refuses."""
    found = False
    for pattern in patterns.split(","):
        if _matches_one(text, pattern.removeprefix("!")):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def parse_time(text: str) -> int:
    """Seconds since 1970 of ``YYYYMMDD[HHMM[SS]][Z]``.

    Raises:
        WireError: It is no such time.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise WireError(f"{text[:40]!r} is no time such as 20271231 or 20271231235959Z")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    if not (0 < month <= _MONTHS and 0 < day <= _DAYS and hour <= _HOURS and minute <= _MINUTES and second <= _MINUTES):
        raise WireError(f"{text[:40]!r} is no time")
    moment = (year, month, day, hour, minute, second)
    try:
        # Without Z as OpenSSH does: local time without summer time, whatever the season.
        seconds = calendar.timegm(moment) if found[7] else int(time.mktime((*moment, 0, 0, 0)))
    except (ValueError, OverflowError):
        seconds = 0  # a year that this machine does not know
    if seconds <= 0:
        raise WireError(f"{text[:40]!r} is before 1970")
    return seconds


def _read_lines(data: bytes, shown: str) -> Trust:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(path=shown, reason="it is neither an allowed_signers file nor PEM") from error
    keys, notes = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip(" \t").startswith("#"):
            continue
        try:
            keys.append(_read_line(line.strip(" \t\r"), number))
        except WireError as error:
            notes.append(words.clean(f"{shown}, line {number}: {error}"))
    return Trust(keys=tuple(keys), notes=tuple(notes))


def _read_line(line: str, number: int) -> TrustedKey:
    word = _WORD.match(line)
    if word is None:
        raise WireError("the list of principals has no closing quote")
    principals = word[1] if word[1] is not None else word[2]
    rest = line[word.end() :].strip()
    if looks_like_key(principals) and not looks_like_key(rest.partition(" ")[0]):
        raise WireError("it begins with a key; the signer's name (alice@example.com) stands before it")
    options = {}
    if not looks_like_key(rest.partition(" ")[0]):
        length = _options_length(rest)
        options = _read_options(rest[:length])
        rest = rest[length:].strip()
    if "cert-authority" in options:
        raise WireError("certificate authorities are not supported; list the signers' own keys")
    after, before = options.get("valid-after"), options.get("valid-before")
    valid_after = None if after is None else parse_time(after)
    valid_before = None if before is None else parse_time(before)
    if valid_after is not None and valid_before is not None and valid_before <= valid_after:
        raise WireError("valid-before is not after valid-after")
    return TrustedKey(
        key=read_key_line(rest),
        principals=principals,
        namespaces=options.get("namespaces"),
        valid_after=valid_after,
        valid_before=valid_before,
        line=number,
    )


def _options_length(text: str) -> int:
    """Up to the first blank outside quotes."""
    quoted = False
    at = 0
    while at < len(text) and (quoted or text[at] not in " \t"):
        if text[at] == "\\" and text[at + 1 : at + 2] == '"':
            at += 1
        elif text[at] == '"':
            quoted = not quoted
        at += 1
    return at


def _read_options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    at = 0
    while True:
        found = _OPTION.match(text, at)
        name = found[1].lower() if found else ""
        if found is None or name not in {"cert-authority", "namespaces", "valid-after", "valid-before"}:
            raise WireError(f"the option {text[at : at + 40]!r} is not known")
        if (found[2] is None) != (name == "cert-authority"):
            raise WireError(f"the option {name} {'needs a' if found[2] is None else 'takes no'} value in double quotes")
        if name in options and name != "cert-authority":
            raise WireError(f"the option {name} stands twice")
        options[name] = (found[2] or "").replace('\\"', '"')
        at = found.end()
        if at == len(text):
            return options
        if text[at] != ",":
            raise WireError(f"the option {text[at : at + 40]!r} is not known")
        at += 1


def _read_pem_file(data: bytes, shown: str) -> Trust:
    keys, notes = [], []
    for number, block in enumerate(_PEM.finditer(data), 1):
        try:
            keys.append(TrustedKey(key=_read_block(block), principals=PurePath(shown).name, line=number))
        except WireError as error:
            notes.append(words.clean(f"{shown}, block {number}: {error}"))
    return Trust(keys=tuple(keys), notes=tuple(notes))


def _read_block(block: re.Match[bytes]) -> PublicKey:
    from ftlineage.signing.crypto import read_pem

    if block[1] != b"PUBLIC KEY":
        raise WireError(f"a block of the kind {block[1].decode()} is not supported; give public keys")
    return read_pem(block[0])


def _matches_one(text: str, pattern: str) -> bool:
    """``*`` is any text, ``?`` any one character; linear in both, so that no pattern can stall a gate."""
    at = here = 0
    star, resume = -1, 0
    while at < len(text):
        if here < len(pattern) and pattern[here] == "*":
            star, resume = here, at
            here += 1
        elif here < len(pattern) and pattern[here] in ("?", text[at]):
            at += 1
            here += 1
        elif star >= 0:
            resume += 1
            at, here = resume, star + 1
        else:
            return False
    return all(character == "*" for character in pattern[here:])

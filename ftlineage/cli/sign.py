"""``ftlineage sign``: put your name under a version."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftlineage.cli.lazy import verb
from ftlineage.cli.output import Output
from ftlineage.cli.target import folder_of
from ftlineage.core import codec, words
from ftlineage.core.card import CARD_NAME, read_card
from ftlineage.core.digest import sha256_hex
from ftlineage.core.finding import Report, make_report
from ftlineage.core.layout import CLAIMS_NAME, SIGNATURE_NAME
from ftlineage.core.sections import FileRecord
from ftlineage.errors import StorageError
from ftlineage.signing.errors import KeyUnusableError, SignatureExistsError, SignatureMalformedError

if TYPE_CHECKING:
    from ftlineage.signing.claims import Claim
    from ftlineage.signing.keys import EcdsaSigner, ProgramSigner, Signer, SshSigner
    from ftlineage.signing.oms import Bundle

# A signature is what this command is about to write: what is wrong with the one that is there does not stop it.
_NOT_ASKED = ("signature.", "promotion.")
_SHOWN = 3
_YOU = "you@example.com"


@verb(
    "ftlineage sign out/support-bot --key sign.pem",
    "ftlineage sign out/support-bot --key ~/.ssh/id_ed25519",
    "ftlineage sign out/support-bot --key ~/.ssh/agent_key.pub",
)
@click.argument("folder", metavar="DIR")
@click.option(
    "--key", required=True, type=click.Path(path_type=Path), metavar="FILE", help="Your private key, PEM or SSH."
)
@click.option("--overwrite", is_flag=True, help="Replace a model.sig that another key made.")
def sign(out: Output, folder: str, *, key: Path, overwrite: bool) -> int:
    """Sign a version: its card and every other file of DIR.

    The version is verified first; one that fails is not signed. An ECDSA key (P-256, P-384, P-521)
    writes model.sig, an OpenSSF Model Signing bundle that other tools verify too. Every other SSH
    key, also in an agent or on a security key, adds a line to claims.jsonl. The passphrase of a
    locked key is asked for, or taken from FTLINEAGE_KEY_PASSPHRASE.
    """
    from ftlineage.cli.report import tell
    from ftlineage.signing.keys import load_signer

    place = folder_of(folder)
    report = _verify(place)
    if not report.ok:
        code = tell(report, out)
        out.say("Not signed: what is wrong must be put right first.")
        return code
    signer = load_signer(key.expanduser(), passphrase=_passphrase)
    files = _hash(place, report.card)
    written = _write(place, signer, files, overwrite=overwrite)
    _tell(out, place, signer, files, written)
    return 0


def _verify(folder: Path) -> Report:
    from ftlineage.verify.runner import verify

    report = verify(folder)
    kept = [finding for finding in report.findings if not finding.code.startswith(_NOT_ASKED)]
    if len(kept) == len(report.findings):
        return report
    return make_report(
        kept,
        target=report.target,
        card=report.card,
        seconds=report.seconds,
        counts=report.counts,
        undecided=report.verdict == "undecided",
    )


def _hash(folder: Path, verified: str | None) -> list[FileRecord]:
    """The files to be signed; the card that was verified a moment ago, and what it lists, must still be there."""
    from ftlineage.signing.manifest import record_signed
    from ftlineage.store.lines import read_lines

    data = read_lines(folder / CARD_NAME, limit=codec.MAX_BYTES)
    card = read_card(data)
    listed = card.body.adapter.files if card.body.adapter is not None else []
    expected = {CARD_NAME: sha256_hex(data)} | {file.path: file.sha256 for file in listed}
    files = record_signed(folder)
    now = {file.path: file.sha256 for file in files}
    changed = next((name for name, sha256 in expected.items() if now.get(name) != sha256), None)
    if card.id != verified or changed is not None:
        raise StorageError(
            path=changed or CARD_NAME,
            cause="it changed after it was verified",
            hint="Nothing was signed; wait until nothing writes to the folder, then run again",
        )
    return files


def _write(folder: Path, signer: Signer, files: list[FileRecord], *, overwrite: bool) -> str:
    """Sign, look at the signature as a verifier will, and write it; returns the name of the file."""
    from ftlineage.signing.keys import EcdsaSigner

    listed = [(file.path, file.sha256) for file in files]
    # The name is for people; one that is not UTF-8 cannot stand in a statement.
    name = folder.resolve().name.encode("utf-8", "replace").decode() or "model"
    if isinstance(signer, EcdsaSigner):
        return _write_bundle(folder, signer, name, listed, overwrite=overwrite)
    return _append_claim(folder, signer, name, listed)


def _write_bundle(
    folder: Path, signer: EcdsaSigner, name: str, files: list[tuple[str, str]], *, overwrite: bool
) -> str:
    from ftlineage.signing.oms import make_bundle, read_bundle
    from ftlineage.store.atomic import write_bytes

    path = folder / SIGNATURE_NAME
    if not overwrite:
        _refuse_others(path, signer)
    data = make_bundle(name, files, signer)
    _require_sound(read_bundle(data), signer)
    write_bytes(path, data)
    return path.name


def _append_claim(folder: Path, signer: SshSigner | ProgramSigner, name: str, files: list[tuple[str, str]]) -> str:
    from ftlineage.signing.claims import MAX_BYTES, make_claim, read_claim, read_claims
    from ftlineage.signing.statement import make_statement
    from ftlineage.store.lines import append_line, read_lines

    path = folder / CLAIMS_NAME
    payload = make_statement(name, files)
    said = {(claim.envelope.payload, claim.envelope.keyid) for claim in read_claims(read_lines(path, limit=MAX_BYTES))}
    if (payload, signer.public.fingerprint) in said:
        return path.name
    line = make_claim(payload, signer)
    _require_sound(read_claim(line, 1), signer)
    append_line(path, line, limit=MAX_BYTES)
    return path.name


def _refuse_others(path: Path, signer: EcdsaSigner) -> None:
    """A signature that somebody else made is not replaced without being told to."""
    from ftlineage.signing.envelope import MAX_BYTES
    from ftlineage.signing.oms import read_bundle
    from ftlineage.store.lines import read_lines

    data = read_lines(path, limit=MAX_BYTES)
    if not data:
        return
    try:
        same = read_bundle(data).envelope.hint == signer.hint
        reason = "another key made it"
    except SignatureMalformedError as error:
        same, reason = False, f"it cannot be read ({error.reason})"
    if not same:
        raise SignatureExistsError(path=path.name, reason=reason, hint="Replace it with --overwrite")


def _require_sound(signed: Bundle | Claim, signer: Signer) -> None:
    """Judge the signature as a verifier will who trusts nobody but this key."""
    import datetime as dt

    from ftlineage.signing.check import judge
    from ftlineage.signing.trust import Trust, TrustedKey

    trust = Trust(keys=(TrustedKey(key=signer.public, principals="*"),))
    judgement = judge(signed, trust, now=dt.datetime.now(dt.UTC))
    if judgement.state != "trusted":
        raise KeyUnusableError(path=signer.public.fingerprint, reason=f"the signature is not sound: {judgement.reason}")


def _passphrase(path: Path) -> str | None:
    from ftlineage.signing.keys import PASSPHRASE_VARIABLE

    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given is not None:
        return given
    if sys.stdin is None or not sys.stdin.isatty():
        return None
    typed: str = click.prompt(f"Passphrase of {words.clean(str(path))}", hide_input=True, err=True, default="")
    return typed


def _tell(out: Output, folder: Path, signer: Signer, files: list[FileRecord], written: str) -> None:
    from ftlineage.signing.manifest import beside_version
    from ftlineage.signing.trust import allowed_signers_line

    line = allowed_signers_line(_YOU, signer.public)
    extra = beside_version(files)
    if out.json:
        out.document(
            {
                "ok": True,
                "target": str(folder),
                "signature": written,
                "files": len(files),
                "beside_version": extra,
                "key": {"kind": signer.public.kind, "fingerprint": signer.public.fingerprint},
                "allowed_signers": line,
            }
        )
        return
    place = words.clean(str(folder))
    out.text(
        f"Signed {place} ({words.quantity(len(files), 'file')}) with {signer.public.fingerprint}"
        f" ({signer.public.kind}): {written}"
    )
    if extra:
        shown = ", ".join(words.clean(name) for name in extra[:_SHOWN])
        more = f" and {len(extra) - _SHOWN} more" if len(extra) > _SHOWN else ""
        out.say(f"Signed too, though no part of the version: {shown}{more}. Without them the signature does not hold.")
    out.say(f"Whoever trusts you adds this line, with your name, to a file allowed_signers:\n{line}")
    out.say(f"Next: ftlineage verify {shlex.quote(place)} --trust allowed_signers --require-signature")

"""OpenSSH as the judge: signatures, trust files and revocations mean here what they mean to ``ssh-keygen``."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ftlineage.errors import BadInputError
from ftlineage.signing.check import judge
from ftlineage.signing.claims import make_claim, read_claims
from ftlineage.signing.crypto import ssh_ecdsa_value
from ftlineage.signing.envelope import Envelope, pae, write_envelope
from ftlineage.signing.keys import load_signer
from ftlineage.signing.revoked import Revoked, read_revoked
from ftlineage.signing.sshsig import NAMESPACE, armour, read_signature, signed_bytes, unarmour
from ftlineage.signing.statement import make_statement
from ftlineage.signing.trust import Trust, read_trust
from ftlineage.signing.wire import read_public_key, string
from tests import keys

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH is not installed")

STATEMENT = make_statement("bot", keys.FILES)
MESSAGE = pae(STATEMENT)
NOW = dt.datetime.now(dt.UTC)
SIGNER = "alice@example.com"
KEY = keys.public("ed25519")
OTHER = keys.public("ed25519-other")


def ssh_keygen(*arguments: str | Path, data: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["ssh-keygen", *map(str, arguments)],
        input=data,
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, **variables},
    )


def openssh_verifies(
    folder: Path,
    trust: str,
    *,
    revoked: Path | None = None,
    identity: str = SIGNER,
    namespace: str = NAMESPACE,
    message: bytes = MESSAGE,
    signature: bytes | None = None,
) -> bool:
    """Whether ``ssh-keygen -Y verify`` accepts the signature of ``ed25519``."""
    (folder / "trust").write_text(trust)
    (folder / "signature").write_text(armour(signature or claim().envelope.signature))
    extra: list[str | Path] = ["-r", revoked] if revoked is not None else []
    command: list[str | Path] = [
        "-Y",
        "verify",
        "-f",
        folder / "trust",
        "-I",
        identity,
        "-n",
        namespace,
        "-s",
        folder / "signature",
    ]
    return ssh_keygen(*command, *extra, data=message).returncode == 0


def claim(name: str = "ed25519"):
    return read_claims(make_claim(STATEMENT, keys.signer(name)))[0]


def ours(trust: str, *, revoked: Revoked | None = None, identity: str | None = SIGNER) -> bool:
    try:
        read = read_trust(trust.encode(), shown="trust")
    except BadInputError:
        read = Trust(keys=())
    return judge(claim(), read, revoked, now=NOW, identity=identity).state == "trusted"


@pytest.mark.parametrize(
    ("name", "form"), [("ed25519", "openssh"), ("rsa", "openssh"), ("ed25519", "pkcs8"), ("rsa", "sec1")]
)
def test_our_signatures_are_byte_for_byte_openssh_s(tmp_path, name, form):
    path = keys.write_private(tmp_path / "key", name, form="openssh")
    theirs = ssh_keygen("-Y", "sign", "-q", "-f", path, "-n", NAMESPACE, data=MESSAGE)
    signer = load_signer(keys.write_private(tmp_path / "ours", name, form=form), passphrase=lambda _: None)

    assert theirs.returncode == 0, theirs.stderr
    assert armour(signer.sign(MESSAGE)) == theirs.stdout.decode()


@pytest.mark.parametrize("name", ["ed25519", "rsa", "p256", "p384", "p521"])
def test_openssh_s_signatures_verify_here(tmp_path, name):
    path = keys.write_private(tmp_path / "key", name)
    made = ssh_keygen("-Y", "sign", "-q", "-f", path, "-n", NAMESPACE, data=MESSAGE)
    shown = keys.public(name).fingerprint
    envelope = Envelope(payload=STATEMENT, signature=unarmour(made.stdout.decode()), keyid=shown, hint=shown)
    judgement = judge(read_claims(write_envelope(envelope))[0], keys.trust(name), now=NOW)

    assert judgement.state == "trusted"


@pytest.mark.parametrize("name", ["ed25519", "rsa", "p256", "p521"])
def test_fingerprints_are_openssh_s(tmp_path, name):
    (tmp_path / "key.pub").write_text(keys.public(name).line)

    assert ssh_keygen("-l", "-f", tmp_path / "key.pub").stdout.split()[1].decode() == keys.public(name).fingerprint


# One line each, written for the key of the signature unless another one stands in it.
TRUST_LINES = {
    "plain": f"{SIGNER} {KEY.line}",
    "comment behind the key": f"{SIGNER} {KEY.line} some comment",
    "blanks and tabs": f"\t {SIGNER} \t {KEY.line}",
    "carriage return": f"{SIGNER} {KEY.line}\r",
    "commented out": f"# {SIGNER} {KEY.line}",
    "another key": f"{SIGNER} {OTHER.line}",
    "another name": f"bob@example.com {KEY.line}",
    "one of two names": f"bob@example.com,{SIGNER} {KEY.line}",
    "pattern": f"*@example.com {KEY.line}",
    "pattern of one character": f"?lice@example.com {KEY.line}",
    "pattern that does not fit": f"*@example.org {KEY.line}",
    "refusing pattern": f"*@example.com,!alice@* {KEY.line}",
    "only a refusal": f"!bob@example.com {KEY.line}",
    "another case": f"ALICE@example.com {KEY.line}",
    "quoted names": f'"{SIGNER}" {KEY.line}',
    "quoted names with a blank": f'"bob b,{SIGNER}" {KEY.line}',
    "open quote": f'"{SIGNER} {KEY.line}',
    "namespace": f'{SIGNER} namespaces="{NAMESPACE}" {KEY.line}',
    "namespace pattern": f'{SIGNER} namespaces="lineage@*" {KEY.line}',
    "namespaces": f'{SIGNER} namespaces="file,git,{NAMESPACE}" {KEY.line}',
    "another namespace": f'{SIGNER} namespaces="file" {KEY.line}',
    "refused namespace": f'{SIGNER} namespaces="*,!{NAMESPACE}" {KEY.line}',
    "namespaces unquoted": f"{SIGNER} namespaces={NAMESPACE} {KEY.line}",
    "namespaces twice": f'{SIGNER} namespaces="*",namespaces="*" {KEY.line}',
    "option in capitals": f'{SIGNER} NAMESPACES="{NAMESPACE}" {KEY.line}',
    "escaped quote": f'{SIGNER} namespaces="a\\"b,{NAMESPACE}" {KEY.line}',
    "unknown option": f"{SIGNER} no-touch-required {KEY.line}",
    "option that goes on": f"{SIGNER} cert-authorityx {KEY.line}",
    "comma at the end": f'{SIGNER} namespaces="*", {KEY.line}',
    "certificate authority": f"{SIGNER} cert-authority {KEY.line}",
    "valid since": f'{SIGNER} valid-after="20200101" {KEY.line}',
    "valid from": f'{SIGNER} valid-after="20990101" {KEY.line}',
    "valid until": f'{SIGNER} valid-before="20990101" {KEY.line}',
    "expired": f'{SIGNER} valid-before="20200101" {KEY.line}',
    "expired in UTC": f'{SIGNER} valid-before="20200101Z" {KEY.line}',
    "expired to the second": f'{SIGNER} valid-before="20200101000000Z" {KEY.line}',
    "within": f'{SIGNER} valid-after="202001010000",valid-before="20990101000000Z" {KEY.line}',
    "ends before it begins": f'{SIGNER} valid-after="20990101",valid-before="20200101" {KEY.line}',
    "no date": f'{SIGNER} valid-before="tomorrow" {KEY.line}',
    "thirteenth month": f'{SIGNER} valid-after="20201301" {KEY.line}',
    "thirty-second day": f'{SIGNER} valid-after="20200132" {KEY.line}',
    "thirtieth of February": f'{SIGNER} valid-after="20200230" {KEY.line}',
    "the year 0": f'{SIGNER} valid-before="00000101" {KEY.line}',
    "1970": f'{SIGNER} valid-after="19700101Z" {KEY.line}',
    "kind of another key": f"{SIGNER} ssh-rsa {KEY.line.split()[1]}",
    "cut off": f"{SIGNER} {KEY.line[:-8]}",
    "no key": f"{SIGNER} ssh-ed25519",
    "no name": KEY.line,
    "bad line, good line": f"nonsense\n{SIGNER} {KEY.line}",
    "expired line, good line": f'{SIGNER} valid-before="20200101" {KEY.line}\n{SIGNER} {KEY.line}',
    "good line, expired line": f'{SIGNER} {KEY.line}\n{SIGNER} valid-before="20200101" {KEY.line}',
    "wrong namespace, good line": f'{SIGNER} namespaces="x" {KEY.line}\n{SIGNER} {KEY.line}',
}


@pytest.mark.parametrize("line", TRUST_LINES.values(), ids=TRUST_LINES.keys())
def test_trust_files_mean_what_they_mean_to_openssh(tmp_path, line):
    assert ours(line) == openssh_verifies(tmp_path, line)


def test_the_table_has_both_answers():
    answers = [ours(line) for line in TRUST_LINES.values()]

    assert answers.count(True) > 15
    assert answers.count(False) > 15


def near(seconds: int, form: str) -> str:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    return f"{moment:{form}}"


@pytest.mark.parametrize("zone", ["UTC0", "EST5EDT", "CET-1CEST,M3.5.0,M10.5.0/3", "IST-5:30"])
@pytest.mark.parametrize("hours", [-13, -7, -4, -1, 1, 4, 7, 13])
def test_local_times_mean_what_they_mean_to_openssh(tmp_path, monkeypatch, zone, hours):
    line = f'{SIGNER} valid-before="{near(hours * 3600, "%Y%m%d%H%M%S")}" {KEY.line}'
    try:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert ours(line) == openssh_verifies(tmp_path, line)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"namespace": "file"}, False),
        ({"identity": "bob@example.com"}, False),
        ({"message": MESSAGE + b" "}, False),
    ],
)
def test_openssh_itself_accepts_only_what_was_signed(tmp_path, changes, expected):
    assert openssh_verifies(tmp_path, TRUST_LINES["namespace"], **changes) is expected


REVOCATIONS = {
    "the key": KEY.line,
    "another key": OTHER.line,
    "both": f"{OTHER.line}\n# why\n{KEY.line} comment",
    "nothing": "",
    "nonsense": "nonsense",
    "half a key": KEY.line[:-9],
}


@pytest.mark.parametrize("text", REVOCATIONS.values(), ids=REVOCATIONS.keys())
def test_lists_of_revoked_keys(tmp_path, text):
    (tmp_path / "revoked").write_text(text)
    theirs = openssh_verifies(tmp_path, TRUST_LINES["plain"], revoked=tmp_path / "revoked")
    try:
        assert ours(TRUST_LINES["plain"], revoked=read_revoked(text.encode())) == theirs
    except BadInputError:
        assert not theirs  # half a list verifies nothing, there and here


SPECIFICATIONS = {
    "plain": KEY.line,
    "key": f"key: {KEY.line}",
    "sha1": f"sha1: {KEY.line}",
    "sha256": f"sha256: {KEY.line}",
    "hash": f"hash: {KEY.fingerprint}",
    "others": f"sha1: {OTHER.line}\nkey: {keys.public('p256').line}\nhash: {keys.public('p384').fingerprint}",
    "many": f"sha256: {OTHER.line}\nkey: {keys.public('p256').line}\nsha1: {KEY.line}",
}


@pytest.mark.parametrize("text", SPECIFICATIONS.values(), ids=SPECIFICATIONS.keys())
def test_specifications_and_the_binary_lists_made_of_them(tmp_path, text):
    (tmp_path / "specification").write_text(text)
    made = ssh_keygen("-k", "-f", tmp_path / "krl", tmp_path / "specification")
    assert made.returncode == 0, made.stderr
    (tmp_path / "key.pub").write_text(KEY.line)
    asked = ssh_keygen("-Q", "-f", tmp_path / "krl", tmp_path / "key.pub")
    revoked = asked.returncode != 0

    for data in ((tmp_path / "krl").read_bytes(), text.encode()):
        assert read_revoked(data).covers(KEY) is revoked
    assert openssh_verifies(tmp_path, TRUST_LINES["plain"], revoked=tmp_path / "krl") is not revoked


def test_binary_lists_with_certificates(tmp_path):
    authority = keys.write_private(tmp_path / "ca", "ed25519-ca")
    (tmp_path / "ca.pub").write_text(keys.public("ed25519-ca").line)
    (tmp_path / "specification").write_text(f"serial: 1-100\nid: somebody\nkey: {KEY.line}")
    made = ssh_keygen("-k", "-f", tmp_path / "krl", "-s", f"{authority}.pub", tmp_path / "specification")
    assert made.returncode == 0, made.stderr

    revoked = read_revoked((tmp_path / "krl").read_bytes())
    assert revoked.covers(KEY)
    assert not revoked.covers(OTHER)


def test_a_security_key(tmp_path):
    """An authenticator in software: what it signs is the format's business, not the hardware's."""
    private = keys.private("ed25519")
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    flags = b"\x01" + (7).to_bytes(4, "big")
    signed = hashlib.sha256(b"ssh:").digest() + flags + hashlib.sha256(signed_bytes(MESSAGE)).digest()
    kind = b"sk-ssh-ed25519@openssh.com"
    ours_and_theirs(tmp_path, string(kind) + string(raw) + string(b"ssh:"), kind, private.sign(signed), flags)


def test_a_security_key_on_a_curve(tmp_path):
    private = keys.private("p256")
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    flags = b"\x01" + (7).to_bytes(4, "big")
    signed = hashlib.sha256(b"ssh:").digest() + flags + hashlib.sha256(signed_bytes(MESSAGE)).digest()
    value = ssh_ecdsa_value(private.sign(signed, ec.ECDSA(hashes.SHA256())))
    kind = b"sk-ecdsa-sha2-nistp256@openssh.com"
    ours_and_theirs(tmp_path, string(kind) + string(b"nistp256") + string(point) + string(b"ssh:"), kind, value, flags)


def test_a_security_key_that_nobody_touched_counts_as_it_does_to_openssh(tmp_path):
    # Whether a touch is demanded is decided when such a key is made; allowed_signers has no word for it.
    private = keys.private("ed25519")
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    flags = b"\x00" + (7).to_bytes(4, "big")
    signed = hashlib.sha256(b"ssh:").digest() + flags + hashlib.sha256(signed_bytes(MESSAGE)).digest()
    kind = b"sk-ssh-ed25519@openssh.com"
    ours_and_theirs(tmp_path, string(kind) + string(raw) + string(b"ssh:"), kind, private.sign(signed), flags)


def ours_and_theirs(folder: Path, blob: bytes, kind: bytes, value: bytes, flags: bytes) -> None:
    key = read_public_key(blob)
    head = b"SSHSIG\0\0\0\1" + string(blob) + string(NAMESPACE.encode()) + string(b"") + string(b"sha512")
    trust = f"{SIGNER} {key.line}"
    for extra, expected in ((flags, True), (flags[:-1] + b"\x08", False)):
        signature = head + string(string(kind) + string(value) + extra)
        envelope = Envelope(payload=STATEMENT, signature=signature, keyid=key.fingerprint, hint=key.fingerprint)
        judgement = judge(read_claims(write_envelope(envelope))[0], read_trust(trust.encode(), shown="t"), now=NOW)
        assert (judgement.state == "trusted") is expected
        assert openssh_verifies(folder, trust, signature=signature) is expected
        assert read_signature(signature).extra == extra


def test_a_key_in_an_agent(tmp_path):
    if shutil.which("ssh-agent") is None:
        pytest.skip("no ssh-agent")
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL) as agent:
        try:
            deadline = time.monotonic() + 30
            while not socket.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            path = keys.write_private(tmp_path / "key", "p256")
            variables = {**os.environ, "SSH_AUTH_SOCK": str(socket)}
            subprocess.run(["ssh-add", "-q", path], env=variables, check=True, stderr=subprocess.DEVNULL)
            path.unlink()
            public = tmp_path / "key.pub"
            public.write_text(keys.public("p256").line)
            program = (
                "import sys; from pathlib import Path; from ftlineage.signing.keys import load_signer; "
                "sys.stdout.buffer.write(load_signer(Path(sys.argv[1]), passphrase=lambda _: None).sign(b'x'))"
            )
            done = subprocess.run([sys.executable, "-c", program, public], env=variables, stdout=-1, check=True)
        finally:
            agent.terminate()

    assert read_signature(done.stdout).key == keys.public("p256")
    assert openssh_signature_is_sound(tmp_path, done.stdout)


def openssh_signature_is_sound(folder: Path, signature: bytes) -> bool:
    trust = f"{SIGNER} {keys.public('p256').line}"
    return openssh_verifies(folder, trust, signature=signature, message=b"x")

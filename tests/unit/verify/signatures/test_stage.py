"""Signatures as verify judges them: what is covered, who counts, what is missing."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ftlineage.core.digest import sha256_hex
from ftlineage.core.finding import Finding, Report
from ftlineage.errors import BadInputError
from ftlineage.signing.claims import make_claim
from ftlineage.signing.keys import EcdsaSigner, SshSigner
from ftlineage.signing.oms import make_bundle
from ftlineage.signing.statement import make_statement
from ftlineage.verify.given import Given
from ftlineage.verify.policy import Policy, SignatureRules
from ftlineage.verify.runner import verify
from tests import sealed

PRIVATE = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
PERSON = ed25519.Ed25519PrivateKey.generate()
SIGNED = ("adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "lineage.json", "tokenizer.json")


def line(private, principal: str = "release@acme.example", options: str = 'namespaces="lineage@ftlineage"') -> str:
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return f"{principal} {options} {public}\n"


def files(folder: Path, names: tuple[str, ...] = SIGNED) -> list[tuple[str, str]]:
    return [(name, sha256_hex((folder / name).read_bytes())) for name in names]


def sign(folder: Path, private=PRIVATE, names: tuple[str, ...] = SIGNED) -> None:
    (folder / "model.sig").write_bytes(make_bundle(folder.name, files(folder, names), EcdsaSigner(private)))


def claim(folder: Path, private=PERSON) -> None:
    made = make_claim(make_statement(folder.name, files(folder)), SshSigner(private))
    with (folder / "claims.jsonl").open("ab") as handle:
        handle.write(made)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = sealed.sealed(tmp_path / "out")
    sealed.seal(folder)
    return folder


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    path = tmp_path / "allowed_signers"
    path.write_text(line(PRIVATE) + line(PERSON, "alice@acme.example"))
    return path


def said(report: Report) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in report.findings if one.code != "base.absent"]


def error_of(report: Report) -> Finding:
    (finding,) = [finding for finding in report.findings if finding.severity == "error"]
    return finding


def test_a_trusted_signature_is_proof(folder: Path, trust: Path) -> None:
    sign(folder)
    report = verify(folder, trust=trust, require_signature=True)
    assert report
    assert said(report) == []


def test_a_claim_by_a_persons_key_is_proof_too(folder: Path, trust: Path) -> None:
    claim(folder)
    assert said(verify(folder, trust=trust, require_signature=True)) == []


def test_nobody_signed(folder: Path, trust: Path) -> None:
    assert said(verify(folder)) == []
    assert said(verify(folder, trust=trust)) == [("signature.missing", "warning")]
    report = verify(folder, trust=trust, require_signature=True)
    assert said(report) == [("signature.missing", "error")]
    assert error_of(report).message == (
        "nobody signed this version: there is no model.sig, and no signature over its files in claims.jsonl"
    )


def test_without_a_trust_file_nothing_is_believed(folder: Path) -> None:
    sign(folder)
    assert said(verify(folder)) == [("signature.untrusted", "note")]
    report = verify(folder, require_signature=True)
    assert said(report) == [("signature.untrusted", "error")]
    assert error_of(report).message == "model.sig was not believed: no trust file says whose signatures count"


def test_somebody_elses_signature_does_not_count(folder: Path, trust: Path) -> None:
    sign(folder, OTHER)
    found = error_of(verify(folder, trust=trust))
    assert (found.code, found.path) == ("signature.untrusted", "model.sig")
    assert found.message.startswith("model.sig does not count: no trusted key made it; it names its key ")


def test_strangers_may_add_claims_to_what_is_signed(folder: Path, trust: Path) -> None:
    sign(folder)
    claim(folder, ed25519.Ed25519PrivateKey.generate())
    assert said(verify(folder, trust=trust, require_signature=True)) == [("signature.untrusted", "note")]


def test_a_policy_names_its_signers(folder: Path, trust: Path) -> None:
    sign(folder)
    wanted = Policy(require=("signature",), signature=SignatureRules(trust=str(trust), signers=("alice@*",)))
    found = error_of(verify(folder, policy=wanted))
    assert found.message == "model.sig does not count: the policy does not name release@acme.example as a signer"
    claim(folder)
    assert error_of(verify(folder, policy=wanted)).path == "model.sig"


def test_a_resealed_card_has_no_signature(folder: Path, trust: Path) -> None:
    sign(folder)
    sealed.rewrite(folder, lambda document: document.update(name="other"))
    found = error_of(verify(folder, trust=trust))
    assert (found.code, found.message) == (
        "signature.invalid",
        "model.sig was made for another version: it covers another lineage.json",
    )


def test_edits_outside_the_id_are_seen_by_a_signature_alone(folder: Path) -> None:
    sign(folder)
    text = (folder / "lineage.json").read_text()
    (folder / "lineage.json").write_text(text.replace('"owner": null', '"owner": "mallory"'))
    assert error_of(verify(folder)).code == "signature.invalid"


def test_a_signature_from_another_folder(folder: Path, tmp_path: Path, trust: Path) -> None:
    other = sealed.write_adapter(tmp_path / "other", {**sealed.CONFIG, "lora_alpha": 99})
    sealed.seal(other)
    sign(other)
    (folder / "model.sig").write_bytes((other / "model.sig").read_bytes())
    assert error_of(verify(folder, trust=trust)).message == (
        "model.sig was made for another version: it covers another lineage.json (and 1 more difference)"
    )


def test_every_listed_file_must_be_covered(folder: Path, trust: Path) -> None:
    sign(folder, names=tuple(name for name in SIGNED if name != "adapter_model.safetensors"))
    assert error_of(verify(folder, trust=trust)).message == (
        "model.sig was made for another version: it does not cover adapter_model.safetensors"
    )


def test_files_that_only_the_signature_lists_are_compared(folder: Path, trust: Path) -> None:
    (folder / "training_args.bin").write_bytes(b"args")
    sign(folder, names=(*SIGNED, "training_args.bin"))
    assert said(verify(folder, trust=trust, require_signature=True)) == []
    (folder / "training_args.bin").write_bytes(b"argS")
    assert error_of(verify(folder, trust=trust)).message.endswith("it covers another training_args.bin")
    (folder / "training_args.bin").unlink()
    assert error_of(verify(folder, trust=trust)).message.endswith("training_args.bin is missing")


def test_one_fault_in_a_signed_folder_is_one_error(folder: Path, trust: Path) -> None:
    sign(folder)
    (folder / "tokenizer.json").write_bytes(b"{}")
    assert error_of(verify(folder, trust=trust)).code == "preprocessing.changed"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('valid-before="20200101Z"', "the key of release@acme.example was valid until 2020-01-01 00:00:00 UTC"),
        ('valid-after="21000101Z"', "the key of release@acme.example is valid from 2100-01-01 00:00:00 UTC"),
        (
            'namespaces="file"',
            "release@acme.example is trusted for the namespace file, not for lineage@ftlineage",
        ),
    ],
)
def test_keys_count_for_their_time_and_purpose(folder: Path, tmp_path: Path, options: str, message: str) -> None:
    sign(folder)
    trust = tmp_path / "keys"
    trust.write_text(line(PRIVATE, options=options))
    found = error_of(verify(folder, trust=trust))
    assert (found.code, found.message) == ("signature.untrusted", f"model.sig does not count: {message}")


def test_revoked_keys_do_not_count(folder: Path, trust: Path, tmp_path: Path) -> None:
    sign(folder)
    revoked = tmp_path / "revoked"
    revoked.write_text(line(PRIVATE).split(" ", 2)[2])
    found = error_of(verify(folder, trust=trust, given=Given(revoked=revoked)))
    assert found.code == "signature.untrusted"
    assert found.message.endswith("was revoked")


def test_an_edited_payload_is_no_signature(folder: Path, trust: Path) -> None:
    sign(folder)
    data = (folder / "model.sig").read_bytes()
    payload = data.split(b'"payload"', 1)[1].split(b'"', 2)[1]
    edited = base64.b64encode(base64.b64decode(payload).replace(b'"name":"out"', b'"name":"oot"'))
    (folder / "model.sig").write_bytes(data.replace(payload, edited))
    found = error_of(verify(folder, trust=trust))
    assert found.code == "signature.invalid"
    assert found.message.startswith("model.sig is no valid signature: it names the trusted key ")


@pytest.mark.parametrize("name", ["model.sig", "claims.jsonl"])
def test_what_cannot_be_read_is_an_error(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"{")
    found = error_of(verify(folder))
    assert (found.code, found.path) == ("signature.invalid", name)
    assert found.message.startswith(f"{name} cannot be read: ")


def test_a_trust_file_that_is_none_is_what_was_typed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("hello\n")
    with pytest.raises(BadInputError):
        verify(folder, trust=tmp_path / "keys")


def test_pem_keys_are_a_trust_file_too(folder: Path, tmp_path: Path) -> None:
    sign(folder)
    pem = tmp_path / "release.pem"
    pem.write_bytes(PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert said(verify(folder, trust=pem, require_signature=True)) == []


def test_lines_of_the_trust_file_that_cannot_be_used_are_noted(folder: Path, trust: Path) -> None:
    sign(folder)
    trust.write_text(trust.read_text() + "bob@acme.example ssh-ed25519 garbage\n")
    report = verify(folder, trust=trust, require_signature=True)
    assert said(report) == [("signature.unused-trust", "note")]
    assert report.findings[0].message.startswith(f"a line of the trust file was not used: {trust}, line 3: ")


@pytest.mark.parametrize("name", ["training_args.bin", ".hidden.py", "checkpoint-1/optimizer.pt", ".cache/x"])
def test_a_signed_folder_is_closed(folder: Path, trust: Path, name: str) -> None:
    sign(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"later")
    found = error_of(verify(folder, trust=trust, require_signature=True))
    assert found.message == f"model.sig was made for another version: {name} was added after it was made"


def test_what_is_written_about_a_signed_version_is_no_part_of_it(folder: Path, trust: Path) -> None:
    sign(folder)
    for name in ("README.md", ".gitattributes", ".git/HEAD", ".cache/huggingface/x"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"later")
    assert said(verify(folder, trust=trust, require_signature=True)) == []

"""Other judges of ``model.sig``: OpenSSF's ``model_signing``, in-toto's protobuf, securesystemslib."""

from __future__ import annotations

import base64
import datetime as dt
import shutil
from pathlib import Path

import jsonschema
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from ftlineage.core import codec
from ftlineage.signing.check import Judgement, judge
from ftlineage.signing.envelope import Envelope, pae
from ftlineage.signing.errors import SignatureMalformedError
from ftlineage.signing.manifest import record_signed
from ftlineage.signing.oms import Bundle, make_bundle, read_bundle
from ftlineage.signing.statement import OMS_IGNORED
from tests import keys, sealed

model_signing = pytest.importorskip("model_signing")
from model_signing import hashing, signing, verifying  # noqa: E402

NOW = dt.datetime.now(dt.UTC)
CURVES = ("p256", "p384", "p521")
OTHERS = ("training_args.bin", "checkpoint-2/optimizer.pt", ".hidden", "sub/README.md", "a/b", "a-b", "é.json")
FREE = ("README.md", "claims.jsonl", ".gitattributes", ".git/HEAD", ".cache/huggingface/download/x.metadata")


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


@pytest.fixture(scope="module")
def version(tmp_path_factory) -> Path:
    folder = sealed.sealed(tmp_path_factory.mktemp("oms") / "bot")
    write(folder, *OTHERS)
    return folder


@pytest.fixture
def signed(version, tmp_path) -> Path:
    folder = shutil.copytree(version, tmp_path / "bot")
    sign(folder, "p256")
    return folder


def sign(folder: Path, name: str) -> None:
    files = [(file.path, file.sha256) for file in record_signed(folder)]
    (folder / "model.sig").write_bytes(make_bundle(folder.name, files, keys.signer(name)))


def theirs_verifies(folder: Path, name: str = "p256", *, bundle: Path | None = None) -> None:
    """Raises unless ``model_signing`` accepts the folder, told nothing but the key."""
    public = folder.parent / f"{name}.pem"
    public.write_bytes(keys.pem(name))
    verifier = verifying.Config().use_elliptic_key_verifier(public_key=public)
    verifier.verify(folder, bundle or folder / "model.sig")


def theirs_signs(folder: Path, name: str = "p256", config: hashing.Config | None = None) -> Bundle:
    private = keys.write_private(folder.parent / f"{name}.key", name, form="pkcs8")
    signer = signing.Config().use_elliptic_key_signer(private_key=private)
    if config is not None:
        signer.set_hashing_config(config)
    signer.sign(folder, folder.parent / "theirs.sig")
    return read_bundle((folder.parent / "theirs.sig").read_bytes())


def trusted(bundle: Bundle, *names: str) -> Judgement:
    return judge(bundle, keys.trust(*names), now=NOW)


# --- theirs judges ours --------------------------------------------------------------------------


@pytest.mark.parametrize("name", CURVES)
def test_it_accepts_ours(version, tmp_path, name):
    folder = shutil.copytree(version, tmp_path / "bot")
    write(folder, "README.md")
    sign(folder, name)
    theirs_verifies(folder, name)
    # What comes later, and what a download leaves behind.
    write(folder, *FREE)
    theirs_verifies(folder, name)
    theirs_verifies(folder.rename(tmp_path / "another-name"), name)


def test_it_accepts_ours_from_the_command_line(signed, tmp_path):
    import subprocess
    import sys

    (tmp_path / "key.pem").write_bytes(keys.pem("p256"))
    command = ["-m", "model_signing", "verify", "key", "bot", "--signature", "bot/model.sig", "--public_key", "key.pem"]
    done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.strip()) == (0, "Verification succeeded"), done.stderr


def test_every_covered_file_is_bound(signed):
    covered = [name for name, _ in read_bundle((signed / "model.sig").read_bytes()).resources]
    assert {"lineage.json", "adapter_model.safetensors", *OTHERS} <= set(covered)
    for name in covered:
        path = signed / name
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(ValueError, match="Hash mismatch"):
            theirs_verifies(signed)
        path.write_bytes(data)
    theirs_verifies(signed)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "evil.py").write_text("x"),
        lambda folder: (folder / ".cache" / "evil.py").write_text("x"),
        lambda folder: (folder / "sub" / "claims.jsonl").write_text("x"),
        lambda folder: (folder / "tokenizer.json").unlink(),
        lambda folder: (folder / "lineage.json").unlink(),
        lambda folder: (folder / "tokenizer.json").rename(folder / "tokenizer_.json"),
        lambda folder: (folder / "link").symlink_to("tokenizer.json"),
    ],
    ids=["added", "added in .cache", "added below", "removed", "card removed", "renamed", "link"],
)
def test_it_refuses_a_changed_folder(signed, change):
    (signed / ".cache").mkdir()
    change(signed)

    with pytest.raises(ValueError, match=r"Signature mismatch|symlink"):
        theirs_verifies(signed)


def test_it_refuses_another_key(signed):
    with pytest.raises(ValueError, match="Key mismatch"):
        theirs_verifies(signed, "p256-other")


def test_it_refuses_an_edited_payload(signed):
    bundle = codec.parse((signed / "model.sig").read_bytes())
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(b'"bot"', b'"tob"')
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    (signed / "model.sig").write_bytes(codec.pretty_bytes(bundle))

    with pytest.raises(Exception) as caught:  # InvalidSignature, of the library below it
        theirs_verifies(signed)
    assert type(caught.value).__name__ == "InvalidSignature"
    assert trusted(read_bundle((signed / "model.sig").read_bytes()), "p256").state == "invalid"


# --- ours judges theirs --------------------------------------------------------------------------


@pytest.mark.parametrize("name", CURVES)
def test_we_accept_theirs(version, tmp_path, name):
    folder = shutil.copytree(version, tmp_path / "bot")
    bundle = theirs_signs(folder, name)

    assert trusted(bundle, "p256-other", name).state == "trusted"
    assert trusted(bundle, "p256-other").state == "untrusted"
    assert dict(bundle.resources) == {file.path: file.sha256 for file in record_signed(folder)}
    # They sort by parts of names and we by whole names; both readers take both.
    assert bundle.resources != tuple(sorted(bundle.resources))
    assert set(bundle.ignore_paths) == set(OMS_IGNORED)
    assert bundle.manifest.name == "bot"


def test_we_accept_theirs_over_links(version, tmp_path):
    folder = shutil.copytree(version, tmp_path / "bot")
    (folder / "link.json").symlink_to("tokenizer.json")
    config = hashing.Config().use_file_serialization(allow_symlinks=True)
    bundle = theirs_signs(folder, "p384", config.set_allow_symlinks(True))

    assert trusted(bundle, "p384").state == "trusted"
    assert bundle.manifest.allow_symlinks is True
    assert dict(bundle.resources)["link.json"] == dict(bundle.resources)["tokenizer.json"]


def test_we_accept_theirs_with_paths_left_out(version, tmp_path):
    folder = shutil.copytree(version, tmp_path / "bot")
    bundle = theirs_signs(folder, config=hashing.Config().set_ignored_paths(paths=["sub", "README.md"]))

    assert trusted(bundle, "p256").state == "trusted"
    assert {"sub", "README.md"} < set(bundle.ignore_paths)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (
            lambda: hashing.Config().use_shard_serialization(shard_size=64),
            "'shards' is not supported; sign whole files",
        ),
        (
            lambda: hashing.Config().use_file_serialization(hashing_algorithm="blake3"),
            "'blake3' is not supported; sign with sha256",
        ),
    ],
    ids=["shards", "blake3"],
)
def test_we_refuse_what_we_cannot_compare(version, tmp_path, config, reason):
    with pytest.raises(SignatureMalformedError) as caught:
        theirs_signs(shutil.copytree(version, tmp_path / "bot"), config=config())

    assert caught.value.reason == reason


def certificate(name: str, issuer: str) -> x509.Certificate:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder(
        named(issuer), named(name), keys.private(name).public_key(), 1000 + len(name), NOW, NOW + dt.timedelta(days=1)
    )
    usage = x509.KeyUsage(True, *[False] * 8)
    return builder.add_extension(usage, critical=True).sign(keys.private(issuer), hashes.SHA256())


def test_certificates_are_never_trusted(version, tmp_path):
    folder = shutil.copytree(version, tmp_path / "bot")
    (tmp_path / "leaf.pem").write_bytes(certificate("p256", "p256-ca").public_bytes(Encoding.PEM))
    (tmp_path / "ca.pem").write_bytes(certificate("p256-ca", "p256-ca").public_bytes(Encoding.PEM))
    signer = signing.Config().use_certificate_signer(
        private_key=keys.write_private(tmp_path / "key", "p256", form="pkcs8"),
        signing_certificate=tmp_path / "leaf.pem",
        certificate_chain=[tmp_path / "ca.pem"],
    )
    signer.sign(folder, tmp_path / "theirs.sig")
    judgement = trusted(read_bundle((tmp_path / "theirs.sig").read_bytes()), "p256", "p256-ca")

    assert judgement.state == "untrusted"
    assert judgement.reason.startswith("it is signed with a certificate, which is not supported")


# --- the standards themselves --------------------------------------------------------------------

TEXT = {"type": "string", "minLength": 1}
HEX = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def closed(**properties: object) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


# What OMS v1.0 asks of a key-signed bundle, in our words.
BUNDLE = closed(
    mediaType={"const": "application/vnd.dev.sigstore.bundle.v0.3+json"},
    verificationMaterial=closed(publicKey=closed(hint=HEX), tlogEntries={"type": "array", "maxItems": 0}),
    dsseEnvelope=closed(
        payload=TEXT,
        payloadType={"const": "application/vnd.in-toto+json"},
        signatures={"type": "array", "minItems": 1, "items": closed(sig=TEXT, keyid={"type": ["string", "null"]})},
    ),
)
STATEMENT = closed(
    _type={"const": "https://in-toto.io/Statement/v1"},
    subject={"type": "array", "minItems": 1, "maxItems": 1, "items": closed(name=TEXT, digest=closed(sha256=HEX))},
    predicateType={"const": "https://model_signing/signature/v1.0"},
    predicate=closed(
        resources={
            "type": "array",
            "minItems": 1,
            "items": closed(name=TEXT, digest=HEX, algorithm={"const": "sha256"}),
        },
        serialization=closed(
            method={"const": "files"},
            hash_type={"const": "sha256"},
            allow_symlinks={"const": False},
            ignore_paths={"type": "array", "items": {"type": "string", "pattern": r"^[^/*?\[][^*?\[]*$"}},
        ),
    ),
)


def test_ours_keeps_the_constraints_of_the_standard(signed):
    bundle = codec.parse((signed / "model.sig").read_bytes())
    jsonschema.validate(bundle, BUNDLE)
    statement = codec.parse(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    jsonschema.validate(statement, STATEMENT)
    names = [entry["name"] for entry in statement["predicate"]["resources"]]
    assert names == sorted(names)


def test_ours_is_a_sound_in_toto_statement(signed):
    json_format = pytest.importorskip("google.protobuf.json_format")
    statement = pytest.importorskip("in_toto_attestation.v1.statement")
    from in_toto_attestation.v1 import statement_pb2

    payload = read_bundle((signed / "model.sig").read_bytes()).envelope.payload
    parsed = json_format.Parse(payload, statement_pb2.Statement(), ignore_unknown_fields=False)
    statement.Statement.copy_from_pb(parsed).validate()


def test_securesystemslib_reads_the_envelope_as_we_do(signed):
    dsse = pytest.importorskip("securesystemslib.dsse")
    from securesystemslib.signer import SSlibKey

    bundle = codec.parse((signed / "model.sig").read_bytes())
    envelope: Envelope = read_bundle((signed / "model.sig").read_bytes()).envelope
    bundle["dsseEnvelope"]["signatures"][0]["keyid"] = "release"  # it finds keys by this name only
    theirs = dsse.Envelope.from_dict(bundle["dsseEnvelope"])

    assert theirs.pae() == pae(envelope.payload) == envelope.signed_bytes
    key = SSlibKey.from_crypto(keys.private("p256").public_key(), keyid="release")
    assert list(theirs.verify([key], 1)) == ["release"]

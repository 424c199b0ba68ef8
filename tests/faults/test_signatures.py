"""Every class of fault that a signature can have: one fault, one finding, one exact sentence, exit 1."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlineage.cli.main import main
from ftlineage.core.finding import Report
from ftlineage.errors import BadInputError, PathNotFoundError
from ftlineage.verify.given import Given
from ftlineage.verify.runner import verify
from tests import sealed
from tests.faults import signers
from tests.faults.harms import WEIGHTS, errors, put
from tests.faults.signers import CLAIMS, SIGNATURE, sign, trusted
from tests.faults.table_signatures import SIGNATURES
from tests.integration.cli import run

CLASSES = {
    "other key", "expired key", "revoked key", "other purpose", "no signature", "edited payload", "moved",
    "edited card", "incomplete", "changed beside", "malformed bundle", "path leaves the folder", "duplicate key",
    "deep JSON", "1 GB JSON", "FIFO", "folder as file", "link out",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A version that alice signed."""
    out = sealed.sealed(tmp_path / "out")
    sign(out)
    return out


def judged(folder: Path, trust: str = trusted(), revoked: str = "") -> Report:
    """Verify with a trust file that lies beside the folder; a signature is demanded."""
    beside = folder.parent
    (beside / "allowed_signers").write_text(trust)
    (beside / "revoked").write_text(revoked)
    given = Given(revoked=beside / "revoked" if revoked else None)
    return verify(folder, trust=beside / "allowed_signers", require_signature=True, given=given)


def test_every_class_has_its_cases_and_no_other() -> None:
    assert {fault.kind for fault in SIGNATURES.values()} == CLASSES


@pytest.mark.parametrize("case", SIGNATURES)
def test_one_fault_one_sentence_exit_1(folder: Path, case: str, capsys: pytest.CaptureFixture[str]) -> None:
    fault = SIGNATURES[case]
    assert judged(folder), "the signature is fine before it is harmed"
    fault.harm(folder)
    report = judged(folder, fault.trust, fault.revoked)
    found = errors(report)
    assert [(one.code, one.path, one.message) for one in found] == [(fault.code, fault.path, fault.message)]
    assert found[0].message.isprintable()
    assert found[0].hint
    assert (report.ok, report.verdict) == (False, "failed")
    words = ["verify", str(folder), "--trust", str(folder.parent / "allowed_signers"), "--require-signature"]
    assert main([*words, *(["--revoked", str(folder.parent / "revoked")] if fault.revoked else [])]) == 1
    assert capsys.readouterr().out.count("error[") == 1


def test_from_the_shell(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "allowed_signers").write_text(trusted())
    words = ["verify", "out", "--trust", "allowed_signers", "--require-signature"]
    assert run(words, cwd=tmp_path).code == 0
    assert run([*words[:2], "--require-signature"], cwd=tmp_path).code == 1, "nobody said who is trusted"
    assert run(["verify", "out", "--trust", "nowhere"], cwd=tmp_path).code == 2
    sign(folder, signers.mallory())
    done = run(words, cwd=tmp_path)
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("error[signature.untrusted] model.sig does not count: no trusted key made it")
    (folder / SIGNATURE).unlink()
    assert run(words, cwd=tmp_path).code == 1
    assert run(["verify", "out"], cwd=tmp_path).code == 0, "nobody demanded a signature"


# --- what is no fault ----------------------------------------------------------------------------


def test_a_card_page_and_later_claims_may_be_written_after_signing(folder: Path) -> None:
    put("README.md")(folder)
    (folder / CLAIMS).write_bytes(signers.claim(folder) * 2)
    assert judged(folder)


def test_a_claim_alone_is_a_signature(folder: Path) -> None:
    (folder / SIGNATURE).unlink()
    (folder / CLAIMS).write_bytes(signers.claim(folder))
    assert judged(folder)


def test_what_strangers_claim_is_only_noted_where_somebody_trusted_signed(folder: Path) -> None:
    (folder / CLAIMS).write_bytes(signers.claim(folder))
    report = judged(folder, f"alice@example.com {signers.alice().public.line}\n")
    assert report
    noted = [(one.severity, one.code, one.path) for one in report.findings if one.section == "signature"]
    assert noted == [("note", "signature.untrusted", CLAIMS)]


def test_a_renewed_key_counts_although_its_old_line_expired(folder: Path) -> None:
    old = trusted('valid-before="20200101Z"')
    assert not judged(folder, old)
    assert judged(folder, old + trusted('valid-after="20200101Z"'))


# --- faults beside the signature -----------------------------------------------------------------


def test_changed_weights_under_a_good_signature_are_one_fault(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-1] + b"!")
    assert [(one.code, one.path) for one in errors(judged(folder))] == [("adapter.changed", WEIGHTS)]


def test_each_byte_of_a_bundle_is_seen_or_says_the_same(folder: Path) -> None:
    """A changed byte either breaks the signature or leaves every name, digest and key as they were."""
    path = folder / SIGNATURE
    sound = path.read_bytes()
    for at in range(0, len(sound), 3):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :])
        report = judged(folder)
        if report:
            assert signers.statement_of(folder) is not None
            assert b'"hint"' in sound[max(0, at - 90) : at] or at == len(sound) - 1, (at, sound[at - 20 : at + 20])
        else:
            assert {one.path for one in errors(report)} == {SIGNATURE}, at


@pytest.mark.parametrize(
    ("trust", "reason"),
    [
        ("", "it is empty"),
        ("# nobody\n", "it is empty"),
        ("alice\n", "it holds no key that can be used"),
        ("-----BEGIN PRIVATE KEY-----\n", "it holds a private key, which nobody should share"),
        ("\0\0\0", "it holds no key that can be used"),
        ("x" * 5_000_000, "5000000 bytes, too large for a list of trusted keys"),
    ],
)
def test_a_trust_file_that_trusts_nobody_is_no_trust_file(folder: Path, trust: str, reason: str) -> None:
    with pytest.raises(BadInputError) as caught:
        judged(folder, trust)
    assert caught.value.reason.startswith(reason)
    assert caught.value.reason.isprintable()


def test_half_a_list_of_revocations_is_none(folder: Path) -> None:
    with pytest.raises(BadInputError, match="line 2: "):
        judged(folder, revoked=f"{signers.mallory().public.line}\nssh-ed25519 AAAA\n")


def test_trust_that_is_not_there(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError):
        verify(folder, trust=tmp_path / "nowhere")
    with pytest.raises(PathNotFoundError):
        verify(folder, given=Given(revoked=tmp_path / "nowhere"))

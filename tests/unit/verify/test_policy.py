"""Policies: what they demand, what they refuse to say, and what they decide."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlineage.core.finding import Finding, Severity
from ftlineage.errors import BadInputError, PathNotFoundError
from ftlineage.verify import policy
from ftlineage.verify.policy import BaseRules, Policy, SignatureRules
from ftlineage.verify.runner import verify
from tests import sealed

WHOLE = b"""
require = ["card", "adapter", "base", "signature"]

[signature]
signers = ["release@acme.example"]

[base]
allow = ["acme/*"]

[environment]
numerics = "error"
packages = { vllm = "error" }

[severity]
"adapter.init" = "error"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = sealed.sealed(tmp_path / "out")
    sealed.seal(folder)
    return folder


def found(code: str, severity: Severity) -> Finding:
    return Finding(code=code, severity=severity, section=code.partition(".")[0], message="m")


def test_a_whole_policy_is_read() -> None:
    read = policy.read_policy(WHOLE, shown="p.toml")
    assert read.require == ("card", "adapter", "base", "signature")
    assert read.signature == SignatureRules(signers=("release@acme.example",))
    assert read.base == BaseRules(allow=("acme/*",))
    assert (read.environment.numerics, read.environment.libraries) == ("error", "warning")
    assert read.environment.packages == {"vllm": "error"}
    assert read.severity == {"adapter.init": "error"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"require = [", "not TOML: Invalid value (at end of document)"),
        (b"require = 'card'", "Expected `array`, got `str` - at `$.require`"),
        (b"requires = []", "Object contains unknown field `requires`"),
        (b"require = ['signed']", "Invalid enum value 'signed' - at `$.require[0]`"),
        (b"[environment]\nnumerics = 'fatal'", "Invalid enum value 'fatal' - at `$.environment.numerics`"),
        (b"[signature]\nkeys = 'x'", "Object contains unknown field `keys` - at `$.signature`"),
        (b"[severity]\ninit = 'error'", "severity: 'init' is no finding code such as adapter.init"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b"#" * (policy.MAX_BYTES + 1), "1048577 bytes, too large for a policy"),
        (b"a = " + b"[" * 5000, None),
    ],
)
def test_what_is_no_policy_is_refused(text: bytes, reason: str | None) -> None:
    with pytest.raises(BadInputError) as caught:
        policy.read_policy(text, shown="p.toml")
    assert caught.value.path == "p.toml"
    if reason is not None:
        assert caught.value.reason == reason


def test_a_misspelt_fact_is_answered_with_those_that_exist() -> None:
    with pytest.raises(BadInputError) as caught:
        policy.read_policy(b"require = ['signed']", shown="p.toml")
    assert caught.value.hint == (
        "require may name: card, adapter, base, acts, preprocessing, prompts, retrieval, environment, signature, "
        "promotion"
    )


def test_trust_files_stand_beside_the_policy(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_bytes(b"require = ['signature']\n[signature]\ntrust = 'keys'\n")
    with pytest.raises(PathNotFoundError) as caught:
        policy.load_policy(file)
    assert caught.value.path == str(tmp_path / "keys")
    assert caught.value.hint == f"{file} names it as signature.trust"
    (tmp_path / "keys").write_bytes(b"")
    assert policy.load_policy(file).signature.trust == str(tmp_path / "keys")


def test_a_policy_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError):
        policy.load_policy(tmp_path / "none.toml")
    with pytest.raises(BadInputError, match="a policy is a TOML file, and this is none"):
        policy.load_policy(tmp_path)


def test_an_empty_policy_lets_nothing_pass(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_bytes(b"")
    report = verify(folder, policy=tmp_path / "empty.toml")
    assert report.verdict == "failed"
    assert [finding.code for finding in report.findings if finding.severity == "error"] == ["policy.empty"]


def test_required_evidence_that_is_missing_leaves_it_undecided(folder: Path) -> None:
    report = verify(folder, policy=Policy(require=("card", "adapter", "base")))
    assert (report.verdict, report.ok) == ("undecided", False)
    assert [(finding.code, finding.severity) for finding in report.findings] == [("base.absent", "warning")]
    base = sealed.write_base(folder.parent / "base")
    assert verify(folder, policy=Policy(require=("card", "adapter", "base")), base=base)


def test_a_promotion_that_is_demanded_is_an_error_outside_a_registry(folder: Path) -> None:
    report = verify(folder, policy=Policy(require=("promotion",)))
    assert [finding.code for finding in report.findings if finding.severity == "error"] == ["promotion.missing"]


def test_a_failure_beats_missing_evidence(folder: Path) -> None:
    (folder / "tokenizer.json").write_bytes(b"{}")
    report = verify(folder, policy=Policy(require=("base",)))
    assert report.verdict == "failed"


@pytest.mark.parametrize(
    ("patterns", "allowed"), [((), True), (("acme/*",), True), (("acme/base", "x/*"), True), (("other/*",), False)]
)
def test_bases_are_allowed_by_pattern(folder: Path, patterns: tuple[str, ...], allowed: bool) -> None:
    demanded = Policy(require=("card",), base=BaseRules(allow=patterns))
    report = verify(folder, policy=demanded)
    assert report.ok is allowed
    if not allowed:
        (error,) = [finding for finding in report.findings if finding.severity == "error"]
        assert (error.code, error.message) == (
            "base.refused",
            "the card names the base acme/base, which the policy does not allow",
        )


def test_severity_is_raised_and_never_lowered() -> None:
    wanted = Policy(severity={"a.b": "error", "c.d": "note"})
    raised = policy.raise_severities([found("a.b", "note"), found("c.d", "error"), found("e.f", "warning")], wanted)
    assert [finding.severity for finding in raised] == ["error", "error", "warning"]


def test_signers_are_patterns() -> None:
    rules = SignatureRules(signers=("*@acme.example",))
    assert policy.is_signer("release@acme.example", rules)
    assert not policy.is_signer("release@evil.example", rules)
    assert not policy.is_signer(None, rules)
    assert policy.is_signer(None, SignatureRules())


def test_the_documented_default_is_the_default() -> None:
    text = (Path(__file__).parents[3] / "docs" / "policy.md").read_text(encoding="utf-8")
    block = text.split("<!-- default policy -->", 1)[1].split("```toml\n", 1)[1].split("```", 1)[0]
    assert policy.read_policy(block.encode(), shown="docs") == policy.DEFAULT

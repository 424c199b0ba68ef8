from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from ftlineage.signing.check import judge
from ftlineage.signing.claims import make_claim, read_claims
from ftlineage.signing.oms import make_bundle, read_bundle
from ftlineage.signing.revoked import Revoked
from ftlineage.signing.sshsig import read_signature, write_signature
from ftlineage.signing.statement import make_statement
from ftlineage.signing.trust import Trust, read_trust
from tests import keys

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
THEN = int(NOW.timestamp())
SOON, BEFORE = THEN + 1, THEN - 1
EVERY = ("p256", "p384", "p521", "ed25519", "rsa")


def signed(name):
    if name.startswith("p"):
        return read_bundle(make_bundle("bot", keys.FILES, keys.signer(name)))
    return read_claims(make_claim(make_statement("bot", keys.FILES), keys.signer(name)))[0]


def edited(one, **changes):
    return msgspec.structs.replace(one, envelope=msgspec.structs.replace(one.envelope, **changes))


@pytest.mark.parametrize("name", EVERY)
def test_a_trusted_signature(name):
    judgement = judge(signed(name), keys.trust("ed25519-other", name, "p256-other"), now=NOW)

    shown = keys.public(name).fingerprint
    assert (judgement.state, judgement.identity, judgement.fingerprint) == ("trusted", f"{name}@example.com", shown)
    assert judgement.reason == f"signed by {name}@example.com with {shown}"


@pytest.mark.parametrize("name", EVERY)
def test_nobody_is_trusted_by_default(name):
    judgement = judge(signed(name), keys.trust("ed25519-other", "p256-other"), now=NOW)

    assert (judgement.state, judgement.identity) == ("untrusted", None)
    expected = (
        f"no trusted key made it; it names its key {keys.signer(name).hint}"
        if name.startswith("p")
        else f"nobody trusts the key {keys.public(name).fingerprint}"
    )
    assert judgement.reason == expected
    assert judge(signed(name), Trust(keys=()), now=NOW).state == "untrusted"


@pytest.mark.parametrize("name", EVERY)
def test_an_edited_payload_is_invalid(name):
    one = signed(name)
    judgement = judge(edited(one, payload=one.envelope.payload + b" "), keys.trust(name), now=NOW)

    assert judgement.state == "invalid"
    assert judgement.fingerprint == keys.public(name).fingerprint


@pytest.mark.parametrize("name", EVERY)
def test_a_revoked_key(name):
    revoked = Revoked(blobs=frozenset({keys.public(name).blob}))
    for trust in (keys.trust(name), Trust(keys=())):
        judgement = judge(signed(name), trust, revoked, now=NOW)
        assert (judgement.state, judgement.reason) == (
            "revoked",
            f"the key {keys.public(name).fingerprint} was revoked",
        )


@pytest.mark.parametrize("name", ["p256", "ed25519"])
@pytest.mark.parametrize(
    ("rules", "state"),
    [
        ({"valid_after": THEN}, "trusted"),
        ({"valid_before": THEN}, "trusted"),
        ({"valid_after": SOON}, "not-yet-valid"),
        ({"valid_before": BEFORE}, "expired"),
        ({"namespaces": "lineage@ftlineage"}, "trusted"),
        ({"namespaces": "file,lineage@*"}, "trusted"),
        ({"namespaces": "file,git"}, "untrusted"),
        ({"namespaces": "*,!lineage@ftlineage"}, "untrusted"),
        ({"namespaces": ""}, "untrusted"),
    ],
)
def test_rules_of_a_line(name, rules, state):
    assert judge(signed(name), keys.trust(name, **rules), now=NOW).state == state


def test_the_reasons_say_when():
    trust = keys.trust("p256", valid_before=BEFORE)
    assert judge(signed("p256"), trust, now=NOW).reason == (
        "the key of p256@example.com was valid until 2026-11-23 11:59:59 UTC"
    )
    trust = keys.trust("p256", valid_after=SOON)
    assert judge(signed("p256"), trust, now=NOW).reason == (
        "the key of p256@example.com is valid from 2026-11-23 12:00:01 UTC"
    )


def test_the_best_of_several_lines_counts():
    lines = (
        *keys.trust("p256", valid_before=BEFORE).keys,
        *keys.trust("p256", namespaces="file").keys,
        *keys.trust("p256", valid_after=SOON).keys,
    )
    assert judge(signed("p256"), Trust(keys=lines), now=NOW).state == "expired"
    assert judge(signed("p256"), Trust(keys=(*lines, *keys.trust("p256").keys)), now=NOW).state == "trusted"


@pytest.mark.parametrize(("identity", "state"), [("p256@example.com", "trusted"), ("bob@example.com", "untrusted")])
def test_only_a_certain_signer(identity, state):
    judgement = judge(signed("p256"), keys.trust("p256"), now=NOW, identity=identity)

    assert judgement.state == state
    if state == "untrusted":
        shown = keys.public("p256").fingerprint
        assert judgement.reason == f"the key {shown} is p256@example.com's, not bob@example.com's"


def test_a_signature_made_for_something_else_proves_nothing():
    claim = signed("ed25519")
    signature = read_signature(claim.envelope.signature)
    mail = write_signature(signature.key, signature.algorithm, signature.value).replace(
        b"lineage@ftlineage", b"e-mail@ftlineage."
    )
    judgement = judge(edited(claim, signature=mail), keys.trust("ed25519"), now=NOW)

    assert judgement.state == "invalid"
    assert judgement.reason == "it was made for the namespace 'e-mail@ftlineage.', not for lineage@ftlineage"


def test_a_line_that_names_another_key():
    judgement = judge(edited(signed("ed25519"), keyid="SHA256:x\x1b"), keys.trust("ed25519"), now=NOW)

    assert judgement.state == "invalid"
    assert judgement.reason == (f"it names the key SHA256:x\\x1b and was made by {keys.public('ed25519').fingerprint}")


@pytest.mark.parametrize("junk", [b"SSHSIG", b"SSHSIG" + bytes(100), b"", b"0", b"\x30\x06\x02\x01\x00\x02\x01\x00"])
def test_junk_for_a_signature(junk):
    for name in ("p256", "ed25519"):
        assert judge(edited(signed(name), signature=junk), keys.trust("p256", "ed25519"), now=NOW).state != "trusted"


def test_a_bundle_that_names_a_trusted_key_and_was_made_by_another():
    judgement = judge(
        edited(signed("p256-other"), hint=keys.signer("p256").hint), keys.trust("p256", "p256-other"), now=NOW
    )

    assert judgement.state == "invalid"
    assert judgement.reason == (
        f"it names the trusted key {keys.public('p256').fingerprint}, and does not fit what is signed"
    )


@pytest.mark.parametrize("hint", [None, "my-release-key"])
def test_bundles_without_a_usable_hint_are_tried_with_every_key(hint):
    assert judge(edited(signed("p384"), hint=hint), keys.trust("p256", "p384"), now=NOW).state == "trusted"
    assert judge(edited(signed("p384"), hint=hint), keys.trust("p256"), now=NOW).state == "untrusted"


def test_certificates_are_not_supported():
    judgement = judge(edited(signed("p256"), certificate=True), keys.trust("p256"), now=NOW)

    assert judgement.state == "untrusted"
    assert judgement.reason.startswith("it is signed with a certificate, which is not supported")


def test_a_weak_inner_algorithm_is_refused():
    claim = signed("rsa")
    signature = read_signature(claim.envelope.signature)
    for algorithm in ("ssh-rsa", "rsa-sha2-256", "ssh-ed25519"):
        other = write_signature(signature.key, algorithm, signature.value)
        assert judge(edited(claim, signature=other), keys.trust("rsa"), now=NOW).state == "invalid"


def test_names_from_a_trust_file_reach_no_terminal_raw():
    trust = read_trust(f"a\x1b[2J\u202eb {keys.public('p256').line}".encode(), shown="s")
    judgement = judge(signed("p256"), trust, now=NOW)

    assert judgement.identity == "a\\x1b[2J\\u202eb"

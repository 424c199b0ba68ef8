"""A signed version on its way: pushed, verified on the Hub, downloaded, and verified there by several tools."""

from __future__ import annotations

import pytest

from ftlineage.signing.trust import allowed_signers_line
from tests import keys, sealed
from tests.integration.cli import run


def test_the_signature_holds_wherever_the_version_goes(hub, tmp_path):
    version = sealed.sealed(tmp_path / "bot")
    ecdsa = keys.write_private(tmp_path / "sign.pem", "p256", form="pkcs8")
    ssh = keys.write_private(tmp_path / "id", "ed25519")
    trust = tmp_path / "allowed_signers"
    names = ("p256", "ed25519")
    trust.write_text("\n".join(allowed_signers_line(f"{name}@example.com", keys.public(name)) for name in names))
    for key in (ecdsa, ssh):
        assert run(["sign", str(version), "--key", str(key)]).code == 0

    pushed = run(["push", str(version), "org/bot", "--create"], **hub.environ())
    assert pushed.code == 0, pushed.out + pushed.err
    demand = ["--trust", str(trust), "--require-signature"]
    remote = run(["verify", "hf://org/bot", *demand], **hub.environ())
    assert remote.code == 0, remote.out

    from huggingface_hub import snapshot_download

    copy = tmp_path / "copy"
    snapshot_download("org/bot", local_dir=str(copy))
    cached = snapshot_download("org/bot")
    assert (copy / ".cache" / "huggingface").is_dir()
    for place in (str(copy), cached):
        done = run(["verify", place, *demand])
        assert done.code == 0, done.out

    verifying = pytest.importorskip("model_signing.verifying")
    (tmp_path / "public.pem").write_bytes(keys.pem("p256"))
    judge = verifying.Config().use_elliptic_key_verifier(public_key=tmp_path / "public.pem")
    judge.verify(copy, copy / "model.sig")


@pytest.mark.parametrize(("kind", "file"), [("p256", "model.sig"), ("ed25519", "claims.jsonl")])
def test_a_signature_over_more_than_the_version_is_not_published(hub, tmp_path, kind, file):
    version = sealed.sealed(tmp_path / "bot")
    (version / "training_args.bin").write_bytes(b"args")
    key = keys.write_private(tmp_path / "key", kind)
    assert run(["sign", str(version), "--key", str(key)]).code == 0
    pushed = run(["push", str(version), "org/bot", "--create"], **hub.environ())
    assert pushed.code == 2
    assert f"{file}: it covers training_args.bin, which is no part of the version" in " ".join(pushed.err.split())
    assert "ftlineage sign DIR --key FILE --overwrite" in pushed.err

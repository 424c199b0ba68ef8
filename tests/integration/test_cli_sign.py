"""``ftlineage sign`` from the shell: what it writes, what it refuses, and what ``verify`` says then."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ftlineage.core.layout import CLAIMS_NAME, SIGNATURE_NAME
from ftlineage.signing.claims import read_claims
from ftlineage.signing.oms import read_bundle
from ftlineage.signing.trust import allowed_signers_line
from tests import keys, sealed
from tests.integration.cli import COMMAND, Done, environment
from tests.integration.cli import run as run_command


def run(*arguments: str, cwd: Path | None = None, **variables: str) -> Done:
    return run_command(arguments, cwd=cwd, **variables)


@pytest.fixture
def version(tmp_path) -> Path:
    return sealed.sealed(tmp_path / "bot")


@pytest.fixture
def key(tmp_path) -> Path:
    return keys.write_private(tmp_path / "sign.pem", "p256", form="pkcs8")


def trusting(folder: Path, *names: str) -> Path:
    path = folder / "allowed_signers"
    path.write_text("".join(allowed_signers_line(f"{name}@example.com", keys.public(name)) + "\n" for name in names))
    return path


def verify(version: Path, *names: str):
    trust = trusting(version.parent, *names)
    return run("verify", str(version), "--trust", str(trust), "--require-signature", "--json")


def codes(done) -> list[str]:
    return [finding["code"] for finding in json.loads(done.out)["findings"] if finding["severity"] == "error"]


def test_an_ecdsa_key_writes_model_sig(version, key, tmp_path):
    done = run("sign", "bot", "--key", "sign.pem", cwd=tmp_path)

    shown, line = keys.public("p256").fingerprint, keys.public("p256").line
    assert (done.code, done.out) == (0, f"Signed bot (5 files) with {shown} (ecdsa-sha2-nistp256): model.sig\n")
    assert done.err == (
        "Whoever trusts you adds this line, with your name, to a file allowed_signers:\n"
        f'you@example.com namespaces="lineage@ftlineage" {line}\n'
        "Next: ftlineage verify bot --trust allowed_signers --require-signature\n"
    )
    covered = [name for name, _ in read_bundle((version / SIGNATURE_NAME).read_bytes()).resources]
    assert covered == [
        "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "lineage.json", "tokenizer.json",
    ]  # fmt: skip
    assert verify(version, "p256").code == 0
    assert verify(version, "p256-other").code == 1


@pytest.mark.parametrize("name", ["ed25519", "rsa"])
def test_any_other_ssh_key_adds_a_line(version, tmp_path, name):
    path = keys.write_private(tmp_path / "id", name)
    for _ in range(2):  # the second time there is nothing new to say
        done = run("sign", str(version), "--key", str(path))
        assert done.code == 0, done.err
    run("sign", str(version), "--key", str(keys.write_private(tmp_path / "other", "ed25519-other")))

    claims = read_claims((version / CLAIMS_NAME).read_bytes())
    assert [claim.envelope.keyid for claim in claims] == [
        keys.public(name).fingerprint,
        keys.public("ed25519-other").fingerprint,
    ]
    assert not (version / SIGNATURE_NAME).exists()
    assert verify(version, name).code == 0


def test_json_is_one_document(version, key):
    (version / "training_args.bin").write_bytes(b"x")
    done = run("sign", str(version), "--key", str(key), "--json")

    assert done.code == 0
    assert json.loads(done.out) == {
        "ok": True,
        "target": str(version),
        "signature": "model.sig",
        "files": 6,
        "beside_version": ["training_args.bin"],
        "key": {"kind": "ecdsa-sha2-nistp256", "fingerprint": keys.public("p256").fingerprint},
        "allowed_signers": allowed_signers_line("you@example.com", keys.public("p256")),
    }


def test_files_beside_the_version_are_signed_and_named(version, key):
    for name in ("training_args.bin", "checkpoint-1/a", "checkpoint-1/b", "checkpoint-1/c"):
        (version / name).parent.mkdir(exist_ok=True)
        (version / name).write_bytes(b"x")
    done = run("sign", str(version), "--key", str(key))

    assert (
        "Signed too, though no part of the version: checkpoint-1/a, checkpoint-1/b, checkpoint-1/c and 1 more. "
        "Without them the signature does not hold.\n"
    ) in done.err


def test_signing_again_gives_the_same_bytes(version, key):
    run("sign", str(version), "--key", str(key))
    first = (version / SIGNATURE_NAME).read_bytes()

    assert run("sign", str(version), "--key", str(key)).code == 0
    assert (version / SIGNATURE_NAME).read_bytes() == first
    assert sorted(path.name for path in version.iterdir() if path.name.startswith(".")) == []


def test_a_version_that_fails_is_not_signed(version, key):
    (version / "tokenizer.json").write_bytes(b"{}")
    done = run("sign", str(version), "--key", str(key), "--json")

    assert done.code == 1
    assert codes(done) == ["preprocessing.changed"]
    assert done.err == "Not signed: what is wrong must be put right first.\n"
    assert not (version / SIGNATURE_NAME).exists()


def test_a_folder_without_a_card_is_not_signed(tmp_path, key):
    (tmp_path / "empty").mkdir()
    done = run("sign", str(tmp_path / "empty"), "--key", str(key), "--json")

    assert (done.code, codes(done)) == (1, ["card.missing"])


def test_a_link_is_not_signed(version, key):
    (version / ".link").symlink_to("tokenizer.json")
    done = run("sign", str(version), "--key", str(key))

    assert done.code == 1
    assert "'.link' is refused: it is a symbolic link" in " ".join(done.err.split())


def test_another_key_s_signature_stays_unless_told(version, key, tmp_path):
    other = keys.write_private(tmp_path / "other", "p384")
    run("sign", str(version), "--key", str(other))
    before = (version / SIGNATURE_NAME).read_bytes()
    refused = run("sign", str(version), "--key", str(key))

    assert refused.code == 2
    assert "model.sig is there already: another key made it" in refused.err
    assert "Replace it with --overwrite" in refused.err
    assert (version / SIGNATURE_NAME).read_bytes() == before
    assert run("sign", str(version), "--key", str(key), "--overwrite").code == 0
    assert verify(version, "p256").code == 0


def test_a_signature_that_no_longer_fits_can_be_made_again(version, key):
    run("sign", str(version), "--key", str(key))
    (version / "tokenizer.json").write_bytes(b'{"model": {"vocab": {"a": 1, "b": 0}}}')
    sealed.seal(version)
    assert codes(verify(version, "p256")) == ["signature.invalid"]

    assert run("sign", str(version), "--key", str(key)).code == 0
    assert verify(version, "p256").code == 0


def test_a_broken_signature_file_is_replaced_only_when_told(version, key):
    (version / SIGNATURE_NAME).write_bytes(b"nonsense")

    assert run("sign", str(version), "--key", str(key)).code == 2
    assert run("sign", str(version), "--key", str(key), "--overwrite").code == 0


def test_a_broken_line_is_not_added_to(version, tmp_path):
    (version / CLAIMS_NAME).write_bytes(b"nonsense\n")
    done = run("sign", str(version), "--key", str(keys.write_private(tmp_path / "id", "ed25519")))

    assert done.code == 1
    assert "malformed signature at line 1" in done.err
    assert (version / CLAIMS_NAME).read_bytes() == b"nonsense\n"


def test_a_locked_key(version, tmp_path):
    path = keys.write_private(tmp_path / "id", "ed25519", passphrase="right")

    alone = run("sign", str(version), "--key", str(path))
    assert alone.code == 2
    assert "it is locked by a passphrase, and nobody is there to type it" in " ".join(alone.err.split())
    assert run("sign", str(version), "--key", str(path), FTLINEAGE_KEY_PASSPHRASE="wrong").code == 2
    assert run("sign", str(version), "--key", str(path), FTLINEAGE_KEY_PASSPHRASE="right").code == 0


def test_a_passphrase_is_typed_on_the_terminal(version, tmp_path):
    path = keys.write_private(tmp_path / "id", "ed25519", passphrase="correct horse")
    ours, theirs = pty.openpty()
    shown = b""
    command = [*COMMAND, "sign", str(version), "--key", str(path)]
    with subprocess.Popen(
        command, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        while b"Passphrase of" not in shown:
            shown += os.read(ours, 1024)
        time.sleep(0.3)  # the terminal stops echoing right after the question
        os.write(ours, b"correct horse\n")
        with contextlib.suppress(OSError):  # the other side is gone
            while piece := os.read(ours, 1024):
                shown += piece
        assert process.wait(60) == 0, shown.decode()
    os.close(ours)

    assert b"horse" not in shown
    assert (version / CLAIMS_NAME).exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bot"], "missing option '--key'"),
        (["bot", "--key", "none"], "none: no such file or folder"),
        (["nowhere", "--key", "sign.pem"], "nowhere: no such file or folder"),
        (["bot", "--key", "bot/lineage.json"], "bot/lineage.json cannot sign: it is no key file"),
        (["bot", "--key", "public.pem"], "public.pem cannot sign: it holds no private key"),
    ],
)
def test_what_was_typed_wrong(version, key, tmp_path, arguments, said):
    (tmp_path / "public.pem").write_bytes(keys.pem("p256"))
    done = run("sign", *arguments, cwd=tmp_path)

    assert done.code == 2
    assert said in " ".join(done.err.split())


def test_two_people_sign_at_once(version, tmp_path):
    names = ["ed25519", "ed25519-other", "rsa"]
    running = [
        subprocess.Popen(
            [*COMMAND, "sign", str(version), "--key", str(keys.write_private(tmp_path / name, name))],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for name in names
    ]
    ended = [(process.communicate(timeout=120)[1], process.returncode) for process in running]

    assert [code for _, code in ended] == [0, 0, 0], ended
    signers = {claim.envelope.keyid for claim in read_claims((version / CLAIMS_NAME).read_bytes())}
    assert signers == {keys.public(name).fingerprint for name in names}


def test_a_signature_moved_to_another_folder(version, key, tmp_path):
    run("sign", str(version), "--key", str(key))
    other = sealed.sealed(tmp_path / "other")
    (other / "tokenizer.json").write_bytes(b'{"model": {"vocab": {"a": 1, "b": 0}}}')
    sealed.seal(other)
    shutil.copy(version / SIGNATURE_NAME, other / SIGNATURE_NAME)

    assert codes(verify(other, "p256")) == ["signature.invalid"]


def another_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_bytes(b"{}")


def another_card(folder: Path) -> None:
    sealed.rewrite(folder, lambda document: document["base"].update(requested="v2"))


@pytest.mark.parametrize(("change", "named"), [(another_tokenizer, "tokenizer.json"), (another_card, "lineage.json")])
def test_what_changes_between_verifying_and_signing_is_not_signed(version, key, monkeypatch, change, named):
    from ftlineage.cli import sign as module
    from ftlineage.errors import StorageError

    verify_first = module._verify

    def verify_and_change(folder):
        report = verify_first(folder)
        change(folder)
        return report

    monkeypatch.setattr(module, "_verify", verify_and_change)
    with pytest.raises(StorageError) as caught:
        module.sign.main([str(version), "--key", str(key)], standalone_mode=False)
    assert (caught.value.path, caught.value.cause) == (named, "it changed after it was verified")
    assert not (version / SIGNATURE_NAME).exists()


def test_verifying_an_unsigned_version_loads_no_cryptography(version):
    program = "import sys; from ftlineage.verify.runner import verify; verify(sys.argv[1]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, version], capture_output=True, text=True, check=True)

    assert not {"cryptography", "bcrypt"} & set(done.stdout.split())

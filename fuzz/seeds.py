"""Write the first cases of each corpus from the sound and the hostile files of the tests: ``python -m fuzz.seeds``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ftlineage.signing.crypto import pem_of
from ftlineage.signing.sshsig import write_signature
from ftlineage.signing.wire import string
from fuzz.__main__ import CORPUS
from tests import sealed
from tests.faults import test_cards, test_safetensors
from tests.unit.cli import sample

# Larger ones only slow the engine down; the tests have them.
_MOST = 8192


def seeds(scratch: Path) -> Iterator[tuple[str, str, bytes]]:
    """Target, name and bytes of every first case."""
    out = sealed.sealed(scratch)
    small = (out / "lineage.json").read_bytes()
    for target in ("card", "folder"):
        yield target, "sealed", small
        yield target, "full", sample.full_card().to_bytes()
        for name, (change, _) in test_cards.BYTES.items():
            yield target, name, change(small)
    yield "safetensors", "sealed", (out / "adapter_model.safetensors").read_bytes()
    for name, (data, _) in test_safetensors.CASES.items():
        yield "safetensors", name, data
    yield "config", "sealed", b"\0" + (out / "adapter_config.json").read_bytes()
    yield from _signatures()
    for target in ("document", "config", "weights", "landing", "signed"):
        yield target, "nothing", b""
        for number in range(0, 256, 16):
            yield target, f"edit-{number}", bytes([1, 0, number, 0, number, number // 3, 0, number, 2, 3]) + b"a/b"
    for which in range(16):
        yield "landing", f"which-{which}", bytes([which, *range(which, which + 30)])


def _signatures() -> Iterator[tuple[str, str, bytes]]:
    from fuzz import signatures

    public = signatures.signer().public
    sound, trusted = signatures.good_bundle(), signatures.trust_file()
    pem = pem_of(public)
    made = write_signature(public, public.kind, string(b"r") + string(b"s"))
    yield "bundle", "sound", sound
    yield "bundle", "half", sound[: len(sound) // 2]
    yield "bundle", "other-payload", sound.replace(b'"payload":"ey', b'"payload":"eyJ')
    yield "bundle", "no-signature", sound.replace(b'"signatures":[', b'"signatures":[],"x":[')
    yield "bundle", "hint", sound.replace(b'"hint":"', b'"hint":"x')
    for name, lines in {
        "one": sound,
        "two": sound * 2,
        "blank": b"\n\n",
        "bad": sound + b"{}\n",
        "cut": sound[:-9],
    }.items():
        yield "claims", name, lines
    for name, blob in {"sound": made, "cut": made[:40], "long": made + b"x", "magic": b"SSHSIG", "none": b""}.items():
        yield "ssh-signature", name, blob
    key = public.line.encode()
    for name, line in {
        "sound": trusted,
        "pem": pem,
        "dates": b'a@b valid-after="20260101",valid-before="20271231235959Z" ' + key,
        "pattern": b'*@example.com,!bob@example.com namespaces="*" ' + key,
        "authority": b"a cert-authority " + key,
        "comment": b"# nobody\n" + trusted + b"a b c\n",
        "year-0": b'a valid-after="00000101Z" ' + key,
    }.items():
        yield "trust", name, line
    for name, listed in {
        "key": key,
        "fingerprint": public.fingerprint.encode(),
        "pem": pem,
        "hash": b"hash: " + public.fingerprint.encode(),
        "krl": b"SSHKRL\n\0" + bytes(3) + b"\1" + bytes(24) + bytes(8) + b"\2" + string(string(public.blob)),
    }.items():
        yield "revoked", name, listed
    for name, text in {
        "default": 'require = ["card", "adapter"]',
        "empty": "",
        "all": 'require = ["base", "signature"]\n[signature]\ntrust = "allowed_signers"\nsigners = ["*@example.com"]',
        "grades": '[environment]\nnumerics = "error"\n[environment.packages]\nrich = "ignore"',
        "severity": 'require = ["card"]\n[severity]\n"adapter.init" = "error"\n[base]\nallow = ["acme/*"]',
        "unknown": "strict = true",
        "home-of-nobody": 'require = ["card"]\n[signature]\ntrust = "~nobody-has-this-name/x"',
        "long-number": "x = " + "9" * 5000,
        "deep": "x = " + "[" * 2000,
    }.items():
        yield "policy", name, text.encode()


def main() -> None:
    """Write the cases that are not there yet."""
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        for target, name, data in seeds(Path(scratch) / "out"):
            path = CORPUS / target / ("seed-" + name.replace(" ", "-").replace("*", "x").replace(",", ""))
            path.parent.mkdir(parents=True, exist_ok=True)
            if len(data) <= _MOST:
                path.write_bytes(data)


if __name__ == "__main__":
    main()

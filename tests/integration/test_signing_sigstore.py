"""Sigstore's JavaScript implementation as the judge of ``model.sig``.

``npm ci`` in ``tests/judges/sigstore-js`` installs it (``make test`` does). Only keys on P-256 are tried: with the
others it takes SHA-256 where OMS asks for the curve's own hash.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ftlineage.core import codec
from ftlineage.signing.oms import make_bundle
from tests import keys

JUDGE = Path(__file__).parents[1] / "judges" / "sigstore-js"
NODE = shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))

pytestmark = pytest.mark.skipif(
    NODE is None or not (JUDGE / "node_modules" / "@sigstore").is_dir(),
    reason="install the judge: npm ci in tests/judges/sigstore-js",
)


def verdict(folder: Path, bundle: bytes, name: str = "p256") -> dict[str, object]:
    (folder / "model.sig").write_bytes(bundle)
    (folder / "key.pem").write_bytes(keys.pem(name))
    command = [str(NODE), str(JUDGE / "verify.mjs"), str(folder / "model.sig"), str(folder / "key.pem")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_it_accepts_ours(tmp_path):
    bundle = make_bundle("bot", keys.FILES, keys.signer("p256"))

    assert verdict(tmp_path, bundle) == {"ok": True, "error": "", "payloadType": "application/vnd.in-toto+json"}


def test_it_refuses_another_key(tmp_path):
    bundle = make_bundle("bot", keys.FILES, keys.signer("p256"))

    assert verdict(tmp_path, bundle, "p256-other")["error"] == "VerificationError: SIGNATURE_ERROR"


@pytest.mark.parametrize("part", ["payload", "sig"])
def test_it_refuses_a_changed_byte(tmp_path, part):
    bundle = codec.parse(make_bundle("bot", keys.FILES, keys.signer("p256")))
    envelope = bundle["dsseEnvelope"]
    holder = envelope if part == "payload" else envelope["signatures"][0]
    data = bytearray(base64.b64decode(holder[part]))
    data[-3] ^= 1
    holder[part] = base64.b64encode(data).decode()

    assert verdict(tmp_path, codec.pretty_bytes(bundle))["error"] == "VerificationError: SIGNATURE_ERROR"

"""The commands in ``docs/signing.md`` are run as they stand, one block after the other in one folder."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import sealed
from tests.integration.cli import environment

PAGE = Path(__file__).parents[2] / "docs" / "signing.md"
NEEDED = ("bash", "openssl", "ssh-keygen")


@pytest.mark.skipif(any(shutil.which(name) is None for name in NEEDED), reason=f"needs {', '.join(NEEDED)}")
def test_the_commands_work(tmp_path):
    pytest.importorskip("model_signing")
    sealed.sealed(tmp_path / "out" / "support-bot")
    tools = tmp_path / "tools"
    tools.mkdir()
    # The program as users have it on their path, whatever this Python is called.
    for name, command in (("ftlineage", f'"{sys.executable}" -m ftlineage'), ("python", f'"{sys.executable}"')):
        (tools / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (tools / name).chmod(0o755)
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 6

    for block in blocks:
        variables = environment()
        variables["PATH"] = f"{tools}:{variables['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, block + done.stdout + done.stderr
    assert "signature.untrusted" in done.stdout  # the last one was revoked

"""``python -m ftlineage.testing``: a hub for programs that are no Python tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from ftlineage.testing.hub import LocalHub


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_interrupted(tmp_path, stop):
    from huggingface_hub import HfApi

    with LocalHub(tmp_path / "root") as before:
        sha = before.commit("acme/x", {"a": "1"})
    command = [sys.executable, "-m", "ftlineage.testing", str(tmp_path / "root")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(9)]
        exported = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        assert exported["HF_HUB_DISABLE_XET"] == "1"
        assert HfApi(endpoint=exported["HF_ENDPOINT"]).model_info("acme/x").sha == sha
        process.send_signal(stop)
        assert process.wait(10) == 0


def test_waiting_ends_when_the_hub_stops(tmp_path):
    import threading

    hub = LocalHub(tmp_path).start()
    waiting = threading.Thread(target=hub.wait)
    waiting.start()
    hub.stop()
    waiting.join(5)
    assert not waiting.is_alive()
    hub.wait()

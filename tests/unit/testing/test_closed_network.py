"""The test session's own rules: nothing leaves this machine, and starting the tests loads nothing heavy."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("address", ["192.0.2.1", "8.8.8.8", "2001:db8::1", "169.254.169.254", "10.0.0.1", "0.0.0.1"])
def test_far_addresses_are_refused(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as sock:
        for connect in (sock.connect, sock.connect_ex):
            with pytest.raises(ConnectionRefusedError, match=f"tests have no network, and asked for {address}"):
                connect((address, 80))


@pytest.mark.parametrize("host", ["huggingface.co", "pypi.org", "localhost.example"])
def test_far_names_are_not_looked_up(host):
    with pytest.raises(socket.gaierror, match="tests have no network"):
        socket.getaddrinfo(host, 443)


def test_the_client_meets_the_session_hub(session_hub):
    from huggingface_hub import HfApi, constants

    assert session_hub.endpoint == os.environ["HF_ENDPOINT"] == constants.ENDPOINT
    session_hub.commit("closed/network", {"a": "1"})
    assert HfApi().model_info("closed/network").sha == session_hub.head("closed/network")


def test_conftest_loads_no_heavy_library():
    code = """
import sys, runpy
sys.path.insert(0, ".")
import tests.conftest
heavy = {"torch", "transformers", "datasets", "huggingface_hub", "numpy", "pyarrow", "peft"} & set(sys.modules)
tests.conftest.pytest_unconfigure()
print(sorted(heavy))
"""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=Path.cwd(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"

"""Every test runs with the network closed, empty caches, and a LocalHub in the Hub's place.

The variables must be set before anything imports huggingface_hub, which reads them once; that is
why a session-wide hub starts here and not in a fixture. Tests that push use ``hub``: an empty one
for themselves, with caches of its own.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftlineage.testing.hub import LocalHub

_HOME = Path(tempfile.mkdtemp(prefix="ftlineage-tests-"))
_HUB = LocalHub(_HOME / "localhub").start()
os.environ.update(_HUB.environ())
os.environ.update({"FTLINEAGE_CACHE": str(_HOME / "cache"), "FTLINEAGE_HOME": str(_HOME / "kept")})
# Settings of the developer's shell must not decide what the tests see.
for _name in ("HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE", "HUGGINGFACE_HUB_CACHE", "FTLINEAGE_REGISTRY"):
    os.environ.pop(_name, None)
os.environ.update({"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false", "DO_NOT_TRACK": "1"})

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_getaddrinfo = socket.getaddrinfo


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        return False


def _refuse_far(address: object) -> None:
    # Unix sockets have a path for an address and stay open.
    if isinstance(address, tuple) and not _is_here(address[0]):
        message = f"tests have no network, and asked for {address[0]}"
        raise ConnectionRefusedError(message)


def _near_connect(self: socket.socket, address: tuple[str, int]) -> None:
    _refuse_far(address)
    _connect(self, address)


def _near_connect_ex(self: socket.socket, address: tuple[str, int]) -> int:
    _refuse_far(address)
    return _connect_ex(self, address)


def _near_getaddrinfo(host, *args, **kwargs):
    if not _is_here(host):
        message = f"tests have no network, and asked for {host}"
        raise socket.gaierror(socket.EAI_NONAME, message)
    return _getaddrinfo(host, *args, **kwargs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-goldens`` rewrites the expected texts in ``tests/golden``; read the diff before you commit it."""
    parser.addoption("--update-goldens", action="store_true", help="rewrite the files in tests/golden")


def pytest_configure() -> None:
    """Close the network, except to this machine."""
    socket.socket.connect = _near_connect  # type: ignore[assignment,method-assign]
    socket.socket.connect_ex = _near_connect_ex  # type: ignore[assignment,method-assign]
    socket.getaddrinfo = _near_getaddrinfo


def pytest_unconfigure() -> None:
    """Open it again and remove what the session wrote."""
    socket.socket.connect = _connect  # type: ignore[method-assign]
    socket.socket.connect_ex = _connect_ex  # type: ignore[method-assign]
    socket.getaddrinfo = _getaddrinfo
    _HUB.close()
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def session_hub() -> LocalHub:
    """The hub the whole session is pointed at; give your repositories names of your own."""
    return _HUB


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    """An empty hub that Hugging Face libraries follow during this test, with empty caches."""
    with LocalHub(tmp_path / "localhub") as hub, hub.activate():
        yield hub

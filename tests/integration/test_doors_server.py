"""vLLM's own doors behind a real server and raw sockets: open without our middleware, closed with it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.integration.cli import ROOT, environment

pytestmark = pytest.mark.service

ADAPTER = b'{"lora_name": "evil", "lora_path": "/evil"}'
SAGEMAKER = b'{"name": "evil", "src": "/evil"}'
CALL = b'{"method": "load_weights"}'
DOORS = [
    ("POST", "/v1/load_lora_adapter", ADAPTER, "load evil"),
    ("POST", "/v1/unload_lora_adapter", ADAPTER, "unload evil"),
    ("POST", "/adapters", SAGEMAKER, "load evil"),
    ("DELETE", "/adapters/evil", b"", "unload evil"),
    ("POST", "/collective_rpc", CALL, "rpc load_weights"),
]
TRICKS = [
    "/v1/load_lora_adapter/", "//v1/load_lora_adapter", "/v1/%6coad_lora_adapter", "/v1/load%5flora%5fadapter",
    "/v1/x/../load_lora_adapter", "/v1/./load_lora_adapter", "/v1/load_lora_adapter?x=1", "/v1/load_lora_adapter%20",
    "/V1/LOAD_LORA_ADAPTER", "/adapters/", "/%61dapters", "/adapters%2Fevil", "http://here/adapters", "/adapters;x",
    "/v1/load%255Flora_adapter", "/adapters#fragment",
]  # fmt: skip


class Server:
    """A running server and a client that sends exactly what it is told."""

    def __init__(self, port: int) -> None:
        self.port = port

    def send(self, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
        head = (
            f"{method} {target} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(head.encode() + body)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]

    @property
    def reached(self) -> list[str]:
        found: list[str] = json.loads(self.send("GET", "/reached")[1])
        return found


def serve(**variables: str) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", "tests.integration.vllm_doors:build", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--log-level", "warning"], cwd=ROOT, env=environment(**variables), stderr=subprocess.PIPE
    )
    try:
        _wait(process, port)
        yield Server(port)
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None:
                _, said = process.communicate()
                pytest.fail(said.decode())
            time.sleep(0.1)
        else:
            return
    pytest.fail("the server does not answer")


@pytest.fixture(scope="module")
def opened() -> Iterator[Server]:
    yield from serve(DOORS="open")


@pytest.fixture(scope="module")
def closed() -> Iterator[Server]:
    yield from serve()


@pytest.mark.parametrize(("method", "path", "body", "call"), DOORS)
def test_without_the_middleware_every_door_leads_to_the_engine(opened, method, path, body, call):
    before = len(opened.reached)

    status, _ = opened.send(method, path, body)

    assert status == 200
    assert opened.reached[before:] == [call]


@pytest.mark.parametrize(("method", "path", "body", "call"), DOORS)
def test_with_it_every_door_answers_403(closed, method, path, body, call):
    status, answer = closed.send(method, path, body)

    assert status == 403
    assert json.loads(answer)["error"]["type"] == "PermissionDeniedError"
    assert closed.reached == []


@pytest.mark.parametrize("target", TRICKS)
@pytest.mark.parametrize("method", ["POST", "DELETE", "GET"])
def test_no_spelling_reaches_the_engine(closed, method, target):
    status, _ = closed.send(method, target, ADAPTER)

    assert status in (403, 400)
    assert closed.reached == []


def test_other_requests_pass(closed):
    assert closed.send("GET", "/openapi.json")[0] == 200
    assert closed.send("GET", "/nothing")[0] == 404

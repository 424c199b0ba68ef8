"""Faults on demand: each kind strikes the requests it names, as often as it says, and no others."""

from __future__ import annotations

import http.client
import json
import threading
import time

import pytest

from ftlineage.testing.hub import LocalHub

REPO = "acme/tiny"
INFO = f"/api/models/{REPO}"
FILE = f"/{REPO}/resolve/main/a.bin"
DATA = bytes(range(200))


@pytest.fixture
def local(tmp_path):
    with LocalHub(tmp_path) as local:
        local.commit(REPO, {"a.bin": DATA, "b.txt": b"b"})
        yield local


def ask(local: LocalHub, path: str = INFO, method: str = "GET", timeout: float = 5) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(local.endpoint.removeprefix("http://"), timeout=timeout)
    try:
        connection.request(method, path)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def test_status_with_headers_body_and_a_count(local):
    fault = local.faults.status(INFO, 503, times=2, body=b"busy")
    assert [ask(local) for _ in range(2)] == [(503, b"busy")] * 2
    assert ask(local)[0] == 200
    assert fault.hits == 2
    assert [request.status for request in local.requests] == [503, 503, 200]
    assert local.requests[0].repo == REPO


def test_nth_request(local):
    local.faults.status(INFO, 500, nth=3, times=1)
    assert [ask(local)[0] for _ in range(4)] == [200, 200, 500, 200]


def test_method_and_path_choose(local):
    local.faults.status("a.bin", 500, method="GET")
    assert ask(local, FILE, "HEAD")[0] == 200
    assert ask(local, FILE)[0] == 500
    assert ask(local, f"/{REPO}/resolve/main/b.txt")[0] == 200


def test_query_is_part_of_the_path(local):
    local.faults.status("blobs=true", 500)
    assert (ask(local)[0], ask(local, f"{INFO}?blobs=true")[0]) == (200, 500)


def test_fault_ends_with_its_block(local):
    with local.faults.status(INFO, 500) as fault:
        assert ask(local)[0] == 500
    assert ask(local)[0] == 200
    fault.remove()
    local.faults.status(INFO, 500)
    local.faults.clear()
    assert ask(local)[0] == 200


def test_delay(local):
    local.faults.delay(INFO, 0.2, times=1)
    start = time.monotonic()
    assert ask(local)[0] == 200
    assert 0.2 <= time.monotonic() - start < 2


def test_hang_holds_only_its_own_request_and_ends_with_the_hub(local):
    local.faults.hang(INFO)
    with pytest.raises(TimeoutError):
        ask(local, timeout=0.2)
    assert ask(local, FILE)[0] == 200
    failures: list[Exception] = []

    def wait() -> None:
        try:
            ask(local, timeout=30)
        except Exception as error:  # noqa: BLE001 - whatever a closed connection raises
            failures.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.1)
    start = time.monotonic()
    local.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert time.monotonic() - start < 2
    assert isinstance(failures[0], ConnectionError)


def test_drop_in_the_middle(local):
    local.faults.drop("a.bin", after_bytes=50)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(local, FILE)
    assert caught.value.partial == DATA[:50]
    assert caught.value.expected == 150


def test_truncate_and_corrupt(local):
    with local.faults.truncate("a.bin", 60):
        assert ask(local, FILE) == (200, DATA[:60])
    with local.faults.corrupt("a.bin", at=7):
        status, body = ask(local, FILE)
    assert (status, len(body)) == (200, len(DATA))
    assert [index for index in range(len(DATA)) if body[index] != DATA[index]] == [7]
    assert ask(local, FILE) == (200, DATA)


def test_corrupt_an_empty_body(local):
    local.commit(REPO, {"empty.txt": b""})
    local.faults.corrupt("empty.txt")
    assert ask(local, f"/{REPO}/resolve/main/empty.txt") == (200, b"")


def test_rewrite(local):
    local.faults.rewrite(INFO, lambda body: body.replace(b'"sha"', b'"shb"'), times=1)
    assert "sha" not in json.loads(ask(local)[1])
    assert "sha" in json.loads(ask(local)[1])


def test_head_moves_before_and_after_an_answer(local):
    first = local.head(REPO)
    local.faults.before(INFO, lambda: local.commit(REPO, {"b.txt": b"2"}))
    second = json.loads(ask(local)[1])["sha"]
    assert second == local.head(REPO) != first
    local.faults.after(INFO, lambda: local.commit(REPO, {"b.txt": b"3"}))
    assert json.loads(ask(local)[1])["sha"] == second
    third = local.head(REPO)
    assert third != second
    assert json.loads(ask(local)[1])["sha"] == third
    assert local.head(REPO) == third


def test_several_faults_at_once(local):
    seen: list[str] = []
    local.faults.before(INFO, lambda: seen.append("before"))
    local.faults.status(INFO, 418, body=b"teapot")
    local.faults.rewrite(INFO, bytes.upper)
    local.faults.after(INFO, lambda: seen.append("after"))
    assert ask(local) == (418, b"TEAPOT")
    assert seen == ["before", "after"]


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"PUT /__lfs/" + b"0" * 64 + b" HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"PUT /__lfs/" + b"0" * 64 + b" HTTP/1.1\r\nContent-Length: 100\r\n\r\nshort",
        b"",
    ],
)
def test_hub_survives_clients_that_speak_no_http(local, raw, capfd):
    import socket

    host, _, port = local.endpoint.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as sock:
        sock.sendall(raw)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65_536):
            pass
    assert ask(local)[0] == 200
    assert capfd.readouterr().err == ""

"""LocalHub's HTTP side: the route table, one handler for all methods, faults, a server that stops at once.

It binds to a loopback address only. Every request ends up in the log, with the status it got.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import re
import socket
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Iterator
from typing import IO, Any

from ftlineage.errors import BadArgumentError, CardMalformedError, RepositoryNotFoundError, RevisionNotFoundError
from ftlineage.testing import _routes, _writes
from ftlineage.testing._faults import Fault, Faults
from ftlineage.testing._http import Call, FilePart, RefusedError, Reply, Request, RequestLog, State, Token

_CHUNK = 256 * 1024
_SPOOL = 8 * 1024 * 1024
_BAD_REQUEST = 400

_REPO = r"/api/(?P<kind>models|datasets|spaces)/(?P<repo>[^/]+(?:/[^/]+)?)"
_WEB = r"/(?:(?P<kind>datasets|spaces)/)?(?P<repo>[^/]+(?:/[^/]+)?)"
_REV = r"/(?P<revision>[^/]+)"

_TABLE: list[tuple[str, str, _routes.Route]] = [
    ("GET", r"/api/whoami-v2", _routes.whoami),
    ("GET", r"/api/agent-harnesses", _routes.ignored),
    ("GET", r"/api/telemetry/.*", _routes.ignored),
    ("POST", r"/api/validate-yaml", _writes.validate_yaml),
    ("POST", r"/api/repos/create", _writes.create_repository),
    ("DELETE", r"/api/repos/delete", _writes.delete_repository),
    ("GET", r"/api/(?P<kind>models|datasets|spaces)", _routes.list_repositories),
    ("GET", _REPO, _routes.info),
    ("GET", rf"{_REPO}/revision{_REV}", _routes.info),
    ("GET", rf"{_REPO}/refs", _routes.refs),
    ("GET", rf"{_REPO}/commits{_REV}", _routes.commits),
    ("GET", rf"{_REPO}/tree{_REV}(?:/(?P<path>.*))?", _routes.tree),
    ("POST", rf"{_REPO}/paths-info{_REV}", _routes.paths_info),
    ("PUT", rf"{_REPO}/settings", _writes.settings),
    ("POST", rf"{_REPO}/preupload{_REV}", _writes.preupload),
    ("GET", rf"{_REPO}/xet-write-token{_REV}", _writes.xet_token),
    ("POST", rf"{_REPO}/commit{_REV}", _writes.commit),
    ("POST", rf"{_REPO}/tag{_REV}", _writes.create_tag),
    ("DELETE", rf"{_REPO}/tag{_REV}", _writes.delete_tag),
    ("POST", rf"{_REPO}/branch{_REV}", _writes.create_branch),
    ("DELETE", rf"{_REPO}/branch{_REV}", _writes.delete_branch),
    ("POST", rf"{_REPO}/super-squash{_REV}", _writes.super_squash),
    ("GET", rf"{_WEB}/resolve{_REV}/(?P<path>.+)", _routes.file),
    ("POST", rf"{_WEB}\.git/info/lfs/objects/batch", _writes.lfs_batch),
    ("PUT", r"/__lfs/(?P<oid>[0-9a-f]{64})", _writes.lfs_put),
]
_ROUTES = [(method, re.compile(pattern), route) for method, pattern, route in _TABLE]
#: Routes whose answer is content at a revision: the log names ``main`` where the path names nothing.
_READS = {_routes.info, _routes.commits, _routes.tree, _routes.paths_info, _routes.file}


def find_route(method: str, path: str) -> tuple[_routes.Route | None, dict[str, str | None]]:
    """The route of a path and the named parts of the path, unquoted; ``HEAD`` is served as ``GET``."""
    for wanted, pattern, route in _ROUTES:
        match = pattern.fullmatch(path) if wanted == ("GET" if method == "HEAD" else method) else None
        if match is not None:
            return route, {name: part and urllib.parse.unquote(part) for name, part in match.groupdict().items()}
    return None, {}


def _no_route(call: Call) -> Reply:
    raise RefusedError(status=404, message=f"LocalHub has no route {call.method} {call.path}")


def _run(route: _routes.Route | None, call: Call) -> Reply:
    if call.token is None and call.headers.get("Authorization"):
        return RefusedError(status=401, message="Invalid credentials in Authorization header").reply()
    try:
        return (route or _no_route)(call)
    except RefusedError as error:
        return error.reply()
    except RevisionNotFoundError as error:
        message = f"Invalid rev id: {error.revision}"
        return RefusedError(status=404, code="RevisionNotFound", message=message).reply()
    except RepositoryNotFoundError as error:
        return RefusedError(status=404, code="RepoNotFound", message=error.sentence).reply()
    except (BadArgumentError, CardMalformedError, KeyError, TypeError) as error:
        return RefusedError(status=400, message=f"malformed request: {error}").reply()


class HubServer(http.server.ThreadingHTTPServer):
    """One thread a connection; stopping closes open connections, so nothing lingers."""

    daemon_threads = True

    def __init__(self, port: int, state: State, faults: Faults, log: RequestLog) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.state = state
        self.faults = faults
        self.log = log
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        state.endpoint = f"http://127.0.0.1:{self.server_port}"

    @contextlib.contextmanager
    def connection(self, sock: socket.socket) -> Iterator[None]:
        """Remember an open connection while it is served."""
        with self._lock:
            self._open.add(sock)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(sock)

    def stop(self) -> None:
        """Stop accepting, wake hanging requests, close what is open."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away in the middle are normal here; anything else is a bug, and its traceback is shown."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    server: HubServer
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes: with Nagle's algorithm the second waits 40 ms for an acknowledgement.
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Serve requests until the connection closes."""
        with self.server.connection(self.connection), contextlib.suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the standard library
        """Say nothing: the log is a value."""

    def do_GET(self) -> None:
        """Serve any method."""
        parts = urllib.parse.urlsplit(self.path)
        route, args = find_route(self.command, parts.path)
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as body:
            if not self._read_body(body):
                self.send_error(_BAD_REQUEST)
                return
            body.seek(0)
            striking = self.server.faults.striking(self.command, self.path)
            if not self._before(striking):
                return
            call = Call(
                state=self.server.state,
                method=self.command,
                path=parts.path,
                query=urllib.parse.parse_qs(parts.query),
                headers=self.headers,
                body=body,
                token=self._token(),
                args=args,
            )
            reply = self._reply(route, call, striking)
        # Logged before it is sent: whoever has the answer finds the line.
        self.server.log.add(self._log_line(route, call, reply.status))
        self._send(reply, striking)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - names that http.server looks up

    def _before(self, striking: list[Fault]) -> bool:
        for fault in striking:
            if fault.kind == "before":
                fault.action()
            elif fault.kind == "delay":
                self.server.stopping.wait(fault.seconds)
            elif fault.kind == "hang":
                self.server.stopping.wait()
                self.close_connection = True
                return False
        return True

    def _reply(self, route: _routes.Route | None, call: Call, striking: list[Fault]) -> Reply:
        injected = next((fault for fault in striking if fault.kind == "status"), None)
        if injected is None:
            reply = _run(route, call)
        else:
            reply = Reply(status=injected.status, body=injected.body, headers=injected.headers)
        for fault in striking:
            if fault.kind == "rewrite":
                body = reply.body.read() if isinstance(reply.body, FilePart) else reply.body
                reply = dataclasses.replace(reply, body=fault.change(body))
            elif fault.kind == "after":
                fault.action()
        return reply

    def _log_line(self, route: _routes.Route | None, call: Call, status: int) -> Request:
        return Request(
            method=call.method,
            path=self.path,
            status=status,
            repo=call.repo or None,
            repo_type=call.repo_type if call.repo else None,
            revision=call.revision if route in _READS else None,
            user=call.token.user if call.token else None,
        )

    def _token(self) -> Token | None:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        return self.server.state.tokens.get(value.strip()) if scheme.lower() == "bearer" else None

    def _read_body(self, target: IO[bytes]) -> bool:
        """Take the body off the wire; False where its length cannot be told."""
        try:
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                self._read_chunks(target)
            else:
                self._copy(int(self.headers.get("Content-Length") or 0), target)
        except ValueError:
            self.close_connection = True
            return False
        return True

    def _read_chunks(self, target: IO[bytes]) -> None:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            self._copy(size, target)
            self.rfile.readline()
        self.rfile.readline()

    def _copy(self, left: int, target: IO[bytes]) -> None:
        while left > 0 and (chunk := self.rfile.read(min(left, _CHUNK))):
            target.write(chunk)
            left -= len(chunk)

    def _send(self, reply: Reply, striking: list[Fault]) -> None:
        drop = next((fault for fault in striking if fault.kind == "drop"), None)
        self.send_response(reply.status)
        headers = {"Content-Type": reply.content_type, "Content-Length": str(len(reply.body)), **reply.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        limit = len(reply.body) if drop is None else drop.after_bytes
        if self.command != "HEAD":
            self._send_body(reply.body, limit)
        if drop is not None:
            self.close_connection = True

    def _send_body(self, body: bytes | FilePart, limit: int) -> None:
        if isinstance(body, bytes):
            self.wfile.write(body[:limit])
            return
        with body.path.open("rb") as file:
            file.seek(body.start)
            left = min(len(body), limit)
            while left > 0 and (chunk := file.read(min(left, _CHUNK))):
                self.wfile.write(chunk)
                left -= len(chunk)

"""However a path is spelt, what any router behind would take for a door never gets there."""

from __future__ import annotations

import asyncio
import posixpath
from urllib.parse import quote, unquote

import httpx
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from ftlineage.serve.deny import DenyAdapterDoors, is_door

DOORS = (
    "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/adapters", "/adapters/support-bot", "/collective_rpc",
    "/update_weights", "/update_weights_from_disk", "/lora-adapters", "/models/load", "/load_lora_adapter_from_tensors",
)  # fmt: skip
EVERY = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


async def door(_request):
    return PlainTextResponse("a door")


async def fine(_request):
    return PlainTextResponse("fine")


def lenient(app):
    """A server that forgives whatever servers forgive: encodings, case, slashes, dots, parameters."""

    async def call(scope, receive, send):
        if scope["type"] == "http":
            path = scope["path"]
            for _ in range(3):
                path = unquote(path)
            path = "/".join(part.partition(";")[0] for part in path.replace("\\", "/").lower().split("/"))
            scope = {**scope, "path": posixpath.normpath(f"/{path.strip()}").replace("//", "/")}
        await app(scope, receive, send)

    return call


def make_app():
    routes = [Route(path, door, methods=EVERY) for path in DOORS]
    routes.append(Route("/{rest:path}", fine, methods=EVERY))
    return DenyAdapterDoors(lenient(Starlette(routes=[Mount("/api", routes=routes), *routes])))


APP = make_app()


async def _get(method: str, target: bytes) -> httpx.Response:
    transport = httpx.ASGITransport(app=APP)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        request = client.build_request(method, "http://here/")
        request.url = request.url.copy_with(raw_path=target)
        return await client.send(request)


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """A door, spelt in a way that some server somewhere takes for it."""
    path = draw(st.sampled_from(DOORS))
    parts = path.strip("/").split("/")
    spelt = []
    for part in parts:
        letters = "".join(draw(st.sampled_from([letter, letter.upper()])) for letter in part)
        for _ in range(draw(st.integers(0, 2))):
            index = draw(st.integers(0, len(letters) - 1))
            if letters[index].isascii() and "%" not in letters[max(0, index - 2) : index + 1]:
                letters = f"{letters[:index]}%{ord(letters[index]):02X}{letters[index + 1 :]}"
        spelt.append(letters + draw(st.sampled_from(["", ";a=1", ""])))
    slash = st.sampled_from(["/", "//", "/./", "/x/../", "%2F", "/%2e/"])
    joined = spelt[0] + "".join(draw(slash) + part for part in spelt[1:])
    if draw(st.booleans()):
        joined = quote(joined, safe="/")
    return draw(st.sampled_from(["/", "//", "/api/", "/./"])) + joined + draw(st.sampled_from(["", "/", "//", "%20"]))


@given(path=spellings(), method=st.sampled_from(EVERY))
@example(path="/models/%2e/load", method="GET")
@example(path="/models/x/..%2Fload", method="POST")
def test_no_spelling_of_a_door_gets_through(path, method):
    answer = asyncio.run(_get(method, path.encode()))

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == 403


@given(path=st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_decided_and_decided_alike_after_decoding(path):
    assert is_door(path) in (True, False)
    assert is_door(f"/adapters/{path}")
    if is_door(unquote(path)):
        assert is_door(path)


@given(path=st.text("abcdefghijklmnopqrstuvwxyz/_-.%0123456789AB", max_size=40), method=st.sampled_from(EVERY))
def test_what_passes_is_no_door_to_a_lenient_server(path, method):
    answer = asyncio.run(_get(method, f"/{path}".encode()))

    assert answer.text != "a door"

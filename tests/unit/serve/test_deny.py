from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from ftlineage.serve.deny import DenyAdapterDoors, is_door
from tests import real_vllm

DOORS = [
    "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/adapters", "/adapters/support-bot", "/collective_rpc",
    "/update_weights", "/update_weight_version", "/update_weights_from_disk", "/update_weights_from_tensor",
    "/load_lora_adapter", "/load_lora_adapter_from_tensors", "/unload_lora_adapter", "/lora-adapters",
    "/init_weights_update_group", "/release_memory_occupation", "/models/load", "/models/unload", "/sleep", "/wake_up",
]  # fmt: skip
SPELLINGS = [
    "//v1//load_lora_adapter", "/v1/load_lora_adapter/", "/v1/Load_LoRA_Adapter", "/v1/load%5Flora%5Fadapter",
    "/v1/load%255Flora_adapter", "/v1/./load_lora_adapter", "/v1/models/../load_lora_adapter",
    "/api/v1/load_lora_adapter",
    "/v1\\load_lora_adapter", "/v1/load_lora_adapter;a=b", "/v1/load_lora_adapter%00", "/v1/load_lora_adapter\t",
    "/v1/load-lora-adapter", "/v1/\uff4coad_lora_adapter", "/ADAPTERS", "/adapters%2Fx",
    "/adapters/../x", "/lora_adapters",
    "/models//load", "/%6dodels/%6coad", "/%" + "25" * 20 + "41dapters",
]  # fmt: skip
# What people send all day, and what looks a little like a door.
PASSED = [
    "/v1/chat/completions", "/v1/completions", "/v1/models", "/v1/responses", "/invocations", "/ping", "/health",
    "/load",
    "/metrics", "/tokenize", "/v1/embeddings", "/version", "/weight_info", "/v1/models/my-adapter", "/docs", "/", "",
    "/v1/audio/transcriptions", "/v1/responses/resp_adapters_1/cancel", "/pause", "/v1/r%C3%A9",
    "/v1/chat/completions%20",
]  # fmt: skip


@pytest.mark.parametrize("path", [*DOORS, *SPELLINGS])
def test_every_door_is_one_in_every_spelling(path):
    assert is_door(path)


@pytest.mark.parametrize("path", PASSED)
def test_everything_else_passes(path):
    assert not is_door(path)


def test_every_route_of_vllm_that_changes_weights_is_a_door():
    harmless = {
        "/pause", "/resume", "/abort_requests", "/is_paused", "/weight_info", "/get_world_size", "/is_sleeping",
        "/release_kv_cache_memory",
    }  # fmt: skip
    modules = ("rl.online", "serve.dev.rpc", "serve.dev.sleep")
    routes = {path for name in modules for path in real_vllm.routes(f"vllm.entrypoints.{name}.api_router")}

    assert len(routes) > 12
    assert {path for path in routes if not is_door(path)} == harmless


class Behind:
    """An application that writes down what reached it."""

    def __init__(self) -> None:
        self.reached: list[Any] = []

    async def __call__(self, scope, _receive, send):
        self.reached.append(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})


def call(scope: dict[str, Any], behind: Behind) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect" if scope["type"] == "websocket" else "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(DenyAdapterDoors(behind)(scope, receive, send))
    return sent


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "OPTIONS", "HEAD", "BREW"])
def test_a_door_answers_403_in_the_form_of_openai(method):
    behind = Behind()

    start, body = call({"type": "http", "method": method, "path": "/v1/load_lora_adapter"}, behind)

    assert behind.reached == []
    assert start["status"] == 403
    assert dict(start["headers"])[b"content-type"] == b"application/json"
    assert int(dict(start["headers"])[b"content-length"]) == len(body["body"])
    assert json.loads(body["body"]) == {
        "error": {
            "message": "This server serves verified versions only: adapters and weights cannot be changed by request.",
            "type": "PermissionDeniedError",
            "param": None,
            "code": 403,
        }
    }


def test_a_door_over_a_websocket_is_closed_before_it_opens():
    behind = Behind()

    assert call({"type": "websocket", "path": "/adapters"}, behind) == [
        {"type": "websocket.close", "code": 1008, "reason": "refused"}
    ]
    assert behind.reached == []


@pytest.mark.parametrize(
    "scope",
    [
        {"type": "http", "method": "POST", "path": "/v1/chat/completions"},
        {"type": "websocket", "path": "/v1/realtime"},
        {"type": "lifespan"},
    ],
)
def test_the_rest_is_passed_on_as_it_came(scope):
    behind = Behind()

    call(scope, behind)

    assert behind.reached == [scope]
    assert behind.reached[0] is scope


def test_vllm_takes_it_for_a_middleware_class(vllm):
    from types import SimpleNamespace

    from fastapi import FastAPI
    from vllm.entrypoints.serve.middleware.register import init_entrypoints_middleware

    from ftlineage.serve.vllm_command import MIDDLEWARE

    app = FastAPI()
    arguments = SimpleNamespace(
        allowed_origins=["*"], allow_credentials=False, allowed_methods=["*"], allowed_headers=["*"], api_key=None,
        enable_request_id_headers=False, middleware=[MIDDLEWARE],
    )  # fmt: skip

    init_entrypoints_middleware(arguments, app, ())

    # The first is the outermost: it sees a request before vLLM's own do.
    outermost: object = app.user_middleware[0].cls
    assert outermost is DenyAdapterDoors

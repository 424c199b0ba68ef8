"""The doors around verification, closed: an ASGI middleware that refuses requests which change what is served.

For ``vllm serve --middleware ftlineage.serve.deny.DenyAdapterDoors``, and in front of any other ASGI
application. Once adapters may be loaded at run time, engines also load whatever path or Hub name a
request gives: vLLM by ``/v1/load_lora_adapter`` and by SageMaker's ``/adapters``, which is mounted
last and which no route of ours could shadow; its development mode swaps weights. SGLang and
llama.cpp have doors of their own. All of them answer 403 here, in every spelling.

Decides by the path alone, and by words in it rather than by exact routes: a door that is refused
under one prefix too many costs nothing, one that is missed costs everything. Bodies are not read,
because that would mean buffering and parsing every prompt twice on the server's event loop; so a
request without ``model``, which vLLM answers with the bare base, and per-request adapters in a body
(llama.cpp's ``lora``, LoRAX's ``adapter_id``) pass. A gateway that reads bodies anyway decides those.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Awaitable, Callable, MutableMapping
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from ftlineage.core import codec

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# One part of a path; dashes are written as underscores before comparing.
DOORS = frozenset(
    {
        # adapters: vLLM and SGLang, SageMaker, llama.cpp
        "load_lora_adapter", "unload_lora_adapter", "load_lora_adapter_from_tensors", "adapters", "lora_adapters",
        # any method of the workers, by name
        "collective_rpc",
        # weights: vLLM's development mode and SGLang
        "init_weight_transfer_engine", "shutdown_weight_transfer_engine", "start_weight_update",
        "start_draft_weight_update", "finish_weight_update", "weight_checker", "weights_checker",
        "init_weights_update_group", "destroy_weights_update_group", "init_weights_send_group_for_remote_instance",
        "send_weights_to_remote_instance", "post_process_weights", "release_memory_occupation",
        "resume_memory_occupation", "sleep", "wake_up", "set_internal_state",
    }
)  # fmt: skip
# Families that grow from release to release.
_FAMILIES = ("update_weight", "load_lora", "unload_lora")
# llama.cpp's router swaps whole models: only after `models`, because `load` alone is vLLM's load report.
_AFTER_MODELS = frozenset({"load", "unload"})

_SPLIT = re.compile(r"[/\\]+")
_DROPPED = re.compile(r"[\x00-\x20\x7f]")
# A path without any of these cannot be a door, and is most paths.
_SUSPECT = re.compile(r"adapter|lora|weight|rpc|sleep|wake|memory|internal|models|%|[^\x21-\x7e]", re.IGNORECASE)
_ROUNDS = 8
_POLICY_VIOLATION = 1008

_installed = False


class DenyAdapterDoors:
    """Answers 403 where a request would load, swap or remove weights; passes everything else on.

    Args:
        app: The application behind.
    """

    def __init__(self, app: Application) -> None:
        global _installed  # noqa: PLW0603 - the resolver in the same process asks
        _installed = True
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, as ASGI has it."""
        kind = scope["type"]
        if kind == "lifespan" or not is_door(scope["path"]):
            await self._app(scope, receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "refused"})
        else:
            await _refuse(send)


def is_installed() -> bool:
    """Whether the doors of a server in this process were closed."""
    return _installed


def is_door(path: str) -> bool:
    """Whether a path, however it is spelt, leads to something that changes what is served.

    Args:
        path: As the server decoded it; encodings inside encodings are undone here, and one that
            never ends is taken for a door.
    """
    if _SUSPECT.search(path) is None:
        return False
    plain = _decoded(path)
    if plain is None:
        return True
    parts = [part.partition(";")[0].replace("-", "_") for part in _SPLIT.split(plain)]
    if any(part in DOORS or part.startswith(_FAMILIES) for part in parts):
        return True
    # Whether dots are followed or taken for names depends on the server: both ways are a door.
    return _leads_to_models(parts) or _leads_to_models(_resolved(parts))


def _leads_to_models(parts: list[str]) -> bool:
    named = [part for part in parts if part not in ("", ".")]
    return any(part in _AFTER_MODELS and before == "models" for before, part in pairwise(named))


def _resolved(parts: list[str]) -> list[str]:
    """The parts with ``..`` taken back."""
    kept: list[str] = []
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    return kept


def _decoded(path: str) -> str | None:
    """Lower case, without percent encodings, look-alike forms, blanks and control characters."""
    for _ in range(_ROUNDS):
        plain = unquote(path)
        if plain == path:
            return _DROPPED.sub("", unicodedata.normalize("NFKC", plain).casefold())
        path = plain
    return None


async def _refuse(send: Send) -> None:
    error = {
        "message": "This server serves verified versions only: adapters and weights cannot be changed by request.",
        "type": "PermissionDeniedError",
        "param": None,
        "code": 403,
    }
    body = codec.compact_text({"error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})

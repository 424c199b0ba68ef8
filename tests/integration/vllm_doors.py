"""A server with vLLM's own doors, run by the tests: ``uvicorn --factory tests.integration.vllm_doors:build``.

The routes, the middleware registration and the error handlers are vLLM's, SageMaker's routes come
from the package vLLM uses; behind them is a recorder in the engine's place. ``DOORS=open`` leaves
our middleware out, which is how the tests know that the doors are real.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from types import SimpleNamespace
from typing import Any

from tests import real_vllm

# vLLM stays imported for the life of this process.
_HELD = contextlib.ExitStack()


class Recorder:
    """Writes down every call that reaches the engine."""

    def __init__(self) -> None:
        self.reached: list[str] = []

    async def load_lora_adapter(self, request: Any) -> str:
        self.reached.append(f"load {request.lora_name}")
        return "loaded"

    async def unload_lora_adapter(self, request: Any) -> str:
        self.reached.append(f"unload {request.lora_name}")
        return "unloaded"

    async def collective_rpc(self, **call: Any) -> None:
        self.reached.append(f"rpc {call['method']}")


def build() -> Any:
    """The application, in the order in which vLLM's ``build_app`` puts it together."""
    os.environ["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "1"
    _HELD.enter_context(real_vllm.imported())
    from fastapi import FastAPI

    app = FastAPI()
    recorder = Recorder()
    app.state.args = SimpleNamespace(log_error_stack=False)
    app.state.engine_client = recorder
    vars(importlib.import_module("vllm.entrypoints.openai.models.api_router"))["models"] = lambda _request: recorder
    for name in ("lora", "dev.rpc"):
        importlib.import_module(f"vllm.entrypoints.serve.{name}.api_router").attach_router(app)

    @app.get("/reached")
    async def reached() -> list[str]:
        return recorder.reached

    _finish(app)
    return app


def _finish(app: Any) -> None:
    from model_hosting_container_standards import sagemaker
    from vllm.entrypoints.serve.exception_handling.register import init_exception_handler
    from vllm.entrypoints.serve.middleware.register import init_entrypoints_middleware

    init_exception_handler(app)
    middleware = [] if os.environ.get("DOORS") == "open" else ["ftlineage.serve.deny.DenyAdapterDoors"]
    arguments = SimpleNamespace(
        allowed_origins=["*"], allow_credentials=False, allowed_methods=["*"], allowed_headers=["*"], api_key=None,
        enable_request_id_headers=False, middleware=middleware,
    )  # fmt: skip
    init_entrypoints_middleware(arguments, app, ())
    sagemaker.bootstrap(app)

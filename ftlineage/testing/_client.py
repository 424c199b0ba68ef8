"""Point Hugging Face clients at another endpoint: by environment for new processes, in place for this one.

huggingface_hub, datasets and transformers copy the environment into module constants at import and
keep default clients made from them. Every such copy (found by experiment with huggingface_hub 2.4,
datasets 5.2, transformers 5.23) is set, and put back afterwards; libraries first imported inside
the block get the values of the environment outside it when it ends.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

_REAL_HUB = "https://huggingface.co"
_FILE_URL = "/{repo_id}/resolve/{revision}/{filename}"
_DATASET_URL = "/datasets/{repo_id}/resolve/{revision}/{path}"
_TRUE = {"1", "ON", "YES", "TRUE"}


def environ(endpoint: str, token: str, *, home: str | Path, offline: bool, xet: bool) -> dict[str, str]:
    """The variables, for ``os.environ`` or a child process."""
    root = Path(home).absolute()
    return {
        "HF_ENDPOINT": endpoint,
        "HF_TOKEN": token,
        # Without Xet, uploads are plain HTTP, whether a client has hf_xet or not.
        "HF_HUB_DISABLE_XET": "0" if xet else "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1" if offline else "0",
        "HF_HOME": str(root),
        "HF_HUB_CACHE": str(root / "hub"),
        "HF_DATASETS_CACHE": str(root / "datasets"),
        "HF_MODULES_CACHE": str(root / "modules"),
    }


@contextlib.contextmanager
def redirected(variables: Mapping[str, str]) -> Iterator[None]:
    """Set the variables, and every constant made from them, for the length of a block."""
    saved: dict[tuple[str, str], Any] = {}
    try:
        with mock.patch.dict(os.environ, variables):
            for place, value in _constants(os.environ).items():
                if _has(place):
                    saved[place] = _swap(place, value)
            _forget_connections()
            yield
    finally:
        for place, value in _constants(os.environ).items():
            if _has(place):
                _swap(place, saved.get(place, value))
        _forget_connections()


def _constants(environment: Mapping[str, str]) -> dict[tuple[str, str], Any]:
    """What the libraries would hold if they were imported under this environment, by (module, name)."""
    endpoint = environment.get("HF_ENDPOINT", _REAL_HUB).rstrip("/")
    cache = environment.get("XDG_CACHE_HOME", "~/.cache")
    home = Path(environment.get("HF_HOME", f"{cache}/huggingface")).expanduser()
    hub_cache = environment.get("HF_HUB_CACHE", str(home / "hub"))
    data_cache = Path(environment.get("HF_DATASETS_CACHE", str(home / "datasets")))
    modules = environment.get("HF_MODULES_CACHE", str(home / "modules"))
    offline = environment.get("HF_HUB_OFFLINE", "").upper() in _TRUE
    hub, data = "huggingface_hub.constants", "datasets.config"
    return {
        (hub, "ENDPOINT"): endpoint,
        (hub, "HUGGINGFACE_CO_URL_TEMPLATE"): endpoint + _FILE_URL,
        (hub, "HF_HUB_OFFLINE"): offline,
        (hub, "HF_HUB_DISABLE_XET"): environment.get("HF_HUB_DISABLE_XET", "").upper() in _TRUE,
        (hub, "HF_HUB_DISABLE_TELEMETRY"): environment.get("HF_HUB_DISABLE_TELEMETRY", "").upper() in _TRUE,
        (hub, "HF_HOME"): str(home),
        (hub, "HF_HUB_CACHE"): hub_cache,
        (hub, "HUGGINGFACE_HUB_CACHE"): hub_cache,
        (hub, "AGENT_HARNESSES_PATH"): str(home / ".agent_harnesses.json"),
        ("huggingface_hub.utils._cache_manager", "HF_HUB_CACHE"): hub_cache,
        ("huggingface_hub.hf_api:api", "endpoint"): endpoint,
        (data, "HF_ENDPOINT"): endpoint,
        (data, "HUB_DATASETS_URL"): endpoint + _DATASET_URL,
        (data, "HF_HUB_OFFLINE"): offline,
        (data, "HF_DATASETS_OFFLINE"): offline,
        (data, "HF_CACHE_HOME"): str(home),
        (data, "HF_DATASETS_CACHE"): data_cache,
        (data, "HF_MODULES_CACHE"): Path(modules),
        (data, "DOWNLOADED_DATASETS_PATH"): data_cache / "downloads",
        (data, "EXTRACTED_DATASETS_PATH"): data_cache / "downloads" / "extracted",
        ("transformers.utils.hub", "HF_MODULES_CACHE"): modules,
        ("transformers.dynamic_module_utils", "HF_MODULES_CACHE"): modules,
    }


def _owner(place: tuple[str, str]) -> Any:
    """The module, or the object in it after ``:``, that holds a constant; None before its import."""
    module, _, inner = place[0].partition(":")
    owner = sys.modules.get(module)
    return getattr(owner, inner, None) if inner else owner


def _has(place: tuple[str, str]) -> bool:
    # Through vars(): asking a lazy module such as transformers by attribute would import things.
    owner = _owner(place)
    return owner is not None and place[1] in vars(owner)


def _swap(place: tuple[str, str], value: Any) -> Any:
    owner = _owner(place)
    old = getattr(owner, place[1])
    setattr(owner, place[1], value)
    return old


def _forget_connections() -> None:
    """Drop pooled connections, clients, directory listings and remote code of the hub that was used so far."""
    http = sys.modules.get("huggingface_hub.utils._http")
    if http is not None:
        http.close_session()
    files = sys.modules.get("huggingface_hub.hf_file_system")
    if files is not None:
        files.HfFileSystem.clear_instance_cache()
    transformers_hub: Any = sys.modules.get("transformers.utils.hub")
    if transformers_hub is not None:
        transformers_hub._hf_api = None  # noqa: SLF001 - a client made once a process; made anew when missing
    for name in [name for name in sys.modules if name.partition(".")[0] == "transformers_modules"]:
        del sys.modules[name]

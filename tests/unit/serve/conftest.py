from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ftlineage.serve import deny
from tests import real_vllm, sealed
from tests.safetensors_bytes import Tensors

LORA = {**sealed.CONFIG, "lora_alpha": 4}


@pytest.fixture
def vllm() -> Iterator[ModuleType]:
    """vLLM's own modules."""
    with real_vllm.imported() as package:
        yield package


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where versions are kept."""
    monkeypatch.setenv("FTLINEAGE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in this process whose doors are closed."""
    monkeypatch.setattr(deny, "_installed", True)


def make_version(
    folder: Path,
    config: dict[str, Any] = LORA,
    tensors: Tensors = sealed.TENSORS,
    *,
    base_section: Any = None,
    **changes: Any,
) -> Path:
    if base_section is not None:
        changes["base"] = base_section
    sealed.seal(sealed.write_adapter(folder, config, tensors), **changes)
    return folder

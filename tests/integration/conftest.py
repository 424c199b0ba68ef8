"""Bases that recording tests share, and a place where a run finds no repository but its own."""

import gc
import os
from pathlib import Path

import pytest

from ftlineage.testing.hub import LocalHub
from ftlineage.testing.tiny import build_tiny_causal, build_tiny_encoder, build_tiny_vision


@pytest.fixture(scope="session")
def tiny_causal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with a chat template."""
    return build_tiny_causal(tmp_path_factory.mktemp("bases") / "tiny-llama")


@pytest.fixture(scope="session")
def other_causal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same architecture with other weights."""
    return build_tiny_causal(tmp_path_factory.mktemp("bases") / "other-llama", seed=1)


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT without a head."""
    return build_tiny_encoder(tmp_path_factory.mktemp("bases") / "tiny-bert")


@pytest.fixture(scope="session")
def tiny_vision(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT with its image processor."""
    return build_tiny_vision(tmp_path_factory.mktemp("bases") / "tiny-vit")


@pytest.fixture(scope="session")
def libraries() -> None:
    """The training libraries, imported and out of the garbage collector's sight.

    A trainer collects garbage when it begins; over everything they define that takes longer than the training.
    """
    import peft  # noqa: F401
    import trl

    assert trl.SFTTrainer
    assert trl.DPOTrainer
    gc.collect()
    gc.freeze()


@pytest.fixture
def workplace(libraries: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder outside of any repository, and stores that are nobody's."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("FTLINEAGE_HOME", "FTLINEAGE_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "ftlineage"))
    return folder


@pytest.fixture
def acme(hub: LocalHub, workplace: Path, tiny_causal: Path) -> LocalHub:
    """A hub with the base ``acme/tiny``, and the workplace to train in."""
    hub.upload_folder("acme/tiny", tiny_causal)
    return hub


@pytest.fixture
def child_environment(acme: LocalHub) -> dict[str, str]:
    """Variables for a process of its own that sees the same hub, with one thread."""
    return {
        **os.environ,
        **acme.environ(),
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "GLOO_SOCKET_IFNAME": "lo",
    }

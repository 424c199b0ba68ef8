"""Pytest fixtures for your own tests: ``pytest_plugins = ["ftlineage.testing.fixtures"]`` in the top conftest.

``local_hub`` gives each test an empty hub that Hugging Face libraries in this process follow, with
empty caches; nothing outside the test's temporary folder is read or written.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ftlineage.testing.hub import LocalHub

__all__ = ["local_hub"]


@pytest.fixture
def local_hub(tmp_path: Path) -> Iterator[LocalHub]:
    """A running LocalHub, active for this test."""
    with LocalHub(tmp_path / "localhub") as hub, hub.activate():
        yield hub

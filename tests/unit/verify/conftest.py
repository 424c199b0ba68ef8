"""Verification in a world without caches of whoever runs the tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the Hub cache nor the receipts of whoever runs the tests."""
    # Imported here, so that no test is the first to import it and leaves its own folder behind for all others.
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("FTLINEAGE_CACHE", str(tmp_path / "receipts"))

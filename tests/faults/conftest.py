"""Hostile input meets the same empty world in every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import sealed


@pytest.fixture(autouse=True)
def _own_receipts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTLINEAGE_CACHE", str(tmp_path / "receipts"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sealed version that is fine until a test harms it."""
    return sealed.sealed(tmp_path / "out")

"""Where the Hub cache lies: the same place as the client's, without importing the client."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from ftlineage.sources.hub_cache import cache_root
ours = cache_root()
assert "huggingface_hub" not in sys.modules
from huggingface_hub import constants
assert str(ours) == constants.HF_HUB_CACHE, (ours, constants.HF_HUB_CACHE)
assert cache_root() == ours
"""
VARIABLES = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"XDG_CACHE_HOME": "/x"},
        {"HF_HOME": "~/h"},
        {"HF_HOME": "/h", "XDG_CACHE_HOME": "/x"},
        {"HUGGINGFACE_HUB_CACHE": "/old", "HF_HOME": "/h"},
        {"HF_HUB_CACHE": "$HOME/hub", "HUGGINGFACE_HUB_CACHE": "/old"},
    ],
)
def test_the_cache_lies_where_the_client_looks(given: dict[str, str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment | given, check=True)

"""The tables that come with ftlineage, one TOML file each in ``frameworks/``."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from ftlineage.drift.configs.framework import Framework, read_framework


def load_builtin() -> tuple[Framework, ...]:
    """Every table in ``frameworks/``, by file name."""
    folder = files("ftlineage.drift.configs").joinpath("frameworks")
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return tuple(
        read_framework(tomllib.loads(entry.read_text(encoding="utf-8")), entry.name)
        for entry in entries
        if entry.name.endswith(".toml")
    )


BUILTIN = load_builtin()

"""Rank and scale that a LoRA configuration gives each module, by the rule PEFT matches patterns with.

Decides which ``rank_pattern`` or ``alpha_pattern`` speaks of a module. Patterns are regular expressions
from a folder, so those that could search for hours (nested repetition) are not tried: then the rank
is unknown, which is no fault.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

# Names and alternatives, with up to two numbers and one repetition of anything else; no group is repeated.
# On names of this length nothing longer than a millisecond comes of it.
_NUMBER = re.compile(r"(?:\\d|\[0-9\])\+(?=\\?\.)")
_CLASS = re.compile(r"\[\w(?:-?\w)*\]")
_TRIED = re.compile(r"(?!.*\)[*+?])(?!(?:[^*+?]*[*+?]){2})(?!(?:[^#]*#){3})[\w.\\|^$()*+?#-]{1,300}")
_LONGEST_NAME = 200
# Every pattern is tried on every module; EVA writes one for each module of a model.
_MOST = 2000


def rank_of(config: Mapping[str, Any], module: str) -> int | None:
    """The rank of a module, or None where the configuration names none.

    Args:
        config: A LoRA configuration.
        module: The module's path in the model that was trained.
    """
    value = _pattern(config.get("rank_pattern"), module, config.get("r"))
    return value if type(value) is int else None


def alpha_of(config: Mapping[str, Any], module: str) -> float | None:
    """What a module's product is scaled by, before the division by its rank."""
    value = _pattern(config.get("alpha_pattern"), module, config.get("lora_alpha"))
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _pattern(patterns: object, module: str, otherwise: object) -> object:
    """The value of the first pattern that matches; None if one that is not tried might."""
    if not isinstance(patterns, dict):
        return otherwise
    if len(patterns) > _MOST:
        return None
    for pattern, value in patterns.items():
        matched = _matches(pattern, module)
        if matched is None:
            return None
        if matched:
            return value
    return otherwise


def _matches(pattern: str, module: str) -> bool | None:
    if module == pattern or module.endswith(f".{pattern}"):
        return True
    compiled = _compiled(pattern)
    if compiled is None or len(module) > _LONGEST_NAME:
        return None
    return compiled.fullmatch(module) is not None


@lru_cache(maxsize=_MOST)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern as PEFT matches it, or None for one that is not tried."""
    form = _CLASS.sub("c", _NUMBER.sub("#", pattern))
    if "#" in pattern or _TRIED.fullmatch(form) is None:
        return None
    try:
        return re.compile(rf"(.*\.)?({pattern})")
    except re.error:
        return None

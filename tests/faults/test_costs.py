"""Folders made to keep a gate busy: every one is judged in seconds, whatever its patterns, names and numbers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core.sections import Base
from ftlineage.verify.runner import verify
from tests import safetensors_bytes, sealed

ENOUGH = 10.0
PATTERNS = [
    "(a+)+$",
    "(a|a)*b",
    "a*a*a*a*a*b",
    "a*a*a*b",
    ".*a.*a.*b",
    "[a-z]*[a-z]*[a-z]*1",
    "a{1,999}{1,999}",
    "|".join(["a"] * 5000),
]
A_AND_B = {"A": ("F32", [2, 4], bytes(range(32))), "B": ("F32", [4, 2], bytes(range(32)))}


def judged_in_time(root: Path, config: dict[str, Any], modules: list[str]) -> None:
    """An adapter with this configuration and modules, with a base that has the same modules."""
    tensors = {f"{name}.lora_{part}.weight": A_AND_B[part] for name in modules for part in "AB"}
    base = sealed.write_base(root / "base")
    weights = {f"{name.removeprefix('base_model.model.')}.weight": ("F32", [4, 4], bytes(64)) for name in modules}
    (base / "model.safetensors").write_bytes(safetensors_bytes.write(weights))
    out = sealed.write_adapter(root / "out", {**sealed.CONFIG, **config}, tensors)
    described = Base(model="acme/base", revision=sealed.REVISION, origin="hub", files=sealed.base_records(base))
    sealed.seal(out, base=described)
    begun = time.monotonic()
    report = verify(out, base=base)
    assert time.monotonic() - begun < ENOUGH
    assert report.verdict in ("ok", "failed", "undecided")


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern[:20])
@pytest.mark.parametrize("length", [300, 5000])
@pytest.mark.timeout(60)
def test_patterns_that_search_for_ever(tmp_path: Path, pattern: str, length: int) -> None:
    config = {"rank_pattern": {pattern: 4}, "alpha_pattern": {pattern: 3}, "target_modules": pattern}
    more = {"layers_pattern": pattern, "exclude_modules": pattern, "modules_to_save": [pattern]}
    judged_in_time(tmp_path, config | more, [f"base_model.model.model.{'a' * length}"])


@pytest.mark.timeout(60)
def test_a_name_of_twenty_thousand_parts(tmp_path: Path) -> None:
    judged_in_time(tmp_path, {}, ["base_model.model." + "a." * 20_000 + "x"])


@pytest.mark.timeout(60)
def test_many_modules_and_many_patterns(tmp_path: Path) -> None:
    patterns = {f"x{number}": 4 for number in range(300)}
    judged_in_time(tmp_path, {"rank_pattern": patterns}, [f"{sealed.PREFIX}.{number}.x" for number in range(300)])

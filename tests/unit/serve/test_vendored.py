from __future__ import annotations

import re

from ftlineage.core.digest import sha256_hex
from ftlineage.serve.vllm_command import UNSET
from ftlineage.serve.vllm_limits import MAX_RANKS, TESTED
from tests import real_vllm
from tests.real_vllm import VENDORED

ROW = re.compile(r"^\| `([0-9a-f]{64})` \| `([^`]+)` \|$", re.MULTILINE)


def test_every_vendored_file_is_the_one_of_the_release():
    listed = {name: digest for digest, name in ROW.findall((VENDORED / "README.md").read_text("utf-8"))}
    found = {
        path.relative_to(VENDORED).as_posix(): sha256_hex(path.read_bytes())
        for path in VENDORED.rglob("*")
        if path.is_file() and path.name != "README.md" and "__pycache__" not in path.parts
    }

    assert listed == found
    assert "LICENSE" in found


def test_the_release_is_the_one_we_say_we_were_tested_against():
    assert TESTED == real_vllm.VERSION


def test_ranks_are_those_of_vllm():
    assert real_vllm.literal("vllm.config.lora", "MaxLoRARanks") == MAX_RANKS


def test_variables_we_unset_are_variables_of_vllm(vllm):
    from vllm import envs

    own = {"FTLINEAGE_SERVE"}
    assert set(UNSET) - own <= set(envs.environment_variables)
    assert {"VLLM_PLUGINS", "VLLM_USE_RUST_FRONTEND", "VLLM_USE_MODELSCOPE"} <= set(envs.environment_variables)

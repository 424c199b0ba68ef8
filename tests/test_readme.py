"""The README is true: its transcript is typed into a shell, its Python blocks are run."""

from __future__ import annotations

import doctest
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ftlineage
from ftlineage.core import codec
from tests import safetensors_bytes

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
TRANSCRIPT = re.findall(r"^```console\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
TICKETS = [
    {"messages": [{"role": "user", "content": f"Where is order {n}?"}, {"role": "assistant", "content": "On its way."}]}
    for n in range(24)
]


def test_the_readme_opens_with_what_a_stranger_needs():
    opening = README.splitlines()[:60]
    for line in ("```console", "make demo", "## Exit codes", "| command | does |"):
        assert line in opening
    assert any(line.startswith("# ") for line in opening)


def commands(block: str) -> list[tuple[str, str]]:
    """Pairs of what is typed and what is then shown."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(command, shown) for command, _, shown in (part.partition("\n") for part in parts)]


@pytest.fixture
def desk(tmp_path, hub):
    """A folder with an adapter and its data, the base on the Hub, and ``ftlineage`` on the path."""
    target = "base_model.model.model.layers.{}.self_attn.{}_proj.lora_{}.weight"
    names = [target.format(layer, part, half) for layer in (0, 1) for part in "qv" for half in "AB"]
    weights = safetensors_bytes.write(
        {name: ("F32", [8, 32], hashlib.sha256(name.encode()).digest() * 32) for name in names}, {"format": "pt"}
    )
    config = {"peft_type": "LORA", "base_model_name_or_path": "acme/base", "revision": None, "r": 8}
    adapter = tmp_path / "out" / "support-bot"
    adapter.mkdir(parents=True)
    (adapter / "adapter_model.safetensors").write_bytes(weights)
    (adapter / "adapter_config.json").write_bytes(
        codec.pretty_bytes({**config, "target_modules": ["q_proj", "v_proj"]})
    )
    (tmp_path / "tickets.jsonl").write_text("".join(codec.compact_text(row) + "\n" for row in TICKETS), "utf-8")
    program = tmp_path / "bin" / "ftlineage"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ftlineage "$@"\n', "utf-8")
    program.chmod(0o755)
    return tmp_path


def test_the_transcript_is_what_happens(desk, hub):
    from huggingface_hub import snapshot_download

    sha = hub.commit(
        "acme/base",
        {"config.json": '{"model_type": "llama"}', "model.safetensors": safetensors_bytes.write({}, {"format": "pt"})},
    )
    hub.commit("acme/base", {"config.json": '{"model_type": "moved"}'})
    snapshot_download("acme/base", revision=sha)  # as on the machine where it was trained
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    environment |= {"PATH": f"{desk / 'bin'}{os.pathsep}{os.environ['PATH']}", "FTLINEAGE_CACHE": str(desk / "cache")}
    (block,) = TRANSCRIPT
    assert sha in block
    for command, shown in commands(block):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=desk,
            env=environment,
            timeout=60,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        matches = doctest.OutputChecker().check_output(shown, done.stdout, doctest.ELLIPSIS)
        assert matches, f"$ {command}\n{done.stdout}"


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore")  # not ours: the block trains with TRL as a reader would
def test_the_python_blocks_run(desk, hub, monkeypatch):
    from ftlineage.testing.tiny import build_tiny_causal

    sha = hub.upload_folder("acme/base", build_tiny_causal(desk / "tiny"))
    monkeypatch.chdir(desk)
    (desk / "out" / "support-bot" / "adapter_model.safetensors").unlink()
    (desk / "out" / "support-bot" / "adapter_config.json").unlink()
    scope: dict[str, object] = {}
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), scope)  # noqa: S102 - our own page
    card = ftlineage.load_card("out/support-bot")
    assert card.body.base is not None
    assert (card.body.base.revision, card.body.base.requested) == (sha, None)
    assert [prompt.name for prompt in card.body.prompts] == ["system"]
    assert card.body.data[0].rows == len(TICKETS)
    assert ftlineage.verify("out/support-bot").ok

"""A base whose cached bytes were damaged must be heard of before hours of training, not after."""

import pytest

import ftlineage
from ftlineage.errors import DigestMismatchError
from tests.integration.recording import TRAINS

pytestmark = TRAINS


def test_t11_a_damaged_cache_stops_the_run_when_the_base_is_loaded(hub, tiny_causal, workplace):
    from transformers import AutoModelForCausalLM

    sha = hub.upload_folder("acme/tiny", tiny_causal)
    AutoModelForCausalLM.from_pretrained("acme/tiny", revision=sha)
    blob = next(path for path in workplace.parent.rglob(f"snapshots/{sha}/model.safetensors")).resolve()
    damaged = bytearray(blob.read_bytes())
    damaged[-1] ^= 1
    blob.write_bytes(damaged)
    # transformers takes the damaged file without a word.
    assert AutoModelForCausalLM.from_pretrained("acme/tiny", revision=sha) is not None
    with (
        pytest.raises(DigestMismatchError, match=r"^model\.safetensors is not what it should be"),
        ftlineage.run("x", out="out") as run,
    ):
        run.base("acme/tiny").load(AutoModelForCausalLM)

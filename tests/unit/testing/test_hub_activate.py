"""``activate`` repoints libraries that are imported already, and puts everything back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftlineage.testing import _client
from ftlineage.testing.hub import LocalHub

REPO = "acme/tiny"

pytest_plugins = ["pytester"]


@pytest.fixture
def two(tmp_path):
    with LocalHub(tmp_path / "one") as one, LocalHub(tmp_path / "two") as two:
        one.commit(REPO, {"which.txt": b"one"})
        two.commit(REPO, {"which.txt": b"two"})
        yield one, two


def which(**kwargs) -> str:
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(REPO, "which.txt", **kwargs)).read_text()


def test_download_follows_and_returns(two, tmp_path):
    from huggingface_hub import constants

    one, other = two
    before = (constants.ENDPOINT, constants.HF_HUB_CACHE, os.environ["HF_ENDPOINT"])
    with one.activate(home=tmp_path / "home-1"):
        assert which() == "one"
        with other.activate(home=tmp_path / "home-2"):
            assert which() == "two"
            assert str(tmp_path / "home-2") in constants.HF_HUB_CACHE
        assert which() == "one"
        assert os.environ["HF_HOME"] == str(tmp_path / "home-1")
    assert (constants.ENDPOINT, constants.HF_HUB_CACHE, os.environ["HF_ENDPOINT"]) == before


def test_everything_is_put_back_after_an_error(two, tmp_path):
    from huggingface_hub import constants

    before = (constants.ENDPOINT, os.environ["HF_ENDPOINT"])
    with pytest.raises(RuntimeError), two[0].activate(home=tmp_path / "home"):
        raise RuntimeError
    assert (constants.ENDPOINT, os.environ["HF_ENDPOINT"]) == before


def test_caches_are_the_hubs_own_unless_told_otherwise(two):
    one, other = two
    for hub in two:
        with hub.activate():
            assert which() == ("one" if hub is one else "two")
            assert str(hub.root) in os.environ["HF_HOME"]
    assert list((one.root / "client" / "hub").glob("models--*"))
    assert other.environ()["HF_HUB_CACHE"] == str(other.root / "client" / "hub")


def test_default_clients_follow(two, tmp_path):
    from huggingface_hub import HfApi, HfFileSystem, hf_hub_url, list_repo_files, model_info

    with two[1].activate(home=tmp_path / "home"):
        assert HfApi().endpoint == two[1].endpoint
        # The module-level functions belong to a client that was made at import.
        assert model_info(REPO).sha == two[1].head(REPO)
        assert list_repo_files(REPO) == [".gitattributes", "which.txt"]
        assert hf_hub_url(REPO, "x").startswith(two[1].endpoint)
        assert HfFileSystem().read_bytes(f"{REPO}/which.txt") == b"two"
    with two[0].activate(home=tmp_path / "home-b"):
        assert HfFileSystem().read_bytes(f"{REPO}/which.txt") == b"one"


def test_offline_inside_the_block_only(two, tmp_path):
    from huggingface_hub import is_offline_mode
    from huggingface_hub.errors import LocalEntryNotFoundError

    with two[0].activate(home=tmp_path / "home"):
        assert which() == "one"
        with two[0].activate(home=tmp_path / "home", offline=True):
            assert is_offline_mode()
            two[0].requests.clear()
            assert which() == "one"
            with pytest.raises(LocalEntryNotFoundError):
                which(revision="other")
            assert len(two[0].requests) == 0
        assert not is_offline_mode()


def test_library_first_imported_inside_the_block_is_put_right_afterwards(tmp_path):
    code = """
import sys
from ftlineage.testing.hub import LocalHub
with LocalHub() as hub:
    with hub.activate(home=sys.argv[1]):
        import huggingface_hub.constants as constants
        assert constants.ENDPOINT == hub.endpoint
print(constants.ENDPOINT, constants.HF_HUB_CACHE, constants.HF_HUB_DISABLE_XET)
"""
    environ = {"PATH": os.environ["PATH"], "HOME": "/home/ann", "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == ("https://huggingface.co /home/ann/.cache/huggingface/hub False\n")


def test_constants_are_those_the_libraries_would_compute():
    """A new constant or another rule in a new release of the client shows here."""
    code = """
import os, sys
from ftlineage.testing import _client
import huggingface_hub.hf_api, huggingface_hub.utils._cache_manager, datasets.config
for place, value in _client._constants(os.environ).items():
    if _client._owner(place) is not None:
        assert getattr(_client._owner(place), place[1]) == value, (place, value)
"""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": "/home/ann",
        "PYTHONPATH": str(Path.cwd()),
        "HF_ENDPOINT": "http://127.0.0.1:9",
    }
    for more in (
        {"XDG_CACHE_HOME": "/x"},
        _client.environ("http://127.0.0.1:8", "t", home="/srv/h", offline=True, xet=False),
    ):
        subprocess.run([sys.executable, "-c", code], env={**environ, **more}, check=True, capture_output=True)


def test_fixture_module_serves_users_tests(pytester):
    pytester.makeconftest('pytest_plugins = ["ftlineage.testing.fixtures"]')
    pytester.makepyfile(
        """
        def test_load(local_hub, tmp_path):
            from huggingface_hub import constants, hf_hub_download
            local_hub.commit("me/model", {"config.json": b"{}"})
            path = hf_hub_download("me/model", "config.json")
            assert path.startswith(str(tmp_path))
            assert constants.ENDPOINT == local_hub.endpoint

        def test_next_is_empty(local_hub):
            from huggingface_hub import HfApi
            assert not HfApi().repo_exists("me/model")
        """
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


@pytest.mark.heavy
# transformers 5.23 reads, inside peft, a property that it has renamed itself.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_models_datasets_and_adapters_follow(two, tmp_path):
    from datasets import load_dataset
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

    from ftlineage.testing.tiny import build_tiny_causal

    folder = build_tiny_causal(tmp_path / "tiny")
    for index, hub in enumerate(two):
        sha = hub.upload_folder("acme/base", folder)
        rows = "".join(f'{{"text": "row {index}-{number}"}}\n' for number in range(3))
        hub.commit("acme/rows", {"train.jsonl": rows, "README.md": "# rows\n"}, repo_type="dataset")
        with hub.activate(home=tmp_path / f"home-{index}"):
            hub.requests.clear()
            model = AutoModelForCausalLM.from_pretrained("acme/base", revision=sha)
            tokenizer = AutoTokenizer.from_pretrained("acme/base", revision=sha)
            assert hub.requests.floating() == []
            AutoTokenizer.from_pretrained("acme/base")
            assert hub.requests.floating("acme/base") != []
            assert load_dataset("acme/rows", split="train")["text"][0] == f"row {index}-0"
            streamed = load_dataset("acme/rows", split="train", streaming=True)
            assert next(iter(streamed))["text"] == f"row {index}-0"
            adapter = get_peft_model(model, LoraConfig(target_modules=["q_proj"]), revision=sha)
            adapter.save_pretrained(tmp_path / f"adapter-{index}", save_embedding_layers=False)
            pushed = hub.upload_folder("acme/adapter", tmp_path / f"adapter-{index}")
            base = AutoModelForCausalLM.from_pretrained("acme/base", revision=sha)
            loaded = PeftModel.from_pretrained(base, "acme/adapter", revision=pushed)
            assert loaded.peft_config["default"].revision == sha
            made = pipeline("text-generation", model="acme/base", revision=sha, tokenizer=tokenizer)
            assert made("Hello", max_new_tokens=2, do_sample=False)[0]["generated_text"].startswith("Hello")
            home = str(tmp_path / f"home-{index}")
            assert all(
                file["filename"].startswith(home) for file in load_dataset("acme/rows", split="train").cache_files
            )


@pytest.mark.heavy
def test_remote_code_follows_and_is_forgotten(two, tmp_path):
    from transformers import AutoConfig

    for index, hub in enumerate(two):
        code = f"from transformers import PretrainedConfig\nclass C(PretrainedConfig):\n    model_type = 'c{index}'\n"
        config = f'{{"model_type": "c{index}", "auto_map": {{"AutoConfig": "configuration_c.C"}}}}'
        hub.commit("acme/code", {"configuration_c.py": code, "config.json": config})
        with hub.activate(home=tmp_path / f"home-{index}"):
            loaded = AutoConfig.from_pretrained("acme/code", trust_remote_code=True)
            assert loaded.model_type == f"c{index}"
            assert str(tmp_path / f"home-{index}") in str(sys.modules[type(loaded).__module__].__file__)
    assert not [name for name in sys.modules if name.startswith("transformers_modules")]


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
def test_pushing_a_model_and_a_dataset(two, tmp_path):
    from datasets import Dataset, load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from ftlineage.testing.tiny import build_tiny_causal

    hub = two[0]
    folder = build_tiny_causal(tmp_path / "tiny")
    with hub.activate(home=tmp_path / "home"):
        AutoModelForCausalLM.from_pretrained(folder).push_to_hub("acme/pushed")
        AutoTokenizer.from_pretrained(folder).push_to_hub("acme/pushed")
        assert hub.read("acme/pushed", "model.safetensors") == (folder / "model.safetensors").read_bytes()
        assert "tokenizer.json" in hub.files("acme/pushed")
        Dataset.from_dict({"x": [1, 2, 3]}).push_to_hub("acme/numbers")
        assert load_dataset("acme/numbers", split="train")["x"] == [1, 2, 3]

"""The card's base section: digests of the very files a load reads, whatever else is in the cache."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ftlineage.core import codec
from ftlineage.core.sections import Base, LoadedAs
from ftlineage.errors import BadInputError, DigestMismatchError, NotCachedError, UnsafePathError
from ftlineage.sources.base import ResolvedBase, observe_base, prepare_base, resolve_base
from ftlineage.sources.base_files import load_files
from ftlineage.sources.hub import download_snapshot

REPO = "acme/tiny"
WEIGHTS = bytes(range(256)) * 20
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": WEIGHTS,
    "tokenizer.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "README.md": b"# tiny\n",
    "pytorch_model.bin": b"\x80\x02",
}
READ = ["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"]


@pytest.fixture
def sha(hub):
    return hub.commit(REPO, FILES)


def download(base: ResolvedBase, patterns: list[str] | None = None) -> Path:
    assert base.commit is not None
    return download_snapshot(base.commit, allow_patterns=patterns)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_section_of_a_hub_model(hub, sha):
    base = resolve_base(REPO, "main")
    download(base)
    section = observe_base(base, loaded_as=LoadedAs(class_="LlamaForCausalLM"), code_revision=None)
    assert codec.builtins(section) == {
        "model": REPO,
        "requested": "main",
        "revision": sha,
        "origin": "hub",
        "files": [{"path": path, "size": len(FILES[path]), "sha256": digest(FILES[path])} for path in READ],
        "code_revision": None,
        "loaded_as": {"class": "LlamaForCausalLM", "dtype": None, "quantization": None, "attention": None},
        "evidence": "observed",
    }
    assert codec.convert(codec.builtins(section), Base) == section


def test_section_is_the_same_with_an_empty_and_a_full_cache(hub, sha, tmp_path):
    def observe(home, patterns):
        with hub.activate(home=tmp_path / home):
            base = resolve_base(REPO)
            download(base, patterns)
            return observe_base(base)

    assert observe("weights-only", ["model.safetensors"]) == observe("everything", None)


def test_weights_that_are_not_here_are_declared_not_downloaded(hub, sha):
    section = observe_base(resolve_base(REPO))
    assert section.evidence == "declared"
    assert [file.path for file in section.files] == READ
    assert section.files[2].sha256 == digest(WEIGHTS)
    assert hub.requests.matching("model.safetensors") == []
    assert hub.requests.matching("README") == []


def test_head_that_moves_after_resolving_changes_nothing(hub, sha):
    base = resolve_base(REPO)
    download(base)
    before = observe_base(base)
    hub.commit(REPO, {"config.json": b"{}", "model.safetensors": WEIGHTS[::-1], "chat_template.jinja": b"evil"})
    hub.requests.clear()
    assert observe_base(base) == before
    assert hub.requests.floating() == []


def test_t11_damaged_cache_is_an_error_and_never_a_section(hub, sha):
    base = resolve_base(REPO)
    folder = download(base)
    blob = (folder / "tokenizer.json").resolve()
    blob.write_bytes(b"[]")
    with pytest.raises(DigestMismatchError, match=r"^tokenizer\.json is not what it should be"):
        observe_base(base)


def test_planted_file_that_a_load_would_read_is_refused(hub, sha):
    base = resolve_base(REPO)
    folder = download(base)
    (folder / "notes.md").write_text("mine")
    assert observe_base(base).evidence == "observed"
    (folder / "added_tokens.json").write_text("{}")
    with pytest.raises(UnsafePathError, match=r"'added_tokens\.json' is refused: it lies in the cached snapshot"):
        observe_base(base)


def test_offline_the_cached_files_are_observed(hub, sha):
    download(resolve_base(REPO), ["config.json", "model.safetensors"])
    with hub.activate(offline=True):
        section = observe_base(resolve_base(REPO, sha))
    assert [file.path for file in section.files] == ["config.json", "model.safetensors"]
    assert (section.revision, section.evidence) == (sha, "observed")


def test_going_offline_between_resolving_and_observing(hub, sha):
    base = resolve_base(REPO)
    with hub.activate(offline=True), pytest.raises(NotCachedError, match=r"chat_template\.jinja at"):
        observe_base(base)


def test_prepared_base_is_observed_without_the_hub(hub, sha):
    base = resolve_base(REPO)
    download(base, ["model.safetensors"])
    prepare_base(base)
    hub.stop()
    section = observe_base(base)
    assert ([file.path for file in section.files], section.evidence) == (READ, "observed")


def test_prepared_base_offline_needs_only_what_is_cached(hub, sha):
    from huggingface_hub import snapshot_download

    snapshot_download(REPO, allow_patterns=["config.json", "model.safetensors"])
    with hub.activate(offline=True):
        base = resolve_base(REPO, sha)
        assert base.commit is not None
        assert "tokenizer.json" in [file.path for file in base.commit.files]
        prepare_base(base)
        assert [file.path for file in observe_base(base).files] == ["config.json", "model.safetensors"]


# --- local folders -----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "my-base"
    for path, data in {
        **FILES,
        ".git/config": b"secret",
        ".cache/huggingface/x.json": b"{}",
        "checkpoint-10/model.safetensors": b"old",
        "training_args.bin": b"\x80",
        "additional_chat_templates/rag.jinja": b"{{ x }}",
        "modeling_my.py": b"x = 1\n",
    }.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def test_section_of_a_local_folder_names_no_place(folder):
    section = observe_base(resolve_base(folder))
    assert (section.model, section.origin, section.revision, section.requested) == ("my-base", "local", None, None)
    assert [file.path for file in section.files] == [
        "additional_chat_templates/rag.jinja",
        "chat_template.jinja",
        "config.json",
        "model.safetensors",
        "modeling_my.py",
        "tokenizer.json",
    ]
    assert str(folder.parent) not in codec.compact_text(codec.builtins(section))


def test_one_byte_of_a_local_base_changes_one_digest(folder):
    before = observe_base(resolve_base(folder))
    (folder / "tokenizer.json").write_bytes(b"{ }")
    after = observe_base(resolve_base(folder))
    changed = [old.path for old, new in zip(before.files, after.files, strict=True) if old != new]
    assert changed == ["tokenizer.json"]


def test_local_folder_without_weights_is_no_base(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text("{}")
    with pytest.raises(BadInputError, match=r"^empty: holds no model weights"):
        observe_base(resolve_base(tmp_path / "empty"))


def test_link_that_leaves_a_local_base_is_refused(folder, tmp_path):
    (tmp_path / "elsewhere.json").write_text("{}")
    (folder / "added_tokens.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(UnsafePathError):
        observe_base(resolve_base(folder))


# --- which files -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("present", "read"),
    [
        (["model.safetensors", "pytorch_model.bin", "consolidated.safetensors"], ["model.safetensors"]),
        (
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"],
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"],
        ),
        (
            ["model.safetensors", "model-00001-of-00002.safetensors", "model.safetensors.index.json"],
            ["model.safetensors"],
        ),
        (["model.safetensors.index.json", "pytorch_model.bin"], ["pytorch_model.bin"]),
        (["pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json"],) * 2,
        (["weights.gguf", "odd.safetensors"], ["odd.safetensors", "weights.gguf"]),
        (
            ["model.safetensors", "adapter_model.safetensors", "adapter_config.json"],
            ["adapter_config.json", "adapter_model.safetensors", "model.safetensors"],
        ),
        (["vocab.txt", "merges.txt", "LICENSE.txt", "requirements.txt"], ["merges.txt", "vocab.txt"]),
        (["tokenizer.model", "spiece.model", "tekken.json"], ["spiece.model", "tekken.json", "tokenizer.model"]),
        (["README.md", ".gitattributes", "training_args.bin", "trainer_state.json", "figures/a.png"], []),
        (["onnx/model.onnx", "onnx/config.json", "code/modeling.py"], ["code/modeling.py"]),
    ],
)
def test_files_a_load_reads(present, read):
    assert load_files(present) == read
    assert load_files(reversed(present)) == read


@pytest.mark.heavy
def test_rule_names_every_file_that_transformers_opens(hub, tmp_path):
    """The rule is compared with what the library asks a Hub for."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from ftlineage.testing.tiny import build_tiny_causal

    folder = build_tiny_causal(tmp_path / "tiny")
    (folder / "README.md").write_text("# tiny\n")
    sha = hub.upload_folder(REPO, folder)
    base = resolve_base(REPO)
    AutoModelForCausalLM.from_pretrained(REPO, revision=sha)
    AutoTokenizer.from_pretrained(REPO, revision=sha)
    opened = {
        request.path.rpartition(f"/resolve/{sha}/")[2]
        for request in hub.requests.matching(f"/resolve/{sha}/", method="GET")
        if request.status == 200
    }
    hub.requests.clear()
    section = observe_base(base)
    assert {file.path for file in section.files} == opened
    assert section.evidence == "observed"
    assert len(hub.requests) == 0
    assert json.loads((base.folder / "config.json").read_bytes())["model_type"] == "llama"

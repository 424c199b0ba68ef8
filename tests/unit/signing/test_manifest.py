from __future__ import annotations

import os

import pytest

from ftlineage.core.digest import sha256_hex
from ftlineage.errors import UnsafePathError
from ftlineage.signing.manifest import beside_version, record_signed
from tests import sealed

LEFT_OUT = (
    "model.sig", "claims.jsonl", "README.md", ".gitattributes", ".gitignore", ".git/config", ".github/x.yml",
    ".cache/huggingface/download/x.metadata",
)  # fmt: skip
COVERED = (
    "training_args.bin", "checkpoint-5/optimizer.pt", ".cache/other", ".hidden", "sub/README.md", "sub/.gitignore",
    "runs/events.out.tfevents.1",
)  # fmt: skip


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_every_file_but_a_short_list(tmp_path):
    folder = sealed.sealed(tmp_path / "bot")
    recorded = [file.path for file in record_signed(folder)]
    write(folder, *LEFT_OUT, *COVERED)

    files = record_signed(folder)

    assert recorded == [
        "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "lineage.json", "tokenizer.json",
    ]  # fmt: skip
    assert [file.path for file in files] == sorted([*recorded, *COVERED])
    assert {file.path: file.sha256 for file in files}[".hidden"] == sha256_hex(b".hidden")


def test_what_is_no_part_of_the_version_is_named(tmp_path):
    folder = sealed.sealed(tmp_path / "bot")
    assert beside_version(record_signed(folder)) == []
    write(folder, *COVERED)

    # A README deeper down and whatever else a loader might open belong to the version.
    assert beside_version(record_signed(folder)) == sorted(set(COVERED) - {"sub/README.md"})


@pytest.mark.parametrize("target", ["tokenizer.json", ".", "nowhere", "/etc/hostname"])
def test_links_are_refused(tmp_path, target):
    folder = sealed.sealed(tmp_path / "bot")
    (folder / "link").symlink_to(target)

    with pytest.raises((UnsafePathError, Exception)) as caught:
        record_signed(folder)
    assert getattr(caught.value, "path", None) == "link"


def test_pipes_are_refused_without_waiting(tmp_path):
    folder = sealed.sealed(tmp_path / "bot")
    os.mkfifo(folder / "pipe")

    with pytest.raises(UnsafePathError) as caught:
        record_signed(folder)
    assert caught.value.path == "pipe"

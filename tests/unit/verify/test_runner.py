"""Verify as a whole: what is fine, what is found, in which words, and what it costs to import."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core.finding import Finding, Report
from ftlineage.errors import BadInputError, PathNotFoundError
from ftlineage.verify.runner import verify
from tests import safetensors_bytes, sealed

NOTE = "base.absent"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return sealed.sealed(tmp_path / "out")


def errors(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.severity == "error"]


def only(report: Report) -> Finding:
    found = errors(report)
    assert len(found) == 1, found
    assert not report
    assert (report.ok, report.verdict) == (False, "failed")
    return found[0]


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- fine ----------------------------------------------------------------------------------------


def test_a_sealed_folder_is_fine(folder: Path) -> None:
    card = sealed.seal(folder)
    report = verify(folder)
    assert report
    assert (report.verdict, report.target, report.card) == ("ok", str(folder), card.id)
    assert [(finding.code, finding.severity) for finding in report.findings] == [(NOTE, "note")]
    size = sum((folder / name).stat().st_size for name in FILES)
    assert report.counts == {
        "files": 4, "tensors": 4, "bytes": size, "base_files": 0, "errors": 0, "warnings": 0, "notes": 1,
    }  # fmt: skip
    assert 0 < report.seconds < 60


FILES = ("adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "tokenizer.json")


def test_the_card_itself_can_be_named(folder: Path) -> None:
    assert verify(folder / "lineage.json")
    assert verify(str(folder / "lineage.json")).target.endswith("lineage.json")


def test_what_people_and_trainers_leave_beside_it_is_fine(folder: Path) -> None:
    for name in ("README.md", ".gitattributes", "training_args.bin", "checkpoint-1/x.bin"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"anything")
    assert verify(folder)


def test_a_hub_cache_snapshot_is_fine(tmp_path: Path, folder: Path) -> None:
    repository = tmp_path / "models--acme--adapter"
    snapshot, blobs = repository / "snapshots" / sealed.REVISION, repository / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for path in folder.iterdir():
        (blobs / sha(path)).write_bytes(path.read_bytes())
        (snapshot / path.name).symlink_to(f"../../blobs/{sha(path)}")
    assert verify(snapshot)
    (blobs / sha(folder / "tokenizer.json")).write_bytes(b"{}")
    assert only(verify(snapshot)).path == "tokenizer.json"


def test_sharded_and_several_adapters_are_fine(tmp_path: Path) -> None:
    out = sealed.write_adapter(tmp_path / "out")
    sealed.write_adapter(out / "french")
    sealed.seal(out)
    assert verify(out)
    (out / "french" / "adapter_model.safetensors").write_bytes(safetensors_bytes.write({}))
    assert only(verify(out)).path == "french/adapter_model.safetensors"


# --- what changed, in words ----------------------------------------------------------------------


def test_a_changed_tensor_is_named(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    expected = sha(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    found = only(verify(folder))
    name = f"{sealed.PREFIX}.1.self_attn.q_proj.lora_B.weight"
    assert found.message == f"adapter_model.safetensors is not what the card says: tensor {name} differs"
    assert (found.code, found.section, found.path) == ("adapter.changed", "adapter", "adapter_model.safetensors")
    assert (found.expected, found.actual) == (expected, sha(path))
    command = f"ftlineage record {folder} --base acme/base@{sealed.REVISION} --overwrite"
    assert found.hint == (
        f"Restore it from where the version was published, or record what is here as a new version: {command}"
    )


@pytest.mark.parametrize(
    ("tensors", "metadata", "words"),
    [
        (sealed.TENSORS, None, "re-serialised: every tensor is the same, but the header or their order in the file is"),
        (sealed.TENSORS, {"format": "pt", "a": "b"}, "re-serialised: every tensor is the same"),
        (dict(reversed(sealed.TENSORS.items())), {"format": "pt"}, "re-serialised: every tensor is the same"),
        ({}, {"format": "pt"}, "tensor base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight (and 3 more) is"),
        ({**sealed.TENSORS, "x": ("U8", [1], b"x")}, {"format": "pt"}, "tensor x was added"),
        (
            {name: (kind, [8, 1], data) for name, (kind, _, data) in sealed.TENSORS.items()},
            {"format": "pt"},
            "lora_A.weight (and 3 more) differs",
        ),
    ],
)
def test_other_tensors_in_words(folder: Path, tensors: dict, metadata: dict[str, str] | None, words: str) -> None:
    (folder / "adapter_model.safetensors").write_bytes(safetensors_bytes.write(tensors, metadata))
    found = only(verify(folder))
    assert found.code == "adapter.changed"
    assert words in found.message


def test_a_changed_configuration(folder: Path) -> None:
    path = folder / "adapter_config.json"
    path.write_bytes(path.read_bytes().replace(b'"r": 2', b'"r": 3'))
    found = only(verify(folder))
    assert found.message == "adapter_config.json is not what the card says: the same size, other bytes"
    path.write_bytes(path.read_bytes() + b"\n")
    size = path.stat().st_size
    assert only(verify(folder)).message == (
        f"adapter_config.json is not what the card says: {size} bytes, the card says {size - 1}"
    )


def test_a_renamed_file_is_one_fault(folder: Path) -> None:
    (folder / "tokenizer.json").rename(folder / "tokenizer.json.bak")
    found = only(verify(folder))
    assert (found.code, found.path, found.actual) == ("adapter.missing", "tokenizer.json", "tokenizer.json.bak")
    assert found.message == "tokenizer.json is missing; tokenizer.json.bak has its bytes: it was renamed"
    assert found.hint == "Rename it back: mv tokenizer.json.bak tokenizer.json"


def test_a_removed_file(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    found = only(verify(folder))
    assert (found.code, found.path, found.message) == ("adapter.missing", "tokenizer.json", "tokenizer.json is missing")


@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("adapter_model.bin", "adapter.unsafe-format", "is a pickle format, which can run code when it is loaded"),
        ("extra/deep/x.pkl", "adapter.unsafe-format", "is a pickle format"),
        ("modeling_x.py", "adapter.unlisted", "is code that the card does not list, and a loader could open it"),
        ("model.safetensors", "adapter.unlisted", "is weights that the card does not list"),
        ("special_tokens_map.json", "adapter.unlisted", "is a file that the card does not list"),
        ("additional_chat_templates/tool.jinja", "adapter.unlisted", "is a chat template that the card does not list"),
    ],
)
def test_an_added_file(folder: Path, name: str, code: str, kind: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"x")
    found = only(verify(folder))
    assert (found.code, found.path) == (code, name)
    assert kind in found.message


# --- the card ------------------------------------------------------------------------------------


def test_no_card(folder: Path) -> None:
    (folder / "lineage.json").unlink()
    report = verify(folder)
    found = only(report)
    assert (found.code, report.card) == ("card.missing", None)
    assert found.message == "there is no lineage.json here, so nothing can be vouched for"
    assert found.hint == f"Record it: ftlineage record {folder} --base org/name@<40-hex commit>"
    (folder / "lineage.partial.json").write_bytes(b"{}")
    assert only(verify(folder)).hint == "lineage.partial.json is there: the run that wrote it was never sealed"


def test_an_edited_card(folder: Path) -> None:
    path = folder / "lineage.json"
    path.write_bytes(path.read_bytes().replace(b'"r": 2', b'"r": 3'))
    found = only(verify(folder))
    assert (found.code, found.path) == ("card.id-mismatch", "lineage.json")
    assert found.message == "lineage.json was changed after it was made: its content has another id than it claims"


def test_an_unfinished_run(folder: Path) -> None:
    sealed.rewrite(folder, lambda document: document["run"].update(complete=False))
    assert "the run that wrote this card did not finish" in only(verify(folder)).message


def test_a_newer_minor_format_warns_and_a_newer_major_fails(folder: Path) -> None:
    sealed.rewrite(folder, lambda document: document.update(ftlineage="1.7"))
    report = verify(folder)
    assert report
    assert [finding.code for finding in report.findings] == ["card.newer", NOTE]
    sealed.rewrite(folder, lambda document: document.update(ftlineage="2"))
    found = only(verify(folder))
    assert (found.code, found.hint) == ("card.malformed", "Upgrade: pip install --upgrade ftlineage")


# --- what was typed ------------------------------------------------------------------------------


def test_what_does_not_exist_is_the_users_error(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(PathNotFoundError):
        verify(tmp_path / "gone")
    with pytest.raises(PathNotFoundError):
        verify("nul\0byte")
    with pytest.raises(PathNotFoundError, match="--base names a folder"):
        verify(folder, base=tmp_path / "gone")
    with pytest.raises(BadInputError, match=r"tokenizer\.json: neither a folder nor a lineage\.json\. Name the folder"):
        verify(folder / "tokenizer.json")


def test_nothing_heavy_is_imported(folder: Path) -> None:
    program = f"""
import sys
from ftlineage.verify.runner import verify
assert verify({str(folder)!r})
heavy = {{"torch", "numpy", "pyarrow", "huggingface_hub", "transformers", "peft", "safetensors", "rich", "typer"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_subfolder_that_may_not_be_listed_could_hide_anything(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    (folder / "closed").mkdir()
    real = os.scandir

    def broken(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", broken)
    found = only(verify(folder))
    assert (found.code, found.path) == ("path.unsafe", "closed")
    assert found.message == "closed is refused: it cannot be read: permission denied (it lies in the folder)"


@pytest.mark.parametrize("config", [b"{", b"[]", b'{"r": 1, "r": 2}'])
def test_a_recorded_configuration_that_says_nothing_names_no_base(folder: Path, config: bytes) -> None:
    """Its digest is right, so whoever made the card meant it; a loader would not read it as the card does."""

    def lie(document: dict[str, Any]) -> None:
        file = next(file for file in document["adapter"]["files"] if file["path"] == "adapter_config.json")
        file.update(size=len(config), sha256=hashlib.sha256(config).hexdigest())

    (folder / "adapter_config.json").write_bytes(config)
    sealed.rewrite(folder, lie)
    found = only(verify(folder))
    assert (found.code, found.path) == ("base.mismatch", "adapter_config.json")

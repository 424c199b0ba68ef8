"""Verification of what the Hub's own client downloaded: cache snapshots, local folders, and the base beside them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ftlineage.sources.adapter import write_adapter_config
from ftlineage.sources.base import observe_base, resolve_base
from ftlineage.testing.hub import LocalHub
from ftlineage.verify.runner import verify
from tests import sealed


@pytest.fixture(autouse=True)
def _own_receipts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTLINEAGE_CACHE", str(tmp_path / "receipts"))


@pytest.fixture
def published(tmp_path: Path, hub: LocalHub) -> Path:
    """A base on the hub, downloaded, and a sealed adapter of it, published as acme/adapter."""
    from huggingface_hub import snapshot_download

    hub.create_repo("acme/base")
    hub.upload_folder("acme/base", sealed.write_base(tmp_path / "base"))
    resolved = resolve_base("acme/base", "main")
    snapshot_download("acme/base", revision=resolved.revision)
    base = observe_base(resolved)
    out = sealed.write_adapter(tmp_path / "out")
    assert base.revision is not None
    write_adapter_config(out, base_model="acme/base", revision=base.revision)
    sealed.seal(out, base=base)
    (out / "README.md").write_text("# Support bot\n")
    hub.create_repo("acme/adapter")
    hub.upload_folder("acme/adapter", out)
    return out


def download(**options: str) -> Path:
    from huggingface_hub import snapshot_download

    return Path(snapshot_download("acme/adapter", **options))


@pytest.mark.usefixtures("published")
def test_a_snapshot_in_the_cache_is_fine_and_a_corrupted_blob_is_not() -> None:
    snapshot = download()
    assert (snapshot / "adapter_model.safetensors").is_symlink()
    report = verify(snapshot)
    assert report
    assert report.findings == ()
    assert report.counts["base_files"] == 2
    blob = (snapshot / "chat_template.jinja").resolve()
    blob.chmod(0o644)
    blob.write_bytes(b"{{ other }}\n")
    assert [(finding.code, finding.path) for finding in verify(snapshot).findings] == [
        ("preprocessing.changed", "chat_template.jinja")
    ]


@pytest.mark.usefixtures("published")
def test_a_download_into_a_folder_is_fine(tmp_path: Path) -> None:
    folder = download(local_dir=str(tmp_path / "downloaded"))
    assert (folder / ".cache" / "huggingface").is_dir()
    assert verify(folder).findings == ()


def test_t11_a_corrupted_base_in_the_cache_is_seen(published: Path) -> None:
    from huggingface_hub import hf_hub_download

    assert verify(published).findings == ()
    path = Path(hf_hub_download("acme/base", "model.safetensors"))
    blob = path.resolve()
    blob.chmod(0o644)
    blob.write_bytes(b"Base weights")
    report = verify(published)
    assert [(finding.code, finding.path) for finding in report.findings] == [("base.changed", "model.safetensors")]
    # The library hands it out without a word.
    assert Path(hf_hub_download("acme/base", "model.safetensors")).read_bytes() == b"Base weights"


def test_the_base_moving_on_the_hub_changes_nothing_for_a_pinned_adapter(published: Path, hub: LocalHub) -> None:
    hub.commit("acme/base", {"model.safetensors": b"other weights"}, message="move")
    assert verify(published).findings == ()


def test_an_adapter_claiming_the_moved_base_is_refused(published: Path, hub: LocalHub) -> None:
    moved = hub.commit("acme/base", {"model.safetensors": b"other weights"}, message="move")
    base = observe_base(resolve_base("acme/base", str(moved)))
    sealed.seal(published, base=msgspec.structs.replace(base))
    found = [finding for finding in verify(published).findings if finding.severity == "error"]
    assert [(finding.code, finding.path) for finding in found] == [("base.mismatch", "adapter_config.json")]

"""Verify and the base: pinned, claimed alike by card and adapter, and compared by digest where it can be seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ftlineage.core.finding import Finding, Report
from ftlineage.core.sections import Base, FileRecord
from ftlineage.verify.runner import verify
from tests import safetensors_bytes, sealed

NOTE = "base.absent"


def only(report: Report) -> Finding:
    found = [finding for finding in report.findings if finding.severity == "error"]
    assert len(found) == 1, found
    assert not report
    return found[0]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return sealed.write_base(tmp_path / "base")


def pinned(base: Path, **changes: Any) -> Base:
    section = Base(model=sealed.MODEL, revision=sealed.REVISION, origin="hub", files=sealed.base_records(base))
    return msgspec.structs.replace(section, **changes)


def test_the_base_that_is_named_is_compared(tmp_path: Path, base: Path) -> None:
    out = sealed.sealed(tmp_path / "out", base=pinned(base))
    report = verify(out, base=base)
    assert report
    assert report.findings == ()
    assert report.counts["base_files"] == 2  # the README does not matter
    (base / "README.md").unlink()
    assert verify(out, base=base)
    (base / "model.safetensors").write_bytes(b"Base weights")
    found = only(verify(out, base=base))
    assert (found.code, found.path) == ("base.changed", "model.safetensors")
    assert found.message == (f"model.safetensors of the base in {base} is not the one the adapter was trained on")
    assert found.hint == f"Use the base at its commit: hf download acme/base --revision {sealed.REVISION}"
    (base / "config.json").unlink()
    assert only(verify(out, base=base)).message == (f"config.json of the base in {base} is missing (and 1 other file)")


def test_the_base_in_the_hub_cache_is_compared(tmp_path: Path, base: Path) -> None:
    out = sealed.sealed(tmp_path / "out", base=pinned(base))
    snapshot = tmp_path / "hub" / "models--acme--base" / "snapshots" / sealed.REVISION
    snapshot.mkdir(parents=True)
    assert [finding.code for finding in verify(out).findings] == [NOTE]  # an empty snapshot proves nothing
    (snapshot / "config.json").write_bytes((base / "config.json").read_bytes())
    report = verify(out)
    assert report
    assert [finding.message for finding in report.findings] == [
        f"1 of 2 files of the base acme/base@{sealed.REVISION} are not in the Hub cache and were not compared"
    ]
    (snapshot / "model.safetensors").write_bytes(b"x")
    found = only(verify(out))
    assert (found.code, found.path, found.actual) == ("base.changed", "model.safetensors", None)
    assert "of the base in the Hub cache is not the one" in found.message


def test_a_card_without_the_bases_files(tmp_path: Path) -> None:
    assert [finding.message for finding in verify(sealed.sealed(tmp_path / "out")).findings] == [
        f"the card lists no files of the base acme/base@{sealed.REVISION}, so its bytes were not compared"
    ]


def test_t11_a_corrupted_base_is_seen_even_when_size_and_times_are_kept(tmp_path: Path, base: Path) -> None:
    import os

    out = sealed.sealed(tmp_path / "out", base=pinned(base))
    assert verify(out, base=base)
    path = base / "model.safetensors"
    before = path.stat()
    path.write_bytes(b"Base weights")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not verify(out, base=base)
    assert not verify(out, base=base, full_base=True)


def test_receipts_save_the_second_reading_and_full_base_forces_it(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    from ftlineage.hashing import files

    read: list[str] = []
    real_hash, real_time = files.hash_range, time.time_ns

    def counting(file: files.OpenFile, start: int, stop: int, **options: Any) -> str:
        read.append(file.shown)
        return real_hash(file, start, stop, **options)

    monkeypatch.setattr(files, "hash_range", counting)
    monkeypatch.setattr(time, "time_ns", lambda: real_time() + 10_000_000_000)  # not touched just now
    out = sealed.sealed(tmp_path / "out", base=pinned(base))
    counts = []
    for full in (False, False, True):
        read.clear()
        assert verify(out, base=base, full_base=full)
        counts.append(read.count("model.safetensors"))
    assert counts == [1, 0, 1]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (None, "the card does not say which base the adapter belongs to"),
        (
            Base(model="acme/base", origin="hub"),
            "the card does not say which commit of acme/base the adapter belongs to",
        ),
        (Base(model="base", origin="local"), "the card names the local base base without any digest"),
    ],
)
def test_an_unpinned_base(tmp_path: Path, section: Base | None, message: str) -> None:
    found = only(verify(sealed.sealed(tmp_path / "out", base=section)))
    assert (found.code, found.path, found.message) == ("base.unpinned", "lineage.json", message)


def test_an_unpinned_base_of_a_full_model_is_only_a_warning(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "config.json").write_bytes(b"{}")
    (out / "model.safetensors").write_bytes(safetensors_bytes.write(sealed.TENSORS))
    sealed.seal(out, base=None)
    report = verify(out)
    assert report
    assert [(finding.code, finding.severity) for finding in report.findings] == [("base.unpinned", "warning")]


def test_a_local_base(tmp_path: Path, base: Path) -> None:
    section = Base(model="base", origin="local", files=sealed.base_records(base))
    out = sealed.sealed(tmp_path / "out", base=section)
    assert [finding.message for finding in verify(out).findings] == [
        "the base base was a local folder, so its bytes were not compared"
    ]
    assert verify(out, base=base).findings == ()
    (base / "config.json").write_bytes(b"{}")
    found = only(verify(out, base=base))
    assert (found.code, found.path) == ("base.changed", "config.json")
    assert found.hint == "Use the base that the adapter was trained on, or train the adapter again on this one"


@pytest.mark.parametrize(
    ("config", "code", "words"),
    [
        ({"revision": None}, "base.unpinned", "names no revision, so loaders take whatever the base is by then"),
        ({"revision": "main"}, "base.mismatch", "names the base acme/base@main"),
        ({"revision": "f" * 40}, "base.mismatch", f"names the base acme/base@{'f' * 40}"),
        ({"base_model_name_or_path": "evil/base"}, "base.mismatch", f"names the base evil/base@{sealed.REVISION}"),
        ({"base_model_name_or_path": None}, "base.mismatch", f"names the base (none)@{sealed.REVISION}"),
    ],
)
def test_t04_the_adapters_own_claim_must_agree(tmp_path: Path, config: dict[str, Any], code: str, words: str) -> None:
    out = sealed.write_adapter(tmp_path / "out", {**sealed.CONFIG, **config})
    sealed.seal(out)
    found = only(verify(out))
    assert (found.code, found.path) == (code, "adapter_config.json")
    assert found.message == f"adapter_config.json {words}; the card says acme/base@{sealed.REVISION}"


def test_an_initialisation_that_changed_the_base_is_said(tmp_path: Path) -> None:
    out = sealed.write_adapter(tmp_path / "out", {**sealed.CONFIG, "init_lora_weights": "pissa"})
    sealed.seal(out)
    report = verify(out)
    assert report
    assert report.findings[0].code == "adapter.init"
    assert report.findings[0].message == (
        "adapter_config.json: the initialisation pissa changed the base's own weights; an engine that does not repeat "
        "it serves another model"
    )


def test_a_base_whose_listed_path_leaves_its_folder_is_never_read(tmp_path: Path, base: Path) -> None:
    record = FileRecord(path="../secret", size=1, sha256="0" * 64)
    found = only(verify(sealed.sealed(tmp_path / "out", base=pinned(base, files=[record])), base=base))
    assert (found.code, found.path) == ("path.unsafe", "../secret")

"""Loading where the Hub has the base, or the version itself: downloaded at its commit, compared, never asked twice."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ftlineage
from ftlineage.core.card import Card
from ftlineage.errors import (
    BadArgumentError,
    ChangedMeanwhileError,
    DigestMismatchError,
    NotCachedError,
    UnsafePathError,
    VerificationFailedError,
)
from ftlineage.sources.hub_cache import snapshot_folder
from ftlineage.testing.hub import LocalHub
from ftlineage.verify.loading.base import fetch_base, find_base
from ftlineage.verify.policy import Policy
from tests.integration.recording import TRAINS, lora
from tests.integration.test_record_loads import custom
from tests.loading import logits, move

pytestmark = TRAINS


def record(out: Path, *, model: str = "acme/tiny", cls: Any = None, **options: Any) -> tuple[Card, Any]:
    """A recorded adapter whose every trained number was moved, and what it gives for one input."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with ftlineage.run("bot", out=out) as run:
        base = run.base(model)
        adapted = run.get_peft_model(base.load(cls or AutoModelForCausalLM, **{"dtype": "float32", **options}), lora())
        move(adapted)
        card = run.seal(adapted.eval(), processor=base.load(AutoTokenizer))
    return card, logits(adapted)


@pytest.fixture
def recorded(acme: LocalHub, tmp_path: Path) -> tuple[Path, Any]:
    return tmp_path / "out", record(tmp_path / "out")[1]


@pytest.fixture
def cold(acme: LocalHub, recorded: tuple[Path, Any], tmp_path: Path) -> Iterator[Path]:
    """A machine other than the one that recorded, which has downloaded nothing yet; its cache."""
    assert recorded[0].is_dir()
    with acme.activate(home=tmp_path / "cold"):
        acme.requests.clear()
        yield tmp_path / "cold"


def blob(card: Card, name: str) -> Path:
    base = card.body.base
    assert base is not None
    assert base.revision is not None
    return (snapshot_folder(base.model, base.revision) / name).resolve()


# --- the base ------------------------------------------------------------------------------------


def test_a_warm_load_asks_the_hub_nothing(acme: LocalHub, recorded: tuple[Path, Any]) -> None:
    import torch

    out, expected = recorded
    acme.requests.clear()
    version = ftlineage.load_verified(out)
    assert torch.equal(logits(version.model()), expected)
    assert version.processing()("My card is late.").input_ids
    assert list(acme.requests) == []


@pytest.mark.usefixtures("cold")
def test_a_cold_load_downloads_the_base_at_its_commit_and_compares_it(
    acme: LocalHub, recorded: tuple[Path, Any], other_causal: Path
) -> None:
    import torch

    out, expected = recorded
    acme.upload_folder("acme/tiny", other_causal)  # the vendor moves the head
    version = ftlineage.load_verified(out, policy=Policy(require=("card", "adapter", "base")))
    assert torch.equal(logits(version.model()), expected)
    assert version.report.counts["base_files"] == 6
    assert acme.requests.floating() == []


@pytest.mark.usefixtures("cold")
def test_a_base_that_is_nowhere_cannot_be_loaded_offline(
    acme: LocalHub, recorded: tuple[Path, Any], tmp_path: Path
) -> None:
    out, _ = recorded
    with acme.activate(home=tmp_path / "colder", offline=True), pytest.raises(NotCachedError):
        ftlineage.load(out)


def test_a_cached_base_is_loaded_offline(acme: LocalHub, recorded: tuple[Path, Any]) -> None:
    import torch

    out, expected = recorded
    with acme.activate(home=acme.root / "client", offline=True):
        assert torch.equal(logits(ftlineage.load(out)), expected)


def test_a_damaged_blob_is_refused(acme: LocalHub, tmp_path: Path) -> None:
    card, _ = record(tmp_path / "out")
    path = blob(card, "model.safetensors")
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    with pytest.raises(VerificationFailedError, match=r"model\.safetensors of the base in the Hub cache"):
        ftlineage.load(tmp_path / "out")


def test_a_blob_damaged_between_check_and_load_is_refused(acme: LocalHub, tmp_path: Path) -> None:
    card, _ = record(tmp_path / "out")
    version = ftlineage.load_verified(tmp_path / "out")
    path = blob(card, "config.json")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"silu", b"gelu"))
    assert version.processing()  # it was saved beside the adapter, and is held
    with pytest.raises(ChangedMeanwhileError, match=r"^config\.json of the base changed"):
        version.model()


def test_an_adapter_planted_in_the_snapshot_is_refused(recorded: tuple[Path, Any], acme: LocalHub) -> None:
    out, _ = recorded
    snapshot = snapshot_folder("acme/tiny", acme.head("acme/tiny"))
    (snapshot / "adapter_config.json").write_text('{"base_model_name_or_path": "evil/base"}')
    with pytest.raises(UnsafePathError, match=r"adapter_config\.json"):
        ftlineage.load(out)


def test_a_folder_that_shadows_the_base_is_refused(recorded: tuple[Path, Any]) -> None:
    out, _ = recorded
    Path("acme/tiny").mkdir(parents=True)
    with pytest.raises(BadArgumentError, match="there is a folder acme/tiny here"):
        ftlineage.load(out)


@pytest.mark.usefixtures("cold")
def test_a_card_that_lists_no_base_files_is_judged_by_the_commit(acme: LocalHub, recorded: tuple[Path, Any]) -> None:
    import msgspec

    out, _ = recorded
    section = ftlineage.load_card(out).body.base
    assert section is not None
    place = find_base(msgspec.structs.replace(section, files=[]), None)
    assert place is not None
    fetch_base(place)
    assert (place.folder / "model.safetensors").exists()
    path = (place.folder / "model.safetensors").resolve()
    path.chmod(0o644)
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(DigestMismatchError):
        fetch_base(place)


@pytest.mark.parametrize("code", ["acme/code", ""])
def test_code_of_the_base_runs_at_the_recorded_commit_and_only_if_allowed(
    code: str, acme: LocalHub, tiny_causal: Path, tmp_path: Path
) -> None:
    custom(acme, tiny_causal, code=code)
    _, expected = record(tmp_path / "out", model="acme/custom", trust_remote_code=True)
    changed = "raise RuntimeError('the new code ran')\n"
    acme.commit(code or "acme/custom", {"modeling_own.py": changed, "configuration_own.py": changed})
    import torch

    with acme.activate(home=tmp_path / "cold"):
        loaded = ftlineage.load(tmp_path / "out", trust_remote_code=True)
        assert type(loaded.get_base_model()).version == 1
        assert torch.equal(logits(loaded), expected)
        with pytest.raises(ValueError, match="trust_remote_code"):
            ftlineage.load(tmp_path / "out")


# --- the version ---------------------------------------------------------------------------------


def published(acme: LocalHub, out: Path) -> str:
    return acme.upload_folder("acme/bot", out)


@pytest.mark.usefixtures("cold")
def test_a_version_on_the_hub_is_downloaded_at_one_commit(acme: LocalHub, recorded: tuple[Path, Any]) -> None:
    import torch

    out, expected = recorded
    sha = published(acme, out)
    version = ftlineage.load_verified("hf://acme/bot")
    assert version.report.target == f"hf://acme/bot@{sha}"
    assert torch.equal(logits(version.model()), expected)
    assert version.processing().name_or_path == f"hf://acme/bot@{sha}"


@pytest.mark.usefixtures("cold")
def test_a_tampered_version_on_the_hub_is_refused_before_it_is_downloaded(
    acme: LocalHub, recorded: tuple[Path, Any]
) -> None:
    out, _ = recorded
    sha = published(acme, out)
    weights = bytearray(acme.read("acme/bot", "adapter_model.safetensors"))
    weights[-1] ^= 1
    acme.commit("acme/bot", {"adapter_model.safetensors": bytes(weights)})
    acme.requests.clear()
    with pytest.raises(VerificationFailedError, match=r"^hf://acme/bot@.* was not loaded: adapter_model\.safetensors"):
        ftlineage.load("hf://acme/bot")
    assert not [request for request in acme.requests if "/resolve/" in str(request) and "safetensors" in str(request)]
    assert ftlineage.load(f"hf://acme/bot@{sha}")


def test_a_version_on_the_hub_that_is_cached_is_loaded_offline(acme: LocalHub, recorded: tuple[Path, Any]) -> None:
    import torch

    out, expected = recorded
    sha = published(acme, out)
    ftlineage.load(f"hf://acme/bot@{sha}")
    with acme.activate(home=acme.root / "client", offline=True):
        assert torch.equal(logits(ftlineage.load(f"hf://acme/bot@{sha}")), expected)


# --- the page ------------------------------------------------------------------------------------


def test_the_examples_on_the_page_run(acme: LocalHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[2] / "docs" / "loading.md"
    examples = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert len(examples) == 3
    card, _ = record(Path("out/support-bot"))
    names: dict[str, Any] = {}
    for example in examples:
        exec(example, names)  # noqa: S102 - our own page
    told = capsys.readouterr().out
    assert told.startswith(f"{card.id} My card is late.")
    assert told.endswith("\nsignature.missing\n")

"""A version that an earlier release recorded verifies for ever, and its sources still have the digests they had."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ftlineage.core.card import CARD_NAME
from ftlineage.sources.adapter import observe_adapter
from ftlineage.sources.data import load_data
from ftlineage.sources.prompts import observe_prompt
from ftlineage.sources.retrieval import observe_retrieval
from ftlineage.store.cards import load_card
from ftlineage.verify.runner import verify

VERSION = Path(__file__).parent / "v1" / "support-bot"
SOURCES = VERSION.with_name("support-bot-sources")
FILES = sorted(path.name for path in VERSION.iterdir() if path.name != CARD_NAME)


@pytest.fixture(scope="module")
def body():
    return load_card(VERSION).body


def test_it_verifies():
    report = verify(VERSION)
    assert report.ok
    assert [finding.code for finding in report.findings if finding.severity != "note"] == []
    assert report.counts["files"] == len(FILES)


@pytest.mark.parametrize("name", [CARD_NAME, *FILES])
def test_a_changed_byte_is_still_found(tmp_path, name):
    folder = tmp_path / "version"
    shutil.copytree(VERSION, folder)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    report = verify(folder)
    assert report.verdict == "failed"
    assert [finding.path for finding in report.findings if finding.severity == "error"] == [name]


def test_the_adapter_is_observed_as_it_was(body):
    assert observe_adapter(VERSION) == body.adapter


def test_its_data_has_the_fingerprint_it_had(body):
    (recorded,) = body.data
    loaded = load_data(SOURCES / "tickets.jsonl", name="tickets").section
    assert (loaded.rows, loaded.schema, loaded.fingerprint) == (recorded.rows, recorded.schema, recorded.fingerprint)
    assert loaded.source.files == recorded.source.files


def test_its_prompt_and_index_have_the_digests_they_had(body):
    assert [observe_prompt("system", SOURCES / "system.jinja")] == body.prompts
    (recorded,) = body.retrieval
    index = observe_retrieval("kb", SOURCES / "kb", chunking=recorded.chunking)
    assert index == recorded

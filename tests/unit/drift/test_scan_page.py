"""docs/scan.md: every rule's example breaks that rule, and the settings shown are settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ftlineage.drift.compare import lock_view
from ftlineage.drift.lockfile import LOCK_NAME, read_lock
from ftlineage.drift.revision import RULES
from ftlineage.drift.scan import scan
from ftlineage.drift.settings import load_settings

PAGE = (Path(__file__).parents[3] / "docs" / "scan.md").read_text("utf-8")
_BLOCK = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write(section: str, folder: Path) -> None:
    blocks = _BLOCK.findall(section)
    assert blocks
    for name, text in blocks:
        (folder / name).write_text(text)


@pytest.mark.parametrize("rule", RULES)
def test_the_example_of_a_rule_breaks_it_and_no_other(rule, tmp_path):
    section = PAGE.split(f"\n### {rule}\n")[1].split("\n##")[0]
    write(section, tmp_path)
    lock = tmp_path / LOCK_NAME
    found = scan(["."], here=tmp_path, lock=lock_view(read_lock(lock)) if lock.exists() else None)
    rules = {one.rule for one in found.references} - {None}
    beside = {"FLOAT006": {"FLOAT001"}, "FLOAT008": {"FLOAT001"}}.get(rule, set())
    if rule == "FLOAT002":
        beside = {"FLOAT001"}  # the dataset of that file
    assert rules == {rule} | beside
    assert found.skipped == ()


def test_the_suppressions_shown_silence(tmp_path):
    write(PAGE.split("\n## Silencing a finding\n")[1].split("\n## ")[0], tmp_path)
    found = scan(["."], here=tmp_path)
    assert (found.references, found.remarks) == ((), ())
    assert [reason for _, reason in found.suppressed] == [
        "the nightly job wants the newest", "every rule, for the statement below", "nosec B615",
    ]  # fmt: skip


def test_the_settings_shown_are_read_and_used(tmp_path):
    write(PAGE.split("\n## Settings\n")[1].split("\n## ")[0], tmp_path)
    settings = load_settings(tmp_path / "pyproject.toml")
    assert settings.keys.baseline == ".ftlineage-baseline.json"
    (tmp_path / "a.yaml").write_text("our_trainer: 1\nbackbone: Qwen/Qwen2.5-0.5B\nbackbone_revision: main\n")
    found = scan(["."], here=tmp_path, settings=settings)
    assert [(one.ref, one.rule) for one in found.references] == [("Qwen/Qwen2.5-0.5B", "FLOAT002")]

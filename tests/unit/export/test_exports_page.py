"""``docs/exports.md`` says of every key where it goes; each key is changed to see whether that is so."""

from __future__ import annotations

import re
from functools import partial

import pytest

from ftlineage.export import identifiers, slsa, spdx
from tests.unit.export import graphs, keys

ROOT = graphs.COMPAT.parents[1]
PAGE = (ROOT / "docs" / "exports.md").read_text("utf-8")
BUILD_TYPE = (ROOT / "docs" / "build-type-v1.md").read_text("utf-8")
ROWS = {
    cells[1].strip(" `"): [cell.strip() for cell in cells[2:-1]]
    for line in PAGE.partition("## Where each key goes")[2].splitlines()
    if line.startswith("| `")
    for cells in [line.split("|")]
}


@pytest.fixture(autouse=True)
def _ids_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids and digests of the whole card change with every key, and say nothing about one."""
    monkeypatch.setattr(identifiers, "document_uuid", lambda _card, kind: kind)
    monkeypatch.setitem(keys.FORMATS, "SLSA", partial(slsa.statement, card_sha256="0" * 64))
    monkeypatch.setitem(keys.FORMATS, "SPDX", partial(spdx.document, card_sha256="0" * 64))


def test_every_key_is_on_the_page():
    assert list(ROWS) == list(keys.paths())


@pytest.mark.parametrize("path", list(keys.paths()))
def test_the_page_is_right(path):
    found = {form: keys.says(path, form) for form in keys.FORMATS}
    assert {form: cell != "-" for form, cell in zip(keys.FORMATS, ROWS[path], strict=True)} == found


def test_the_build_type_lists_every_external_parameter():
    external = slsa.statement(graphs.full())["predicate"]["buildDefinition"]["externalParameters"]
    listed = re.findall(
        r"`(\w+)`", "".join(re.findall(r"^\|(.*?)\|", BUILD_TYPE.partition("## Internal")[0], re.MULTILINE))
    )
    assert sorted(listed) == sorted(external)


def test_the_build_type_tells_every_internal_parameter():
    internal = slsa.statement(graphs.full())["predicate"]["buildDefinition"]["internalParameters"]
    told = BUILD_TYPE.partition("## Internal")[2].partition("## Resolved")[0]
    assert sorted(key for key in internal if f"`{key}`" not in told) == []


def test_the_build_type_is_at_its_address():
    assert identifiers.BUILD_TYPE.endswith("/docs/build-type-v1.md")
    assert "## The builder" in BUILD_TYPE
    assert identifiers.BUILDER.endswith("#the-builder")

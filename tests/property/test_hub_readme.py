"""Whatever stands in a README: merging keeps people's text byte for byte, happens once, and is YAML afterwards."""

from __future__ import annotations

import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ftlineage.errors import BadInputError
from ftlineage.export.hub_card import BEGIN, END, hub_block, merge_readme
from tests.unit.cli import sample
from tests.unit.export.test_hub_card import hostile_card

CARD, OTHER = sample.full_card(), sample.declared_card()
OURS = {"base_model", "base_model_relation", "library_name", "datasets", "tags"}
ENDS = st.sampled_from(["\n", "\r\n"])
TEXT = st.text(st.characters(codec="utf-8"), max_size=80)
PIECES = st.sampled_from(
    ["---", "\n", "\r\n", BEGIN, END, "tags:", "- a", " ", "# x", "base_model: y", "[", "'", "|", "\t"]
)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
KEYS = st.dictionaries(NAMES.filter(lambda name: name not in OURS), VALUES, max_size=4)
TAGS = st.none() | st.lists(NAMES, max_size=4) | NAMES


@settings(max_examples=150, deadline=None)
@given(body=TEXT | st.lists(PIECES, max_size=12).map("".join))
def test_any_text_is_kept_or_refused(body):
    try:
        once = merge_readme(body, CARD)
    except BadInputError:
        return
    assert merge_readme(once, CARD) == once
    rest = iter(once)
    old_block = body[body.find(BEGIN) : body.find(END) + len(END)] if BEGIN in body else ""
    assert all(sign in rest for sign in body.replace(old_block, "") if "---" not in body)
    if BEGIN not in body and "---" not in body and body:
        assert body in once


@settings(max_examples=150, deadline=None)
@given(keys=KEYS, tags=TAGS, flow=st.booleans(), end=ENDS, body=TEXT)
def test_people_keys_and_text_survive(keys, tags, flow, end, body):
    assume(not {BEGIN, END} & {body})
    front = yaml.safe_dump({**keys, "tags": tags}, default_flow_style=flow or None, allow_unicode=True, sort_keys=False)
    assume(not front.startswith("{"))
    text = f"---\n{front}---\n".replace("\n", end) + body
    try:
        merged = merge_readme(text, CARD)
    except BadInputError:
        assume(False)
    assert merge_readme(merged, CARD) == merged
    assert body in merged
    found = yaml.safe_load(merged.split(f"{end}---{end}")[0].removeprefix("---"))
    assert {key: value for key, value in found.items() if key not in OURS} == yaml.safe_load(yaml.safe_dump(keys))
    kept = [] if tags is None else [tags] if isinstance(tags, str) else tags
    assert found["tags"] == [*kept, *(["ftlineage"] if "ftlineage" not in kept else [])]
    second = merge_readme(merged, OTHER)
    assert body in second
    assert second.count(BEGIN) == 1


@settings(max_examples=80, deadline=None)
@given(text=TEXT)
def test_no_text_of_a_card_is_markup(text):
    block = hub_block(hostile_card(text), repo="acme/bot")
    kinds = [token.type for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(block)]
    expected = hub_block(hostile_card("plain"), repo="acme/bot")
    assert kinds == [token.type for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(expected)]

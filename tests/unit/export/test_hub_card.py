"""The block in a README: what it says, how it renders, and that hostile text stays text."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from markdown_it import MarkdownIt

from ftlineage.core.card import Card, make_card
from ftlineage.core.sections import Adapter, Base, Dataset, DataSource, Prompt, Recipe
from ftlineage.errors import BadInputError
from ftlineage.export.hub_card import BEGIN, END, hub_block, merge_readme
from tests.unit.cli import sample

HOSTILE = [
    "<script>alert(1)</script>",
    "a | b `c` | d",
    "``` \n# Heading\n",
    "![x](https://evil.example/x.png) [y](javascript:alert(1))",
    "*_~~<!-- ftlineage:end -->",
    "\u202egnp.exe\u2066\x1b[31m",
    "https://evil.example www.evil.example @someone #1",
    "\\| \\` &lt; &#60; <b>",
    " leading`",
    "---\nlicense: x\n---",
]


def card_with(**changes: Any) -> Card:
    return make_card(msgspec.structs.replace(sample.FULL, **changes))


def hostile_card(text: str) -> Card:
    data = Dataset(name=text, role=text, source=DataSource(kind="file", id=text, requested=text), rows=1)
    return card_with(
        name=text,
        base=Base(model=text, requested=text, origin="hub"),
        data=[data],
        prompts=[Prompt(name=text, text=text, sha256=sample.sha("x"))],
        recipe=Recipe(method=text, trainer=text, seeds={text: 1}),
    )


def rendered(markdown: str) -> str:
    """As GitHub's flavour of Markdown, with raw HTML let through: what comes out acts on the page."""
    return MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough").render(markdown)


def test_the_block_tells_the_essence() -> None:
    block = hub_block(sample.full_card(), repo="acme/support-bot")
    page = f"https://huggingface.co/org/base-model-1b/tree/{sample.BASE.revision}"
    for line in (
        "| Version | `support-bot` |",
        f"| Card | `{sample.full_card().id}` |",
        f"| Base | [`org/base-model-1b`]({page}) at commit `{sample.BASE.revision}` |",
        "| Adapter | `lora, rank 8, alpha 16, dropout 0.05, bias none, on q_proj, v_proj` |",
        "| `tickets` | `train` | 10,003 | `tickets.jsonl` | `7fdbf2f7e97f` |",
        "ftlineage verify hf://acme/support-bot@COMMIT",
    ):
        assert line in block.splitlines()
    assert block.startswith(BEGIN + "\n")
    assert block.endswith("\n" + END)


def test_without_a_repository_the_folder_is_verified() -> None:
    block = hub_block(sample.full_card())
    assert "ftlineage verify ." in block.splitlines()
    assert "hf://" not in block


def test_private_prompts_and_rows_are_not_told() -> None:
    block = hub_block(sample.full_card())
    for prompt in sample.FULL.prompts:
        assert prompt.text is None or prompt.text[:20] not in block


def test_it_renders_as_two_tables_and_a_command() -> None:
    page = rendered(hub_block(sample.full_card()))
    assert page.count("<table>") == 2
    assert page.count("<pre>") == 1
    assert "|" not in re.sub(r"<[^>]*>", "", page)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    block = hub_block(hostile_card(text), repo="acme/bot")
    assert (block.count(BEGIN), block.count(END)) == (1, 1)
    page = rendered(block)
    plain = rendered(hub_block(hostile_card("plain text"), repo="acme/bot"))
    tags = re.compile(r"<(?!/?code\b)[^>]*>")
    assert tags.findall(page) == tags.findall(plain)
    assert not set(block) & {"\u202e", "\u2066", "\x1b"}
    # What a reader sees is the text itself, with what acts written out.
    assert len(re.findall(r"<tr>", page)) == len(re.findall(r"<tr>", plain))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_a_new_readme_is_no_front_matter(text: str) -> None:
    from huggingface_hub import ModelCard

    readme = merge_readme(None, hostile_card(text), repo="acme/bot")
    assert ModelCard(readme).data.to_dict() == {"library_name": "peft", "tags": ["ftlineage"]}


def test_declared_things_are_said_to_be_declared() -> None:
    assert "(declared, not observed)" in hub_block(sample.declared_card())


# --- merging -------------------------------------------------------------------------------------


def test_a_block_is_replaced_where_it_stands() -> None:
    text = f"# Mine\n\nBefore {BEGIN}\nwhat was\n{END} after\n\nEnd"
    merged = merge_readme(text, sample.full_card())
    assert merged.endswith(" after\n\nEnd")
    assert "what was" not in merged
    assert f"# Mine\n\nBefore {BEGIN}\n## Lineage" in merged


def test_a_second_card_replaces_the_first_and_keeps_the_rest() -> None:
    first = merge_readme("# Mine\n", sample.full_card())
    second = merge_readme(first, sample.declared_card())
    assert sample.full_card().id not in second
    assert sample.declared_card().id in second
    assert merge_readme(second, sample.declared_card()) == second


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        (f"{BEGIN}\n", "1 begin marker", "0 end markers"),
        (f"x {END}", "0 begin markers", "1 end marker"),
        (f"{END} {BEGIN}", "1 begin marker", "1 end marker"),
        (f"{BEGIN} {END} {BEGIN} {END}", "2 begin markers", "2 end markers"),
        (f"{BEGIN} {BEGIN} {END}", "2 begin markers", "1 end marker"),
    ],
)
def test_markers_nobody_can_pair_are_refused(text: str, begins: str, ends: str) -> None:
    with pytest.raises(BadInputError) as caught:
        merge_readme(text, sample.full_card())
    assert caught.value.sentence == (f"README.md: it holds {begins} and {ends} of the ftlineage block, not one of each")


def test_windows_line_ends_stay_and_are_used() -> None:
    text = "---\r\nlicense: mit\r\n---\r\n# Mine\r\nText\r\n"
    merged = merge_readme(text, sample.full_card())
    assert merged.startswith("---\r\nlicense: mit\r\nbase_model: org/base-model-1b\r\n")
    assert "\n" not in merged.replace("\r\n", "")
    assert merge_readme(merged, sample.full_card()) == merged


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({}, {"base_model": "org/base-model-1b", "base_model_relation": "adapter", "library_name": "peft"}),
        ({"base": Base(model="my-base", origin="local")}, {"library_name": "peft"}),
        ({"base": None}, {"library_name": "peft"}),
        (
            {"adapter": Adapter(type="full")},
            {"base_model": "org/base-model-1b", "base_model_relation": "finetune", "library_name": "transformers"},
        ),
    ],
)
def test_keys_say_what_the_card_says(changes: dict[str, Any], keys: dict[str, str]) -> None:
    from huggingface_hub import ModelCard

    found = ModelCard(merge_readme("", card_with(**changes))).data.to_dict()
    assert {name: value for name, value in found.items() if name not in {"datasets", "tags"}} == keys


def test_only_real_names_become_datasets() -> None:
    from huggingface_hub import ModelCard

    names = ["org/rows", "squad", "true", "1.0", "x y", "../x", "a/b/c", "org/rows"]
    data = [Dataset(name=f"d{number}", source=DataSource(kind="hub", id=name)) for number, name in enumerate(names)]
    found = ModelCard(merge_readme(None, card_with(data=data))).data.to_dict()
    assert found["datasets"] == ["org/rows", "squad", "true", "1.0"]

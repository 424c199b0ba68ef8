"""Whatever text a card holds, the terminal's width is kept, nothing acts on the screen, and the HTML stays whole."""

from __future__ import annotations

import io

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len  # noqa: TID253 - the judge of what is wide

from ftlineage.cli.card_page import make_page
from ftlineage.cli.html_card import render_html
from ftlineage.cli.render_card import render
from ftlineage.core import words
from ftlineage.core.card import make_card
from ftlineage.core.sections import Prompt, Recipe
from tests.unit.cli import sample
from tests.unit.cli.test_html_card import Outline

TEXT = st.text(st.characters(codec="utf-8"), max_size=200)
ACTING = set(map(chr, [*range(32), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F]))


@settings(max_examples=40, deadline=None)
@given(name=TEXT, text=TEXT, key=TEXT)
def test_any_text_is_shown_safely(name, text, key):
    card = make_card(
        msgspec.structs.replace(
            sample.FULL,
            name=name,
            prompts=[Prompt(name=name, role=key, text=text, sha256=sample.sha("x"))],
            recipe=Recipe(method=text, arguments={key: text}),
        )
    )
    page = make_page(card)
    lines = render(page, io.StringIO()).split("\n")
    assert max(cell_len(line) for line in lines) <= 80
    assert not set("".join(lines)) & ACTING
    outline = Outline(render_html(page).decode())
    assert not set(outline.text) & (ACTING - {"\n", "\t"})


@given(text=st.text())
def test_cleaning_twice_changes_nothing(text):
    assert words.clean(words.clean(text)) == words.clean(text)
    assert not set(words.clean(text)) & ACTING

from __future__ import annotations

import io

import msgspec
import pytest

from ftlineage.cli.card_page import make_page
from ftlineage.cli.render_card import render
from ftlineage.core.card import make_card
from tests.unit.cli import sample


def columns(line):
    from rich.cells import cell_len

    return cell_len(line)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("name", ["full", "declared"])
def test_the_card_as_plain_text(name, golden, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    card = getattr(sample, f"{name}_card")()
    # The id has tests of its own; here it would tie the looks of a card to its format.
    text = render(make_page(card), io.StringIO()).replace(card.id, "sha256:" + "0" * 64)
    golden(f"show-{name}.txt", text + "\n")


@pytest.mark.parametrize("width", [20, 40, 59, 60, 80, 100])
@pytest.mark.parametrize("name", ["full", "declared", "hostile"])
def test_nothing_is_wider_than_the_terminal(name, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    text = render(make_page(getattr(sample, f"{name}_card")()), io.StringIO())
    assert max(columns(line) for line in text.splitlines()) <= max(width, 23)  # a label and eight columns


def test_wide_characters_are_measured_as_they_are_shown(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    card = make_card(msgspec.structs.replace(sample.FULL, name="顧客" * 60))
    text = render(make_page(card), io.StringIO())
    assert max(columns(line) for line in text.splitlines()) <= 80
    assert text.splitlines()[0] == "顧客" * 20


def test_piped_text_has_no_escape_codes_and_no_trailing_blanks(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    lines = render(make_page(sample.hostile_card()), io.StringIO()).splitlines()
    assert not [line for line in lines if "\x1b" in line or line != line.rstrip()]


def test_a_terminal_gets_colour_unless_no_color_is_set(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    page = make_page(sample.full_card())
    assert "\x1b[1msupport-bot\x1b[0m" in render(page, Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in render(page, Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in render(page, Terminal())

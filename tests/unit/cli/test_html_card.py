from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib import resources

import pytest

from ftlineage.cli.card_page import make_page
from ftlineage.cli.html_card import render_html
from tests.unit.cli import sample

VOID = {"meta", "br", "hr", "img", "input", "link"}
# Attributes through which a page loads or runs something.
ACTIVE = {"src", "href", "srcset", "action", "formaction", "style", "background", "data", "poster", "ping"}


class Outline(HTMLParser):
    """Checks that tags are balanced and keeps what the tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.headings: list[int] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text += data


@pytest.fixture(scope="module", params=["full", "declared", "hostile"])
def html(request):
    return render_html(make_page(getattr(sample, f"{request.param}_card")())).decode()


def test_it_runs_nothing_and_loads_nothing(html):
    outline = Outline(html)
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base", "svg"} & set(outline.tags)
    assert [one for one in outline.attributes if one[1] in ACTIVE or one[1].startswith("on")] == []
    assert "url(" not in html
    assert "@import" not in html
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    assert ("meta", "content", policy) in outline.attributes


def test_it_can_be_read_by_everyone(html):
    outline = Outline(html)
    assert ("html", "lang", "en") in outline.attributes
    assert outline.headings.count(1) == 1
    assert outline.headings[0] == 1
    steps = [after - before for before, after in zip(outline.headings, outline.headings[1:], strict=False)]
    assert max(steps) == 1, "a heading level is skipped"
    heads = [value for tag, name, value in outline.attributes if (tag, name) == ("th", "scope")]
    assert len(heads) == outline.tags.count("th") > 0
    assert set(heads) == {"col", "row"}
    ids = [value for _, name, value in outline.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    labelled = [value for _, name, value in outline.attributes if name == "aria-labelledby"]
    assert set(labelled) <= set(ids)


def test_it_tells_what_the_terminal_tells():
    text = " ".join(Outline(render_html(make_page(sample.full_card())).decode()).text.split())
    for said in (
        "support-bot",
        sample.full_card().id,
        "2026-08-14 09:16 UTC, after 4 min 12 s",
        str(sample.BASE.revision),
        "10,003 rows in 3 columns: id, messages, intent",
        sample.sha("ordered"),
        "563,200 parameters in 48 tensors",
        "data snapshot: no snapshot was asked for",
        "Never promise a refund; say that a colleague will look into it.",
        "per_device_train_batch_size8",
        "uncommitted changes",
        "Everything above was observed by ftlineage.",
    ):
        assert said in text, said


def test_hostile_text_is_shown_and_does_nothing():
    html = render_html(make_page(sample.hostile_card())).decode()
    outline = Outline(html)
    assert "<script>alert(1)</script>\\u202etxt.exe\\x1b[2J" in outline.text
    assert "{{ 7*7 }}" in outline.text
    assert "<script" not in html
    assert not set(html) & set("\x1b\x07\u202e\x00\r")


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_contrast_of_every_pair_of_colours(scheme):
    css = (resources.files("ftlineage.cli") / "templates" / "card.css").read_text("utf-8")
    block = {"light": 0, "dark": 1, "print": 2}[scheme]
    found = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[block]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", found))
    for front, back in (
        ("ink", "paper"),
        ("quiet", "paper"),
        ("accent", "paper"),
        ("alarm", "paper"),
        ("ink", "fill"),
        ("quiet", "fill"),
        ("ink", "alarm-fill"),
        ("alarm", "alarm-fill"),
    ):
        assert contrast(colours[front], colours[back]) >= 4.5, (scheme, front, back)


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

"""``ftlineage show``: the card for people, on the terminal or as one HTML page."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ftlineage.cli.lazy import verb
from ftlineage.cli.output import Output, write_output
from ftlineage.cli.target import card_of
from ftlineage.core import words
from ftlineage.core.card import Card


@verb(
    "ftlineage show out/support-bot",
    "ftlineage show out/support-bot --html card.html",
    "ftlineage show hf://org/support-bot@v1.0",
)
@click.argument("target")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write one self-contained HTML page.")
def show(out: Output, target: str, html: Path | None) -> None:
    """Show what a version is made of. TARGET is a folder with a lineage.json, or hf://org/repo[@revision].

    Prints base, data, adapter, prompts, preprocessing, recipe, code and environment, and what is
    not recorded. With --json, prints the card itself; with -q, its id.
    """
    card = card_of(target)
    if html is not None:
        _write_page(out, card, html)
    if out.json:
        out.document(card.document())
    elif out.quiet:
        out.text(card.id)
    elif html is None:
        from ftlineage.cli.card_page import make_page
        from ftlineage.cli.render_card import render

        out.text(render(make_page(card), sys.stdout))


def _write_page(out: Output, card: Card, path: Path) -> None:
    from ftlineage.cli.card_page import make_page
    from ftlineage.cli.html_card import render_html

    write_output(path, render_html(make_page(card)))
    out.say(f"Wrote {words.clean(str(path))}.")

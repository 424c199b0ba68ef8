"""``ftlineage diff``: which elements differ between two versions."""

from __future__ import annotations

import sys

import click

from ftlineage.cli import output
from ftlineage.cli.errors import FINDINGS, FINE
from ftlineage.cli.lazy import verb
from ftlineage.cli.output import Output
from ftlineage.cli.page import cut
from ftlineage.cli.target import card_of
from ftlineage.core import codec, words
from ftlineage.core.card import Card
from ftlineage.diff.cards import CardDiff
from ftlineage.diff.fields import Element

_INDENT = " " * 15
_MAX_NAME = 120


@verb("ftlineage diff out/v1 out/v2", "ftlineage diff hf://org/bot@v1 out/bot --json")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if they differ.")
def diff(out: Output, before: str, after: str, *, exit_code: bool) -> int:
    """Say what differs between two versions, A before and B after: folders, or hf://org/repo[@revision].

    What can matter most to behaviour comes first: base, adapter, data, preprocessing, prompts,
    retrieval, recipe, code, environment. With -q, prints only the names of the elements.
    """
    from ftlineage.diff.cards import diff_cards

    a, b = card_of(before), card_of(after)
    found = diff_cards(a, b)
    if out.json:
        out.document(codec.builtins(found))
    elif out.quiet:
        for element in found.elements:
            out.text(words.clean(f"{element.section} {element.name}"))
    else:
        out.text(_text(a, b, found))
    return FINDINGS if exit_code and not found.same else FINE


def _text(a: Card, b: Card, found: CardDiff) -> str:
    versions = f"{_version(a)} and {_version(b)}"
    if found.same:
        return output.sentence(f"No element differs: {versions} have the same identity.", stream=sys.stdout)
    verb_ = "differs" if len(found.elements) == 1 else "differ"
    head = f"{words.quantity(len(found.elements), 'element')} {verb_} between {versions}."
    return "\n".join([output.sentence(head, stream=sys.stdout), "", *map(_element, found.elements)])


def _version(card: Card) -> str:
    return f"{words.clean(card.name)} ({words.short(card.id)})"


def _element(element: Element) -> str:
    name = cut(element.name, _MAX_NAME) if element.name != element.section else ""
    plain = element.section.ljust(len(_INDENT))
    said = " ".join(part for part in (name, element.change) if part)
    line = output.sentence(said, first=plain, indent=_INDENT, fold=True, stream=sys.stdout)
    line = output.paint(element.section, "bold", sys.stdout) + line[len(element.section) :]
    if element.change != "changed":
        return line  # the change says it all
    return f"{line}\n{output.sentence(element.summary, indent=_INDENT, stream=sys.stdout)}"

"""``ftlineage export``: the card as a document that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ftlineage.cli.lazy import verb
from ftlineage.cli.output import Output, write_output
from ftlineage.cli.target import card_and_digest
from ftlineage.core import codec, words
from ftlineage.core.card import Card
from ftlineage.core.digest import sha256_hex
from ftlineage.export.soundness import refuse_unsound

FORMATS = ("slsa", "cyclonedx", "spdx", "hub")


@verb(
    "ftlineage export out/support-bot --format cyclonedx -o support-bot.cdx.json",
    "ftlineage export out/support-bot --format slsa -o support-bot.intoto.json",
    "ftlineage export hf://org/support-bot@v1.0 --format spdx",
)
@click.argument("target")
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="What to write.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where; stdout if left out."
)
def export(out: Output, target: str, form: str, output: Path | None) -> None:
    """Write the card of a version in another format. TARGET is as for show.

    slsa: SLSA provenance v1 in an in-toto statement, to be signed. cyclonedx: CycloneDX 1.6 ML-BOM.
    spdx: SPDX 3.0.1 with AI and dataset profiles. hub: README.md with the Hub's YAML and a block on
    lineage. The card stays the source of truth: formats drop what they have no place for.
    """
    card, card_sha256 = card_and_digest(target)
    refuse_unsound(card)
    data = _readme(card) if form == "hub" else codec.pretty_bytes(_document(card, form, card_sha256))
    if output is not None:
        write_output(output, data)
        out.say(f"Wrote {words.clean(str(output))}.")
    if out.json:
        _answer(out, card, form, data, output)
    elif output is None:
        out.data(data)


def _document(card: Card, form: str, card_sha256: str) -> dict[str, Any]:
    # Imported one by one: each format costs start-up time of its own.
    match form:
        case "slsa":
            from ftlineage.export import slsa

            return slsa.statement(card, card_sha256=card_sha256)
        case "cyclonedx":
            from ftlineage.export import cyclonedx

            return cyclonedx.bom(card)
        case _:
            from ftlineage.export import spdx

            return spdx.document(card, card_sha256=card_sha256)


def _readme(card: Card) -> bytes:
    from ftlineage.export.hub_card import merge_readme

    return merge_readme(None, card).encode()


def _answer(out: Output, card: Card, form: str, data: bytes, output: Path | None) -> None:
    """One JSON document: what was written where, or the document itself."""
    if output is not None:
        said = {"path": str(output), "size": len(data), "sha256": sha256_hex(data)}
        out.document({"card": card.id, "format": form, **said})
    elif form == "hub":
        out.document({"card": card.id, "format": form, "text": data.decode()})
    else:
        out.data(data)

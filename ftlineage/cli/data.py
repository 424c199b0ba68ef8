"""``ftlineage data``: what can be said about a dataset by itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ftlineage.cli import output
from ftlineage.cli.lazy import verb
from ftlineage.cli.output import Output
from ftlineage.cli.page import cut
from ftlineage.core import codec, words

if TYPE_CHECKING:
    from ftlineage.sources.data import DataFingerprint

_LABEL = 11


@verb(
    "ftlineage data fingerprint tickets.jsonl",
    "ftlineage data fingerprint hf://datasets/org/chats@v1.0 --config en --split train --json",
)
@click.argument("source", metavar="SRC")
@click.option("--split", metavar="NAME", help="Which split, where there are several.")
@click.option("--config", metavar="NAME", help="Which configuration of a Hub dataset.")
def fingerprint(out: Output, source: str, split: str | None, config: str | None) -> None:
    """Digest every row of a dataset.

    SRC is a parquet, jsonl, json, csv, tsv or arrow file, a folder of such files, a folder that
    datasets saved, or hf://datasets/org/name[@revision]. Equal rows give equal digests, whatever
    the format, the chunking or the path. With -q, prints the ordered digest alone.
    """
    from ftlineage.sources.data import fingerprint_source

    found = fingerprint_source(source, split=split, config=config)
    if out.json:
        out.document(codec.builtins(found))
    elif out.quiet:
        out.text(found.fingerprint.ordered)
    else:
        for line in _lines(found):
            out.text(line)


def _lines(found: DataFingerprint) -> Iterator[str]:
    names = ", ".join(column.name for column in found.columns)
    columns = f" in {words.quantity(len(found.columns), 'column')}: {names}" if names else ""
    facts = [
        ("rows", f"{found.rows:,}{columns}"),
        ("ordered", found.fingerprint.ordered),
        ("unordered", found.fingerprint.unordered),
        ("algorithm", found.fingerprint.algorithm),
        ("commit", found.source.commit),
        ("split", found.source.split),
        ("took", words.duration(found.seconds)),
    ]
    for label, value in facts:
        if value is not None:
            plain = label.ljust(_LABEL)
            said = output.sentence(cut(value), first=plain, indent=" " * _LABEL, fold=True, stream=sys.stdout)
            yield output.paint(label, "dim", sys.stdout) + said[len(label) :]

"""``ftlineage record``: the card of an adapter that another tool trained."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ftlineage.cli.lazy import verb
from ftlineage.cli.options import pairs
from ftlineage.cli.output import Output
from ftlineage.core import words


@verb(
    "ftlineage record out/adapter --base org/base@2f1c0d... --data tickets=tickets.jsonl",
    "ftlineage record out/adapter --base org/base@v1.2 --data chats=hf://datasets/org/chats@9c0b...",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--base", required=True, metavar="MODEL", help="What it was trained on: org/name, org/name@revision or a folder."
)
@click.option(
    "--data",
    multiple=True,
    metavar="NAME=SRC",
    help="A dataset: a file, a folder or hf://datasets/org/name; repeatable.",
)
@click.option("--prompt", multiple=True, metavar="NAME=FILE", help="A prompt or template; repeatable.")
@click.option("--retrieval", multiple=True, metavar="NAME=PATH", help="A retrieval index; repeatable.")
@click.option("--name", metavar="NAME", help="Name of the version; the folder's name if absent.")
@click.option("--overwrite", is_flag=True, help="Replace the card that is there.")
def record(
    out: Output,
    folder: Path,
    *,
    base: str,
    data: tuple[str, ...],
    prompt: tuple[str, ...],
    retrieval: tuple[str, ...],
    name: str | None,
    overwrite: bool,
) -> None:
    """Write the card of an adapter trained by another tool.

    DIR holds the adapter (Axolotl, LLaMA-Factory, Unsloth, plain PEFT) or a fully fine-tuned model.
    Its files are digested as they are; what you say about its base and its data is marked as
    declared. What nobody can know afterwards is listed as not recorded, never guessed.
    """
    from ftlineage.record.declared import record_declared

    card = record_declared(
        folder,
        base=base,
        data=pairs("--data", data),
        prompts=pairs("--prompt", prompt),
        retrieval=pairs("--retrieval", retrieval),
        name=name,
        overwrite=overwrite,
    )
    if out.json:
        out.document(card.document())
    elif out.quiet:
        out.text(card.id)
    else:
        place = words.clean(str(folder))
        out.text(f"Recorded {words.clean(card.name)} as {card.id} in {place}.")
        missing = dict.fromkeys(gap.section for gap in card.body.unrecorded)
        if missing:
            out.say(words.clean(f"Not recorded: {', '.join(missing)}; the card says why."))
        out.say(f"Next: ftlineage show {shlex.quote(place)}")

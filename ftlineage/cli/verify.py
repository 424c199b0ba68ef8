"""``ftlineage verify``: the gate before serving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ftlineage.cli.lazy import verb
from ftlineage.cli.options import named_paths, pairs
from ftlineage.cli.output import Output
from ftlineage.cli.report import tell
from ftlineage.cli.target import version_of

_PATH = click.Path(path_type=Path)


@verb(
    "ftlineage verify out/support-bot",
    "ftlineage verify hf://org/support-bot@2f1c0d... --policy serving.toml",
    "ftlineage verify out/support-bot --trust allowed_signers --require-signature --json",
)
@click.argument("target")
@click.option("--policy", type=_PATH, metavar="FILE", help="What must be proven, as TOML; see docs/policy.md.")
@click.option("--base", type=_PATH, metavar="PATH", help="Check this copy of the base against the card too.")
@click.option("--full-base", is_flag=True, help="Read every byte of the base, even if it was hashed before.")
@click.option("--trust", type=_PATH, metavar="FILE", help="Whose signatures count: allowed_signers or PEM public keys.")
@click.option("--revoked", type=_PATH, metavar="FILE", help="Keys whose signatures count no longer.")
@click.option("--require-signature", is_flag=True, help="Fail without a signature by a key of the trust file.")
@click.option("--prompt", multiple=True, metavar="NAME=FILE", help="A prompt the server uses; repeatable.")
@click.option("--retrieval", multiple=True, metavar="NAME=PATH", help="An index the server uses; repeatable.")
@click.option("--processor", type=_PATH, metavar="PATH", help="The tokenizer or processor files the server loads.")
@click.option("--code", type=_PATH, metavar="PATH", help="The code with the preprocessing functions the server runs.")
@click.option("--environment", is_flag=True, help="Compare this Python's packages and this machine too.")
def verify(out: Output, target: str, *, full_base: bool, require_signature: bool, **options: Any) -> int:
    """Check a version against its card before serving it.

    TARGET is a folder with a lineage.json, or hf://org/repo[@revision], which is compared by the
    Hub's own digests without downloading weights.

    Exits with 0 if every file is what the card says, 1 if anything is not (a missing or malformed
    card included), 2 if the command line is wrong, and 3 if it could not be decided.
    """
    from ftlineage.verify.given import Given
    from ftlineage.verify.runner import verify as run

    given = Given(
        prompts=named_paths("--prompt", options["prompt"]),
        retrieval=dict(pairs("--retrieval", options["retrieval"])),
        processor=options["processor"],
        code=options["code"],
        environment=options["environment"],
        revoked=options["revoked"],
    )
    report = run(
        version_of(target),
        policy=options["policy"],
        base=options["base"],
        full_base=full_base,
        trust=options["trust"],
        require_signature=require_signature,
        given=given,
    )
    return tell(report, out)

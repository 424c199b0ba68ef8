"""``ftlineage launch``: verify, then start an inference engine with exactly what was verified."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftlineage.cli.lazy import verb
from ftlineage.cli.output import Output
from ftlineage.cli.report import VERDICT_CODES, report_lines
from ftlineage.cli.target import folder_of
from ftlineage.core import codec
from ftlineage.errors import BadArgumentError

if TYPE_CHECKING:
    from ftlineage.serve.launching import Prepared

_PATH = click.Path(path_type=Path)


@verb(
    "ftlineage launch vllm out/support-bot --dry-run",
    "ftlineage launch vllm out/support-bot out/support-bot-v2 -- --port 8001",
    "ftlineage launch vllm hf://org/support-bot@v1.0 --trust allowed_signers --require-signature",
)
@click.argument("words", nargs=-1, required=True, metavar="TARGET... [-- VLLM_ARGUMENT...]")
@click.option("--base", type=_PATH, metavar="PATH", help="Compare this copy of the base with the cards, and serve it.")
@click.option("--full-base", is_flag=True, help="Read every byte of the base, even if it was hashed before.")
@click.option("--policy", type=_PATH, metavar="FILE", help="What must be proven, as TOML; see docs/policy.md.")
@click.option("--trust", type=_PATH, metavar="FILE", help="Whose signatures count: allowed_signers or PEM public keys.")
@click.option("--require-signature", is_flag=True, help="Fail without a signature by a key of the trust file.")
@click.option("--max-loras", type=int, metavar="N", help="Adapters in one batch; one for each TARGET by default.")
@click.option("--dry-run", is_flag=True, help="Print the command instead of becoming it.")
def vllm(out: Output, words: tuple[str, ...], *, dry_run: bool, max_loras: int | None, **options: Any) -> int:
    """Verify versions, then serve them with vLLM under names that never move.

    TARGET is a folder with a lineage.json, or hf://org/repo[@revision], which is downloaded. All
    of them must belong to one base. Each is copied to a read-only place of its own; vLLM is given
    that path, the base's 40-hex commit, and a middleware that closes the doors by which adapters
    and weights could be changed by request.

    Exits with 1 if a version is not what its card says, and 3 if that could not be decided; vLLM
    is then not started.
    """
    from ftlineage.serve import launching, vllm_command
    from ftlineage.serve.gate import Demands

    targets, extra = _split(words)
    if out.json and not dry_run:
        raise BadArgumentError(argument="--json", reason="vLLM would write to the same stream", hint="Add --dry-run")
    vllm_command.check_extra(extra)
    vllm_command.check_environment(os.environ)
    program = "" if dry_run else launching.find_engine(os.environ)
    folders = {target: _folder(target) for target in targets}
    plugins = os.environ.get("VLLM_PLUGINS", "")
    prepared = launching.prepare_vllm(folders, Demands(**options), max_loras=max_loras, plugins=plugins, extra=extra)
    _tell(prepared, out, dry_run=dry_run)
    if prepared.launch is not None and not dry_run:
        launching.start(program, prepared.launch, os.environ)
    return VERDICT_CODES[prepared.verdict]


def _split(words: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Targets, then what follows ``--``; click drops that mark, and no target begins with a dash."""
    cut = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
    targets = list(words[:cut])
    if not targets:
        raise BadArgumentError(argument=words[0], reason="name a TARGET before the arguments for vLLM")
    twice = next((target for target in targets if targets.count(target) > 1), None)
    if twice is not None:
        raise BadArgumentError(argument=twice, reason="the target is named twice")
    return targets, list(words[cut:])


def _folder(target: str) -> Path:
    from ftlineage.serve.gate import HUB, download_version

    return download_version(target) if target.startswith(HUB) else folder_of(target)


def _tell(prepared: Prepared, out: Output, *, dry_run: bool) -> None:
    from ftlineage.serve.launching import engine_note

    launch = prepared.launch
    if out.json:
        out.document(_document(prepared))
        return
    for report in prepared.reports:
        for line in report_lines(report, out):
            # The command is the result; a report is talk, but never hidden where it says no.
            (out.say if report.ok else out.complain)(line)
    if launch is None:
        return
    for version in prepared.versions:
        out.say(f"Serving {version.report.target} as {version.name}.")
    removed = [name for name in launch.unset if name in os.environ]
    if removed:
        out.say(f"Removed from vLLM's environment: {', '.join(removed)}.")
    note = engine_note()
    if note is not None:
        out.say(f"Note: {note}.")
    if dry_run:
        out.text(launch.shell())


def _document(prepared: Prepared) -> dict[str, Any]:
    launch = prepared.launch
    adapters = [
        {"name": one.name, "path": str(one.folder), "card": one.report.card, "target": one.report.target}
        for one in prepared.versions
    ]
    return {
        "ok": prepared.verdict == "ok",
        "verdict": prepared.verdict,
        "reports": [codec.builtins(report) for report in prepared.reports],
        "launch": None if launch is None else {"engine": "vllm", "adapters": adapters, **codec.builtins(launch)},
    }

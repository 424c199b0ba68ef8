"""The table of commands, and the one boundary around them.

Everything a command raises ends here: as one sentence on stderr, one JSON document if ``--json``
was asked for, and an exit code.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ftlineage.cli import output
from ftlineage.cli.errors import FINE, INTERRUPTED, PIPE_CLOSED, UNDECIDED, answer
from ftlineage.cli.output import Output

if TYPE_CHECKING:
    from ftlineage.cli.lazy import Entry

NAME = "ftlineage"
SUMMARY = "Lineage cards for fine-tuned models: what is it made of, is this it, why did it change?"


def main(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; raises nothing."""
    out = Output.from_arguments(arguments)
    try:
        return _guarded(list(arguments), out)
    except KeyboardInterrupt:
        output.abandon_streams()
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`| head`): nobody is left to tell. The code is the one the shell
        # shows for a program ended by SIGPIPE, so it can never be read as a verdict.
        output.abandon_streams()
        return PIPE_CLOSED
    except OSError:
        # Not even the error could be written: standard output or standard error is broken.
        output.abandon_streams()
        return UNDECIDED


def _guarded(arguments: list[str], out: Output) -> int:
    try:
        output.prepare_streams()
        code = _dispatch(arguments)
        output.flush()
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: whatever it is, the user gets a sentence
        code = answer(error, out)
        output.flush()
    return code


def _dispatch(arguments: list[str]) -> int:
    import click

    from ftlineage.cli.lazy import build_root

    command = build_root(NAME, commands(), summary=SUMMARY)
    if f"_{NAME.upper()}_COMPLETE" in os.environ:
        command(prog_name=NAME)  # answers the shell's question and exits
    try:
        # Not command.main(): that one prints and exits by rules of its own, and turns a closed
        # pipe into exit code 1, which here means "findings".
        with command.make_context(NAME, arguments) as context:
            code = command.invoke(context)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.Abort:
        return INTERRUPTED
    return code if isinstance(code, int) else FINE


def commands() -> dict[str, Entry]:
    """Every verb, its module and its line in ``--help``; the order is the order of the help."""
    from ftlineage.cli.lazy import Entry

    data = {
        "fingerprint": Entry(target="ftlineage.cli.data:fingerprint", summary="Digest every row of a dataset."),
    }
    launch = {
        "vllm": Entry(target="ftlineage.cli.launch:vllm", summary="Verify versions, then serve them with vLLM."),
    }
    return {
        "demo": Entry(
            target="ftlineage.cli.demo:demo",
            summary="The whole story offline: fine-tune, card, tamper caught.",
        ),
        "record": Entry(
            target="ftlineage.cli.record:record", summary="Write the card of an adapter trained by another tool."
        ),
        "show": Entry(target="ftlineage.cli.show:show", summary="Show what a version is made of."),
        "verify": Entry(
            target="ftlineage.cli.verify:verify", summary="Check a version against its card before serving it."
        ),
        "sign": Entry(target="ftlineage.cli.sign:sign", summary="Sign a version: its card and every file."),
        "launch": Entry(target=launch, summary="Verify versions, then start an inference engine with them."),
        "push": Entry(target="ftlineage.cli.push:push", summary="Publish a version on the Hub, as one checked commit."),
        "export": Entry(
            target="ftlineage.cli.export:export", summary="Write a version's card as SLSA, CycloneDX, SPDX or README."
        ),
        **_reference_commands(),
        "diff": Entry(target="ftlineage.cli.diff:diff", summary="Say what differs between two versions."),
        "data": Entry(target=data, summary="Work with datasets."),
    }


def _reference_commands() -> dict[str, Entry]:
    """The verbs about references to the Hub in code."""
    from ftlineage.cli.lazy import Entry

    return {
        "scan": Entry(
            target="ftlineage.cli.scan:scan", summary="Find models and datasets that can change without a commit here."
        ),
        "lock": Entry(
            target="ftlineage.cli.lock:lock", summary="Write down which commit every reference to the Hub means now."
        ),
        "check": Entry(target="ftlineage.cli.check:check", summary="Check that the lock answers the code, offline."),
        "drift": Entry(
            target="ftlineage.cli.drift:drift", summary="Say what has moved since it was locked, and if it matters."
        ),
        "update": Entry(
            target="ftlineage.cli.update:update", summary="Move locked references to where the Hub has them now."
        ),
        "pin": Entry(target="ftlineage.cli.pin:pin", summary="Pin floating references to commits, in place."),
        "unpin": Entry(target="ftlineage.cli.unpin:unpin", summary="Take pins out again, byte for byte."),
    }

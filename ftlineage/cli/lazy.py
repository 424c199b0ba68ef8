"""Click commands that are imported only when their verb is typed, and the flags every verb has.

A verb is a function ``name(out: Output, ...) -> int | None`` marked with :func:`verb`; what it
returns is the exit code. Why click and not typer: ``docs/adr``, "click for the command line".
"""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from ftlineage import __version__
from ftlineage.cli.errors import USAGE
from ftlineage.cli.output import Output
from ftlineage.errors import BadArgumentError
from ftlineage.hashing.progress import hidden_progress

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_SHARED = (
    click.option("--json", is_flag=True, help="Print one JSON document on stdout and nothing else there."),
    click.option("-q", "--quiet", is_flag=True, help="Show nothing but results and errors."),
    click.option("--debug", is_flag=True, help="Show the traceback of an error."),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Where a command lives (``module:function``, or a table of subcommands) and its line in ``--help``."""

    target: str | Mapping[str, Entry]
    summary: str


class Command(click.Command):
    """A command whose examples end its ``--help`` line by line, as they are typed."""

    examples: tuple[str, ...] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the examples."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


def verb(*examples: str) -> Callable[[Callable[..., int | None]], Command]:
    """Make a function a command: its argument ``out`` is built from the flags every verb has.

    Args:
        examples: Command lines for the end of its ``--help``.
    """

    def decorate(function: Callable[..., int | None]) -> Command:
        @functools.wraps(function)
        def call(*, json: bool, quiet: bool, debug: bool, **arguments: Any) -> int | None:
            with hidden_progress() if quiet else contextlib.nullcontext():
                return function(Output(json=json, quiet=quiet, debug=debug), **arguments)

        callback: Any = call
        for option in reversed(_SHARED):
            callback = option(callback)
        # Options are listed in the order of this list, and decorators leave it reversed: shared ones come last.
        own = len(callback.__click_params__) - len(_SHARED)
        callback.__click_params__ = callback.__click_params__[own:] + callback.__click_params__[:own]
        command = click.command(cls=Command, context_settings=CONTEXT)(callback)
        command.examples = examples
        return command

    return decorate


class LazyGroup(click.Group):
    """A group whose commands are strings until one of them is typed."""

    def __init__(self, name: str, *, table: Mapping[str, Entry], summary: str) -> None:
        super().__init__(name=name, help=summary, context_settings=CONTEXT)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All verbs, in the order of the table."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of one verb."""
        entry = self._table.get(cmd_name)
        if entry is None:
            return None
        if isinstance(entry.target, Mapping):
            return LazyGroup(cmd_name, table=entry.target, summary=entry.summary)
        module, _, function = entry.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), function)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list in ``--help``, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self._table.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help when nothing was typed; point at the right place for the shared flags."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(USAGE)
        if args[:1] in (["--json"], ["-q"], ["--quiet"], ["--debug"]):
            name = next((arg for arg in args if arg in self._table), "COMMAND")
            raise BadArgumentError(
                argument=args[0], reason="comes after the command", hint=f"Type: {ctx.command_path} {name} {args[0]}"
            )
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of that name."""
        typed = args[0]
        if typed not in self._table and not typed.startswith("-") and not ctx.resilient_parsing:
            import difflib

            close = difflib.get_close_matches(typed, self._table, n=1)
            hint = f"Did you mean `{ctx.command_path} {close[0]}`?" if close else f"See `{ctx.command_path} --help`"
            raise BadArgumentError(argument=typed, reason="no such command", hint=hint)
        return super().resolve_command(ctx, args)


def build_root(name: str, table: Mapping[str, Entry], *, summary: str) -> click.Group:
    """The group of all verbs, with ``--version``."""
    root = LazyGroup(name, table=table, summary=summary)
    # `--version` alone is answered in __main__; this one is for --help and for odd orders.
    return click.version_option(__version__, "-V", "--version", message=f"{name} %(version)s")(root)

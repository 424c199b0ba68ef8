"""Typer commands that are imported only when their verb is typed, and the flags every verb has.

A verb is a function ``name(out: Output, ...) -> int | None`` marked with :func:`verb`; what it
returns is the exit code. Nothing else in ``cli`` knows how typer is put together.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer  # noqa: TID253 - this module is loaded only when a command runs, never for --version
from typer.core import TyperGroup  # noqa: TID253

from ftlineage import __version__
from ftlineage.cli.errors import USAGE
from ftlineage.cli.output import Output
from ftlineage.errors import BadArgumentError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but results and errors.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
_SHARED = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
    for name, annotation in (("json", Json), ("quiet", Quiet), ("debug", Debug))
]

Verb = Callable[..., int | None]

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Where a command lives (``module:function``, or a table of subcommands) and its line in ``--help``."""

    target: str | Mapping[str, Entry]
    summary: str


def verb(*examples: str) -> Callable[[Verb], Verb]:
    """Make a function a command: its first argument ``out`` is built from the shared flags.

    Args:
        examples: Command lines for the end of its ``--help``.
    """

    def decorate(function: Verb) -> Verb:
        signature = inspect.signature(function, eval_str=True)
        own = [parameter for name, parameter in signature.parameters.items() if name != "out"]
        parameters = [*(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own), *_SHARED]

        @functools.wraps(function)
        def command(*, json: bool, quiet: bool, debug: bool, **arguments: Any) -> int | None:
            return function(Output(json=json, quiet=quiet, debug=debug), **arguments)

        # typer reads the signature and the annotations; both must be those of the flags.
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in parameters}
        command.examples = examples  # type: ignore[attr-defined]
        return command

    return decorate


class LazyGroup(TyperGroup):
    """A group whose commands are strings until one of them is typed."""

    table: Mapping[str, Entry] = {}

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """All verbs, in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Import the module of one verb."""
        entry = self.table.get(cmd_name)
        return None if entry is None else _build(cmd_name, entry)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """The list in ``--help``, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.table.items()])

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help when nothing was typed; point at the right place for the shared flags."""
        if not args:
            typer.echo(ctx.get_help(), err=True)
            raise typer.Exit(USAGE)
        if args[0] in ("--json", "-q", "--quiet", "--debug"):
            raise BadArgumentError(
                argument=args[0],
                reason="comes after the command",
                hint=f"For example: {ctx.command_path} {next(iter(self.table))} {args[0]}",
            )
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Name the nearest command when there is none of that name."""
        typed = args[0]
        if typed not in self.table and not typed.startswith("-"):
            close = difflib.get_close_matches(typed, self.table, n=1)
            hint = f"Did you mean `{ctx.command_path} {close[0]}`?" if close else f"See `{ctx.command_path} --help`"
            raise BadArgumentError(argument=typed, reason="no such command", hint=hint)
        return super().resolve_command(ctx, args)


def build_app(table: Mapping[str, Entry], *, name: str, summary: str, root: bool = False) -> Any:
    """The command group over a table, as a command object that typer can run."""
    group = type("Group", (LazyGroup,), {"table": table})
    app = typer.Typer(
        name=name,
        cls=group,
        help=summary,
        add_completion=root,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=CONTEXT,
    )
    app.callback()(_root if root else _nothing)
    return typer.main.get_command(app)


def _show_version(*, asked: bool) -> None:
    # `ftlineage --version` alone is answered in __main__; this is for --help and for odd orders.
    if asked:
        typer.echo(f"ftlineage {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("-V", "--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
]


def _root(*, version: Version = False) -> None:
    """Hold the options that come before a command."""


def _nothing() -> None:
    """Hold no options."""


def _build(name: str, entry: Entry) -> Any:
    if isinstance(entry.target, Mapping):
        return build_app(entry.target, name=name, summary=entry.summary)
    module, _, function = entry.target.partition(":")
    callback = getattr(importlib.import_module(module), function)
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name, context_settings=CONTEXT, epilog=_examples(callback))(callback)
    return typer.main.get_command(app)


def _examples(callback: Any) -> str | None:
    examples: Sequence[str] = getattr(callback, "examples", ())
    return "\b\nExamples:\n" + "\n".join(f"  $ {example}" for example in examples) if examples else None

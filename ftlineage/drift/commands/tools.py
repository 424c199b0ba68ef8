"""The table of programs: which of their words name a repository, and which flag holds its revision.

Decides nothing itself. ``tools.toml`` is the table; users add their own in the same form, and theirs
win. Refuses a table with a key it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

import msgspec

from ftlineage.drift.python.names import plain_key
from ftlineage.drift.reference import Kind
from ftlineage.errors import BadInputError

# What a word can hold: an id of a kind, `key=value` settings with one, or `hf.co/org/name`.
Holds = Literal["", "model", "tokenizer", "dataset", "adapter", "space", "settings", "link"]
NO_FLAG = "no flag for its revision is known for this program"


class Tool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[tool]]``: a family of commands with the same words.

    ``positional`` says what the words that are no flags hold, in order; not so for the commands in
    ``positional_not_for``, and for ``positional_first_for`` the first word counts as the last.
    ``switches`` are flags without a value, ``silent`` those whose value is no load.
    ``only_with`` and ``never_with`` are words that the command must, or must not, have.
    """

    name: str
    commands: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    positional: tuple[Holds, ...] = ()
    positional_not_for: tuple[str, ...] = ()
    positional_first_for: tuple[str, ...] = ()
    flags: dict[Holds, tuple[str, ...]] = {}
    revision: dict[Kind, str] = {}
    repository_type: str = ""
    switches: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    only_with: tuple[str, ...] = ()
    never_with: tuple[str, ...] = ()
    unpinnable: str = NO_FLAG
    revision_in_id: bool = False


class Generic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[generic]``: what flags and ``key=value`` words mean to programs that have no table."""

    flags: dict[Holds, tuple[str, ...]] = {}
    overrides: dict[Holds, tuple[str, ...]] = {}
    revision: dict[Kind, str] = {}
    silent: tuple[str, ...] = ()
    bare_datasets: frozenset[str] = frozenset()


class Programs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[programs]``: names that are met in a way of their own."""

    silent: frozenset[str] = frozenset()
    downloads: frozenset[str] = frozenset()
    shells: frozenset[str] = frozenset()
    client_flags: tuple[str, ...] = ()
    api_owners: frozenset[str] = frozenset()


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole table, ours or a user's."""

    tool: tuple[Tool, ...] = ()
    generic: Generic = Generic()
    environment: dict[str, tuple[str, ...]] = {}
    programs: Programs = Programs()


class Known(NamedTuple):
    """A tool ready for use; flags are keyed by their plain names."""

    tool: Tool
    flags: dict[str, Holds]
    silent: frozenset[str]
    switches: frozenset[str]
    revisions: dict[str, str]


class Tools(NamedTuple):
    """Every table, indexed by the words that commands begin with."""

    commands: dict[str, list[tuple[tuple[str, ...], Known]]]
    images: list[tuple[str, Known]]
    generic: Known
    overrides: dict[str, Holds]
    environment: dict[str, str]
    bare_datasets: frozenset[str]
    programs: Programs
    client_flags: frozenset[str]


@cache
def default_tools() -> Tools:
    """The table that comes with the package."""
    return build_tools([read_table(files(__package__).joinpath("tools.toml").read_bytes(), "tools.toml")])


def with_tables(extra: Iterable[Table]) -> Tools:
    """Our table with those of users, which win where both name a command or flag."""
    tables = list(extra)
    if not tables:
        return default_tools()
    return build_tools([read_table(files(__package__).joinpath("tools.toml").read_bytes(), "tools.toml"), *tables])


def read_table(data: bytes | Mapping[str, Any], path: str) -> Table:
    """Check a table.

    Args:
        data: TOML text, or the table where it is part of a larger file.
        path: What to call it in an error.

    Raises:
        BadInputError: It is no TOML, or no table of this form.
    """
    try:
        if isinstance(data, bytes):
            return msgspec.toml.decode(data, type=Table)
        return msgspec.convert(data, type=Table)
    except (msgspec.MsgspecError, ValueError) as fault:
        raise BadInputError(path=path, reason=f"is no table of commands: {fault}") from fault


def build_tools(tables: list[Table]) -> Tools:
    """Index tables; a later one wins."""
    commands: dict[str, list[tuple[tuple[str, ...], Known]]] = {}
    images: list[tuple[str, Known]] = []
    for table in tables:
        for tool in table.tool:
            known = _known(tool)
            images[:0] = [(image, known) for image in tool.images]
            for command in tool.commands:
                words = tuple(command.split())
                rows = commands.setdefault(words[0], [])
                rows[:] = [row for row in rows if row[0] != words]
                rows.append((words, known))
    for rows in commands.values():
        rows.sort(key=lambda row: -len(row[0]))
    generic = _merged([table.generic for table in tables])
    programs = [table.programs for table in tables]
    return Tools(
        commands=commands,
        images=images,
        generic=_known(
            Tool(name="", flags=generic.flags, revision=generic.revision, silent=generic.silent, unpinnable=NO_FLAG)
        ),
        overrides=_by_name(generic.overrides),
        environment={name: kind for table in tables for kind, names in table.environment.items() for name in names},
        bare_datasets=generic.bare_datasets,
        programs=Programs(
            silent=frozenset().union(*(each.silent for each in programs)),
            downloads=frozenset().union(*(each.downloads for each in programs)),
            shells=frozenset().union(*(each.shells for each in programs)),
            api_owners=frozenset().union(*(each.api_owners for each in programs)),
        ),
        client_flags=frozenset(plain_key(flag) for each in programs for flag in each.client_flags),
    )


def _merged(generics: list[Generic]) -> Generic:
    def gather(fields: list[dict[Holds, tuple[str, ...]]]) -> dict[Holds, tuple[str, ...]]:
        kinds = {kind for field in fields for kind in field}
        return {kind: tuple(name for field in fields for name in field.get(kind, ())) for kind in sorted(kinds)}

    return Generic(
        flags=gather([each.flags for each in generics]),
        overrides=gather([each.overrides for each in generics]),
        revision={kind: flag for each in generics for kind, flag in each.revision.items()},
        silent=tuple(name for each in generics for name in each.silent),
        bare_datasets=frozenset().union(*(each.bare_datasets for each in generics)),
    )


def _known(tool: Tool) -> Known:
    return Known(
        tool=tool,
        flags=_by_name(tool.flags),
        silent=frozenset(plain_key(flag) for flag in tool.silent),
        switches=frozenset(plain_key(flag) for flag in tool.switches),
        revisions={kind: plain_key(flag) for kind, flag in tool.revision.items()},
    )


def _by_name(flags: Mapping[Holds, tuple[str, ...]]) -> dict[str, Holds]:
    return {plain_key(flag): holds for holds, names in flags.items() for flag in names}

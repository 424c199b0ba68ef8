"""Write the parts of the documentation that are made from the code: ``python -m docs.generate``.

The card's JSON Schema (once in ``docs/``, once inside the package) and the help texts in
``docs/cli.md``. ``tests/test_docs.py`` and ``tests/test_schema.py`` fail while they differ from
what this writes.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ftlineage.cli.lazy import Entry
from ftlineage.cli.main import commands, main
from ftlineage.core import codec
from ftlineage.core.card import json_schema

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = (ROOT / "docs" / "lineage.schema.json", ROOT / "ftlineage" / "schema" / "lineage.schema.json")
CLI = ROOT / "docs" / "cli.md"
# Help is wrapped to the terminal; the committed text must not depend on whose.
COLUMNS = "100"
_BLOCK = re.compile(r"(?<=<!-- help: begin -->\n).*(?=<!-- help: end -->)", re.DOTALL)


def schema_bytes() -> bytes:
    """What both copies of the JSON Schema hold."""
    return codec.pretty_bytes(json_schema())


def help_text(command: str) -> str:
    """What ``ftlineage COMMAND --help`` prints; an empty command for the whole program."""
    previous = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = COLUMNS
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            main([*command.split(), "--help"])
    finally:
        if previous is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = previous
    return "\n".join(line.rstrip() for line in printed.getvalue().strip("\n").splitlines())


def verbs(table: Mapping[str, Entry], above: str = "") -> Iterator[str]:
    """Every command that can be typed, subcommands included, in the order of the help."""
    for name, entry in table.items():
        command = f"{above} {name}".strip()
        if isinstance(entry.target, Mapping):
            yield from verbs(entry.target, command)
        else:
            yield command


def help_blocks() -> str:
    """The help of the program and of every command, as Markdown."""
    return "\n".join(_help_block(command) for command in ("", *verbs(commands())))


def _help_block(command: str) -> str:
    typed = f"ftlineage {command}".strip()
    title = f"## `{typed}`\n\n" if command else ""
    return f"{title}```text\n$ {typed} --help\n{help_text(command)}\n```\n"


def cli_page(page: str) -> str:
    """``docs/cli.md`` with its generated block renewed and everything else as it was."""
    block = f"\n{help_blocks()}\n"
    return _BLOCK.sub(lambda _: block, page, count=1)


def write_all() -> None:
    """Renew every generated part."""
    for path in SCHEMAS:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(schema_bytes())
    CLI.write_text(cli_page(CLI.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_all()

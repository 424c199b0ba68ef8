"""Write the parts of the documentation that are made from the code: ``python -m docs.generate``.

The card's JSON Schema (once in ``docs/``, once inside the package), the help texts in
``docs/cli.md``, the tests of each trap in ``docs/hf-traps.md`` and the tables of
``docs/scan-frameworks.md``. ``tests/test_docs.py`` and
``tests/test_schema.py`` fail while they differ from what this writes.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from docs.generate_frameworks import PAGE as FRAMEWORKS
from docs.generate_frameworks import frameworks_block
from ftlineage.cli.lazy import Entry
from ftlineage.cli.main import commands, main
from ftlineage.core import codec
from ftlineage.core.card import json_schema

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = (ROOT / "docs" / "lineage.schema.json", ROOT / "ftlineage" / "schema" / "lineage.schema.json")
CLI = ROOT / "docs" / "cli.md"
# Help is wrapped to the terminal; the committed text must not depend on whose.
COLUMNS = "100"
TRAPS = ROOT / "docs" / "hf-traps.md"
_TRAP = re.compile(r"^\*\*T(\d+)\. ", re.MULTILINE)
_TRAP_TEST = re.compile(r"^ *(?:async )?def (test_t(\d\d)[a-z]?_\w+)", re.MULTILINE)


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


def trap_tests() -> dict[int, list[str]]:
    """The tests named after each trap of ``docs/hf-traps.md``, as ``path::name``."""
    found: dict[int, list[str]] = {int(number): [] for number in _TRAP.findall(TRAPS.read_text(encoding="utf-8"))}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, number in _TRAP_TEST.findall(path.read_text(encoding="utf-8")):
            found.setdefault(int(number), []).append(f"{path.relative_to(ROOT).as_posix()}::{name}")
    return dict(sorted(found.items()))


def trap_table() -> str:
    """The tests of every trap, as Markdown."""
    lines = ["| trap | tests |", "|---|---|"]
    for number, tests in trap_tests().items():
        cell = "<br>".join(f"`{test}`" for test in tests) or "none"
        lines.append(f"| T{number} | {cell} |")
    return "\n".join(lines)


def renewed(path: Path, name: str, block: str) -> str:
    """A page with the part between ``<!-- name: begin -->`` and ``<!-- name: end -->`` replaced."""
    head, begin, rest = path.read_text(encoding="utf-8").partition(f"<!-- {name}: begin -->\n")
    _, end, tail = rest.partition(f"<!-- {name}: end -->")
    if not (begin and end):
        message = f"{path.name} has no place for {name}"
        raise ValueError(message)
    return f"{head}{begin}\n{block.strip()}\n\n{end}{tail}"


def pages() -> dict[Path, str]:
    """Every page with a generated part, as it must be."""
    return {
        CLI: renewed(CLI, "help", help_blocks()),
        TRAPS: renewed(TRAPS, "tests", trap_table()),
        FRAMEWORKS: renewed(FRAMEWORKS, "frameworks", frameworks_block()),
    }


def write_all() -> None:
    """Renew every generated part."""
    for path in SCHEMAS:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(schema_bytes())
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_all()

"""The list of frameworks in ``docs/scan-frameworks.md``, from the tables that the scan reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ftlineage.drift.configs.builtin import BUILTIN
from ftlineage.drift.configs.framework import Framework, Rule

PAGE = Path(__file__).resolve().parent / "scan-frameworks.md"


def frameworks_block() -> str:
    """Every table with its keys, as Markdown."""
    return "\n\n".join("\n".join(_lines(framework)) for framework in BUILTIN)


def _lines(framework: Framework) -> Iterator[str]:
    yield f"### {framework.title}\n"
    role = "" if framework.role == "exclusive" else f" ({framework.role})"
    yield f"`{framework.name}`{role}, <{framework.docs}>{': ' + framework.note if framework.note else ''}\n"
    if framework.references:
        yield "| keys | kind | revision | not pinned because |"
        yield "|---|---|---|---|"
        yield from (_row(rule) for rule in framework.references)
    if framework.commands:
        yield f"Command lines: {_code(framework.commands)}"
    if framework.silent:
        yield f"\nSilent: {_code(framework.silent)}"


def _row(rule: Rule) -> str:
    held = [*rule.revision, *(f"{key} (read only)" for key in rule.shared_revision)]
    if rule.at:
        held.append(f"id{rule.at}revision")
    if rule.form == "args":
        held.append("revision=")
    keys = [f"the keys of {key}" if rule.form == "keys" else key for key in rule.keys]
    return f"| {_code(keys)} | {rule.kind} | {_code(held)} | {rule.unpinnable} |"


def _code(texts: list[str]) -> str:
    return "<br>".join(f"`{text}`" for text in texts).replace("|", "\\|")

"""Comments that silence a finding: ``# ftlineage: ignore[FLOAT001] why``, and Bandit's ``# nosec``.

Decides where such a comment reaches: every line of the statement it stands in, the next statement
when it has a line of its own, the whole file as ``ignore-file[...]``. Refused, with a remark: a
comment that names no rule, names an unknown one, or gives no reason. In JSON a string takes the
comment's place: ``"_why": "ftlineage: ignore[FLOAT001] ..."`` on its own line.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ftlineage.core.codec import foreign_object
from ftlineage.drift.kinds import FileKind
from ftlineage.drift.reference import Reference
from ftlineage.drift.revision import RULES, Rule

_OWN = re.compile(
    r"(?:#|//|\")\s*ftlineage:\s*(?P<verb>ignore(?:-file)?)(?![\w-])\s*(?:\[(?P<rules>[^\]\n]*)\])?(?P<rest>[^\n]*)"
)
# Bandit reads test ids behind a colon or a blank, split by blanks or commas; anything else is prose.
_NOSEC = re.compile(r"#\s*nosec\b:?[ \t]*(?P<tests>(?:(?:B\d{3}|[a-z][a-z_]+_[a-z_]+)[,\s]*)*)", re.IGNORECASE)
_BANDIT = ("b615", "huggingface_unsafe_download")
_COMMENT_LINE = re.compile(r"\s*(?:#|//|$)|\s*\"[^\"]*\"\s*:\s*\"\s*ftlineage:")
# What JSON leaves behind the last word of a line: the end of the string, a line break within it.
_JSON_TAIL = re.compile(r"(?:\\[nr])*\"?\s*,?\s*$")
_EVERYTHING = ("floating", "all", "*")


class Directive(msgspec.Struct, frozen=True, kw_only=True):
    """One such comment; ``reach`` are the lines it speaks for, none for the whole file.

    ``cell`` is a notebook's cell, and lines then count from its first. ``rules`` is empty for every
    rule. ``fault`` says why it counts for nothing. ``is_bandit`` ones are Bandit's business when unused.
    """

    line: int
    reach: tuple[int, ...]
    rules: frozenset[Rule] = frozenset()
    reason: str = ""
    fault: str = ""
    cell: int | None = None
    is_bandit: bool = False

    def covers(self, reference: Reference) -> bool:
        """Whether it silences a reference."""
        if self.fault or reference.rule is None or (self.rules and reference.rule not in self.rules):
            return False
        if not self.reach:
            return True
        if self.cell != reference.cell:
            return False
        first, last = reference.lines or (reference.line, reference.line)
        # In a notebook lines are counted within the cell: on a file of one physical line they still differ.
        shift = reference.cell_line - reference.line if reference.cell_line is not None and self.cell is not None else 0
        return any(first + shift <= line <= last + shift for line in self.reach)


def find_directives(text: str, kind: FileKind) -> list[Directive]:
    """Every such comment of a file, in the order of lines."""
    if "ftlineage:" not in text and (kind not in ("python", "notebook") or "nosec" not in text):
        return []
    if kind == "notebook":
        return [found for cell, source in _cells(text) for found in _in_text(source, python=True, cell=cell)]
    if kind == "python":
        comments = _comments(text)
        if comments is not None:
            return _in_lines(text.splitlines(), comments, python=True, cell=None)
    return _in_text(text, python=kind == "python", cell=None)


def apply(
    references: Iterable[Reference], directives: Sequence[Directive]
) -> tuple[list[Reference], list[tuple[Reference, str]], set[int]]:
    """Part references into those that stay and those that are silenced, each with the reason.

    Returns:
        What stays, what is silenced, and the numbers of the directives that did it.
    """
    kept: list[Reference] = []
    silenced: list[tuple[Reference, str]] = []
    used: set[int] = set()
    for reference in references:
        by = [number for number, directive in enumerate(directives) if directive.covers(reference)]
        used.update(by)
        if by:
            silenced.append((reference, directives[by[0]].reason))
        else:
            kept.append(reference)
    return kept, silenced, used


def _cells(text: str) -> Iterator[tuple[int, str]]:
    document = foreign_object(text) or {}
    cells = document.get("cells")
    for number, cell in enumerate(cells if isinstance(cells, list) else []):
        source = cell.get("source") if isinstance(cell, dict) and cell.get("cell_type") == "code" else None
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            yield number, "".join(source)
        elif isinstance(source, str):
            yield number, source


def _comments(text: str) -> dict[int, str] | None:
    """The comments of Python source by line; None if it is not to be told apart."""
    try:
        tokens = tokenize.generate_tokens(io.StringIO(text.removeprefix("\ufeff")).readline)
        return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        return None


def _in_text(text: str, *, python: bool, cell: int | None) -> list[Directive]:
    lines = text.splitlines()
    wanted = {number: line for number, line in enumerate(lines, 1) if "ftlineage:" in line or "nosec" in line}
    return _in_lines(lines, wanted, python=python, cell=cell)


def _in_lines(lines: list[str], comments: dict[int, str], *, python: bool, cell: int | None) -> list[Directive]:
    found = []
    for number, comment in sorted(comments.items()):
        directive = _own(comment, number, _reach(lines, number))
        if directive is None and python:
            directive = _bandit(comment, number)
        if directive is not None:
            found.append(directive if cell is None else msgspec.structs.replace(directive, cell=cell))
    return found


def _reach(lines: list[str], number: int) -> tuple[int, ...]:
    """The line itself; for a comment on a line of its own also the next one that is none."""
    if not 1 <= number <= len(lines) or _COMMENT_LINE.match(lines[number - 1]) is None:
        return (number,)
    following = (other for other in range(number + 1, len(lines) + 1) if _COMMENT_LINE.match(lines[other - 1]) is None)
    return tuple({number: None, next(following, number): None})


def _own(comment: str, number: int, reach: tuple[int, ...]) -> Directive | None:
    found = _OWN.search(comment)
    if found is None:
        return None
    reason = _JSON_TAIL.sub("", found["rest"]).strip(" \t\r:-\u2013\u2014")
    rules, fault = _rules(found["rules"])
    if not fault and not reason:
        fault = "it gives no reason: write one behind the bracket"
    whole = found["verb"] == "ignore-file"
    return Directive(line=number, reach=() if whole else reach, rules=rules, reason=reason, fault=fault)


def _rules(text: str | None) -> tuple[frozenset[Rule], str]:
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if not names:
        return frozenset(), "it names no rule: write ignore[floating] or ignore[FLOAT001]"
    if any(name.lower() in _EVERYTHING for name in names):
        return frozenset(), ""
    by_name = {name: rule for rule in RULES for name in (rule, rule.lower())}
    unknown = next((name for name in names if name not in by_name), None)
    if unknown is not None:
        return frozenset(), f"{unknown} is no rule: they are FLOAT001 to FLOAT010, or floating for all"
    return frozenset(by_name[name] for name in names), ""


def _bandit(comment: str, number: int) -> Directive | None:
    found = _NOSEC.search(comment)
    if found is None:
        return None
    tests = re.split(r"[,\s]+", found["tests"].lower().strip(" ,"))
    named = [test for test in tests if test]
    if named and not any(test in _BANDIT for test in named):
        return None
    # B615 is about revisions; Bandit has no test of remote code that somebody could have meant by it.
    rules = frozenset(rule for rule in RULES if rule != "FLOAT006") if named else frozenset[Rule]()
    return Directive(line=number, reach=(number,), rules=rules, reason=found[0].lstrip("# "), is_bandit=True)

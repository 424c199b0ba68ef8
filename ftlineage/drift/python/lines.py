"""Command lines that a file puts together: in strings, in f-strings and in lists of words.

Decides which strings are commands: what a runner is given, what a name such as ``cmd`` holds, what begins with
a program and goes on with flags. What variables hold is put in, one line for each combination. The
commands' own reader finds the ids; refuses sentences that only speak of commands.
"""

from __future__ import annotations

import ast
import re
import shlex
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise, product
from typing import NamedTuple

from ftlineage.drift.python.calls import dotted
from ftlineage.drift.python.emit import Findings, changed
from ftlineage.drift.python.evaluate import Evaluator
from ftlineage.drift.python.scope import Place
from ftlineage.drift.python.slots import literal_span
from ftlineage.drift.python.values import How, Text
from ftlineage.drift.reference import Found

RUNNERS = frozenset(
    {
        "run", "call", "check_call", "check_output", "Popen", "system", "popen", "create_subprocess_shell",
        "create_subprocess_exec", "sh", "getoutput", "run_command", "run_cmd", "execute", "exec_command", "local",
        "remote", "exec", "execvp", "spawn", "run_bash", "run_shell", "bash", "shell", "execute_command", "run_process",
        "getstatusoutput", "start_process", "run_bash_command", "launch",
    }
)  # fmt: skip
_NAMES = re.compile(r"(?i)(.*_)?(cmd|cmds|command|commands|commandline|cmdline|argv)(_.*|\d*)")
_PROGRAM = re.compile(
    r"\s*(?:[A-Z_]+=\S* +)*(?:nohup +|sudo +|env +|time +)?(?:[\w./~-]*/)?"
    r"(?:python[\d.]*|\$UNKNOWN +-m|torchrun|accelerate|deepspeed|vllm|lm_eval|lm-eval|huggingface-cli|hf|sglang|uv"
    r"|srun|mpirun|docker|text-generation-launcher|llamafactory-cli"
    r"|axolotl|swift|tune|litgpt|bash|sh)\s"
)
_WORD = re.compile(r"\s--?[A-Za-z][\w.-]*[ =]|\s(serve|download|run)\s")
_LIKELY = re.compile(r"--\w| -\w+ |serve|download|run")
_UNKNOWN = "$UNKNOWN"
_MOST = 32  # combinations of one line
_COLUMNS = 400  # pieces of one line
_REASON = "the command line is put together here: add its option for a revision"


class Piece(NamedTuple):
    """A stretch of a command line and the expression it is reported at."""

    text: str
    node: ast.expr | None


Columns = list[list[Piece]]


class CommandLines:
    """Reads the command lines of one file."""

    def __init__(self, ev: Evaluator, findings: Findings) -> None:
        self.ev = ev
        self.findings = findings

    def statement(self, statement: ast.stmt, place: Place) -> None:
        """``cmd = f"python -m serve --model-path {path}"``, ``cmd += " --tokenizer org/name"``, or what is returned."""
        match statement:
            case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name), *_], value=value):
                pass
            case ast.AugAssign(target=ast.Name(id=name) | ast.Attribute(attr=name), value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name), value=ast.expr() as value):
                pass
            case ast.Return(value=ast.expr() as value):
                name = ""
            case _:
                return
        self.line(value, place, named=_NAMES.fullmatch(name) is not None)

    def line(self, node: ast.expr, place: Place, *, named: bool) -> None:
        """A string that is a command: surely where it is ``named`` one, else if it begins with a program."""
        if (
            isinstance(node, ast.Call)
            and dotted(node.func) in {"shlex.split", "dedent", "textwrap.dedent"}
            and node.args
        ):
            node = node.args[0]
        if isinstance(node, ast.Constant) and not isinstance(node.value, str):
            return
        if not isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
            return
        start, end = self.findings.source.span(node)
        if not _LIKELY.search(self.findings.source.text, start, end):
            return
        columns = self._columns(node, place)
        if len(columns) > _COLUMNS:
            return
        first = "".join(column[0].text for column in columns)
        bare = named and first.lstrip().startswith("-")
        if bare or (_WORD.search(first) and (named or _PROGRAM.match(first))):
            ahead: Columns = [[Piece("python3 - ", None)]] if bare else []
            self._read([*ahead, *columns])

    def words(self, nodes: Sequence[ast.expr], place: Place) -> None:
        """``["vllm", "serve", "org/name"]``, also the rest of one: ``["--model", path]``."""
        columns: Columns = []
        for node in nodes[:_COLUMNS]:
            held = self._words(self._columns(node, place))
            columns += [held, [Piece(" ", None)]]
        head = columns[0][0].text if columns else ""
        if head.startswith("-"):
            columns.insert(0, [Piece("python3 - ", None)])
        elif head == _UNKNOWN:
            columns[0] = [Piece("python3", None)]
        self._read(columns)

    # --- pieces ----------------------------------------------------------------------------------

    def _words(self, columns: Columns) -> list[Piece]:
        """One word out of its pieces: all its alternatives, in quotes."""
        found: list[Piece] = []
        for row in islice(product(*columns), _MOST):
            text = "".join(one.text for one in row)
            node = next((one.node for one in reversed(row) if "/" in one.text), row[-1].node if row else None)
            found.append(Piece(text if text == _UNKNOWN or _UNKNOWN in text else shlex.quote(text), node))
        return found or [Piece("''", None)]

    def _columns(self, node: ast.expr, place: Place) -> Columns:
        match node:
            case ast.Constant(value=str(text)):
                return [[Piece(text, node)]]
            case ast.JoinedStr(values=values):
                return [column for one in values for column in self._columns(one, place)]
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return [*self._columns(left, place), *self._columns(right, place)]
            case ast.FormattedValue(value=value):
                return self._columns(value, place)
        return [self._alternatives(node, place)]

    def _alternatives(self, node: ast.expr, place: Place) -> list[Piece]:
        found: list[Piece] = []
        for one in self.ev.values(node, place):
            if isinstance(one, Text) and not one.partial:
                own = one.how >= How.ITEM and not one.foreign
                found.append(Piece(one.text, one.node if own else node))
            elif _UNKNOWN not in {piece.text for piece in found}:
                found.append(Piece(_UNKNOWN, node))
        return found[:_MOST] or [Piece(_UNKNOWN, node)]

    # --- reading ---------------------------------------------------------------------------------

    def _read(self, columns: Columns) -> None:
        for row in _rows(columns):
            text = "".join(one.text for one in row)
            starts = [0]
            for one in row:
                starts.append(starts[-1] + len(one.text))
            for found in read(text):
                lines = text.split("\n")
                at = sum(len(one) + 1 for one in lines[: found.line - 1]) + found.column - 1
                number = min(bisect_right(starts, at) - 1, len(row) - 1)
                node = row[number].node
                if node is not None:
                    self._report(found, node, at - starts[number])

    def _report(self, found: Found, node: ast.expr, at: int) -> None:
        self.findings.consumed.add(id(node))
        line, column = self._place(found, node, at)
        lines = (node.lineno, node.end_lineno or node.lineno)
        found = changed(found, line=line, column=column, lines=lines, slot=None, unpinnable=found.unpinnable or _REASON)
        self.findings.add(found)

    def _place(self, found: Found, node: ast.expr, at: int) -> tuple[int, int]:
        """The line and column of an id in a literal; of the literal where the id is not written as it is."""
        source = self.findings.source
        inner = literal_span(source, node)
        if inner is not None and found.ref is not None and source.text.startswith(found.ref, inner[0] + at):
            return source.place(inner[0] + at)
        start, end = source.span(node)
        place = source.text.find(found.ref, start, end) if found.ref is not None else -1
        return source.place(place) if place >= 0 else (node.lineno, source.column(node))


def _rows(columns: Columns) -> Iterator[tuple[Piece, ...]]:
    return islice(product(*columns), _MOST)


def is_words(nodes: Iterable[ast.expr]) -> bool:
    """Whether a list is a command's words: a program or flag first, then an id or a variable behind a flag."""
    words = [one.value if isinstance(one, ast.Constant) and isinstance(one.value, str) else None for one in nodes]
    if len(words) < 2 or (first := words[0]) == "":  # noqa: PLR2004 - a flag and its value
        return False
    known = [word for word in words if word]
    if first is None and words[1] != "-m":
        return False
    if first is not None and (" " in first or "/" in first.strip("./")):
        return False
    valued = any("/" in word for word in known) or any(
        word is not None and word.startswith("--") and after is None for word, after in pairwise(words)
    )
    flagged = any(word.startswith("-") or word in {"serve", "download"} for word in known)
    return valued and flagged


def read(text: str) -> list[Found]:
    """What the commands' reader finds in one line; it is imported here, for most files need it not."""
    from ftlineage.drift.commands.reader import read_command

    return read_command(text)

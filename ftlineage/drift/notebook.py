"""References in a notebook: its code cells as one Python module, its commands as shell.

Decides what of a cell is Python, what is a command (``!hf download ...``, ``%%bash``) and what is
neither. Cells share their names in the order they stand. Text cells and outputs are silent. Lines
and columns are those of the file; slots say what the file has to hold, escapes included.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from ftlineage.core.codec import compact_text
from ftlineage.drift.commands.embedded import lifted
from ftlineage.drift.commands.shell import Shell, Variable
from ftlineage.drift.commands.sights import Lines
from ftlineage.drift.commands.tools import Tools, default_tools
from ftlineage.drift.commands.values import Argument, Span, Value, literal
from ftlineage.drift.commands.written import Written
from ftlineage.drift.ipynb import Cell, read_cells
from ftlineage.drift.reference import Found, Slot
from ftlineage.errors import BadInputError

Reader = Callable[[str], list[Found]]

_LIKELY = re.compile(
    r"(?i)pretrained|dataset|model|hugging|hf|tokenizer|pipeline|evaluate|adapter|lora|vllm|ollama|tune|litgpt|repo"
)
_CELL_MAGIC = re.compile(r"\s*%%(?P<name>[A-Za-z]\w*|!)(?P<rest>[^\n]*)(?:\n|\Z)")
_SHELLS = frozenset({"bash", "sh", "!", "sx", "system", "cmd"})
_KEEPS = frozenset({"capture", "time", "timeit", "prun", "mem", "memit", "script_magic", "skip", "wandb", "notify"})
_MAGIC = re.compile(
    r"^(?P<indent>[ \t]*)(?P<mark>(?:[A-Za-z_][\w, ]*=[ \t]*)?(?:!!?|%(?=[A-Za-z])))(?P<rest>(?:[^\\\n]|\\\n|\\.)*)",
    re.MULTILINE,
)
_TRIPLE = re.compile(r'"""|\'\'\'')
_HELP = re.compile(r"^[ \t]*\??\??[\w.]+\?{1,2}[ \t]*$|^[ \t]*\?[\w.]+[ \t]*$", re.MULTILINE)
_RUNS = re.compile(r"(?:run|sx|system|sh)[ \t]+")
_ENV = re.compile(r"env[ \t]+(\w+)[ \t]*[= ][ \t]*")
_CONSTANT = re.compile(
    r"^([A-Za-z_]\w*)[ \t]*(?::[ \t]*\w+[ \t]*)?=[ \t]*([\"'])([^\"'\s\\]{1,200})\2[ \t]*(?:#.*)?$", re.MULTILINE
)
_BRACED = re.compile(r"(?<![$\\{])\{([A-Za-z_]\w*)\}")


def read_notebook(text: str, path: str, *, tools: Tools | None = None) -> list[Found]:
    """The references of a notebook, in the order of its cells.

    Args:
        text: The file's text.
        path: Its path, for errors and for the readers of its cells.
        tools: The tables of commands; ours if None.

    Raises:
        BadInputError: It is no notebook, is too large, or its code does not parse.
    """
    if _LIKELY.search(text) is None:
        return []
    notebook = _Notebook(text, path, tools or default_tools())
    notebook.read([cell for cell in read_cells(text, path) if cell.kind == "code"])
    return notebook.finish()


class _Notebook:
    def __init__(self, text: str, path: str, tools: Tools) -> None:
        self._written = Written("")
        self._path = path
        self._tools = tools
        self._lines = Lines(text)
        self._python: list[tuple[Cell, str]] = []
        self._constants: dict[str, str] = {}
        self._found: list[Found] = []

    def read(self, cells: Sequence[Cell]) -> None:
        """Read code cells; their Python waits for :meth:`finish`."""
        self._written = Written("\n".join(cell.source.text for cell in cells))
        for cell in cells:
            self._take(cell)

    def _take(self, cell: Cell) -> None:
        source = cell.source
        magic = _CELL_MAGIC.match(source.text)
        if magic is None or magic["name"] in _KEEPS:
            begin = magic.end() if magic else 0
            self._mixed(cell, begin)
            return
        body = source.part(magic.end(), len(source.text)) if magic.end() < len(source.text) else None
        name, words = magic["name"], magic["rest"].split()
        if body is None:
            return
        if name in _SHELLS or (name == "script" and words and words[0] in _SHELLS):
            self._command(cell, body, magic.end())
        elif name in {"writefile", "file", "python", "python3", "pypy"}:
            self._file(cell, body, magic.end(), words[-1] if words and name in {"writefile", "file"} else "cell.py")

    def finish(self) -> list[Found]:
        """Read the Python of all cells as one module."""
        module = self._joined(self._python)
        if module.text.strip():
            try:
                found = _read_python(module.text, self._path)
            except BadInputError:
                whole = [(cell, text) for cell, text in self._python if _parses(text)]
                if not whole and not self._found:
                    raise
                self._python, module = whole, self._joined(whole)
                found = _read_python(module.text, self._path) if whole else []
            self._place(module, found)
        return sorted(self._found, key=lambda each: (each.line, each.column))

    # --- the parts of a cell -------------------------------------------------------------------

    def _mixed(self, cell: Cell, begin: int) -> None:
        source = cell.source
        code = _blank(source.text[:begin]) + source.text[begin:]
        self._constants |= {found[1]: found[3] for found in _CONSTANT.finditer(code)}
        pieces: list[str] = []
        at = 0
        for found in _outside_strings(code):
            rest = found["rest"]
            start = found.start("rest")
            if found["mark"].endswith("%"):
                known = _RUNS.match(rest)
                if (env := _ENV.match(rest)) is not None:
                    self._constants[env[1]] = rest[env.end() :].strip().strip("\"'")
                start = found.end() if known is None else start + known.end()
            if start < found.end():
                self._command(cell, source.part(start, found.end()), start)
            pieces += [code[at : found.start()], found["indent"], _statement(found[0][len(found["indent"]) :])]
            at = found.end()
        code = _HELP.sub(lambda found: _blank(found[0]), "".join(pieces) + code[at:])
        self._python.append((cell, code))

    def _command(self, cell: Cell, body: Value, begin: int) -> None:
        """Commands, with the notebook's own constants in `{name}` and `$name`."""
        filled = _filled(body)
        shell = Shell(filled.text, self._tools)
        for name, text in self._constants.items():
            shell.variables[name] = Variable((Argument((literal(text, 0),), 0, len(text)),))
        shell.run()
        self._lift(cell, filled, self._written.local(shell.finish()), cell.source.text.count("\n", 0, begin))

    def _file(self, cell: Cell, body: Value, begin: int, name: str) -> None:
        from ftlineage.drift.configs.reader import read_config

        suffix = name.rpartition(".")[2]
        try:
            match suffix:
                case "py":
                    found = _read_python(body.text, name)
                case "yaml" | "yml" | "json" | "toml":
                    found = read_config(body.text, name)
                case "sh" | "bash":
                    shell = Shell(body.text, self._tools)
                    shell.run()
                    found = shell.finish()
                case _:
                    return
        except BadInputError:
            return
        self._lift(cell, body, self._written.local(found), cell.source.text.count("\n", 0, begin))

    # --- places --------------------------------------------------------------------------------

    def _lift(self, cell: Cell, body: Value, found: list[Found], line: int) -> None:
        placed = lifted(body, found, self._lines, _escape)
        self._found += [
            msgspec.structs.replace(
                outer, cell=cell.number, cell_line=line + inner.line, slot=_with_remark(inner.slot, outer.slot)
            )
            for inner, outer in zip(found, placed, strict=True)
        ]

    def _joined(self, parts: Iterable[tuple[Cell, str]]) -> Value:
        """One module of many cells; between two a line break that stands at the end of the first."""
        texts: list[str] = []
        spans: list[Span] = []
        length = 0
        for cell, text in parts:
            spans += [span._replace(start=span.start + length) for span in cell.source.spans]
            texts.append(text)
            length += len(text) + 1
        return Value("\n".join(texts), tuple(spans))

    def _place(self, module: Value, found: list[Found]) -> None:
        placed = lifted(module, found, self._lines, _escape)
        firsts: list[tuple[int, int]] = []
        line = 1
        for cell, text in self._python:
            firsts.append((line, cell.number))
            line += text.count("\n") + 1
        for inner, outer in zip(found, placed, strict=True):
            first, index = firsts[max(bisect_right(firsts, (inner.line + 1, -1)) - 1, 0)]
            slot = _with_remark(inner.slot, outer.slot)
            self._found.append(msgspec.structs.replace(outer, cell=index, cell_line=inner.line - first + 1, slot=slot))


def _with_remark(inner: Slot | None, outer: Slot | None) -> Slot | None:
    """A line of source in a cell can end in a remark as it would in a file; whoever writes it knows the escapes."""
    if inner is None or outer is None:
        return outer
    return msgspec.structs.replace(outer, comment=inner.comment)


def _read_python(text: str, path: str) -> list[Found]:
    from ftlineage.drift.python.reader import read_python

    return read_python(text, path, None)


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _outside_strings(code: str) -> Iterator[re.Match[str]]:
    """Lines that begin like a command and do not stand inside a string of several lines."""
    opened = ""
    at = 0
    for found in _MAGIC.finditer(code):
        for quotes in _TRIPLE.findall(code, at, found.start()):
            opened = quotes if not opened else "" if quotes == opened else opened
        at = found.start()
        if not opened:
            at = found.end()
            yield found


def _filled(body: Value) -> Value:
    """The commands with `{name}` written as shells do; each keeps the place of what it stands for."""
    pieces: list[str] = []
    spans: list[Span] = []
    length = at = 0
    for found in _BRACED.finditer(body.text):
        between = body.part(at, found.start())
        for piece, own in ((between.text, between.spans), (f"${found[0]}", None)):
            begin = body.at(found.start())
            spans += (
                [span._replace(start=span.start + length) for span in own]
                if own is not None and piece
                else [Span(length, begin, body.after(found.end()) - begin, literal=False)]
                if own is None
                else []
            )
            pieces.append(piece)
            length += len(piece)
        at = found.end()
    if not pieces:
        return body
    last = body.part(at, len(body.text))
    spans += [span._replace(start=span.start + length) for span in last.spans]
    return Value("".join(pieces) + last.text, tuple(spans))


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _statement(text: str) -> str:
    """As long as the text, and a statement: a block may have nothing else in it."""
    return "0" + _blank(text[1:]) if text else ""


def _escape(text: str) -> str:
    return compact_text(text)[1:-1]

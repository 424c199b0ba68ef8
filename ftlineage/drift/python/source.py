"""One Python file as text and tree, and where in it looking closer can pay.

Decides which files are worth parsing and which statements worth walking: those on whose lines a
loader's name, a key that names a repository or a string of an id's shape stands. Refuses Python 2
and other text that does not parse with :class:`~ftlineage.errors.BadInputError`.
"""

from __future__ import annotations

import ast
import gc
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import accumulate

from ftlineage.drift.python.names import shape_of
from ftlineage.errors import BadInputError

# Parts of the names of calls that load; a file with none of them and no id-shaped string is not parsed.
TOKENS = (
    "from_pretrained", "load_dataset", "get_dataset_", "hf_hub_", "snapshot_download", "HfApi", "HfFileSystem",
    "pipeline(", "SentenceTransformer", "CrossEncoder(", "SparseEncoder(", "import evaluate", "from evaluate",
    "simple_evaluate(", "LLM(", "EngineArgs(", "HuggingFaceEmbed", "HuggingFaceBge", "HuggingFaceInstruct",
    "HuggingFaceCross", "HuggingFaceLLM", "HuggingFaceL", "HuggingFaceModel", "HuggingfaceEmbed", "from_model_id",
    "hf://", "hf-hub:", "hf_hub:", "/resolve/", "/raw/", "cached_file", "load_metric(", "get_kernel(", "load_from_hub",
    "from_hf_hub", "TransformerWordEmb", "TransformerDocumentEmb", "TextEmbedding(", "vllm serve", "huggingface-cli ",
    "hf download", "text-generation-launcher",
)  # fmt: skip
_ID_LITERAL = re.compile(r"""["'](?:hf://|hf[-_]hub:)?([A-Za-z0-9][\w.-]*/[\w.-]+)["'/@]""")
# These stand in too many files to make one worth parsing, but lead to references in those that are.
_MORE = (
    "load(", "pretrained", "environ", "getenv", "combine(", "trust_remote_code", "Trainer(", "LoRARequest(",
    "load_adapter(", "load_lora", "load_textual_", "load_ip_adapter", "attn_implementation", "WhisperModel(",
    "create_model", "--model",
)  # fmt: skip
# A flag with an id, or something that is put in, behind it.
_FLAG = re.compile(r"--[\w.-]+(?:[ =]+|[\"'], *f?[\"']?)\\?[\"']?(?:([A-Za-z0-9][\w.-]*/[\w.-]+)|\{)")
# Names of measurements and ratios; a file with no other string of an id's shape is not parsed.
_NO_OWNER = re.compile(
    r"(?:\d+|(?:\w+_)?(?:loss|losses|val|metrics?|rewards?|objective|ratio|sampling|perf|timing|throughput|accuracy"
    r"|entropy|kl|grad|policy|critic|actor|relative|accounts|and|non-\w+|i|requests|tokens))/",
    re.IGNORECASE,
)
_NEWLINE = re.compile(r"\r\n|\r|\n")


def is_interesting(text: str) -> bool:
    """Whether a file can hold a reference: a few searches for substrings, nothing parsed."""
    if any(token in text for token in TOKENS):
        return True
    found = dict.fromkeys((*_ID_LITERAL.findall(text), *_FLAG.findall(text)))
    return any(_NO_OWNER.match(one) is None and shape_of(one) == "id" for one in found)


class Source:
    """A parsed file that answers in characters: the tree itself counts columns in UTF-8 bytes."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self._mark = 1 if text.startswith("\ufeff") else 0
        body = text[self._mark :]
        self.tree = _parse(body, path)
        self._ascii = body.isascii()
        self._body = body
        self._starts = _line_starts(body)
        self._base: list[int] | None = None

    def offset(self, line: int, byte: int) -> int:
        """The character at a position of the tree, counted from the start of the file."""
        start = self._starts[line - 1]
        if self._ascii:
            return start + byte + self._mark
        end = self._starts[line] if line < len(self._starts) else len(self._body)
        row = self._body[start:end]
        characters = byte if row.isascii() else len(row.encode()[:byte].decode(errors="ignore"))
        return start + characters + self._mark

    def column(self, node: ast.expr | ast.stmt) -> int:
        """The column of a node's first character, from 1."""
        return self.offset(node.lineno, node.col_offset) - self._starts[node.lineno - 1] - self._mark + 1

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character of the file."""
        line = bisect_right(self._starts, offset - self._mark)
        return line, offset - self._mark - self._starts[line - 1] + 1

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Where a node begins and ends, in characters of the file."""
        last_line, last_byte = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self.offset(node.lineno, node.col_offset), self.offset(last_line, last_byte)

    def line_end(self, offset: int) -> int:
        """Where the line of a character ends, its newline left out."""
        at = bisect_right(self._starts, offset - self._mark)
        end = self._starts[at] + self._mark if at < len(self._starts) else len(self.text)
        return offset + len(self.text[offset:end].rstrip("\r\n"))

    def hot_lines(self) -> list[int]:
        """The lines where a token or an id-shaped string stands, in order."""
        if self._base is None:
            places = [found.start() for found in _ID_LITERAL.finditer(self._body)]
            places += [found.start() for found in _FLAG.finditer(self._body)]
            self._base = self._lines((*TOKENS, *_MORE), places)
        return self._base

    @property
    def has_flags(self) -> bool:
        """Whether a flag of a command line stands anywhere."""
        return "--" in self.text

    def lines_with(self, tokens: Iterable[str]) -> list[int]:
        """The lines where one of these stands, in order."""
        return self._lines(tokens, [])

    def _lines(self, tokens: Iterable[str], places: list[int]) -> list[int]:
        body = self._body
        for token in tokens:
            at = body.find(token)
            while at >= 0:
                places.append(at)
                at = body.find(token, at + 1)
        starts = self._starts
        return sorted({bisect_right(starts, place) for place in places})


def _line_starts(text: str) -> list[int]:
    """Where each line begins, in characters, with the line ends that the tree counts."""
    if "\r" in text:
        return [0, *(found.end() for found in _NEWLINE.finditer(text))]
    return [0, *accumulate(len(line) + 1 for line in text.split("\n"))][:-1]


def _parse(text: str, path: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        where = f" on line {error.lineno}" if error.lineno else ""
        raise BadInputError(path=path, reason=f"is no Python 3{where}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise BadInputError(path=path, reason=f"cannot be parsed as Python: {type(error).__name__}") from None


@contextmanager
def without_collector() -> Iterator[None]:
    """Hold the garbage collector off: it walks a growing tree again and again, a third of the time in all."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()

"""The one place that writes to the terminal: data goes to stdout, talk goes to stderr.

With ``--json`` stdout carries exactly one JSON document and nothing else. With ``--quiet`` talk is
dropped. Colour only on a terminal and never when ``NO_COLOR`` is set. Text that came from a card,
a file name or the network is cleaned of control characters before it gets here or by
:func:`ftlineage.core.words.clean` here; it never reaches the terminal raw.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from ftlineage.core import codec, words
from ftlineage.errors import PathNotFoundError

Style = Literal["bold", "dim", "red", "yellow", "green", "cyan"]
_CODES: dict[Style, str] = {"bold": "1", "dim": "2", "red": "1;31", "yellow": "33", "green": "32", "cyan": "36"}

# What may follow the last colon of a hint.
_COMMAND = re.compile(r"(.+:) ((?:ftlineage|pip|hf|git|mv) .+)", re.DOTALL)

PIPE_WIDTH = 80
MAX_WIDTH = 100
MIN_WIDTH = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """How this invocation talks: as JSON or text, quiet or not, with the traceback of errors or not."""

    json: bool = False
    quiet: bool = False
    debug: bool = False

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> Output:
        """What the flags say, read before any parsing so that parse errors follow them too."""
        end = arguments.index("--") if "--" in arguments else len(arguments)
        flags = set(arguments[:end])
        return cls(json="--json" in flags, quiet=bool({"-q", "--quiet"} & flags), debug="--debug" in flags)

    def document(self, value: Any) -> None:
        """Write one JSON document on stdout as UTF-8, whatever the locale."""
        _write_bytes(sys.stdout, codec.pretty_bytes(value))

    def data(self, data: bytes) -> None:
        """Write a finished file on stdout, byte for byte what a file would hold."""
        _write_bytes(sys.stdout, data)

    def text(self, text: str) -> None:
        """Write a result for people on stdout."""
        _write(sys.stdout, text + "\n")

    def say(self, text: str) -> None:
        """Talk on stderr: what happens, where something was written."""
        if not self.quiet:
            _talk(text)

    def complain(self, text: str) -> None:
        """Write an error on stderr; not even ``--quiet`` hides it."""
        _talk(text)


def paint(text: str, style: Style, stream: TextIO | None) -> str:
    """``text`` in a style if ``stream`` shows colour, else as it is."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if has_colour(stream) else text


def has_colour(stream: TextIO | None) -> bool:
    """Whether escape codes belong on this stream (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person looks at this stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it was closed
        return False


def width(stream: TextIO | None) -> int:
    """Columns to fill, at most 100: ``COLUMNS``, or the terminal's, or 80 so that piped text is equal everywhere."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdecimal():
        found = int(columns)
    elif stream is not None and is_terminal(stream):
        found = _terminal_columns(stream)
    else:
        found = 0
    return max(MIN_WIDTH, min(found or PIPE_WIDTH, MAX_WIDTH))


def _terminal_columns(stream: TextIO) -> int:
    # Not shutil's function: it asks about the wrong stream, and shutil loads every compression library.
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0


def sentence(
    text: str, *, indent: str = "", first: str | None = None, fold: bool = False, stream: TextIO | None = None
) -> str:
    """Cleaned text wrapped to the width of ``stream``, with a hanging indent.

    Words longer than a line (paths, digests, commands) are left whole, so that they can be copied,
    unless ``fold``.
    """
    return textwrap.fill(
        words.clean(text.replace("\n", " ")),
        width=width(stream),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=fold,
        break_on_hyphens=False,
    )


def labelled(label: str, text: str, style: Style, *, indent: str, stream: TextIO | None) -> str:
    """``label text`` with the label in a style, wrapped with a hanging indent; colour codes take no columns."""
    said = sentence(f"{label} {text}", first="", indent=indent, stream=stream)
    return paint(label, style, stream) + said[len(label) :]


def hint(text: str, *, indent: str, stream: TextIO | None) -> str:
    """``hint: ...`` behind an indent; a command that does not fit gets a line of its own, to be copied whole."""
    label = "hint:"
    hanging = " " * (len(indent) + len(label) + 1)
    said = sentence(text, first=f"{indent}{label} ", indent=hanging, stream=stream)
    command = _COMMAND.fullmatch(text)
    if "\n" in said and command is not None:
        before = sentence(command[1], first=f"{indent}{label} ", indent=hanging, stream=stream)
        said = f"{before}\n{hanging}{words.clean(command[2])}"
    return indent + paint(label, "cyan", stream) + said[len(indent) + len(label) :]


def write_output(path: Path, data: bytes) -> None:
    """Write a file the user asked for: whole or not at all, but straight into a pipe or device.

    Raises:
        PathNotFoundError: The folder does not exist.
        OutputNotWritableError, StorageError: The file cannot be written; what was there is intact.
    """
    from ftlineage.store.atomic import write_bytes, writing

    if not path.parent.is_dir():
        raise PathNotFoundError(path=str(path.parent), hint="Make the folder first")
    if path.exists() and not path.is_file():
        with writing(path):
            path.write_bytes(data)
    else:
        write_bytes(path, data)


def flush() -> None:
    """Deliver what is buffered, so that a full disk or a closed pipe is seen while it can be answered."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def prepare_streams() -> None:
    """Make both streams able to carry any text: what the locale lacks is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def abandon_streams() -> None:
    """Point both streams at nothing, so that the interpreter's last flush fails on no closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _talk(text: str) -> None:
    # What was said before comes before, also where both streams end in one log. That stdout is
    # broken is found again at the end, by the flush that decides about it.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    _write(sys.stderr, text + "\n")


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # the caller closed the descriptor
        return
    if hasattr(stream, "buffer"):
        _write_bytes(stream, text.encode(stream.encoding, "backslashreplace"))
    else:
        stream.write(text)


def _write_bytes(stream: TextIO | None, data: bytes) -> None:
    if stream is None:
        return
    if not hasattr(stream, "buffer"):
        stream.write(data.decode())
        return
    stream.flush()
    rest = memoryview(data)
    while rest:
        # With PYTHONUNBUFFERED this is the bare descriptor: it takes what it can, and a reader that
        # left halfway is seen only by the next write.
        rest = rest[stream.buffer.write(rest) :]

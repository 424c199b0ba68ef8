"""The source text of a live function or class, and whose code it is.

Decides which text stands for a function: its lines without common indentation and final newlines,
for a lambda the expression alone. Refuses to guess: code without a readable file (built in, typed
at a prompt, its file gone, or several lambdas that cannot be told apart) has no text.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import sysconfig
import textwrap
import types
from pathlib import Path, PurePath
from typing import Any


def source_text(subject: Any) -> str | None:
    """The text of a function or class without common indentation and final newlines, or None if there is none."""
    if isinstance(subject, types.FunctionType) and subject.__name__ == "<lambda>":
        return _lambda_text(subject)
    try:
        # The code object: getsource would look through a decorator's wrapper.
        text = inspect.getsource(subject.__code__ if isinstance(subject, types.FunctionType) else subject)
    except (OSError, TypeError, IndentationError, SyntaxError):  # built in, typed at a prompt, or the file is gone
        return None
    return textwrap.dedent(text).rstrip()


def _lambda_text(function: types.FunctionType) -> str | None:
    """The lambda alone: the lines it stands in may hold other code, or no whole statement."""
    try:
        lines, _ = inspect.findsource(function)
        tree = ast.parse("".join(lines))
    except (OSError, SyntaxError, ValueError):
        return None
    starting = [
        node for node in ast.walk(tree) if isinstance(node, ast.Lambda) and node.lineno == _first_line(function)
    ]
    inside = [node for node in starting if len(starting) == 1 or _holds(node.body, function)]
    # The innermost: a lambda that makes a lambda holds the positions of both.
    best = max(inside, key=lambda node: (node.body.lineno, node.body.col_offset), default=None)
    return ast.get_source_segment("".join(lines), best) if best is not None else None


def _first_line(function: types.FunctionType) -> int:
    return function.__code__.co_firstlineno


def _holds(body: ast.expr, function: types.FunctionType) -> bool:
    """Whether every known position of the compiled function lies in the body; false if none is known."""
    known = [place for place in function.__code__.co_positions() if None not in place and place[3] != 0]
    start, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    return bool(known) and all(
        start <= (line, column) and (end_line, end_column) <= end for line, end_line, column, end_column in known
    )


def file_name(subject: Any) -> str | None:
    """The bare name of the file: the folder it lies in differs between machines."""
    name = _file(subject)
    return PurePath(name).name if name is not None and Path(name).is_file() else None


def _file(subject: Any) -> str | None:
    try:
        return inspect.getsourcefile(subject)
    except (OSError, TypeError):  # built in; a class typed at a prompt
        return None


def is_own(subject: Any) -> bool:
    """Whether code is the user's: from a file that is neither installed nor part of Python."""
    name = _file(subject)
    return name is not None and not is_installed(Path(name))


def is_installed(path: Path) -> bool:
    """Whether a file belongs to Python, to an installed package, or to ftlineage itself."""
    real = path.resolve()
    return any(real.is_relative_to(root) for root in _installed_roots())


@functools.cache
def _installed_roots() -> tuple[Path, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
    places = {sysconfig.get_path(name) for name in names}
    places.add(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")))
    # An editable ftlineage is a tool here like any other.
    places.add(str(Path(__file__).parent.parent))
    places |= {entry for entry in sys.path if PurePath(entry).name in ("site-packages", "dist-packages")}
    return tuple(Path(place).resolve() for place in places if place)

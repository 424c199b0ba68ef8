"""The script that is running, or why there is none to record.

Decides what counts as the script: the file of ``__main__``, if it is the user's own. Commands of
installed packages (``axolotl``, ``python -m pytest``) are no scripts: their wrappers hold the path
of the interpreter, and the package list says what they are. Refused: notebooks, prompts and
``python -c``, where no file holds what ran.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ftlineage.core.sections import Script, Unrecorded
from ftlineage.core.words import clean
from ftlineage.errors import FtlineageError
from ftlineage.hashing.files import file_sha256
from ftlineage.sources.git import repository_root
from ftlineage.sources.source_text import is_installed


def running_script() -> Path | None:
    """The user's own file that Python was started with, or None."""
    name = getattr(sys.modules.get("__main__"), "__file__", None)
    path = Path(name) if isinstance(name, str) else None
    return path if path is not None and path.is_file() and not is_installed(path) else None


def code_folder() -> Path:
    """Where the code of this process lies: beside its script, else the current folder."""
    script = running_script()
    return script.resolve().parent if script is not None else Path.cwd()


def observe_script(path: Path | None) -> Script | Unrecorded:
    """Record a script by its digest and its place in its repository.

    Args:
        path: The file, or None for "whatever is running".

    Returns:
        Path relative to the top of the repository, or the bare name outside of one.
    """
    path = path or running_script()
    if path is None:
        return Unrecorded(section="recipe", element="script", reason=_why_none())
    if is_installed(path):
        reason = f"started by the installed command {clean(path.stem)}: its package is in the environment"
        return Unrecorded(section="recipe", element="script", reason=reason)
    real = path.resolve()
    try:
        digest = file_sha256(real, shown=path.name)
    except FtlineageError as error:
        return Unrecorded(section="recipe", element="script", reason=error.sentence)
    return Script(path=_place(real), sha256=digest)


def _place(path: Path) -> str:
    root = repository_root(path.parent)
    inside = root is not None and path.is_relative_to(root.resolve())
    name = path.relative_to(root.resolve()).as_posix() if root is not None and inside else path.name
    return clean(name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))


def _why_none() -> str:
    """What was started, where no file of the user's holds it."""
    main = sys.modules.get("__main__")
    if "get_ipython" in vars(main) if main is not None else False:
        return "run in a notebook or an IPython prompt: no file holds what ran"
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return (
            f"started as the installed module {spec.name.removesuffix('.__main__')}: its package is in the environment"
        )
    name = getattr(main, "__file__", None)
    if isinstance(name, str) and not name.startswith("<"):  # `python -` calls its file <stdin>
        return f"started by the installed command {clean(Path(name).stem)}: its package is in the environment"
    return (
        "given to python -c: no file holds what ran"
        if sys.argv[:1] == ["-c"]
        else "typed at a prompt: no file holds what ran"
    )

"""The script and the uncommitted patch of a run, kept by digest for replay.

Cards get published, source code need not be: a card has the digests, the local store has the text.
A store that cannot be written does not stop a training run; the card says what was not kept.
"""

from __future__ import annotations

from pathlib import Path

from ftlineage.core.sections import Code, Script, Unrecorded
from ftlineage.errors import FtlineageError
from ftlineage.sources.code import read_patch
from ftlineage.store.objects import ObjectStore


def keep_sources(
    start: Path, *, script: Script | Unrecorded | None, code: Code | Unrecorded | None
) -> list[Unrecorded]:
    """Put the script's text and the patch into the local store.

    Args:
        start: The running script, or the folder worked in.
        script: As it was observed; its digest says which bytes belong to the card.
        code: As it was observed.

    Returns:
        What could not be kept, with the reason.
    """
    store = ObjectStore()
    problems: list[Unrecorded] = []
    try:
        if isinstance(script, Script) and store.put(start.read_bytes()) != script.sha256:
            problems.append(Unrecorded(section="recipe", element="script", reason="the script changed while it ran"))
        if isinstance(code, Code) and code.diff is not None and store.put(read_patch(start)) != code.diff:
            problems.append(Unrecorded(section="code", element="diff", reason="the code changed while it was read"))
    except (FtlineageError, OSError) as error:
        reason = f"its text is not in the local store: {type(error).__name__}"
        problems.append(Unrecorded(section="code", element="text", reason=reason))
    return problems

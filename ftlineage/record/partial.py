"""``lineage.partial.json``: what a run that was never sealed leaves behind. Nothing accepts it as a card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ftlineage.core import codec
from ftlineage.core.card import FORMAT

if TYPE_CHECKING:
    from ftlineage.record.run import Run


def partial_document(run: Run, *, stopped: str, failure: type[BaseException] | None) -> dict[str, Any]:
    """What is known of ``run`` so far, and the class of the exception that ended it."""
    base = run.pinned_base
    return {
        "ftlineage": FORMAT,
        "name": run.name,
        "base": {"model": base.model, "revision": base.revision} if base is not None else None,
        "data": codec.builtins(run.datasets),
        "prompts": codec.builtins(run.prompts),
        "retrieval": codec.builtins(run.retrievals),
        "run": {
            "started": run.started,
            "stopped": stopped,
            "complete": False,
            "error": failure.__name__ if failure is not None else None,
        },
    }

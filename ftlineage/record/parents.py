"""Versions this one is made from: adapters trained further, adapters merged."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from ftlineage.core.sections import Parent
from ftlineage.errors import CardMissingError, DigestMismatchError, PathNotFoundError
from ftlineage.sources.adapter import observe_adapter
from ftlineage.store.cards import read_card_file


def observe_parent(folder: Path, *, relation: Literal["continued", "merged"]) -> Parent:
    """An earlier adapter as a parent: by its card's id, or by its tensors' digest when it has no card.

    Raises:
        PathNotFoundError: No such folder.
        DigestMismatchError: Its tensors are not those its card speaks of; a lineage through it
            would be false.
    """
    if not folder.is_dir():
        raise PathNotFoundError(path=str(folder))
    observed = observe_adapter(folder)
    digest = f"sha256:{observed.tensors.digest}" if observed.tensors else None
    try:
        card = read_card_file(folder)
    except CardMissingError:
        return Parent(relation=relation, name=folder.name, digest=digest)
    recorded = card.body.adapter
    if recorded is not None and recorded.tensors is not None:
        expected = f"sha256:{recorded.tensors.digest}"
        if expected != digest:
            hint = f"Run: ftlineage verify {folder}"
            raise DigestMismatchError(path=str(folder), expected=expected, actual=str(digest), hint=hint)
    return Parent(relation=relation, card=card.id, name=card.name, digest=digest)


def load_trainable(model: Any, folder: Path, *, revision: str | None, **kwargs: Any) -> Any:
    """``PeftModel.from_pretrained`` for training on, its config pinned to the base of this run."""
    from peft import PeftModel

    adapted = PeftModel.from_pretrained(model, str(folder), is_trainable=True, **kwargs)
    for config in adapted.peft_config.values():
        # Loading leaves whatever the old config said, without comparing it to the base (trap T19).
        config.revision = revision
    return adapted

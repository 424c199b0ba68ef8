"""Versions this one is made from: adapters trained further, adapters merged.

Refused: a parent that is not what its own card says, because a lineage through it would be false.
A parent without a card is named by the digest of its tensors.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from ftlineage.core import codec
from ftlineage.core.card import Card, card_id
from ftlineage.core.layout import ADAPTER_CONFIG
from ftlineage.core.sections import FileRecord, Parent
from ftlineage.core.words import short
from ftlineage.errors import CardMalformedError, CardMissingError, DigestMismatchError, PathNotFoundError
from ftlineage.record.base import PinnedBase
from ftlineage.sources.adapter import observe_adapter
from ftlineage.store.cards import read_card_file


def observe_parent(folder: Path, *, relation: Literal["continued", "merged"]) -> Parent:
    """An earlier adapter as a parent: by its card's id, or by its tensors' digest when it has no card.

    Raises:
        PathNotFoundError: No such folder.
        DigestMismatchError: Its card or one of its files is not what the card says.
    """
    if not folder.is_dir():
        raise PathNotFoundError(path=str(folder))
    observed = observe_adapter(folder)
    digest = f"sha256:{observed.tensors.digest}" if observed.tensors else None
    try:
        card = read_card_file(folder)
    except CardMissingError:
        return Parent(relation=relation, name=folder.resolve().name, digest=digest)
    _check_card(folder, card)
    if card.body.adapter is not None:
        _check_files(folder, card.body.adapter.files, observed.files)
    return Parent(relation=relation, card=card.id, name=card.name, digest=digest)


def _check_card(folder: Path, card: Card) -> None:
    computed = card_id(card.document())
    if computed != card.id:
        raise DigestMismatchError(path=str(folder), expected=card.id, actual=computed, hint=_hint(folder))


def _check_files(folder: Path, recorded: Iterable[FileRecord], observed: Iterable[FileRecord]) -> None:
    expected = {file.path: file.sha256 for file in recorded}
    actual = {file.path: file.sha256 for file in observed}
    for path in sorted(expected.keys() | actual.keys()):
        was, now = expected.get(path, "no such file"), actual.get(path, "no such file")
        if was != now:
            raise DigestMismatchError(path=str(folder / path), expected=was, actual=now, hint=_hint(folder))


def _hint(folder: Path) -> str:
    return f"Run: ftlineage verify {folder}"


def base_difference(folder: Path, base: PinnedBase) -> str | None:
    """The base an earlier adapter was trained on, in words, where it is known and is not this one.

    PEFT loads an adapter onto any base of the right shapes without a word (trap T19).
    """
    model, revision = _trained_on(folder)
    if model is not None and model != base.model and not Path(model).exists():
        return f"{model} at {short(revision)}" if revision else model
    if revision is not None and base.revision is not None and revision != base.revision:
        return f"{base.model} at {short(revision)}"
    return None


def _trained_on(folder: Path) -> tuple[str | None, str | None]:
    """Model and commit that the parent's card, or else its ``adapter_config.json``, names."""
    try:
        section = read_card_file(folder).body.base
    except CardMissingError:
        section = None
    if section is not None:
        return section.model, section.revision
    try:
        config = codec.parse((folder / ADAPTER_CONFIG).read_bytes())
    except (OSError, CardMalformedError):
        return None, None
    model, revision = config.get("base_model_name_or_path"), config.get("revision")
    return model if isinstance(model, str) else None, revision if isinstance(revision, str) else None


def load_trainable(model: Any, folder: Path, *, base: PinnedBase, **kwargs: Any) -> Any:
    """``PeftModel.from_pretrained`` for training on, its config pinned to the base of this run."""
    from peft import PeftModel

    from ftlineage.record.saving import pin_configs

    adapted = PeftModel.from_pretrained(model, str(folder), is_trainable=True, **kwargs)
    # Loading leaves whatever the old config said, without comparing it to the base (trap T19).
    pin_configs(adapted, base)
    return adapted

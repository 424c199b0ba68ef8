"""What only several references together show: one id pinned here and floating there, a lock that disagrees.

Decides FLOAT008 to FLOAT010 from values. A floating reference keeps its own rule, and FLOAT008
stands beside it as FLOAT006 does; a pinned one that the lock contradicts stays pinned and gets the
rule. What the lock does not hold says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from ftlineage.core import words
from ftlineage.core.layout import ADAPTER_CONFIG
from ftlineage.drift.reading import Seen
from ftlineage.drift.reference import Kind, Reference
from ftlineage.drift.revision import is_commit
from ftlineage.drift.rewrite.remark import DEFAULT

if TYPE_CHECKING:
    from ftlineage.drift.lockfile import Lock

# One repository is a model, its tokenizer, an adapter and the code in it.
_REPOSITORY: dict[Kind, str] = {"dataset": "dataset", "space": "space"}
Key = tuple[str, str]


class Locked(msgspec.Struct, frozen=True, kw_only=True):
    """What a lock says of one id: the ref that was wished and the commit it was."""

    wished: str
    sha: str


def lock_view(lock: Lock) -> dict[Key, list[Locked]]:
    """A lock by repository: its entries for a model and for its tokenizer answer the same question."""
    view: dict[Key, list[Locked]] = {}
    for entry in lock.entries:
        found = view.setdefault((_REPOSITORY.get(entry.kind, "model"), entry.id), [])
        found.append(Locked(wished=entry.wished or DEFAULT, sha=entry.sha))
    return view


def repository(reference: Reference) -> Key | None:
    """What two references to one repository have in common; None where only a run knows it."""
    return None if reference.ref is None else (_REPOSITORY.get(reference.kind, "model"), reference.repository)


def both_ways(seen: Iterable[Seen]) -> list[Seen]:
    """Every reference, and FLOAT008 beside each floating one whose id is pinned elsewhere."""
    everything = list(seen)
    pinned: dict[Key, Reference] = {}
    for one in everything:
        key = repository(one.reference)
        if one.reference.status == "pinned" and key is not None:
            pinned.setdefault(key, one.reference)
    result: list[Seen] = []
    for one in everything:
        result.append(one)
        key = repository(one.reference)
        other = pinned.get(key) if key is not None else None
        if other is not None and one.reference.status == "floating" and one.reference.kind != "code":
            result.append(_with_rule(one, _told(one.reference, other)))
    return result


def against_lock(seen: Iterable[Seen], lock: Mapping[Key, Iterable[Locked]]) -> list[Seen]:
    """Every reference, the pinned ones with a rule where the lock says otherwise."""
    return [_compared(one, lock) for one in seen] if lock else list(seen)


def _told(floating: Reference, pinned: Reference) -> Reference:
    where = f"{words.clean(pinned.path)}:{pinned.line}"
    message = f"{floating.ref} floats here and is pinned to {words.short(pinned.revision or '')} in {where}"
    return msgspec.structs.replace(floating, rule="FLOAT008", message=message)


def _compared(one: Seen, lock: Mapping[Key, Iterable[Locked]]) -> Seen:
    reference, key = one.reference, repository(one.reference)
    if reference.status != "pinned" or reference.rule is not None or key is None:
        return one
    if reference.via == ADAPTER_CONFIG:  # a trained adapter stays with its base, wherever the lock has moved to
        return one
    sha = (reference.revision or "").lower()
    entries = list(lock.get(key, ()))
    if not entries or not is_commit(sha):
        return one
    same = [entry for entry in entries if entry.sha == sha]
    if not same:
        message = f"{reference.ref} is pinned to {words.short(sha)}, the lock file says {words.short(entries[0].sha)}"
        return _with_rule(one, msgspec.structs.replace(reference, rule="FLOAT009", message=message))
    if one.wish is not None and all(entry.wished != one.wish for entry in same):
        message = (
            f"the comment beside {words.short(sha)} of {reference.ref} says {words.clean(one.wish)}, "
            f"the lock file says {words.clean(same[0].wished)}"
        )
        return _with_rule(one, msgspec.structs.replace(reference, rule="FLOAT010", message=message))
    return one


def _with_rule(one: Seen, reference: Reference) -> Seen:
    return msgspec.structs.replace(one, reference=reference)

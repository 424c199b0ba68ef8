"""Which references a lock answers, which entries stay as they are, and what the Hub must be asked.

Decided from values alone. An entry that still answers its wish is kept whole, dates included; one
commit answers every kind of reference to one repository and wish, so that a model and its tokenizer
are locked together. Text in the code counts more than the lock: a pinned commit that differs from
the entry replaces it. Refused: any answer nobody gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

from ftlineage.drift.classify import FileFact
from ftlineage.drift.lockfile import Entry, Key, Lock, group_files, make_lock, place_order
from ftlineage.drift.reading import Seen
from ftlineage.drift.reference import Kind
from ftlineage.drift.rewrite.remark import DEFAULT
from ftlineage.drift.rewrite.undo import Kept
from ftlineage.sources.hub_cache import RepoType

#: The branch that clients load where no revision is named (``huggingface_hub.constants.DEFAULT_REVISION``).
DEFAULT_BRANCH = "main"

# Findings that stand beside the reference they are about.
_BESIDE = frozenset({"FLOAT006", "FLOAT008"})
_REPO_TYPES: dict[Kind, RepoType] = {"dataset": "dataset", "space": "space"}


class Ref(NamedTuple):
    """What the Hub is asked: one repository at one revision."""

    repo_type: RepoType
    repo: str
    revision: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the Hub said of a :class:`Ref` at ``resolved_at``."""

    sha: str
    committed_at: str | None = None
    resolved_at: str
    private: bool = False
    gated: bool = False
    files: tuple[FileFact, ...] = ()


class Want(NamedTuple):
    """One entry the lock should have: ``pinned`` is the commit the code names, None where it floats."""

    key: Key
    pinned: str | None
    used: tuple[str, ...]

    @property
    def ref(self) -> Ref:
        """What to ask the Hub for it."""
        return Ref(repo_type_of(self.key.kind), self.key.id, self.pinned or self.key.wished or DEFAULT_BRANCH)


class Plan(NamedTuple):
    """What a lock should hold: entries ``kept`` as they are but for their places, and ``wanted`` ones."""

    kept: tuple[Entry, ...]
    wanted: tuple[Want, ...]
    known: Mapping[Ref, Answer]
    pins: tuple[Kept, ...] = ()

    def missing(self) -> list[Ref]:
        """What must be asked of the Hub, each once."""
        return sorted({want.ref for want in self.wanted} - self.known.keys())


def repo_type_of(kind: Kind) -> RepoType:
    """The type of repository that a kind of reference names; code for models lives in model repositories."""
    return _REPO_TYPES.get(kind, "model")


def place_of(one: Seen) -> str:
    """Where a reference stands, as ``path:line``."""
    return f"{one.reference.path}:{one.reference.line}"


def lockable(one: Seen) -> bool:
    """Whether a lock can answer it: a known id, and no second finding about a reference that is there already."""
    reference = one.reference
    known = reference.ref is not None and reference.status in {"floating", "pinned"}
    return known and reference.rule not in _BESIDE


class Keys:
    """What references are locked under, given the entries there are."""

    def __init__(self, locked: Mapping[Key, Entry]) -> None:
        self._of_commit: dict[tuple[str, str, str], Key] = {}
        for key, entry in locked.items():
            self._of_commit.setdefault((key.kind, key.id, entry.sha), key)

    def of(self, one: Seen) -> Key:
        """The key of a reference.

        A floating one is locked under the revision it names. A pinned one under the wish its remark
        names, else under that of the entry which holds its commit, else under the commit itself.
        """
        reference, name = one.reference, one.reference.repository
        if reference.status == "floating":
            return Key(reference.kind, name, (reference.revision or "").strip() or None)
        if one.wish is not None:
            return Key(reference.kind, name, None if one.wish == DEFAULT else one.wish)
        sha = str(pinned_at(one))
        return self._of_commit.get((reference.kind, name, sha), Key(reference.kind, name, sha))


def pinned_at(one: Seen) -> str | None:
    """The commit a pinned reference names."""
    reference = one.reference
    return (reference.revision or "").strip().lower() if reference.status == "pinned" else None


def plan(seen: Iterable[Seen], lock: Lock, *, looked_at: Callable[[str], bool]) -> Plan:
    """What the lock should hold after a scan.

    Args:
        seen: All references the scan found.
        lock: The lock as it is.
        looked_at: Whether the scan looked at a path; places elsewhere stay in their entries.
    """
    locked = lock.by_key()
    wants = {key: Want(key, pinned, tuple(used)) for key, (pinned, used) in _wants(seen, locked).items()}
    kept, wanted = [], []
    for key, want in wants.items():
        entry = locked.get(key)
        used = _sorted((*want.used, *_elsewhere(entry, looked_at)))
        if entry is not None and want.pinned in {None, entry.sha}:
            kept.append(msgspec.structs.replace(entry, used=used))
        else:
            wanted.append(want._replace(used=used))
    for key, entry in locked.items():
        if key not in wants and (elsewhere := _elsewhere(entry, looked_at)):
            kept.append(msgspec.structs.replace(entry, used=elsewhere))
    return Plan(tuple(kept), tuple(wanted), _known(kept), lock.pins)


def build(found: Plan, answers: Mapping[Ref, Answer]) -> tuple[Lock, list[Want]]:
    """The lock that a plan and the Hub's answers make, and the wants that have no answer."""
    given = {**found.known, **answers}
    made = [make_entry(want, given[want.ref]) for want in found.wanted if want.ref in given]
    return make_lock([*found.kept, *made], found.pins), [want for want in found.wanted if want.ref not in given]


def make_entry(want: Want, answer: Answer) -> Entry:
    """The entry for a want that has its answer."""
    files, folded = group_files(answer.files, want.key.kind)
    return Entry(
        kind=want.key.kind,
        id=want.key.id,
        wished=want.key.wished,
        sha=answer.sha,
        committed_at=answer.committed_at,
        resolved_at=answer.resolved_at,
        private=answer.private,
        gated=answer.gated,
        used=want.used,
        files=files,
        folded=folded,
    )


def _wants(seen: Iterable[Seen], locked: Mapping[Key, Entry]) -> dict[Key, tuple[str | None, list[str]]]:
    """Commit and places by key; of two commits pinned for one wish, the later in the files is locked by itself."""
    wants: dict[Key, tuple[str | None, list[str]]] = {}
    keys = Keys(locked)
    for one in sorted(filter(lockable, seen), key=lambda each: place_order(place_of(each))):
        key, pinned = keys.of(one), pinned_at(one)
        already = wants.get(key)
        if already is not None and pinned is not None and already[0] not in {None, pinned}:
            key, already = key._replace(wished=pinned), wants.get(key._replace(wished=pinned))
        first, used = already or (None, [])
        wants[key] = (first or pinned, [*used, place_of(one)])
    return wants


def _known(kept: Iterable[Entry]) -> dict[Ref, Answer]:
    """What kept entries answer for others of the same repository; a folded list cannot be passed on."""
    known: dict[Ref, Answer] = {}
    for entry in kept:
        if entry.folded:
            continue
        answer = Answer(
            sha=entry.sha,
            committed_at=entry.committed_at,
            resolved_at=entry.resolved_at,
            private=entry.private,
            gated=entry.gated,
            files=tuple(entry.facts()),
        )
        repo_type = repo_type_of(entry.kind)
        known.setdefault(Ref(repo_type, entry.id, entry.wished or DEFAULT_BRANCH), answer)
        known.setdefault(Ref(repo_type, entry.id, entry.sha), answer)
    return known


def _elsewhere(entry: Entry | None, looked_at: Callable[[str], bool]) -> tuple[str, ...]:
    return tuple(place for place in (entry.used if entry else ()) if not looked_at(place_order(place)[0]))


def _sorted(places: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(places), key=place_order))

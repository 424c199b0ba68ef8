"""References, entries and answers that tests of the lock share."""

from __future__ import annotations

from typing import Any

from ftlineage.drift.classify import DriftClass, FileFact
from ftlineage.drift.lockfile import Entry
from ftlineage.drift.locking import Answer
from ftlineage.drift.reading import Seen
from ftlineage.drift.reference import Kind, Reference

A, B, C = "a" * 40, "b" * 40, "c" * 40
THEN = "2026-10-01T08:00:00Z"
NOW = "2026-11-02T09:30:00Z"


def entry(name: str = "tiny-corp/base", *, kind: Kind = "model", sha: str = A, **more: Any) -> Entry:
    files = {DriftClass.WEIGHTS: {"model.safetensors": f"sha256:{'1' * 64} 12"}}
    return Entry(**{"resolved_at": THEN, "used": ("train.py:3",), "files": files, **more}, kind=kind, id=name, sha=sha)


def answer(sha: str = B, **more: Any) -> Answer:
    return Answer(
        **{"resolved_at": NOW, "files": (FileFact("model.safetensors", 12, f"sha256:{'2' * 64}"),), **more}, sha=sha
    )


def seen(
    name: str | None = "tiny-corp/base",
    revision: str | None = None,
    *,
    kind: Kind = "model",
    path: str = "train.py",
    line: int = 3,
    wish: str | None = None,
    **more: Any,
) -> Seen:
    pinned = revision is not None and len(revision) == 40
    facts = {"status": "pinned" if pinned else "floating", "rule": None if pinned else "FLOAT001", **more}
    reference = Reference(path=path, line=line, column=1, ref=name, kind=kind, revision=revision, message="", **facts)
    return Seen(reference=reference, file=f"/there/{path}", touches=(), wish=wish)

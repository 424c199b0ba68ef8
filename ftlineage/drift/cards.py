"""What a recorded version holds of the Hub: its base, processors, data and embedding models at their commits.

Decides that a card which names a commit and no branch is compared with the default branch: the card
is pinned in any case, and the question is whether the world has moved. Left out with a note: local
bases, and code repositories, which are not on the Hub. A base whose commit nobody recorded cannot be
compared: undecided, never "as it was".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ftlineage.core import words
from ftlineage.core.card import CARD_NAME, Card
from ftlineage.core.digest import is_commit_sha
from ftlineage.core.finding import Finding
from ftlineage.core.refs import is_repo
from ftlineage.core.sections import Base, Dataset, FileRecord, Preprocessor, Retrieval
from ftlineage.drift.classify import FileFact
from ftlineage.drift.locking import DEFAULT_BRANCH
from ftlineage.drift.moved import Held
from ftlineage.drift.reference import Kind


def held_by_card(card: Card) -> tuple[list[Held], list[Finding]]:
    """The Hub references of a card, each once, and what to say about the others."""
    body = card.body
    held: list[Held] = []
    if body.base is not None:
        held += _base(body.base)
    for processor in body.preprocessing.processors:
        held += _processor(processor)
    for dataset in body.data:
        held += _dataset(dataset)
    for retrieval in body.retrieval:
        held += _embedding(retrieval)
    seen: dict[tuple[object, str], Held] = {}
    for one in held:
        # A tokenizer that came with its model moves with it.
        seen.setdefault((one.ref, one.sha), one)
    return list(seen.values()), [*_remarks(card)]


def _base(base: Base) -> Iterator[Held]:
    if base.origin == "hub" and base.revision is not None:
        yield _held("model", base.model, base.requested, base.revision, files=base.files, section="base")


def _processor(processor: Preprocessor) -> Iterator[Held]:
    if processor.source is not None and is_repo(processor.source) and processor.revision is not None:
        yield _held(
            "tokenizer", processor.source, None, processor.revision, files=processor.files, section="preprocessing"
        )


def _dataset(dataset: Dataset) -> Iterator[Held]:
    source = dataset.source
    if source.kind == "hub" and source.id is not None and source.commit is not None:
        yield _held("dataset", source.id, source.requested, source.commit, files=source.files, section="data")


def _embedding(retrieval: Retrieval) -> Iterator[Held]:
    model = retrieval.embedding_model
    if model is not None and model.revision is not None and is_repo(model.model):
        yield _held("model", model.model, None, model.revision, files=(), section="retrieval")


def _held(kind: Kind, name: str, requested: str | None, sha: str, *, files: Iterable[FileRecord], section: str) -> Held:
    return Held(
        kind=kind,
        id=name,
        wished=requested,
        sha=sha,
        recorded=tuple(FileFact(file.path, file.size, f"sha256:{file.sha256}") for file in files),
        place=CARD_NAME,
        section=section,
        follows=DEFAULT_BRANCH if is_commit_sha(requested) else None,
    )


def _remarks(card: Card) -> Iterator[Finding]:
    base, code = card.body.base, card.body.code
    if base is None or base.origin == "local":
        message = "the base is a local folder, so nothing on the Hub can have moved under it"
        yield Finding(code="drift.unasked", severity="note", section="base", path=CARD_NAME, message=message)
    elif base.revision is None:
        message = (
            f"the card does not say which commit of {words.clean(base.model)} was trained on, so nobody can compare it"
        )
        hint = "Record the commit with the next training: ftlineage.run(...).base(...) does it"
        yield Finding(
            code="drift.undecided", severity="warning", section="base", path=CARD_NAME, message=message, hint=hint
        )
    if code is not None and code.repository is not None:
        message = f"the code repository {words.clean(code.repository)} is not on the Hub and was not asked"
        yield Finding(code="drift.unasked", severity="note", section="code", path=CARD_NAME, message=message)

"""Which cards may be exported: those that are what they say they are.

Decides nothing about bytes on disk; that is ``ftlineage verify``'s work. Refused: a card whose id is
not its content's, because an export would spread a false id under other formats' names, and file
names that lead out of a folder, because other tools open what a statement names.
"""

from __future__ import annotations

from collections.abc import Iterator

from ftlineage.core.card import Card
from ftlineage.core.layout import path_fault
from ftlineage.core.sections import FileRecord
from ftlineage.errors import CardMalformedError


def refuse_unsound(card: Card) -> None:
    """Raise for a card that must not be exported.

    Raises:
        CardMalformedError: The id is not the content's, or a path is unsafe.
    """
    if card.id != card.content_id:
        raise CardMalformedError(
            where="$.id",
            reason=f"the content has the id {card.content_id}",
            hint="The card was changed after it was sealed; take it from where it was published",
        )
    for where, record in _files(card):
        fault = path_fault(record.path)
        if fault is not None:
            raise CardMalformedError(where=f"{where}.path", reason=fault)


def _files(card: Card) -> Iterator[tuple[str, FileRecord]]:
    body = card.body
    lists = {
        "$.base.files": body.base.files if body.base else [],
        "$.adapter.files": body.adapter.files if body.adapter else [],
        "$.code.untracked": body.code.untracked if body.code else [],
        **{f"$.preprocessing.processors[{n}].files": one.files for n, one in enumerate(body.preprocessing.processors)},
        **{f"$.data[{n}].source.files": one.source.files for n, one in enumerate(body.data)},
    }
    for where, records in lists.items():
        yield from ((f"{where}[{number}]", record) for number, record in enumerate(records))

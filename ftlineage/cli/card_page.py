"""From a card to its page: what is said about each section, in which order and in which words.

Most important first: what it was made from and what came out, then how, then where. Refuses to
leave a gap unsaid: what is not recorded gets its own block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ftlineage.cli import card_making as making
from ftlineage.cli import card_sections as made_of
from ftlineage.cli.page import Fact, Gap, Item, Page, Section, alarm, cut, fact, joined, plain, quiet, section
from ftlineage.core import words
from ftlineage.core.card import Card, CardBody, card_id, is_newer_minor
from ftlineage.core.sections import RunRecord

_SECTIONS: tuple[tuple[str, str, Callable[[Any], Iterator[Item]]], ...] = (
    ("base", "Base", made_of.base),
    ("data", "Data", made_of.data),
    ("adapter", "Adapter", made_of.adapter),
    ("prompts", "Prompts", made_of.prompts),
    ("retrieval", "Retrieval", made_of.retrieval),
    ("preprocessing", "Preprocessing", making.preprocessing),
    ("recipe", "Recipe", making.recipe),
    ("code", "Code", making.code_section),
    ("environment", "Environment", making.environment),
    ("parents", "Parents", making.parents),
    ("governance", "Governance", making.governance),
)
_OPTIONAL = frozenset({"parents", "governance"})


def make_page(card: Card) -> Page:
    """The page of a card."""
    body = card.body
    gaps = tuple(
        Gap(
            what=cut(words.clean(" ".join(part for part in (gap.section, gap.element) if part))),
            reason=cut(words.clean(gap.reason)),
        )
        for gap in body.unrecorded
    )
    return Page(
        name=cut(words.clean(body.name)),
        id=body.id,
        warnings=tuple(_warnings(card)),
        facts=tuple(_run_facts(body.run)),
        sections=tuple(_sections(body)),
        gaps=gaps,
        declared=tuple(_declared(body)),
    )


def _warnings(card: Card) -> Iterator[str]:
    if card_id(card.document()) != card.id:
        yield "The id does not belong to this content: the card was changed after it was written."
    if is_newer_minor(card):
        yield f"The card has format {words.clean(card.body.ftlineage)}: some of it may be unknown to this release."
    if not card.body.run.complete:
        yield "The run that wrote it did not complete."


def _sections(body: CardBody) -> Iterator[Section]:
    missing = {gap.section for gap in body.unrecorded}
    for key, title, builder in _SECTIONS:
        value = getattr(body, key)
        items = tuple(builder(value)) if value is not None else ()
        if items or key not in _OPTIONAL:
            yield section(key, title, items, (alarm("not recorded"),) if key in missing else (quiet("none"),))


def _run_facts(run: RunRecord) -> Iterator[Fact]:
    started, finished = words.parse_time(run.started), words.parse_time(run.finished)
    if run.finished:
        took = f", after {words.duration((finished - started).total_seconds())}" if started and finished else ""
        yield fact("finished", plain(words.moment(run.finished)), took)
    progress = []
    if run.steps is not None:
        progress.append(words.quantity(run.steps, "step"))
    if run.epochs is not None:
        progress.append(f"{run.epochs:g} {'epoch' if run.epochs == 1 else 'epochs'}")
    if run.flops is not None:
        progress.append(f"{_power(run.flops)} floating-point operations")
    if progress:
        yield fact("trained", cut(", ".join(progress)))
    if run.resumed_from:
        yield fact("resumed from", plain(run.resumed_from))
    if run.metrics:
        yield Fact(
            label="metrics", line=joined(plain(f"{key} {words.measure(item)}") for key, item in run.metrics.items())
        )
    if run.recorded_by:
        yield fact("recorded by", plain(run.recorded_by))


def _power(flops: str) -> str:
    """A count too long to read as a power of ten; it is text in a card because it may pass 2**53."""
    return f"{int(flops):.2e}" if flops.isdecimal() and len(flops) < 100 else words.clean(flops)  # noqa: PLR2004


def _declared(body: CardBody) -> Iterator[str]:
    for key, title, _ in _SECTIONS:
        value = getattr(body, key)
        parts = value if isinstance(value, list) else [value]
        if any(getattr(part, "evidence", "observed") == "declared" for part in parts):
            yield title.lower()

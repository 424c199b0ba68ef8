"""``ftlineage drift``: has anything moved on the Hub since it was locked or recorded, and does it matter."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftlineage.cli.lazy import verb
from ftlineage.cli.locks import find_lock, is_below, lock_option, shown, tell, timeout_option
from ftlineage.cli.output import Output
from ftlineage.core import codec, words
from ftlineage.core.card import CARD_NAME
from ftlineage.core.finding import Finding, Report, make_report
from ftlineage.core.refs import is_hub
from ftlineage.errors import BadArgumentError

if TYPE_CHECKING:
    from ftlineage.drift.moved import Held, Look


@verb(
    "ftlineage drift", "ftlineage drift src --json", "ftlineage drift out/support-bot", "ftlineage drift hf://org/bot"
)
@click.argument("targets", nargs=-1, metavar="[PATHS|TARGET]")
@lock_option
@click.option("--head", is_flag=True, help="Compare references locked by a commit alone with the default branch.")
@click.option("--no-diff", is_flag=True, help="Do not fetch what changed in templates and settings.")
@timeout_option
def drift(
    out: Output, targets: tuple[str, ...], *, lock_file: Path | None, head: bool, no_diff: bool, timeout: float
) -> int:
    """Compare every locked reference with where the Hub has it now, and say whether that matters.

    Without arguments all of ftlineage.lock is compared; PATHS limit it to references used there. A
    TARGET, a folder with a lineage.json or hf://org/repo[@revision], asks the same of a recorded
    version: its base, processors, data.

    Exits with 0 if nothing moved or only documentation did, 1 if tokenizer, template, settings,
    code, weights or data changed or something is gone, 2 if the command line or lock is wrong, and 3
    if the Hub could not be asked.
    """
    from ftlineage.drift.moved import look
    from ftlineage.drift.told import entries, findings

    started = time.perf_counter()
    target, card, held, remarks, hint = _subject(targets, lock_file, head=head)
    seen = look(held, timeout=timeout, texts=not no_diff)
    told = [*findings(seen, hint=hint), *remarks]
    listed = entries(seen)
    report = make_report(
        told,
        target=target,
        card=card,
        seconds=time.perf_counter() - started,
        counts={"references": len(held), "moved": sum(move.has_moved or move.now is None for move in seen.moves)},
        undecided=any(finding.code == "drift.undecided" for finding in told),
    )
    if not out.json and not out.quiet:
        for line in _texts(seen):
            out.text(line)
    diffs = [
        {"ref": move.held.id, "kind": move.held.kind, **codec.builtins(text)}
        for move in seen.moves
        for text in move.texts
    ]
    return tell(report, out, _conclusion(report), entries=codec.builtins(listed), diffs=diffs)


def _subject(
    targets: tuple[str, ...], lock_file: Path | None, *, head: bool
) -> tuple[str, str | None, list[Held], list[Finding], str]:
    """What is compared: name, card id, held references, remarks, and what to do about a move."""
    cards = [target for target in targets if _is_version(target)]
    if cards and len(targets) > 1:
        raise BadArgumentError(argument=cards[0], reason="a recorded version is compared alone")
    if cards:
        from ftlineage.cli.target import card_of
        from ftlineage.drift.cards import held_by_card

        card = card_of(cards[0])
        held, remarks = held_by_card(card)
        return (
            cards[0],
            card.id,
            held,
            remarks,
            "The version still loads what was recorded; train again to take over {id}",
        )
    path = find_lock(lock_file)
    return (
        shown(path),
        None,
        _locked(path, targets, head=head),
        [],
        "Look at it, then take it over: ftlineage update {id}",
    )


def _is_version(target: str) -> bool:
    return is_hub(target) or os.path.isfile(target if target.endswith(".json") else Path(target, CARD_NAME))  # noqa: PTH113


def _locked(path: Path, targets: tuple[str, ...], *, head: bool) -> list[Held]:
    from ftlineage.drift.lockfile import place_order, read_lock
    from ftlineage.drift.moved import held_entry
    from ftlineage.errors import PathNotFoundError

    lock = read_lock(path)
    for target in targets:
        if not Path(target).exists():
            raise PathNotFoundError(path=target)
    below = is_below(path, targets)
    named = [entry for entry in lock.entries if any(below(place_order(place)[0]) for place in entry.used)]
    return [held_entry(entry, head=head) for entry in (named if targets else lock.entries)]


def _texts(seen: Look) -> Iterator[str]:
    """What changed in templates and settings, file by file; of two references to one move once."""
    told: set[Any] = set()
    for move in seen.moves:
        for text in move.texts:
            key = (move.held.origin, move.now, text.path)
            if key in told:
                continue
            told.add(key)
            yield f"{words.clean(move.held.id)}: {words.clean(text.path)}"
            yield from (f"  {line}" for line in text.lines)
            if text.left_out:
                yield f"  ... {words.quantity(text.left_out, 'more line')}"
            yield ""


def _conclusion(report: Report) -> str:
    said = words.quantity(report.counts["references"], "reference")
    extent = f"{said}, {words.duration(report.seconds)}"
    if report.verdict == "undecided":
        return f"{report.target}: the Hub left {words.quantity(report.counts['warnings'], 'question')} open ({extent})"
    if not report.ok:
        moved = words.quantity(report.counts["errors"], "reference")
        return f"{report.target}: {moved} moved in a way that matters, of {extent}"
    what = "nothing that matters has moved" if report.counts["moved"] else "nothing has moved"
    return f"{report.target}: {what} ({extent})"

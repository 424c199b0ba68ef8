"""The demo in plain sentences, told while it happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ftlineage.cli.story import scenes, tickets
from ftlineage.cli.story.stage import Stage
from ftlineage.core.card import Card
from ftlineage.testing.hub import LocalHub
from ftlineage.verify.runner import verify

Tell = Callable[[str], None]


def tell_story(stage: Stage, hub: LocalHub, tell: Tell) -> dict[str, Any]:
    """Play every scene and tell it; returns the facts for ``--json``."""
    began = time.monotonic()
    facts: dict[str, Any] = {"folder": stage.folder.name}
    facts["base"] = _prepare(stage, hub, tell)
    card = _record(stage, tell)
    facts["card"] = card.id
    facts["verified"] = _verify(stage, tell)
    facts["tampered"] = _tamper(stage, tell)
    facts["drift"] = _move(stage, hub, card, tell)
    facts["diff"] = _retrain(stage, card, tell)
    facts["seconds"] = round(time.monotonic() - began, 1)
    return facts


def _prepare(stage: Stage, hub: LocalHub, tell: Tell) -> str:
    tell("1. A Hub of your own, on this machine only")
    sha = scenes.publish_base(stage, hub)
    count = tickets.write(stage.tickets)
    stage.script.write_bytes((Path(__file__).parent / "train.py").read_bytes())
    tell(f"   A tiny language model was trained for seconds and pushed as {scenes.BASE}, commit {sha[:12]}.")
    tell(f"   {count} support tickets are in {stage.tickets.name}; the training script is {stage.script.name}.\n")
    return sha


def _record(stage: Stage, tell: Tell) -> Card:
    tell("2. A real LoRA fine-tune, recorded")
    card = scenes.train(stage, stage.tickets, stage.first)
    body = card.body
    data = body.data[0]
    losses = body.run.metrics
    tell(f"   train.py trained {body.run.steps} steps (loss {losses.get('train_loss', 0):.2f}) and sealed the version:")
    if body.base is not None:
        tell(f"   base     {body.base.model} at {(body.base.revision or '')[:12]}")
    if data.fingerprint is not None:
        tell(f"   data     {data.name}, {data.rows} rows, fingerprint {data.fingerprint.ordered[:12]}")
    if body.adapter is not None and body.adapter.tensors is not None:
        tell(f"   adapter  {body.adapter.tensors.count} tensors, {body.adapter.tensors.parameters} parameters")
    tell(f"   card     {card.id[:19]}, in {stage.first.name}/lineage.json\n")
    return card


def _verify(stage: Stage, tell: Tell) -> bool:
    tell("3. Verified before serving")
    report = verify(stage.first)
    tell(f"   ftlineage verify {stage.first.name}: {report.verdict}, in {report.seconds * 1000:.0f} ms.\n")
    return report.ok


def _tamper(stage: Stage, tell: Tell) -> dict[str, Any]:
    tell("4. One bit of the weights is flipped in a copy")
    offset, report = scenes.tamper(stage)
    for finding in report.findings:
        if finding.severity == "error":
            tell(f"   {finding.message}")
    tell(f"   ftlineage verify {stage.tampered.name} exits 1: it is not served. The bit was in byte {offset}.\n")
    return {"ok": report.ok, "codes": [finding.code for finding in report.findings]}


def _move(stage: Stage, hub: LocalHub, card: Card, tell: Tell) -> dict[str, Any]:
    tell("5. The vendor moves the base's main branch; nobody on your side changed a line")
    pinned = card.body.base.revision if card.body.base else None
    before = scenes.answer(stage.first, pinned)
    sha = scenes.move_base(stage, hub)
    moved = scenes.drift(card)
    floating = scenes.answer(stage.first, None)
    same = scenes.answer(stage.first, pinned)
    worst = {file.class_.value: file.path for file in reversed(moved.files)}
    tell(
        f"   main is now {sha[:12]}. What moved: " + ", ".join(f"{kind} ({path})" for kind, path in worst.items()) + "."
    )
    tell(f"   Asked {tickets.QUESTION!r}, a neighbour who loads main hears:\n     {floating or '(nothing)'}")
    tell(f"   Pinned to the card's commit, the bot says what it said before:\n     {same}\n")
    return {
        "class": moved.class_.value,
        "files": [file.path for file in moved.files],
        "pinned_same": same == before,
        "floating_same": floating == before,
    }


def _retrain(stage: Stage, card: Card, tell: Tell) -> list[dict[str, Any]]:
    from ftlineage.diff.cards import diff_cards

    tell("6. A nightly job loses the refund tickets, and a second version is trained from main")
    tickets.write(stage.fewer_tickets, without="refund")
    second = scenes.train(stage, stage.fewer_tickets, stage.second)
    changes = diff_cards(card, second)
    # One line for each thing said; the probes of a chat template all say the same.
    for section, summary in dict.fromkeys((element.section, element.summary) for element in changes.elements):
        tell(f"   {section:<13} {summary}")
    tell("")
    return [{"section": element.section, "summary": element.summary} for element in changes.elements]

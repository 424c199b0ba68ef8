"""A card as SLSA Provenance v1 in an in-toto Statement v1: what was made, from what, by what settings.

Decides that the version's files and its card are the subjects, that what went into training are
resolved dependencies, what people asked for external and the rest internal parameters; the build
type's page says what each holds. Refused: any claim of a SLSA level (a run that records itself has
none to claim), keys the formats do not define outside the open objects, and what is no input of
training: retrieval indexes belong to a deployment.
"""

from __future__ import annotations

from typing import Any

from ftlineage.core import codec, words
from ftlineage.core.card import CARD_NAME, Card
from ftlineage.core.digest import sha256_hex
from ftlineage.core.sections import Dataset, Recipe
from ftlineage.export import identifiers, slsa_inputs, values
from ftlineage.export.values import present

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"


def statement(card: Card, *, card_sha256: str | None = None) -> dict[str, Any]:
    """The statement; sign its exact bytes, never a re-serialised form.

    Args:
        card: The version.
        card_sha256: Digest of the ``lineage.json`` it was read from; that of the form ftlineage
            writes when left out.
    """
    return {
        "_type": STATEMENT,
        "subject": _subjects(card, card_sha256 or sha256_hex(card.to_bytes())),
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": identifiers.BUILD_TYPE,
                "externalParameters": _external(card),
                "internalParameters": _internal(card),
                "resolvedDependencies": slsa_inputs.dependencies(card),
            },
            "runDetails": _run_details(card),
        },
    }


def _subjects(card: Card, card_sha256: str) -> list[dict[str, Any]]:
    body, governance = card.body, card.body.governance
    about = present(
        id=body.id,
        name=words.clean(body.name),
        base_model_relation=values.relation(card),
        license=governance.license,
        owner=governance.owner,
        retain_until=governance.retain_until,
        members=values.members(body.adapter),
    )
    own = {"name": CARD_NAME, "digest": {"sha256": card_sha256, **slsa_inputs.card_digest(body.id)}}
    files = body.adapter.files if body.adapter else []
    return [*(slsa_inputs.file(file) for file in files), {**own, "annotations": about}]


# --- parameters --------------------------------------------------------------------------------


def _external(card: Card) -> dict[str, Any]:
    """What people chose. Small on purpose: a verifier must know every key here or refuse."""
    body = card.body
    governance = body.governance
    base = present(model=body.base.model, requested=body.base.requested) if body.base else {}
    templates = [{"name": prompt.name, "role": prompt.role, "sha256": prompt.sha256} for prompt in body.prompts]
    templates += [
        {"name": template.name, "role": "chat_template", "sha256": template.sha256}
        for template in body.preprocessing.chat_templates
    ]
    return present(
        baseModel=base,
        datasets=[_asked(dataset) for dataset in body.data],
        config=present(
            recipe=_recipe(body.recipe), adapter=_adapter(card), preprocessing=dict(body.preprocessing.settings)
        ),
        promptTemplates=templates,
        intendedUse=governance.intended_use,
        prohibitedUse=governance.prohibited_use,
    )


def _asked(dataset: Dataset) -> dict[str, Any]:
    source = dataset.source
    return present(
        name=dataset.name,
        role=dataset.role,
        id=source.id,
        requested=source.requested,
        config=source.config,
        split=source.split,
    )


def _recipe(recipe: Recipe | None) -> dict[str, Any]:
    if recipe is None:
        return {}
    return present(
        method=recipe.method,
        trainer=recipe.trainer,
        arguments=recipe.arguments,
        seeds=recipe.seeds,
        world_size=recipe.world_size,
        resumed=recipe.resumed,
    )


def _adapter(card: Card) -> dict[str, Any]:
    adapter = card.body.adapter
    if adapter is None:
        return {}
    return present(
        type=adapter.type,
        config=adapter.config,
        config_digest=adapter.config_digest,
        init=adapter.init,
        target_modules=adapter.target_modules,
    )


def _internal(card: Card) -> dict[str, Any]:
    """What was found, not chosen: how the base was loaded, where it ran, what is not known."""
    body = card.body
    environment = {key: value for key, value in (card.section("environment") or {}).items() if key != "packages"}
    tensors = body.adapter.tensors if body.adapter else None
    return present(
        loadedAs=present(**codec.builtins(body.base.loaded_as)) if body.base and body.base.loaded_as else None,
        processors=[
            {"kind": one.kind, "class": one.class_, **present(settings=one.settings)}
            for one in body.preprocessing.processors
        ],
        renderings=[present(**codec.builtins(one)) for one in body.preprocessing.renderings],
        environment=present(**environment),
        tensors=present(count=tensors.count, parameters=tensors.parameters, digest=tensors.digest) if tensors else None,
        evidence=_evidence(card),
        unrecorded=[present(**codec.builtins(one)) for one in body.unrecorded],
    )


def _evidence(card: Card) -> dict[str, str]:
    """Which sections somebody declared and which were seen; datasets carry their own."""
    body = card.body
    sections = {"base": body.base, "adapter": body.adapter, "recipe": body.recipe, "environment": body.environment}
    return {name: section.evidence for name, section in sections.items() if section is not None}


# --- the run -----------------------------------------------------------------------------------


def _run_details(card: Card) -> dict[str, Any]:
    run = card.body.run
    tool, _, version = (run.recorded_by or "").partition(" ")
    builder: dict[str, Any] = {"id": identifiers.BUILDER}
    if tool and version:
        builder["version"] = {words.clean(tool): words.clean(version)}
    metadata = present(
        # Replays share the card's id; an invocation is told apart by its times and outcomes.
        invocationId=f"urn:uuid:{identifiers.document_uuid(card, 'run')}" if run.started else None,
        startedOn=values.timestamp(run.started),
        finishedOn=values.timestamp(run.finished),
    )
    return {"builder": builder, **present(metadata=metadata, byproducts=_byproducts(card))}


def _byproducts(card: Card) -> list[dict[str, Any]]:
    run = card.body.run
    found = [
        {
            "name": f"data/{identifiers.label(dataset.name)}/prepared",
            "digest": slsa_inputs.rows_digest(dataset.prepared.fingerprint),
            "annotations": {"rows": dataset.prepared.rows},
        }
        for dataset in card.body.data
        if dataset.prepared is not None
    ]
    outcome = present(
        metrics=run.metrics,
        steps=run.steps,
        epochs=run.epochs,
        flops=run.flops,
        resumed_from=run.resumed_from,
    )
    if outcome or run.started:
        # No file of this exists: what is digested is the card's own section in its canonical form.
        digest = sha256_hex(codec.canonical_bytes(card.section("run")))
        found.append(
            {"name": "run", "digest": {"sha256": digest}, "annotations": {"complete": run.complete, **outcome}}
        )
    return found

"""A card as a CycloneDX 1.6 ML-BOM, written by hand: no library writes model cards, data and formulation.

Decides that the model is the BOM's subject with its files inside, that bases and earlier versions
are ancestors, datasets, prompts and indexes data components, and that the training run with its
packages, arguments and variables is a formulation. What the format has no place for becomes
properties named ``ftlineage:section:key``. Refused: references to nothing, and clocks.
"""

from __future__ import annotations

from typing import Any

from ftlineage import __version__
from ftlineage.core.card import Card
from ftlineage.export import cyclonedx_parts as parts
from ftlineage.export import identifiers, values
from ftlineage.export.cyclonedx_parts import References, properties
from ftlineage.export.values import present

SPEC_VERSION = "1.6"


def bom(card: Card) -> dict[str, Any]:
    """The BOM; valid for CycloneDX 1.7 too once ``specVersion`` says so."""
    refs = References()
    model = refs.take("model")
    ancestors = parts.ancestors(card, refs)
    data = [parts.dataset(dataset, refs) for dataset in card.body.data]
    settings = parts.templates(card, refs)
    indexes, embedders, edges = parts.retrieval(card, refs)
    served = [*settings, *indexes]
    run = _formulation(card, refs, model=model, inputs=[*ancestors[:1], *data])
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": f"urn:uuid:{identifiers.document_uuid(card, 'cyclonedx')}",
        "version": 1,
        "metadata": present(
            timestamp=values.timestamp(card.body.run.finished or card.body.run.started),
            lifecycles=[{"phase": "post-build"}],
            tools={"components": [{"type": "application", "name": "ftlineage", "version": __version__}]},
            component=_model(card, refs, ref=model, ancestors=ancestors, data=data),
        ),
        **present(components=[*data, *served, *embedders]),
        "dependencies": _dependencies(model, [*ancestors, *data, *served, *embedders], edges),
        **present(formulation=run),
    }


def _model(
    card: Card, refs: References, *, ref: str, ancestors: list[dict[str, Any]], data: list[dict[str, Any]]
) -> dict[str, Any]:
    body, governance = card.body, card.body.governance
    return {
        "type": "machine-learning-model",
        "bom-ref": ref,
        **present(supplier={"name": values.text(governance.owner)} if governance.owner else None),
        "name": values.text(body.name),
        "version": body.id,
        "description": values.summary(card),
        **present(
            licenses=parts.licences(governance.license),
            pedigree=_pedigree(card, ancestors),
            components=[parts.file(one, refs, folder=ref) for one in body.adapter.files] if body.adapter else None,
        ),
        "modelCard": _model_card(card, data),
        **present(properties=_model_properties(card)),
    }


def _pedigree(card: Card, ancestors: list[dict[str, Any]]) -> dict[str, Any]:
    code = card.body.code
    url = identifiers.repository_url(code) if code else None
    commits = [present(uid=code.commit, url=url)] if code and code.commit else None
    relation = values.relation(card)
    notes = f"base_model_relation: {relation}" if relation else None
    return present(ancestors=ancestors, commits=commits, notes=notes)


def _model_card(card: Card, data: list[dict[str, Any]]) -> dict[str, Any]:
    body, governance = card.body, card.body.governance
    task = body.adapter.config.get("task_type") if body.adapter else None
    loaded = body.base.loaded_as if body.base else None
    metrics = [{"type": name, "value": value} for name, value in values.settings(body.run.metrics)]
    return present(
        modelParameters=present(
            task=values.text(task) if isinstance(task, str) else None,
            modelArchitecture=values.text(loaded.class_) if loaded else None,
            datasets=[{"ref": component["bom-ref"]} for component in data],
        ),
        quantitativeAnalysis=present(performanceMetrics=metrics),
        considerations=present(useCases=[values.text(governance.intended_use)] if governance.intended_use else None),
    )


def _model_properties(card: Card) -> list[dict[str, str]]:
    body = card.body
    found = properties("governance", prohibited_use=body.governance.prohibited_use)
    found += properties("governance", retain_until=body.governance.retain_until)
    found += parts.adapter_properties(body.adapter)
    found += properties("base", **parts.loaded_as(body.base)) if body.base else []
    found += properties("preprocessing", **body.preprocessing.settings)
    found += parts.processor_properties(body.preprocessing)
    found += [
        pair
        for entry in body.unrecorded
        for pair in properties("unrecorded", **{f"{entry.section}.{entry.element or '*'}": entry.reason})
    ]
    return found


# --- the run -----------------------------------------------------------------------------------


def _formulation(
    card: Card, refs: References, *, model: str, inputs: list[dict[str, Any]]
) -> list[dict[str, Any]] | None:
    """The training run: what it took, with which settings, where, and the model as its output."""
    body = card.body
    if body.recipe is None and body.environment is None and body.code is None and not body.preprocessing.code:
        return None
    components = parts.libraries(body.environment, refs) + parts.sources(body, refs)
    workflow = {
        "bom-ref": refs.take("run"),
        "uid": identifiers.document_uuid(card, "run"),
        "name": "fine-tuning",
        "taskTypes": ["build"],
        "inputs": [{"resource": {"ref": component["bom-ref"]}} for component in inputs] + _parameters(card),
        "outputs": [{"type": "artifact", "resource": {"ref": model}}],
        **present(
            timeStart=values.timestamp(body.run.started),
            timeEnd=values.timestamp(body.run.finished),
            properties=parts.run_properties(body),
        ),
    }
    return [{"bom-ref": refs.take("formula"), **present(components=components), "workflows": [workflow]}]


def _parameters(card: Card) -> list[dict[str, Any]]:
    recipe, environment = card.body.recipe, card.body.environment
    found: list[dict[str, Any]] = []
    if recipe is not None:
        pairs = [*values.settings(recipe.arguments), *values.settings(recipe.seeds, "seeds.")]
        if pairs:
            found.append({"parameters": parts.unique([{"name": name, "value": value} for name, value in pairs])})
    if environment is not None and environment.variables:
        pairs = values.settings(environment.variables)
        found.append({"environmentVars": parts.unique([{"name": name, "value": value} for name, value in pairs])})
    return found


def _dependencies(model: str, components: list[dict[str, Any]], edges: dict[str, list[str]]) -> list[dict[str, Any]]:
    """The graph: the model on everything it was made from and is served with, indexes on their embedders."""
    embedded = {ref for targets in edges.values() for ref in targets}
    direct = [component["bom-ref"] for component in components if component["bom-ref"] not in embedded]
    rest = [
        {"ref": component["bom-ref"], **present(dependsOn=edges.get(component["bom-ref"]))} for component in components
    ]
    return [{"ref": model, **present(dependsOn=direct)}, *rest]

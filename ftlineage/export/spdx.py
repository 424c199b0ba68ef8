"""A card as an SPDX 3.0.1 document in JSON-LD: AI, Dataset, Software and Build profiles.

Decides that the model and its base are AI packages, that datasets are dataset packages, and that
the training run is a build. Every AI and dataset package has exactly one declared licence, the
card's, and one concluded licence, which is no assertion: an exporter concludes nothing. Refused:
times and places that the card does not know. The one exception is the document's own creation,
which the format demands: where a card has no time it is 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

from typing import Any

from ftlineage import __version__
from ftlineage.core import codec
from ftlineage.core.card import CARD_NAME, Card
from ftlineage.core.digest import sha256_hex
from ftlineage.core.sections import Base, Dataset, Parent, Preprocessor, Retrieval
from ftlineage.export import identifiers, spdx_run, values
from ftlineage.export.spdx_graph import Graph, entries
from ftlineage.export.values import present, text

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
NO_TIME = "1970-01-01T00:00:00Z"
PROFILES = ["core", "software", "simpleLicensing", "ai", "dataset"]

_EXACT = 2**53
_TRAINED, _TESTED = frozenset({"train"}), frozenset({"eval", "test", "validation"})


def document(card: Card, *, card_sha256: str | None = None) -> dict[str, Any]:
    """The document, every element of it in ``@graph``; ``card_sha256`` as for ``slsa.statement``."""
    run = card.body.run
    graph = Graph(identifiers.document_uuid(card, "spdx"))
    author = graph.add("SoftwareAgent", "ftlineage", name="ftlineage", description=f"ftlineage {__version__}")
    model = _model(card, graph, card_sha256 or sha256_hex(card.to_bytes()))
    _parts(card, graph, model)
    spdx_run.add_build(card, graph, model)
    head = {
        "type": "CreationInfo",
        "@id": graph.creation,
        "specVersion": "3.0.1",
        "created": values.timestamp(run.finished or run.started) or NO_TIME,
        "createdBy": [author],
    }
    root = graph.element(
        "SpdxDocument",
        "document",
        name=f"{text(card.name)} {card.id}",
        profileConformance=PROFILES,
        rootElement=[model],
        element=graph.ids(),
    )
    return {"@context": CONTEXT, "@graph": [head, root, *graph.elements]}


# --- the model ---------------------------------------------------------------------------------


def _model(card: Card, graph: Graph, card_sha256: str) -> str:
    body, governance = card.body, card.body.governance
    owner = graph.agent(governance.owner) if governance.owner else None
    adapter, recipe = body.adapter, body.recipe
    config = values.settings(adapter.config, "adapter.") if adapter else []
    arguments = [*values.settings(recipe.arguments), *values.settings(recipe.seeds, "seeds.")] if recipe else []
    model = graph.add(
        "ai_AIPackage",
        "model",
        name=text(body.name),
        summary=values.summary(card),
        suppliedBy=owner,
        builtTime=values.timestamp(body.run.finished),
        software_packageVersion=body.id,
        software_primaryPurpose="model",
        ai_typeOfModel=[text(adapter.type)] if adapter else None,
        ai_hyperparameter=entries([*config, *arguments]),
        ai_metric=entries(values.settings(body.run.metrics)),
        ai_modelDataPreprocessing=[f"{key}: {value}" for key, value in values.settings(body.preprocessing.settings)],
        ai_informationAboutTraining=_training(card),
        ai_informationAboutApplication=_optional(governance.intended_use),
        ai_limitation=f"Prohibited use: {text(governance.prohibited_use)}" if governance.prohibited_use else None,
        comment=_comment(card),
    )
    graph.licence(model, governance.license)
    files = [graph.file(one, "file", purpose=_purpose(one.path)) for one in (adapter.files if adapter else [])]
    graph.relate("contains", model, files)
    metadata = graph.add(
        "software_File",
        "card",
        name=CARD_NAME,
        software_primaryPurpose="manifest",
        verifiedUsing=graph.sha256(card_sha256),
    )
    graph.relate("hasMetadata", model, [metadata])
    return model


def _purpose(path: str) -> str:
    return "model" if path.endswith(".safetensors") else "file"


def _optional(value: str | None) -> str | None:
    return text(value) if value else None


def _training(card: Card) -> str | None:
    """Method, trainer and outcomes in one line."""
    recipe, run = card.body.recipe, card.body.run
    said = present(
        method=recipe.method if recipe else None,
        trainer=recipe.trainer if recipe else None,
        world_size=recipe.world_size if recipe else None,
        resumed=recipe.resumed if recipe else None,
        resumed_from=run.resumed_from,
        complete=run.complete,
        steps=run.steps,
        epochs=run.epochs,
        flops=run.flops,
        recorded_by=run.recorded_by,
    )
    return "; ".join(f"{key}: {value}" for key, value in values.settings(said)) or None


def _comment(card: Card) -> str | None:
    """What has no property of its own, one ``key: value`` a line."""
    body = card.body
    adapter = body.adapter
    tensors = adapter.tensors if adapter else None
    said = present(
        base_model_relation=values.relation(card),
        retain_until=body.governance.retain_until,
        adapter_init=adapter.init if adapter else None,
        adapter_config_digest=adapter.config_digest if adapter else None,
        target_modules=adapter.target_modules if adapter else None,
        members=values.members(adapter),
        tensors=tensors.count if tensors else None,
        parameters=tensors.parameters if tensors else None,
        tensors_digest=tensors.digest if tensors else None,
        renderings={f"{one.template}.{one.probe}": values.rendering(one) for one in body.preprocessing.renderings},
        evidence={
            key: part.evidence
            for key, part in (("base", body.base), ("adapter", adapter), ("recipe", body.recipe))
            if part is not None
        },
        unrecorded=[f"{one.section}.{one.element or '*'}: {one.reason}" for one in body.unrecorded],
    )
    return values.lines(said) or None


# --- what it was made from ---------------------------------------------------------------------


def _parts(card: Card, graph: Graph, model: str) -> None:
    body = card.body
    if body.base is not None:
        graph.relate("descendantOf", model, [_base(body.base, graph)])
    for parent in body.parents:
        graph.relate("descendantOf", model, [_parent(parent, graph)])
    for dataset in body.data:
        found = _dataset(dataset, graph)
        kind = "trainedOn" if dataset.role in _TRAINED else "testedOn" if dataset.role in _TESTED else "other"
        graph.relate(kind, model, [found], comment=None if kind != "other" else f"role: {text(dataset.role)}")
    for processor in body.preprocessing.processors:
        graph.relate("hasPrerequisite", model, [_processor(processor, graph)])
    templates = [(one.name, {"role": "chat_template"}, one.sha256) for one in body.preprocessing.chat_templates]
    templates += [(one.name, present(role=one.role, variables=one.variables), one.sha256) for one in body.prompts]
    for name, said, digest in templates:
        template = graph.add(
            "software_File",
            "prompt",
            name=text(name),
            comment=values.lines(said),
            software_primaryPurpose="configuration",
            verifiedUsing=graph.sha256(digest),
        )
        graph.relate("configures", template, [model])
    for index in body.retrieval:
        graph.relate("hasDataFile", model, [_index(index, graph)])


def _base(base: Base, graph: Graph) -> str:
    loaded = codec.builtins(base.loaded_as) if base.loaded_as else None
    account, slash, _ = base.model.partition("/")
    said = present(
        requested=base.requested,
        origin=base.origin,
        code_revision=base.code_revision,
        loaded_as=loaded,
        evidence=base.evidence,
    )
    found = graph.add(
        "ai_AIPackage",
        "base",
        name=text(base.model),
        suppliedBy=graph.agent(account) if base.origin == "hub" and slash else None,
        software_packageVersion=base.revision,
        software_packageUrl=identifiers.base_purl(base),
        software_downloadLocation=identifiers.model_url(base),
        software_primaryPurpose="model",
        comment=values.lines(said),
    )
    graph.licence(found, None)
    graph.relate("contains", found, [graph.file(one, "base-file", purpose=_purpose(one.path)) for one in base.files])
    return found


def _parent(parent: Parent, graph: Graph) -> str:
    found = graph.add(
        "ai_AIPackage",
        "parent",
        name=text(parent.name or parent.card or parent.relation),
        software_packageVersion=parent.card,
        software_primaryPurpose="model",
        comment=f"{parent.relation}" + (f"; tensors: {text(parent.digest)}" if parent.digest else ""),
    )
    graph.licence(found, None)
    return found


def _processor(processor: Preprocessor, graph: Graph) -> str:
    source, revision = processor.source, processor.revision
    found = graph.add(
        "software_Package",
        "processor",
        name=text(processor.class_),
        software_packageVersion=revision,
        software_packageUrl=identifiers.model_purl(source, revision) if source else None,
        software_primaryPurpose="configuration",
        comment=values.lines(present(kind=processor.kind, source=source, settings=processor.settings)),
    )
    graph.relate("contains", found, [graph.file(one, "processor-file") for one in processor.files])
    return found


def _dataset(dataset: Dataset, graph: Graph) -> str:
    source = dataset.source
    size = sum(one.size for one in source.files)
    said = present(
        role=dataset.role,
        rows=dataset.rows,
        source=present(**{key: value for key, value in codec.builtins(source).items() if key != "files"}),
        schema=codec.builtins(dataset.schema),
        fingerprint=codec.builtins(dataset.fingerprint),
        prepared=codec.builtins(dataset.prepared),
        snapshot=dataset.snapshot,
        personal_data=dataset.personal_data,
        evidence=dataset.evidence,
    )
    account, slash, _ = (source.id or "").partition("/")
    found = graph.add(
        "dataset_DatasetPackage",
        "dataset",
        name=text(dataset.name),
        originatedBy=[graph.agent(account)] if source.kind == "hub" and slash else None,
        software_packageVersion=source.commit,
        software_downloadLocation=identifiers.dataset_url(source),
        software_primaryPurpose="data",
        dataset_datasetType=["noAssertion"],
        # Readers of JSON disagree about larger numbers.
        dataset_datasetSize=size if source.files and size < _EXACT else None,
        dataset_intendedUse=text(dataset.role),
        comment=values.lines(said),
    )
    graph.licence(found, dataset.license)
    graph.relate("contains", found, [graph.file(one, "data-file", purpose="data") for one in source.files])
    return found


def _index(index: Retrieval, graph: Graph) -> str:
    said = present(
        kind=index.kind,
        digest=index.digest,
        algorithm=index.algorithm,
        count=index.count,
        embedding_model=present(**codec.builtins(index.embedding_model)) if index.embedding_model else None,
        chunking=index.chunking,
        evidence=index.evidence,
    )
    found = graph.add(
        "dataset_DatasetPackage",
        "retrieval",
        name=text(index.name),
        software_packageVersion=_optional(index.version),
        software_primaryPurpose="data",
        dataset_datasetType=["noAssertion"],
        dataset_intendedUse="retrieval",
        comment=values.lines(said),
    )
    graph.licence(found, None)
    return found

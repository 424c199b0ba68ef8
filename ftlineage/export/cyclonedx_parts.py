"""The components of an ML-BOM, one builder for each kind, and the ids that tie them together.

Decides each component's id: readable, and numbered where two would be equal, because a second
component of one id makes a BOM invalid. A digest is a hash only where it is of a file's or text's
own bytes; digests of rows, tensors and indexes are properties.
"""

from __future__ import annotations

from typing import Any

from ftlineage.core import codec
from ftlineage.core.card import Card, CardBody
from ftlineage.core.sections import (
    Adapter,
    Base,
    Dataset,
    Environment,
    FileRecord,
    Fingerprint,
    Parent,
    Preprocessing,
)
from ftlineage.export import identifiers, values
from ftlineage.export.identifiers import label
from ftlineage.export.values import present, text

_MAX_VERSION = 1024


class References:
    """Hands out ids that nothing else in the document has."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}

    def take(self, *path: str) -> str:
        """An id of these parts, numbered from the second of its kind on."""
        wanted = found = "/".join(label(part) for part in path)
        while found in self._taken:
            self._numbers[wanted] = self._numbers.get(wanted, 1) + 1
            found = f"{wanted} #{self._numbers[wanted]}"
        self._taken.add(found)
        return found


def properties(section: str, /, **items: Any) -> list[dict[str, str]]:
    """What a section says, as name-value pairs; what is absent makes none."""
    return [{"name": name, "value": value} for name, value in values.settings(items, f"ftlineage:{section}:")]


def unique(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items without repetitions, which the schema refuses."""
    seen: dict[bytes, dict[str, Any]] = {}
    for item in items:
        seen.setdefault(codec.canonical_bytes(item), item)
    return list(seen.values())


def licences(licence: str | None) -> list[dict[str, Any]] | None:
    """A licence: an id only if it is in the SPDX list, else a name."""
    if licence is None:
        return None
    expression = values.spdx_licence(licence)
    if expression is None:
        return [{"license": {"name": text(licence), "acknowledgement": "declared"}}]
    if " " in expression:
        return [{"expression": expression, "acknowledgement": "declared"}]
    return [{"license": {"id": expression, "acknowledgement": "declared"}}]


def sha256(digest: str) -> list[dict[str, str]]:
    """One hash of bytes."""
    return [{"alg": "SHA-256", "content": digest}]


def file(record: FileRecord, refs: References, *, folder: str) -> dict[str, Any]:
    """One file with its hash."""
    return {
        "type": "file",
        "bom-ref": refs.take(folder, record.path),
        "name": text(record.path),
        "hashes": sha256(record.sha256),
        "properties": properties("file", size=record.size),
    }


# --- ancestors ---------------------------------------------------------------------------------


def ancestors(card: Card, refs: References) -> list[dict[str, Any]]:
    """The base first, then earlier versions."""
    base = [_base(card.body.base, refs)] if card.body.base else []
    return [*base, *(_parent(parent, refs) for parent in card.body.parents)]


def _base(base: Base, refs: References) -> dict[str, Any]:
    ref = refs.take("base")
    return {
        "type": "machine-learning-model",
        "bom-ref": ref,
        "name": text(base.model),
        **present(
            version=base.revision,
            purl=identifiers.base_purl(base),
            components=[file(one, refs, folder=ref) for one in base.files],
            properties=properties("base", requested=base.requested, origin=base.origin, evidence=base.evidence),
        ),
    }


def _parent(parent: Parent, refs: References) -> dict[str, Any]:
    return {
        "type": "machine-learning-model",
        "bom-ref": refs.take("parent"),
        "name": text(parent.name or parent.card or parent.relation),
        **present(
            version=parent.card,
            properties=properties("parents", relation=parent.relation, digest=parent.digest),
        ),
    }


def loaded_as(base: Base) -> dict[str, Any]:
    """How the base was instantiated, as properties of the model."""
    loaded = codec.builtins(base.loaded_as) if base.loaded_as else {}
    return {"code_revision": base.code_revision, **{f"loaded_as.{key}": value for key, value in loaded.items()}}


# --- what it was made of and is served with ----------------------------------------------------


def dataset(found: Dataset, refs: References) -> dict[str, Any]:
    """One dataset with its files; rows never stand in a card."""
    source = found.source
    ref = refs.take("data", found.name)
    url = identifiers.dataset_url(source)
    return {
        "type": "data",
        "bom-ref": ref,
        "name": text(found.name),
        **present(
            version=source.commit,
            licenses=licences(found.license),
            components=[file(one, refs, folder=ref) for one in source.files],
        ),
        "data": [
            {
                "type": "dataset",
                "name": text(source.id or found.name),
                **present(
                    contents={"url": url} if url else None,
                    sensitiveData=[text(found.personal_data)] if found.personal_data else None,
                ),
            }
        ],
        "properties": _dataset_properties(found),
    }


def _dataset_properties(found: Dataset) -> list[dict[str, str]]:
    source = {key: value for key, value in codec.builtins(found.source).items() if key not in ("files", "commit")}
    prepared = found.prepared
    return [
        *properties("data", role=found.role, rows=found.rows, snapshot=found.snapshot, evidence=found.evidence),
        *properties("data:source", **source),
        *properties("data", columns=codec.builtins(found.schema) or None),
        *_fingerprint("data:fingerprint", found.fingerprint),
        *properties("data:prepared", rows=prepared.rows if prepared else None),
        *properties("data:prepared", columns=codec.builtins(prepared.columns) if prepared else None),
        *_fingerprint("data:prepared:fingerprint", prepared.fingerprint if prepared else None),
    ]


def _fingerprint(section: str, fingerprint: Fingerprint | None) -> list[dict[str, str]]:
    return properties(section, **codec.builtins(fingerprint)) if fingerprint else []


def templates(card: Card, refs: References) -> list[dict[str, Any]]:
    """Prompts and chat templates by the digest of their text."""
    found = [
        (("prompts", one.name), one.name, one.sha256, {"role": one.role, "variables": one.variables or None})
        for one in card.body.prompts
    ]
    found += [
        (("chat_templates", one.name), one.name, one.sha256, {"role": "chat_template"})
        for one in card.body.preprocessing.chat_templates
    ]
    return [
        {
            "type": "data",
            "bom-ref": refs.take(*path),
            "name": text(name),
            "hashes": sha256(digest),
            "data": [{"type": "configuration", "name": text(name)}],
            "properties": properties(path[0], **said),
        }
        for path, name, digest, said in found
    ]


def retrieval(card: Card, refs: References) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, list[str]]]:
    """Indexes, the models that made their vectors, and which index needs which model."""
    indexes: list[dict[str, Any]] = []
    models: list[dict[str, Any]] = []
    edges: dict[str, list[str]] = {}
    for one in card.body.retrieval:
        ref = refs.take("retrieval", one.name)
        said = properties(
            "retrieval", kind=one.kind, digest=one.digest, algorithm=one.algorithm, count=one.count
        ) + properties("retrieval", chunking=one.chunking, evidence=one.evidence)
        index = {"type": "data", "bom-ref": ref, "name": text(one.name)}
        if one.version:
            index["version"] = text(one.version)[:_MAX_VERSION]
        indexes.append(index | {"data": [{"type": "dataset", "name": text(one.name)}], "properties": said})
        if one.embedding_model is not None:
            embedder = one.embedding_model
            purl = identifiers.model_purl(embedder.model, embedder.revision) or identifiers.generic_purl(embedder.model)
            edges[ref] = [refs.take(ref, "embedding_model")]
            models.append(
                {
                    "type": "machine-learning-model",
                    "bom-ref": edges[ref][0],
                    "name": text(embedder.model),
                    **present(version=embedder.revision, purl=purl),
                    **present(properties=properties("retrieval:embedding_model", digest=embedder.digest)),
                }
            )
    return indexes, models, edges


# --- the model itself --------------------------------------------------------------------------


def adapter_properties(adapter: Adapter | None) -> list[dict[str, str]]:
    """Type, configuration and tensors; single tensors stay in the card."""
    if adapter is None:
        return []
    tensors = adapter.tensors
    counted = {"count": tensors.count, "parameters": tensors.parameters, "digest": tensors.digest} if tensors else {}
    return [
        *properties("adapter", type=adapter.type, init=adapter.init, config_digest=adapter.config_digest),
        *properties("adapter:config", **adapter.config),
        *properties("adapter", target_modules=adapter.target_modules or None, members=values.members(adapter) or None),
        *properties("adapter:tensors", **counted),
        *properties("adapter", evidence=adapter.evidence),
    ]


def processor_properties(preprocessing: Preprocessing) -> list[dict[str, str]]:
    """Tokenizers and processors: which, from where, with what settings and files; renderings by digest."""
    return [
        *(
            pair
            for one in preprocessing.processors
            for pair in (
                *properties(f"preprocessing:{one.kind}", **{"class": one.class_}, source=one.source),
                *properties(f"preprocessing:{one.kind}", revision=one.revision),
                *properties(f"preprocessing:{one.kind}:settings", **one.settings),
                *properties(f"preprocessing:{one.kind}:files", **{file.path: file.sha256 for file in one.files}),
            )
        ),
        *(
            pair
            for one in preprocessing.renderings
            for pair in properties("preprocessing:renderings", **{f"{one.template}.{one.probe}": values.rendering(one)})
        ),
    ]


# --- the run -----------------------------------------------------------------------------------


def libraries(environment: Environment | None, refs: References) -> list[dict[str, Any]]:
    """Installed packages, as what the run used and the model does not contain."""
    return [
        {
            "type": "library",
            "bom-ref": refs.take("environment", package.name),
            "name": text(package.name),
            "version": text(package.version)[:_MAX_VERSION],
            "purl": identifiers.package_purl(package),
            **present(properties=properties("environment", build=package.build)),
        }
        for package in (environment.packages if environment else [])
    ]


def sources(body: CardBody, refs: References) -> list[dict[str, Any]]:
    """The script, new files of the repository, and the functions between a row and the model."""
    script = body.recipe.script if body.recipe else None
    found: list[tuple[tuple[str, str], str, str | None, dict[str, Any]]] = []
    if script is not None:
        found.append((("script", script.path), script.path, script.sha256, {}))
    found += [(("code", one.path), one.path, one.sha256, {}) for one in (body.code.untracked if body.code else [])]
    if body.code is not None and body.code.diff is not None:
        found.append((("code", "uncommitted.patch"), "uncommitted.patch", body.code.diff, {}))
    found += [
        (
            ("preprocessing", one.name),
            one.name,
            one.sha256,
            present(role=one.role, path=one.path, constants=one.constants),
        )
        for one in body.preprocessing.code
    ]
    return [
        {
            "type": "file",
            "bom-ref": refs.take(*path),
            "name": text(name),
            **present(hashes=sha256(digest) if digest else None, properties=properties(path[0], **said)),
        }
        for path, name, digest, said in found
    ]


def run_properties(body: CardBody) -> list[dict[str, str]]:
    """What is said of the run beside its parameters: method, outcomes, machine, state of the code."""
    run, recipe, code = body.run, body.recipe, body.code
    machine = codec.builtins(body.environment) if body.environment else {}
    machine = {key: value for key, value in machine.items() if key not in ("packages", "variables") and value}
    found = properties("run", complete=run.complete, steps=run.steps, epochs=run.epochs, flops=run.flops)
    found += properties("run", resumed_from=run.resumed_from, recorded_by=run.recorded_by)
    if recipe is not None:
        found += properties("recipe", method=recipe.method, trainer=recipe.trainer, world_size=recipe.world_size)
        found += properties("recipe", resumed=recipe.resumed, evidence=recipe.evidence)
    if code is not None:
        found += properties("code", repository=code.repository, commit=code.commit, dirty=code.dirty)
        found += properties("code", incomplete=code.incomplete)
    return found + properties("environment", **machine)

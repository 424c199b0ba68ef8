"""What went into a fine-tune, as in-toto resource descriptors with every digest the card has.

Decides what each input is called and located by. A commit and a digest of rows describe different
things (a repository, the rows chosen from it), so they stand in descriptors of their own:
verifiers accept a descriptor when any one of its digests matches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ftlineage.core import codec, words
from ftlineage.core.card import Card
from ftlineage.core.digest import sha256_hex
from ftlineage.core.sections import Base, Code, Dataset, FileRecord, Fingerprint, Parent, Preprocessing
from ftlineage.export import identifiers
from ftlineage.export.identifiers import label
from ftlineage.export.values import present


def dependencies(card: Card) -> list[dict[str, Any]]:
    """Base, preprocessing, datasets, parents, code, environment, packages: in this order."""
    body = card.body
    found: list[dict[str, Any]] = []
    if body.base is not None:
        found.extend(_base(body.base))
    found.extend(_preprocessing(body.preprocessing))
    for dataset in body.data:
        found.extend(_dataset(dataset))
    found.extend(_parent(parent) for parent in body.parents)
    if body.recipe is not None and body.recipe.script is not None:
        script = body.recipe.script
        found.append({"name": f"script/{label(script.path)}", "digest": {"sha256": script.sha256}})
    if body.code is not None:
        found.extend(_code(body.code))
    found.extend(_environment(card))
    return found


def file(record: FileRecord, *, folder: str = "", uri: str | None = None) -> dict[str, Any]:
    """One file; ``folder`` stands before its path."""
    name = words.clean(record.path)
    return present(name=f"{folder}/{name}" if folder else name, uri=uri, digest={"sha256": record.sha256})


def card_digest(card_id: str) -> dict[str, str]:
    """A card's id as a digest: it covers the identity sections, in canonical form."""
    return {"ftl-card-v1": card_id.removeprefix("sha256:")}


def rows_digest(fingerprint: Fingerprint) -> dict[str, str]:
    """Digests of rows under names of their own, because they are of no file's bytes."""
    name = label(fingerprint.algorithm)
    return {
        key: value
        for key, value in ((f"{name}-ordered", fingerprint.ordered), (f"{name}-unordered", fingerprint.unordered))
        if value is not None
    }


def _git(commit: str | None) -> dict[str, str]:
    return {"gitCommit": commit} if commit else {}


def _base(base: Base) -> Iterator[dict[str, Any]]:
    yield present(
        name="base_model",
        uri=identifiers.base_purl(base),
        digest=_git(base.revision),
        annotations=present(origin=base.origin, code_revision=base.code_revision, evidence=base.evidence),
    )
    for one in base.files:
        hub = base.origin == "hub" and base.revision is not None
        uri = identifiers.model_purl(base.model, base.revision, one.path) if hub else None
        yield file(one, folder="base_model", uri=uri)


def _preprocessing(preprocessing: Preprocessing) -> Iterator[dict[str, Any]]:
    for processor in preprocessing.processors:
        folder = f"preprocessing/{processor.kind}"
        purl = identifiers.model_purl(processor.source, processor.revision) if processor.source else None
        located = present(uri=purl, digest=_git(processor.revision))
        if located:
            yield {"name": folder, **located, "annotations": {"class": words.clean(processor.class_)}}
        for one in processor.files:
            yield file(one, folder=folder)
    for template in preprocessing.chat_templates:
        yield {"name": f"preprocessing/chat_template/{label(template.name)}", "digest": {"sha256": template.sha256}}
    for function in preprocessing.code:
        if function.sha256 is not None:
            yield {
                "name": f"preprocessing/code/{label(function.name)}",
                "digest": {"sha256": function.sha256},
                "annotations": present(role=function.role, path=function.path, constants=function.constants),
            }


def _dataset(dataset: Dataset) -> Iterator[dict[str, Any]]:
    source, name = dataset.source, f"data/{label(dataset.name)}"
    yield present(
        name=name,
        uri=identifiers.dataset_url(source) or identifiers.generic_purl(source.id or dataset.name, source.commit),
        digest=_git(source.commit),
        annotations=present(
            role=dataset.role,
            kind=source.kind,
            format=source.format,
            license=dataset.license,
            personal_data=dataset.personal_data,
            snapshot=dataset.snapshot,
            evidence=dataset.evidence,
        ),
    )
    for one in source.files:
        yield file(one, folder=name)
    if dataset.fingerprint is not None:
        yield {
            "name": f"{name}/rows",
            "digest": rows_digest(dataset.fingerprint),
            "annotations": present(
                rows=dataset.rows, config=source.config, split=source.split, columns=codec.builtins(dataset.schema)
            ),
        }


def _parent(parent: Parent) -> dict[str, Any]:
    digest = card_digest(parent.card) if parent.card else {}
    if parent.digest is not None:
        # Of its tensors; it names its algorithm itself, so it is text and not a digest of bytes.
        annotations = {"relation": parent.relation, "tensors": parent.digest}
    else:
        annotations = {"relation": parent.relation}
    uri = None if digest else identifiers.generic_purl(parent.name or "parent")
    return present(name=f"parent/{label(parent.name or parent.relation)}", uri=uri, digest=digest) | {
        "annotations": annotations
    }


def _code(code: Code) -> Iterator[dict[str, Any]]:
    yield present(
        name="code",
        uri=identifiers.code_uri(code),
        digest=_git(code.commit),
        annotations=present(dirty=code.dirty, incomplete=code.incomplete),
    )
    if code.diff is not None:
        yield {"name": "code/uncommitted.patch", "digest": {"sha256": code.diff}}
    for one in code.untracked:
        yield file(one, folder="code")


def _environment(card: Card) -> Iterator[dict[str, Any]]:
    environment = card.body.environment
    if environment is None:
        return
    # The lock: the card's whole section in RFC 8785 form, so anybody who has the card can make it.
    digest = sha256_hex(codec.canonical_bytes(card.section("environment")))
    yield {"name": "environment", "digest": {"sha256": digest}, "mediaType": "application/json"}
    for package in environment.packages:
        found = {"name": words.clean(package.name), "uri": identifiers.package_purl(package)}
        yield found | ({"annotations": {"build": package.build}} if package.build else {})

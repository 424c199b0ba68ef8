"""What must hold between the parts of a document, whatever card it was made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftlineage.core.card import Card
from ftlineage.store.cards import load_card
from tests.unit.cli import sample

COMPAT = Path(__file__).resolve().parents[2] / "compat"
RELEASED = sorted((COMPAT / "v1").rglob("*lineage.json"))


def full() -> Card:
    """A released card with every key filled."""
    return load_card(COMPAT / "v1" / "full.lineage.json")


def cards() -> dict[str, Card]:
    """Released cards, one of a later minor format, and cards with hostile text, by name."""
    paths = [*RELEASED, COMPAT / "future" / "newer-minor.lineage.json"]
    found = {path.relative_to(COMPAT).as_posix(): load_card(path) for path in paths}
    made = {"sample": sample.full_card(), "declared": sample.declared_card(), "hostile": sample.hostile_card()}
    return found | made


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)


def strings(value: Any) -> Iterator[str]:
    """Every text, keys included."""
    for key, item in walk({"": value}):
        yield key
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            yield from (part for part in item if isinstance(part, str))


def bom_faults(bom: dict[str, Any]) -> list[str]:
    """Ids that stand twice and references to nothing, which no validator of CycloneDX looks for."""
    pairs = list(walk(bom))
    ids = Counter(value for key, value in pairs if key == "bom-ref")
    named = [value for key, value in pairs if key == "ref"]
    named += [ref for key, value in pairs if key == "dependsOn" for ref in value]
    twice = [f"{ref} stands {count} times" for ref, count in ids.items() if count > 1]
    return twice + [f"{ref} is nowhere" for ref in named if ref not in ids]


def spdx_faults(document: dict[str, Any]) -> list[str]:
    """Ids that stand twice, references to nothing, and packages without exactly one licence of each kind."""
    elements = document["@graph"]
    ids = Counter(element.get("spdxId", element.get("@id")) for element in elements)
    found = [f"{name} stands {count} times" for name, count in ids.items() if count > 1]
    for element in elements:
        targets = [element.get("from"), element.get("suppliedBy"), element.get("creationInfo"), *element.get("to", [])]
        targets += [*element.get("element", []), *element.get("originatedBy", []), *element.get("createdBy", [])]
        found += [
            f"{target} is nowhere"
            for target in targets
            if target is not None and target not in ids and not target.startswith("https://spdx.org/rdf/3.0.1/terms/")
        ]
    relations = Counter((one.get("from"), one.get("relationshipType")) for one in elements)
    for element in elements:
        if element["type"] in ("ai_AIPackage", "dataset_DatasetPackage"):
            for kind in ("hasDeclaredLicense", "hasConcludedLicense"):
                if relations[element["spdxId"], kind] != 1:
                    found.append(f"{element['spdxId']} has {relations[element['spdxId'], kind]} {kind}")
    return found


def named(document: dict[str, Any], kind: str, fragment: str) -> dict[str, Any]:
    """The one element of a kind whose id ends so."""
    (found,) = [one for one in document["@graph"] if one["type"] == kind and one["spdxId"].endswith(f"#{fragment}")]
    return found


def related(document: dict[str, Any], kind: str) -> list[tuple[str, list[str]]]:
    """Fragments of what is related in one way."""
    return [
        (one["from"].partition("#")[2], [end.partition("#")[2] for end in one["to"]])
        for one in document["@graph"]
        if one.get("relationshipType") == kind
    ]

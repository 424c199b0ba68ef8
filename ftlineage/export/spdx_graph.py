"""The graph of an SPDX document: elements with ids of their own, relationships, licences, hashes.

Decides ids: the document's UUID and a fragment that says kind and number, so equal names are no
matter and no text from a card stands in an id.
"""

from __future__ import annotations

from typing import Any

from ftlineage.core.sections import FileRecord
from ftlineage.export import values
from ftlineage.export.values import present, text

NO_LICENCE = "https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense"


def entries(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    """Settings as the format's dictionary entries."""
    return [{"type": "DictionaryEntry", "key": key, "value": value} for key, value in pairs]


class Graph:
    """Elements in the order they were added; all share one creation record."""

    creation = "_:creation"

    def __init__(self, uuid: str) -> None:
        self._uuid = uuid
        self._numbers: dict[str, int] = {}
        self._agents: dict[str, str] = {}
        self._licences: dict[str, str] = {}
        self.elements: list[dict[str, Any]] = []

    def ids(self) -> list[str]:
        """Ids of all elements so far."""
        return [element["spdxId"] for element in self.elements]

    def element(self, kind: str, fragment: str, **items: Any) -> dict[str, Any]:
        """An element with the next free id of its fragment; what is absent makes no key."""
        number = self._numbers.get(fragment, 0) + 1
        self._numbers[fragment] = number
        found = f"urn:uuid:{self._uuid}#{fragment}" + (f"-{number}" if number > 1 else "")
        return {"type": kind, "spdxId": found, "creationInfo": self.creation, **present(**items)}

    def add(self, kind: str, fragment: str, **items: Any) -> str:
        """Add an element and return its id."""
        made = self.element(kind, fragment, **items)
        self.elements.append(made)
        return str(made["spdxId"])

    def relate(self, kind: str, start: str, ends: list[str], **items: Any) -> None:
        """Relate one element to others; to none, nothing is added."""
        self._relate("Relationship", kind, start, ends, **items)

    def scoped(self, kind: str, start: str, ends: list[str]) -> None:
        """Relate a build to what it took or made."""
        self._relate("LifecycleScopedRelationship", kind, start, ends, scope="build")

    def _relate(self, form: str, kind: str, start: str, ends: list[str], **items: Any) -> None:
        if ends:
            self.add(form, "relationship", **{"from": start}, relationshipType=kind, to=ends, **items)

    def agent(self, name: str) -> str:
        """The agent of a name, added once."""
        if name not in self._agents:
            self._agents[name] = self.add("Agent", "agent", name=text(name))
        return self._agents[name]

    def file(self, record: FileRecord, fragment: str, *, purpose: str = "file") -> str:
        """Add a file with its hash."""
        return self.add(
            "software_File",
            fragment,
            name=text(record.path),
            comment=f"{record.size} bytes",
            software_primaryPurpose=purpose,
            verifiedUsing=self.sha256(record.sha256),
        )

    @staticmethod
    def sha256(digest: str) -> list[dict[str, str]]:
        """One hash of bytes."""
        return [{"type": "Hash", "algorithm": "sha256", "hashValue": digest}]

    def licence(self, element: str, licence: str | None) -> None:
        """Exactly one declared and one concluded licence."""
        self.relate("hasDeclaredLicense", element, [self._licence(licence) if licence else NO_LICENCE])
        self.relate("hasConcludedLicense", element, [NO_LICENCE])

    def _licence(self, licence: str) -> str:
        if licence not in self._licences:
            expression = values.spdx_licence(licence)
            self._licences[licence] = self._listed(expression) if expression else self._unlisted(licence)
        return self._licences[licence]

    def _listed(self, expression: str) -> str:
        return self.add("simplelicensing_LicenseExpression", "licence", simplelicensing_licenseExpression=expression)

    def _unlisted(self, licence: str) -> str:
        known = self.add(
            "simplelicensing_SimpleLicensingText",
            "licence-text",
            name=text(licence),
            simplelicensing_licenseText=text(licence),
        )
        name = values.reference_name(licence)
        return self.add(
            "simplelicensing_LicenseExpression",
            "licence",
            simplelicensing_licenseExpression=name,
            simplelicensing_customIdToUri=entries([(name, known)]),
        )

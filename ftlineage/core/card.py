"""The lineage card: ``lineage.json`` as a frozen value, and its id.

The id is SHA-256 over the RFC 8785 form of the identity sections of the document as read, so keys
that a newer release added are inside the id too. ``name``, the run, governance and the list of
what is unrecorded are outside: an exact replay gets the same id.
"""

from __future__ import annotations

import copy
from typing import Any

import msgspec

from ftlineage.core import codec
from ftlineage.core.digest import CardId, sha256_hex
from ftlineage.core.sections import (
    Adapter,
    Base,
    Code,
    Dataset,
    Environment,
    Governance,
    Parent,
    Preprocessing,
    Prompt,
    Recipe,
    Retrieval,
    RunRecord,
    Unrecorded,
)
from ftlineage.errors import CardMalformedError, CardTooNewError

FORMAT = "1"
NO_ID = "sha256:" + "0" * 64
CARD_NAME = "lineage.json"
PARTIAL_NAME = "lineage.partial.json"

IDENTITY = (
    "base",
    "preprocessing",
    "data",
    "prompts",
    "retrieval",
    "adapter",
    "recipe",
    "code",
    "environment",
    "parents",
)
OUTSIDE = ("ftlineage", "id", "name", "run", "governance", "unrecorded")


class CardBody(msgspec.Struct, frozen=True, kw_only=True):
    """The typed view of a card; every key is required, so a card cannot lose a section in silence."""

    ftlineage: str
    id: CardId
    name: str
    base: Base | None
    preprocessing: Preprocessing
    data: list[Dataset]
    prompts: list[Prompt]
    retrieval: list[Retrieval]
    adapter: Adapter | None
    recipe: Recipe | None
    code: Code | None
    environment: Environment | None
    parents: list[Parent]
    run: RunRecord
    governance: Governance
    unrecorded: list[Unrecorded]


class Card:
    """A card as read or built: the typed body and the exact document behind it."""

    __slots__ = ("_body", "_document")

    def __init__(self, body: CardBody, document: dict[str, Any]) -> None:
        self._body = body
        self._document = document

    @property
    def body(self) -> CardBody:
        """Typed sections."""
        return self._body

    @property
    def id(self) -> str:
        """The id the document claims; compare with ``content_id`` before trusting it."""
        return self._body.id

    @property
    def content_id(self) -> str:
        """The id that the document's content really has."""
        return card_id(self._document)

    @property
    def name(self) -> str:
        """The name the version was recorded under."""
        return self._body.name

    def document(self) -> dict[str, Any]:
        """A copy of the whole document, unknown keys included."""
        return copy.deepcopy(self._document)

    def section(self, name: str) -> Any:
        """A copy of one top-level section as plain values."""
        return copy.deepcopy(self._document[name])

    def to_bytes(self) -> bytes:
        """The bytes of ``lineage.json``."""
        return codec.pretty_bytes(self._document)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Card) and self._document == other._document

    def __hash__(self) -> int:
        return hash(self._body.id)

    def __repr__(self) -> str:
        return f"Card({self.name!r}, {self.id!r})"


def card_id(document: dict[str, Any]) -> str:
    """``sha256:`` over the identity part of a document: all of it but ``OUTSIDE``."""
    identity = {key: value for key, value in document.items() if key not in OUTSIDE}
    return "sha256:" + sha256_hex(codec.canonical_bytes(identity))


def make_card(body: CardBody) -> Card:
    """Compute the id of a body (whatever ``body.id`` says, usually ``NO_ID``) and make it a card."""
    document = codec.builtins(body)
    document["id"] = card_id(document)
    # One rule set for writing and reading: what we write must read back.
    return _own_document(document)


def read_card(data: bytes) -> Card:
    """Read ``lineage.json`` strictly.

    Raises:
        CardMalformedError: The bytes do not follow the format; ``where`` names the place.
        CardTooNewError: The card has a later major format.
    """
    return _own_document(codec.parse(data))


def read_document(document: Any) -> Card:
    """A parsed document, copied, to a card; see :func:`read_card`."""
    return _own_document(copy.deepcopy(document))


def _own_document(document: Any) -> Card:
    if not isinstance(document, dict):
        raise CardMalformedError(where="$", reason="expected an object")
    major = format_major(document)
    if major > int(FORMAT):
        raise CardTooNewError(found=str(document["ftlineage"]), supported=FORMAT)
    return Card(codec.convert(document, CardBody), document)


def format_major(document: dict[str, Any]) -> int:
    """The major number of a document's format.

    Raises:
        CardMalformedError: ``ftlineage`` is absent or not ``MAJOR`` or ``MAJOR.MINOR``.
    """
    found = document.get("ftlineage")
    parts = found.split(".") if isinstance(found, str) else []
    if not 1 <= len(parts) <= 2 or not all(part.isdecimal() and part.isascii() for part in parts):  # noqa: PLR2004
        raise CardMalformedError(where="$.ftlineage", reason="expected a format such as '1'")
    return int(parts[0])


def is_newer_minor(card: Card) -> bool:
    """Whether the card was written by a later minor format: readable, but parts may be unknown here."""
    return "." in card.body.ftlineage and card.body.ftlineage != f"{FORMAT}.0"


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of ``lineage.json``."""
    import inspect

    schema = msgspec.json.schema(CardBody)
    for definition in schema["$defs"].values():
        # Python releases differ in how they indent docstrings; the schema must not.
        definition["description"] = inspect.cleandoc(definition["description"])
    title = f"ftlineage card, format {FORMAT}"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}

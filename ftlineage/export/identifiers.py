"""How the things a card names are named outside: package URLs, Git URLs, ids of documents.

Decides that a model is ``pkg:huggingface/org/name@commit``, whatever host it was fetched from, and
that an id is made from the card alone: the same card gives the same document. Refused: an
identifier for what is not a sound Hub id; a made-up one would lead somewhere else.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from ftlineage.core import words
from ftlineage.core.card import Card
from ftlineage.core.digest import sha256_hex
from ftlineage.core.packages import normalised
from ftlineage.core.sections import Base, Code, DataSource, Package

_PAGES = "https://github.com/ftlineage/ftlineage/blob/main/docs"
# Names the parameters of a build; a change of their meaning needs a new page and a new number.
BUILD_TYPE = f"{_PAGES}/build-type-v1.md"
BUILDER = f"{BUILD_TYPE}#the-builder"

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_REPOSITORY = re.compile(r"https?://[^\s/]{1,255}/\S{1,1000}")
# `uuid5(NAMESPACE_URL, "https://github.com/ftlineage/ftlineage/tree/main/docs")`; fixed, because ids must never change.
_NAMESPACE = "7966f7d7-77c9-576e-bb8a-9a2e2fc055c7"
_MAX_LABEL = 200


def label(text: str) -> str:
    """A card's name for something as part of an id: without acting characters, at most 200 long."""
    shown = words.clean(text[: _MAX_LABEL + 1])
    return shown if len(shown) <= _MAX_LABEL else shown[: _MAX_LABEL - 1] + "…"


def model_purl(model: str, revision: str | None, path: str | None = None) -> str | None:
    """Package URL of a model on the Hub, or of one of its files; None where ``model`` is no Hub id."""
    if _HUB_ID.fullmatch(model) is None:
        return None
    version = f"@{quote(revision, safe='')}" if revision else ""
    subpath = f"#{quote(path, safe='/')}" if path else ""
    return f"pkg:huggingface/{model}{version}{subpath}"


def base_purl(base: Base) -> str:
    """Package URL of a base; of type ``generic`` for a local folder, which no registry knows."""
    found = model_purl(base.model, base.revision) if base.origin == "hub" else None
    return found or generic_purl(base.model, base.revision)


def generic_purl(name: str, version: str | None = None) -> str:
    """Package URL of something that has a name and no registry."""
    return f"pkg:generic/{quote(label(name), safe='')}" + (f"@{quote(label(version), safe='')}" if version else "")


def package_purl(package: Package) -> str:
    """Package URL of an installed Python distribution."""
    name, version = quote(normalised(label(package.name)), safe=""), quote(label(package.version), safe="")
    return f"pkg:pypi/{name}@{version}"


def dataset_url(source: DataSource) -> str | None:
    """Address of a dataset on the Hub, at the commit that was loaded; package URLs have no type for it."""
    if source.kind != "hub" or source.id is None or _HUB_ID.fullmatch(source.id) is None:
        return None
    return f"https://huggingface.co/datasets/{source.id}" + (f"/tree/{source.commit}" if source.commit else "")


def model_url(base: Base) -> str | None:
    """Address of a base on the Hub at the commit that was loaded; None without both."""
    if base.origin != "hub" or base.revision is None or _HUB_ID.fullmatch(base.model) is None:
        return None
    return f"https://huggingface.co/{base.model}/tree/{base.revision}"


def repository_url(code: Code) -> str | None:
    """Web address of the repository, percent-encoded; None where the card has only a name."""
    if code.repository is None or _REPOSITORY.fullmatch(code.repository) is None:
        return None
    return quote(code.repository, safe=":/[]@!$&'()*+,;=-._~%")


def code_uri(code: Code) -> str:
    """The repository at its commit as pip and SPDX write it: ``git+https://host/org/repo@commit``."""
    url = repository_url(code)
    if url is None:
        return generic_purl(code.repository or "code", code.commit)
    return f"git+{url}" + (f"@{code.commit}" if code.commit else "")


def document_uuid(card: Card, kind: str) -> str:
    """UUID of the document of one kind that is made from this card; another card gives another one.

    Made from all of the card, not from its id alone: a new owner or licence makes a new document.
    """
    import uuid

    return str(uuid.uuid5(uuid.UUID(_NAMESPACE), f"{kind}:{card.id}:{sha256_hex(card.to_bytes())}"))

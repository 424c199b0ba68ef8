"""Hub URLs that load: ``https://huggingface.co/org/name/resolve/REV/file`` and ``hf://`` paths.

Decides which URLs are loads: ``/resolve/`` and ``/raw/`` name a file's bytes, ``/blob/`` and
``/tree/`` are pages for people. Pictures and links of documents are silent, and so are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ftlineage.drift.commands.sights import Lines, Sight, to_found
from ftlineage.drift.reference import Found, Kind, Slot

HOSTS = r"(?:[\w.-]+@)?(?:www\.)?(?:huggingface\.co|hf\.co|hf-mirror\.com|huggingface\.com)"
_NAME = r"[A-Za-z0-9][\w.-]{0,95}"
URL = re.compile(
    rf"https?://{HOSTS}/(?:api/)?(?P<folder>datasets/|spaces/|models/)?(?P<ref>{_NAME}(?:/{_NAME})?)"
    r"/(?P<verb>resolve|raw|blob)/(?P<revision>refs(?:/|%2F)(?:pr|convert)(?:/|%2F)[\w.-]+|[^/\s\"'`<>(){}|]{1,100})/"
)
SCHEME = re.compile(
    rf"hf://(?P<folder>datasets/|spaces/|models/)?(?P<ref>{_NAME}/{_NAME})"
    r"(?:@(?P<revision>refs(?:/|%2F)(?:pr|convert)(?:/|%2F)[\w.-]+|[\w.%-]{1,100}))?(?![\w@])"
)
_KINDS: dict[str | None, Kind] = {"datasets/": "dataset", "spaces/": "space"}
# Files of documents: what they name is shown, not loaded.
_DOCUMENTS = frozenset(
    [".md", ".markdown", ".mdx", ".rst", ".html", ".htm", ".tex", ".bib", ".txt", ".qmd", ".adoc", ".svg"]
)
_COMMENT = re.compile(r"(?:^|\s)(?:#|//|--\s|;)")
_SHOWN = re.compile(r"(?:\]\(|\bsrc=\\?[\"']?|\bhref=\\?[\"']?|!\[[^\]\n]{0,200}\]\()$")
_LOOK_BACK = 300


class Seen(NamedTuple):
    """One URL: the offsets of its id and, where it has one, of its revision."""

    ref: str
    kind: Kind
    at: int
    end: int
    revision: str | None
    place: tuple[int, int] | None
    via: str
    is_page: bool


def urls_in(text: str) -> Iterator[Seen]:
    """Every Hub URL of a text that names a file or a repository to load from."""
    if "hugging" not in text and "hf" not in text:
        return
    for found in URL.finditer(text):
        yield _seen(found, f"/{found['verb']}/ URL", is_page=found["verb"] == "blob")
    for found in SCHEME.finditer(text):
        if found["ref"].split("/")[0] not in {"datasets", "spaces", "buckets", "models", "jobs"}:
            yield _seen(found, "hf:// path", is_page=False)


def _seen(found: re.Match[str], via: str, *, is_page: bool) -> Seen:
    revision = found["revision"]
    return Seen(
        ref=found["ref"],
        kind=_KINDS.get(found["folder"], "model"),
        at=found.start("ref"),
        end=found.end("ref"),
        revision=revision.replace("%2F", "/") if revision is not None else None,
        place=None if revision is None else found.span("revision"),
        via=via,
        is_page=is_page,
    )


def sight_of(seen: Seen, *, at: int, start: int, end: int) -> Sight:
    """A URL as a reference: ``at`` is where its id stands in the file, ``start`` and ``end`` its revision.

    Without a revision both are the place for one, behind the id.
    """
    slot = Slot(key="revision", start=start, end=end, before="" if seen.place else "@", comment=None)
    return Sight(ref=seen.ref, kind=seen.kind, at=at, via=seen.via, revision=seen.revision, slot=slot)


def read_urls(text: str, suffix: str = "") -> list[Found]:
    """The loads among the Hub URLs of a text of any kind.

    Args:
        text: The file's text.
        suffix: The ending of its name with the dot; the URLs of documents (``.md``, ``.html``) are links.
    """
    if suffix.lower() in _DOCUMENTS:
        return []
    lines: Lines | None = None
    found: list[Found] = []
    for seen in urls_in(text):
        if seen.is_page or _is_shown(text, seen.at):
            continue
        lines = lines or Lines(text)
        start, end = seen.place or (seen.end, seen.end)
        found += to_found([sight_of(seen, at=seen.at, start=start, end=end)], lines, seen.at, seen.end, comment=None)
    return sorted(found, key=lambda each: (each.line, each.column))


def _is_shown(text: str, at: int) -> bool:
    begin = max(text.rfind("\n", max(at - _LOOK_BACK, 0), at) + 1, at - _LOOK_BACK, 0)
    before = text[begin:at]
    scheme = max(before.rfind("http"), before.rfind("hf://"))
    before = before[:scheme] if scheme >= 0 else before
    return _COMMENT.search(before) is not None or _SHOWN.search(before) is not None

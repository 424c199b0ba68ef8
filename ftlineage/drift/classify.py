"""What a moved Hub reference changes, from the two lists of files alone: the worst class wins.

Decides a class for each file that was added, removed or replaced. Refuses to guess in favour of
calm: a file of no known kind counts as weights in a model repository, as data in a dataset and as
code in a Space or code repository.

Limits of judging by name: ``tokenizer_config.json`` may carry a chat template and special tokens at
once and is ``tokenizer``; the YAML head of a dataset's ``README.md`` can name other data files, and
a README alone is ``docs``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

import msgspec

RepoKind = Literal["model", "adapter", "tokenizer", "dataset", "space", "code"]


class DriftClass(StrEnum):
    """How much a moved reference can matter, mildest first; compare by :attr:`rank`."""

    NONE = "none"
    DOCS = "docs"
    TOKENIZER = "tokenizer"
    CHAT_TEMPLATE = "chat-template"
    GENERATION_CONFIG = "generation-config"
    CONFIG = "config"
    CODE = "code"
    WEIGHTS = "weights"
    DATA = "data"
    GONE = "gone"

    @property
    def rank(self) -> int:
        """0 for ``none``, rising with severity."""
        return list(DriftClass).index(self)


class FileFact(NamedTuple):
    """One file of a repository at one commit; ``digest`` is its LFS SHA-256 or git blob id."""

    path: str
    size: int | None
    digest: str


class FileDrift(msgspec.Struct, frozen=True, kw_only=True, rename={"class_": "class"}):
    """One file that is not what it was."""

    path: str
    change: Literal["added", "removed", "changed"]
    class_: DriftClass


class Drift(msgspec.Struct, frozen=True, kw_only=True, rename={"class_": "class"}):
    """The class of a move and the files behind it, worst first, then by path."""

    class_: DriftClass
    files: list[FileDrift]

    def paths(self) -> dict[DriftClass, list[str]]:
        """The changed paths of each class that occurs, worst class first."""
        listed: dict[DriftClass, list[str]] = {}
        for file in self.files:
            listed.setdefault(file.class_, []).append(file.path)
        return listed


def classify(
    locked: Iterable[tuple[str, int | None, str]],
    now: Iterable[tuple[str, int | None, str]] | None,
    *,
    kind: RepoKind = "model",
) -> Drift:
    """Compare a repository's files at the locked commit with those the wished reference names now.

    Args:
        locked: ``(path, size, digest)`` of each file at the locked commit.
        now: The same at the commit the reference resolves to; None if the repository or the
            reference is no longer there.
        kind: What the repository holds.

    Returns:
        ``none`` with no files if nothing changed, ``gone`` if ``now`` is None.
    """
    if now is None:
        return Drift(class_=DriftClass.GONE, files=[])
    before = {path: (size, digest) for path, size, digest in locked}
    after = {path: (size, digest) for path, size, digest in now}
    files = [
        FileDrift(path=path, change=_change(path, before, after), class_=file_class(path, kind=kind))
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path)
    ]
    files.sort(key=lambda file: (-file.class_.rank, file.path))
    return Drift(class_=files[0].class_ if files else DriftClass.NONE, files=files)


def file_class(path: str, *, kind: RepoKind = "model") -> DriftClass:
    """The class of a change in one file, by its name and the kind of repository."""
    if kind == "dataset":
        return _class_in_dataset(path)
    found = _class_by_name(PurePosixPath(path))
    if found is not None:
        return found
    return DriftClass.CODE if kind in {"space", "code"} else DriftClass.WEIGHTS


# --- rules -------------------------------------------------------------------------------------

_DOCS = re.compile(
    r"(readme|licen[cs]e|notice|citation|changelog|copying|contributing|security|use_policy)([-_.].*)?"
    r"|\.gitattributes|\.gitignore"
)
_DOC_SUFFIXES = frozenset({".md", ".rst", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".mp4"})
_PAGE_SUFFIXES = frozenset({"", ".md", ".txt"})
_TOKENIZER = re.compile(
    r"tokenizer.*\.json|tokenizer\.model(\.v\d+)?|special_tokens_map\.json|added_tokens\.json|tekken\.json"
    r"|vocab.*\.(json|txt|bpe)|merges\.txt|bpe\.codes|normalizer\.json"
    r"|.*(spiece|sentencepiece|spm|bpe).*\.model|.*\.spm|.*\.tiktoken"
)
_CHAT_TEMPLATE = re.compile(r"chat_template.*|.*\.(jinja2?|j2)")
_GENERATION_CONFIG = re.compile(r"generation_config\.json")
_CODE = re.compile(r"requirements.*\.txt|dockerfile|makefile|packages\.txt")
_CODE_SUFFIXES = frozenset({".py", ".ipynb", ".sh", ".cpp", ".cu", ".cuh", ".h", ".so", ".js", ".ts", ".rs"})
# The index of a sharded checkpoint decides which tensor is read from which file.
_WEIGHTS = re.compile(r".*\.index\.json")
_WEIGHT_SUFFIXES = frozenset(
    {".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".ckpt", ".npz", ".npy", ".pkl"}
)
_DATA_SUFFIXES = frozenset({".parquet", ".arrow", ".csv", ".tsv", ".jsonl", ".zst", ".gz", ".zip", ".tar"})
_CONFIG_SUFFIXES = frozenset({".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".txt"})

# First match decides: a `tokenizer.json` is also a `.json`.
_BY_NAME = (
    (_TOKENIZER, DriftClass.TOKENIZER),
    (_CHAT_TEMPLATE, DriftClass.CHAT_TEMPLATE),
    (_GENERATION_CONFIG, DriftClass.GENERATION_CONFIG),
    (_WEIGHTS, DriftClass.WEIGHTS),
    (_CODE, DriftClass.CODE),
)
_BY_SUFFIX = (
    (_CODE_SUFFIXES, DriftClass.CODE),
    (_WEIGHT_SUFFIXES, DriftClass.WEIGHTS),
    (_DATA_SUFFIXES, DriftClass.DATA),
    (_DOC_SUFFIXES, DriftClass.DOCS),
)


def _class_by_name(path: PurePosixPath) -> DriftClass | None:
    name, suffix = path.name.lower(), path.suffix.lower()
    for pattern, found in _BY_NAME:
        if pattern.fullmatch(name):
            return found
    for suffixes, found in _BY_SUFFIX:
        if suffix in suffixes:
            return found
    # Before the settings: `LICENSE.txt` is no config, but `security.json` is.
    if suffix in _PAGE_SUFFIXES and _DOCS.fullmatch(name):
        return DriftClass.DOCS
    return DriftClass.CONFIG if suffix in _CONFIG_SUFFIXES else None


def _class_in_dataset(path: str) -> DriftClass:
    """In a dataset even pictures and Markdown are rows; only the page itself and scripts are not."""
    where = PurePosixPath(path)
    if where.suffix.lower() == ".py":
        return DriftClass.CODE
    page = len(where.parts) == 1 and where.suffix.lower() in _PAGE_SUFFIXES
    return DriftClass.DOCS if page and _DOCS.fullmatch(where.name.lower()) else DriftClass.DATA


def _change(
    path: str, before: dict[str, tuple[int | None, str]], after: dict[str, tuple[int | None, str]]
) -> Literal["added", "removed", "changed"]:
    if path not in before:
        return "added"
    return "changed" if path in after else "removed"

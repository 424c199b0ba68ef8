"""A plain folder of documents, or one file of them: what is indexed when the program starts.

Covered are the names and bytes of all files below the folder, in any order. Left out are names
that begin with a dot (``.git``, ``.DS_Store``), which document loaders skip too. Refused: a folder
without files, links that leave it, and whatever is no regular file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftlineage.core.sections import FileRecord
from ftlineage.errors import BadInputError
from ftlineage.hashing.files import list_files, record_files
from ftlineage.hashing.progress import progress_bar
from ftlineage.sources.retrieval.interface import Content, make_content, refuse_collection

KIND = "folder"
ALGORITHM = "folder-v1"


def recognises(source: object) -> bool:
    """Any file or folder; asked last."""
    return isinstance(source, Path) and source.exists()


def read(source: Any, collection: str | None) -> Content:
    """Hash every document; see ``interface.Engine``."""
    refuse_collection(collection, "a plain folder")
    path = Path(source).resolve()
    root = path if path.is_dir() else path.parent
    listed = list_files(root, keep=_is_document, enter=_is_document) if path.is_dir() else [path]
    if not listed:
        raise BadInputError(path=str(source), reason="the folder holds no documents")
    with progress_bar(sum(file.stat().st_size for file in listed), f"Hashing {path.name}") as update:
        files = record_files(listed, root, update=update)
    if path.is_file():  # its name is where it lies, as a folder's is; names inside a folder are content
        files = [FileRecord(path=".", size=files[0].size, sha256=files[0].sha256)]
    return make_content(KIND, algorithm=ALGORITHM, version=None, settings={}, files=files, count=len(files))


def _is_document(name: str) -> bool:
    return not name.rpartition("/")[2].startswith(".")
